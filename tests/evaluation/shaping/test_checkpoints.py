"""Checkpoints: read back, and refused when they are stale."""

import json
import random
from pathlib import Path

import pytest

from evaluation.checkpoint_file import CheckpointError
from evaluation.shaping import checkpoints
from rl.shaping.agents import Conduct
from rl.shaping.making import make

pytestmark = pytest.mark.unit


def made(kind: str) -> dict[str, object]:
    parameters = make(kind, Conduct(hidden=4), random.Random(1)).parameters()
    return dict(checkpoints.for_anybody(parameters))


@pytest.mark.parametrize("kind", ["tabular", "dqn", "ppo"])
def test_they_are_read_back(kind: str, tmp_path: Path) -> None:
    path = checkpoints.place(tmp_path / "new", kind)
    checkpoints.write(made(kind), path)  # type: ignore[arg-type]
    found = checkpoints.read(path, kind)
    assert 1 == found["version"]
    assert [path] == list(path.parent.iterdir())


def test_stale_ones_are_refused_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    for change, said in (
        ({"encoder": 0}, r"agents\.\*\.encoder"),
        ({"kind": "ppo"}, r"agents\.\*\.kind"),
        ({"arrays": {}}, r"agents\.\*\.arrays"),
    ):
        data = json.loads(json.dumps(made("dqn")))
        data["agents"]["*"].update(change)
        path.write_text(json.dumps(data))
        with pytest.raises(CheckpointError, match=said):
            checkpoints.read(path, "dqn")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no", "is no JSON"),
        ("[]", "is no checkpoint"),
        ('{"version": 1, "agents": {}}', "is no checkpoint"),
        ('{"version": 2, "agents": {"*": {}}}', "is no checkpoint"),
        ('{"version": 1, "agents": {"*": 1}}', "must hold keys"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=said):
        checkpoints.read(path, "tabular")


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"one\.json: cannot be read.*train --agent dqn"):
        checkpoints.read(tmp_path / "one.json", "dqn")
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoints.write({}, tmp_path / "file" / "one.json")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(checkpoints.LARGEST_BYTES + 1)
    with pytest.raises(CheckpointError, match="is larger"):
        checkpoints.read(large, "dqn")
