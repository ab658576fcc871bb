"""Checkpoints on disk."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.checkpoint_file import CheckpointError
from evaluation.fog import checkpoints
from tests.evaluation.fog.made import checkpoint

pytestmark = pytest.mark.unit


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    made = replace(checkpoint(), parameters={"version": 1, "arrays": [0.1]})
    path = checkpoints.place(tmp_path, made.fingerprint, "ppo", 0)
    checkpoints.write(made, path)
    assert checkpoints.read(path) == made
    assert checkpoints.read(path, made.fingerprint) == made
    assert list(path.parent.iterdir()) == [path]
    assert made.whole
    assert not replace(made, steps=299).whole


def test_another_fog_is_refused(tmp_path: Path) -> None:
    checkpoints.write(checkpoint(), tmp_path / "one.json")
    with pytest.raises(CheckpointError, match=r"one\.json: learned in another fog \(uneven"):
        checkpoints.read(tmp_path / "one.json", "f" * 16)


def test_those_of_one_learner_are_found_by_seed(tmp_path: Path) -> None:
    for name in ("ppo-10", "ppo-2", "dqn-1", "ppo-x"):
        path = tmp_path / "aa" / f"{name}.json"
        checkpoints.write(checkpoint(), path)
    found = checkpoints.there(tmp_path, "aa", "ppo")
    assert [path.stem for path in found] == ["ppo-2", "ppo-10"]
    assert checkpoints.there(tmp_path, "bb", "ppo") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no checkpoint of format 1"),
        ('{"format": 2}', "is no checkpoint of format 1"),
        ('{"format": 1}', "algorithm is missing or of the wrong kind"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=rf"bad\.json: {message}"):
        checkpoints.read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "x"}, "seed is missing or of the wrong kind"),
        ({"curve": [{"step": 1}]}, "holds what no checkpoint has"),
        ({"more": 1}, "holds what no checkpoint has"),
    ],
)
def test_damage_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "bad.json"
    checkpoints.write(checkpoint(), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        checkpoints.read(path)


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.json: cannot be read: .*; train first"):
        checkpoints.read(tmp_path / "none.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoints.write(checkpoint(), tmp_path / "file" / "one.json")
