"""Everything that is compared."""

from __future__ import annotations

from contextlib import closing
from io import StringIO
from itertools import count
from typing import Any

import pytest

from evaluation.federated import study
from evaluation.federated.sites import Episode, Manner
from evaluation.federated.study import (
    ALONE,
    ARMS,
    LONGER,
    POISONED,
    RUNS,
    TOGETHER,
    UNTRAINED,
    Plan,
    Tried,
    compare,
    ordered,
    seeds_of,
    tasks,
)
from evaluation.federated.traffic import NODES
from evaluation.progress import Steps

pytestmark = pytest.mark.unit


def test_every_arm_is_tried_on_what_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """And on the same episodes."""
    played: list[tuple[str, int]] = []

    def play(node: str, seed: int, known: Any, learns: bool, manner: Manner) -> Episode:
        assert not learns
        played.append((node, seed))
        return Episode({}, 1.0, 0.0, 0.0, 5)

    monkeypatch.setattr(study, "play", play)
    monkeypatch.setattr(
        study, "alone", lambda node, seed, episodes, manner: [{node: n} for n in episodes]
    )
    monkeypatch.setattr(
        study, "together", lambda seed, *rest, **more: {node: {"all": str(rest)} for node in NODES}
    )
    plan = Plan((3, 4), episodes=2, poisoned=True, longer=True)
    out = StringIO()
    progress = Steps(len(tasks(plan)), stream=out, clock=count(0, 100).__next__)

    tried = [each for done in compare(plan, progress) for each in done]

    assert f"[{len(tasks(plan))}/{len(tasks(plan))}] " in out.getvalue()
    assert [3, 4] == seeds_of(tried)
    arms = {*ARMS, LONGER, *POISONED}
    assert arms == {each.arm for each in tried} == set(plan.arms)
    assert all(each.node != each.tried_on for each in tried)
    of_each = len(NODES) * (len(NODES) - 1) * RUNS
    assert 2 * len(arms) * of_each == len(tried)
    assert {6, 7, 8, 9} == {seed for _, seed in played}


def test_nodes_that_know_the_same_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[tuple[str, int]] = []

    def play(node: str, seed: int, *rest: Any) -> Episode:
        played.append((node, seed))
        return Episode({}, 1.0, 0.0, 0.0, 5)

    monkeypatch.setattr(study, "play", play)
    with closing(compare(Plan((1,)))) as done:
        untrained = next(done)

    assert {UNTRAINED} == {each.arm for each in untrained}
    assert len(NODES) * RUNS == len(played) == len(set(played))


def test_nodes_alone_for_longer_are_the_same_nodes_later() -> None:
    plan = Plan((1, 2), longer=True)

    assert [UNTRAINED, ALONE, TOGETHER, LONGER] == plan.arms
    assert [(1, UNTRAINED), (1, ALONE), (1, TOGETHER)] == [
        (seed, arm) for _, seed, arm in tasks(plan)
    ][:3]


def test_what_has_ended_in_any_order_is_put_in_order() -> None:
    def tried(arm: str, seed: int) -> Tried:
        return Tried(arm, seed, "rush", "flood", 0, 1.0, 0.0, 0.0, 5)

    found = ordered([tried(TOGETHER, 2), tried(ALONE, 2), tried(ALONE, 1)], Plan((1, 2)))

    assert [(1, ALONE), (2, ALONE), (2, TOGETHER)] == [(each.seed, each.arm) for each in found]
