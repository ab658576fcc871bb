"""Learning ahead of a node."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.shaping import checkpoints, training
from evaluation.shaping.rollout import roll
from evaluation.shaping.training import (
    DeepQLearner,
    Pace,
    Point,
    TrainingError,
    drawn_rules,
    drawn_scenario,
    train,
)

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def short() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "STRETCHES", 1)
        patch.setattr(training, "STRETCH_SECONDS", 6)
        patch.setattr(training, "TRIALS", 1)
        patch.setattr(training, "EPISODES_PER_UPDATE", 2)
        yield


def test_loads_are_drawn_by_the_seed() -> None:
    found = [drawn_scenario(random.Random(seed)) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    for seed in range(20):
        drawn_scenario(random.Random(seed)).balancer(drawn_rules(random.Random(seed)))


@pytest.mark.parametrize("agent", training.AGENTS)
def test_what_is_learned_is_kept(agent: str, tmp_path: Path) -> None:
    if agent in training.DEEP:
        pytest.importorskip("torch")
    told: list[Point] = []
    path = tmp_path / f"{agent}.json"
    (trial,) = train(agent, 1, 2, path, told.append)
    assert [0, 1] == [point.episode for point in told] and 1 == trial.episode
    agents = checkpoints.read(path, agent)["agents"]
    assert isinstance(agents, dict)
    kept = {"rule:interactive", "rule:batch", "rule:bulk"} if agent == "tabular" else {"*"}
    assert kept == set(agents)
    for each in agents.values():
        assert isinstance(each, dict) and each["experience"] and 0.02 == each["epsilon"]


def test_time_that_is_up_ends_it_and_keeps_what_there_is(tmp_path: Path) -> None:
    ticks = iter(range(0, 10_000, 50))
    trials = train(
        "tabular", 1, 50, tmp_path / "a.json", lambda point: None, 2.0, lambda: next(ticks)
    )
    assert 0 < trials[-1].episode < 49
    checkpoints.read(tmp_path / "a.json", "tabular")


def test_what_did_best_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewards = iter((1.0, 3.0, 2.0))
    kept: list[Path] = []
    monkeypatch.setattr(training, "EPISODES_PER_TRIAL", 1)
    monkeypatch.setattr(
        training, "trial", lambda agent, known, episode: Point(episode, next(rewards), 0.0)
    )
    monkeypatch.setattr(checkpoints, "write", lambda known, path: kept.append(path))
    train("tabular", 1, 3, tmp_path / "a.json", lambda point: None)
    assert 2 == len(kept)


def test_ctrl_c_keeps_what_there_is(tmp_path: Path) -> None:
    def tell(point: Point) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("tabular", 1, 5, tmp_path / "a.json", tell)
    checkpoints.read(tmp_path / "a.json", "tabular")


def known(learner: DeepQLearner) -> Any:
    agents: Any = learner.known(0.0)["agents"]
    return agents["*"]


def test_a_network_is_learned_at_the_pace_that_is_wanted() -> None:
    pytest.importorskip("torch")

    def learned(pace: Pace | None) -> Any:
        learner = DeepQLearner(1, pace)
        stage, dice = training.drawn_stage(1)
        roll(stage, learner.agents(1.0), dice, training.weights("dqn"), learner.tell)
        return known(learner)["arrays"]

    begun = known(DeepQLearner(1))["arrays"]
    assert begun == learned(None), "so few steps are none to begin with"
    once, thrice = learned(Pace(first=2, steps=1)), learned(Pace(first=2, steps=1, updates=3))
    assert begun != once != thrice
    least = DeepQLearner(1, Pace(explore_least=0.3)).agents(1.0)["bulk"]
    assert 0.3 == least.parameters()["epsilon"]


def test_a_network_goes_on_from_what_was_loaded() -> None:
    pytest.importorskip("torch")
    one, other = DeepQLearner(1), DeepQLearner(2)

    other.load(known(one))

    assert known(one) == known(other)
    with pytest.raises(ValueError, match="kind"):
        other.load({**known(one), "kind": "tabular"})


def test_what_cannot_learn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="aimd learns nothing"):
        training.learner("aimd", 1)
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="package torch"):
        training.learner("dqn", 1)
