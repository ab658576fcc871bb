"""What learns at a node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evaluation.federated import sites
from evaluation.federated.sites import Manner, begun, play, site
from evaluation.federated.traffic import drawn
from evaluation.shaping import training
from evaluation.shaping.training import TrainingError
from load_balancer.shaping.agent_pool import ANYBODY
from tests.evaluation.federated.made import states

pytestmark = pytest.mark.unit

DEEP = Manner("dqn", 0.1, updates=1)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Episodes of some seconds."""

    def shorter(node: str, seed: int) -> Any:
        scenario, rules = drawn(node, seed)
        return scenario.shortened(0.07), rules

    monkeypatch.setattr(sites, "drawn", shorter)
    monkeypatch.setattr(sites, "FIRST_STEPS", 2)


def arrays(known: sites.Known) -> Any:
    parameters: Any = known[ANYBODY]
    return parameters["arrays"]


def test_an_episode_teaches_and_the_same_one_the_same() -> None:
    one, same = play("rush", 3, None, learns=True), play("rush", 3, None, learns=True)

    assert one == same
    assert {"rule:interactive", "rule:batch", "rule:bulk"} == set(one.known)
    assert any(states(one.known).values())
    assert one.completed > 0
    assert 0 <= one.missed <= 1 and 0 <= one.missed_any <= 1


def test_who_does_not_learn_knows_what_it_knew() -> None:
    known = play("rush", 3, None, learns=True).known

    after: Any = play("flood", 4, known, learns=False).known

    for name, parameters in known.items():
        assert isinstance(parameters, dict)
        assert parameters["states"] == after[name]["states"]


def test_tables_go_on_from_what_was_loaded() -> None:
    first, second = site("rush", 1), site("rush", 1)
    assert {} == first.known == begun(1)

    first.learn(3, 0.0)
    second.load(first.known)
    second.learn(4, 0.5)
    first.learn(4, 0.5)

    assert first.known == second.known


def test_networks_of_one_seed_begin_with_the_same_weights() -> None:
    pytest.importorskip("torch")
    one, other = site("rush", 1, DEEP), site("flood", 1, DEEP)

    assert one.known == other.known == begun(1, DEEP)
    assert one.known != begun(2, DEEP)


def test_a_network_learns_the_same_from_the_same_and_other_things_elsewhere() -> None:
    pytest.importorskip("torch")
    found = [site(node, 1, DEEP) for node in ("rush", "rush", "flood")]
    for each in found:
        each.learn(3, 0.0)
    one, same, other = (arrays(each.known) for each in found)

    assert one == same
    assert arrays(begun(1, DEEP)) != one != other


def test_a_network_goes_on_from_what_was_loaded_and_remembers_its_steps() -> None:
    """So its first gradient step comes sooner than that of one that has seen nothing."""
    pytest.importorskip("torch")
    one = site("rush", 1, DEEP)
    one.learn(3, 0.0)
    other = site("flood", 1, DEEP)
    other.load(one.known)

    assert one.known == other.known


def test_a_networks_episode_is_tried_without_learning() -> None:
    pytest.importorskip("torch")
    known = begun(1, DEEP)

    one, same = (play("flood", 4, known, learns=False, manner=DEEP) for _ in range(2))

    assert one == same
    after: Any = one.known["rule:bulk"]
    assert arrays(known) == after["arrays"]


def test_more_gradient_steps_can_be_asked_for() -> None:
    pytest.importorskip("torch")
    one, two = site("rush", 1, DEEP), site("rush", 1, replace(DEEP, updates=2))
    for each in (one, two):
        each.learn(3, 0.0)

    assert one.known != two.known


def test_without_pytorch_a_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    for make in (lambda: site("rush", 1, DEEP), lambda: begun(1, DEEP)):
        with pytest.raises(TrainingError, match="deep"):
            make()
