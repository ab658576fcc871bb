"""Everything that is compared."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.federated import study
from evaluation.federated.learning import Episode, Manner
from evaluation.federated.study import ARMS, LONGER, POISONED, RUNS, Plan, compare, seeds_of
from evaluation.federated.traffic import NODES

pytestmark = pytest.mark.unit


def test_every_arm_is_tried_on_what_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """And on the same episodes."""
    played: list[tuple[str, int]] = []

    def play(node: str, seed: int, known: Any, learns: bool, manner: Manner) -> Episode:
        assert not learns
        played.append((node, seed))
        return Episode({}, 1.0, 0.0, 5)

    monkeypatch.setattr(study, "play", play)
    monkeypatch.setattr(
        study, "alone", lambda node, seed, episodes, manner: [{node: n} for n in episodes]
    )
    monkeypatch.setattr(
        study, "together", lambda seed, *rest, **more: {node: {"all": str(rest)} for node in NODES}
    )
    steps: list[str] = []
    plan = Plan((3, 4), episodes=2, poisoned=True, longer=True)

    tried = list(compare(plan, steps.append))

    assert plan.steps == len(steps)
    assert [3, 4] == seeds_of(tried)
    arms = {*ARMS, LONGER, *POISONED}
    assert arms == {each.arm for each in tried}
    assert all(each.node != each.tried_on for each in tried)
    of_each = len(NODES) * (len(NODES) - 1) * RUNS
    assert 2 * len(arms) * of_each == len(tried)
    assert {6, 7, 8, 9} == {seed for _, seed in played}
    assert Plan((1,)).steps == len(ARMS)
