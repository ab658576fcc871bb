"""Who plays what."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.checkpoint_file import CheckpointError
from evaluation.fog import checkpoints
from evaluation.fog.algorithms import LEARNERS, AlgorithmError, Cast, check, gather, names
from evaluation.fog.checkpoints import Checkpoint
from evaluation.fog.configurations import fingerprint
from rl.fog import scorer
from rl.vocabulary import JSON
from tests.evaluation.fog.made import checkpoint
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit
FOG = plain(3, rate=0.9, duration_seconds=30)
TABLES: dict[str, JSON] = {"version": 1, "columns": 3, "tables": {}}


def learned(algorithm: str = "ppo", seed: int = 0) -> Checkpoint:
    weights = scorer.drawn(np.random.default_rng(seed), 4)
    weights["score"] *= 1000  # far enough from zero to choose
    parameters = TABLES if algorithm == "tabular" else scorer.as_data(weights)
    return replace(
        checkpoint(algorithm, seed), fingerprint=fingerprint(FOG), parameters=dict(parameters)
    )


def test_every_algorithm_plays_without_pytorch(tmp_path: Path) -> None:
    for name in LEARNERS:
        made = learned(name)
        checkpoints.write(made, checkpoints.place(tmp_path, made.fingerprint, name, 0))
    cast = Cast(FOG, gather(tmp_path, fingerprint(FOG), names(), [], False))
    for name in names():
        if name == "live_q_learning" or not name.startswith("live_"):
            found = cast.play(name, 4)
            assert (found.algorithm, found.seed) == (name, 4)
            assert found == cast.play(name, 4)


def test_checkpoints_are_dealt_out_by_seed(tmp_path: Path) -> None:
    two = [(tmp_path / "a", learned(seed=1)), (tmp_path / "b", learned(seed=2))]
    mixed = Cast(FOG, {"ppo": two})
    first, second = (Cast(FOG, {"ppo": [each]}) for each in two)
    assert mixed.play("ppo", 4) == first.play("ppo", 4)
    assert mixed.play("ppo", 5) == second.play("ppo", 5)
    assert first.play("ppo", 5) != second.play("ppo", 5)


def test_what_was_learned_elsewhere_needs_a_word(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    checkpoints.write(learned(), path)
    with pytest.raises(CheckpointError, match="another fog"):
        gather(tmp_path, "f" * 16, [], [path], False)
    found = gather(tmp_path, "f" * 16, [], [path], True)
    assert list(found) == ["ppo"]


def test_what_was_never_learned_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="train --algorithm dqn"):
        gather(tmp_path, "f" * 16, ["least_queue", "dqn"], [], False)


@pytest.mark.parametrize(
    ("algorithm", "parameters", "message"),
    [
        ("ppo", {"version": 0}, r"parameters\.version: must be 1, not 0"),
        ("tabular", {**TABLES, "columns": 9}, r"parameters\.columns: must be 3, not 9"),
        ("sarsa", {}, "there is no learner 'sarsa'"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    algorithm: str, parameters: dict[str, Any], message: str
) -> None:
    made = replace(learned(), algorithm=algorithm, parameters=parameters)
    name = algorithm if algorithm in LEARNERS else "ppo"
    with pytest.raises(CheckpointError, match=message):
        Cast(FOG, {name: [(Path("x.json"), made)]}).play(name, 1)


def test_unknown_algorithm_is_refused_with_the_nearest() -> None:
    check(["ppo", "local"])
    with pytest.raises(AlgorithmError, match=r"no algorithm 'pppo'.*ppo"):
        check(["local", "pppo"])
