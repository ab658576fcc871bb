"""Nodes that learn, alone and together."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.federated import learning
from evaluation.federated.learning import Known, alone, learning_seed, play, together, turned_round
from evaluation.federated.traffic import NODES, drawn
from rl.federated.terms import Terms

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Episodes of some seconds."""

    def shorter(node: str, seed: int) -> Any:
        scenario, rules = drawn(node, seed)
        return scenario.shortened(0.1), rules

    monkeypatch.setattr(learning, "drawn", shorter)


def states(known: Known) -> dict[str, set[tuple[int, ...]]]:
    found: Any = known
    return {
        name: {tuple(state["levels"]) for state in parameters["states"]}
        for name, parameters in found.items()
    }


def test_an_episode_teaches_and_the_same_one_the_same() -> None:
    one, same = play("rush", 3, None, learns=True), play("rush", 3, None, learns=True)

    assert one == same
    assert {"rule:interactive", "rule:batch", "rule:bulk"} == set(one.known)
    assert any(states(one.known).values())
    assert one.completed > 0


def test_who_does_not_learn_knows_what_it_knew() -> None:
    known = play("rush", 3, None, learns=True).known

    after: Any = play("flood", 4, known, learns=False).known

    for name, parameters in known.items():
        assert isinstance(parameters, dict)
        assert parameters["states"] == after[name]["states"]


def test_together_all_know_what_each_has_seen() -> None:
    known = together(1, 1, Terms())

    own = [play(node, learning_seed(1, 0), None, learns=True).known for node in NODES]
    for name in known["rush"]:
        everything = set().union(*(states(each)[name] for each in own))
        for node in NODES:
            assert everything == states(known[node])[name]


def test_alone_more_episodes_go_on_from_fewer() -> None:
    fewer, more = alone("rush", 1, (1, 2))

    assert [fewer] == alone("rush", 1, (1,))
    one, two = fewer["rule:interactive"], more["rule:interactive"]
    assert isinstance(one, dict) and isinstance(two, dict)
    assert int(str(one["experience"])) < int(str(two["experience"]))


def test_the_poisoned_site_takes_part_and_bounds_hold_it() -> None:
    plain = together(1, 1, Terms())
    held = together(1, 1, Terms(method="median", clip_ratio=None), turned_round)
    unheld = together(1, 1, Terms(clip_ratio=None, most_share=1.0), turned_round)

    def worst(known: dict[str, Known]) -> float:
        found: Any = known["rush"]
        return max(
            abs(float(value))
            for parameters in found.values()
            for state in parameters["states"]
            for value in state["values"]
        )

    assert worst(unheld) > 10 * worst(plain)
    assert worst(held) < worst(unheld)
