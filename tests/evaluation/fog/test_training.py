"""Learning that is watched."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.fog import checkpoints, training
from evaluation.fog.training import Task, TrainingError, train
from evaluation.progress import Steps
from rl.fog import scorer
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit
FOG = plain(2, rate=0.9, duration_seconds=50)


def task(tmp_path: Path, algorithm: str = "tabular", steps: int = 200, **more: Any) -> Task:
    made = Task(
        algorithm=algorithm,
        configuration="ours",
        fingerprint="0" * 16,
        reward="shared_cost",
        seed=3,
        steps=steps,
        fogs=1,
        minutes=10.0,
        path=tmp_path / "one.json",
    )
    return replace(made, **more)


def progress() -> Steps:
    return Steps(2, stream=io.StringIO())


def test_tables_are_learned_and_kept(tmp_path: Path) -> None:
    made = train(FOG, task(tmp_path), progress())
    assert checkpoints.read(tmp_path / "one.json") == made
    assert [point.step for point in made.curve] == [100, 200]
    assert made.whole and made.steps == 200
    assert made.parameters["tables"]
    assert train(FOG, task(tmp_path), progress()).parameters == made.parameters
    other = train(FOG, task(tmp_path, seed=4, reward="documented"), progress())
    assert other.parameters != made.parameters


def test_time_that_is_up_ends_it_and_keeps_what_there_is(tmp_path: Path) -> None:
    ticks = iter(range(0, 10_000, 50))
    made = train(
        FOG, task(tmp_path, steps=5000, minutes=2.0), progress(), clock=lambda: next(ticks)
    )
    assert 0 < made.steps < 5000
    assert made.whole  # it was asked for no longer
    assert checkpoints.read(tmp_path / "one.json").steps == made.steps


def test_interrupted_it_keeps_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = progress()
    calls = []

    def step(name: str) -> None:
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(shown, "step", step)
    with pytest.raises(KeyboardInterrupt):
        train(FOG, task(tmp_path, steps=5000), shown)
    made = checkpoints.read(tmp_path / "one.json")
    assert made.steps == 300
    assert not made.whole
    assert "tabular, seed 3, reward -" in calls[0]


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"deep_q learns with the package torch: .*\[deep\]"):
        train(FOG, task(tmp_path, "deep_q"), progress())


def test_deep_q_is_learned_and_can_be_served(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = train(FOG, task(tmp_path, "deep_q", 100), progress())
    weights = scorer.of_data(checkpoints.read(tmp_path / "one.json").parameters)
    assert all(np.isfinite(each).all() for each in weights.values())
    assert made.curve[-1].step == 100
