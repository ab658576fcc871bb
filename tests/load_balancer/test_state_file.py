"""What learners know, across restarts."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.state_file import StateFile
from load_balancer.strategies import build
from rl.q_learning import QLearning
from rl.vocabulary import JSON, Endpoint, EndpointStats, Observation, RequestContext

pytestmark = pytest.mark.unit


def learner() -> QLearning:
    policy = build("q_learning", Settings(), random.Random(1))
    assert isinstance(policy, QLearning)
    return policy


def experienced() -> QLearning:
    """One that has seen something."""
    policy = learner()
    policy.select(
        Observation(RequestContext(), [EndpointStats(Endpoint(id, "h", 80)) for id in "ab"], 0.0)
    )
    assert policy.parameters() != learner().parameters()
    return policy


def prepared(path: Path) -> StateFile:
    file = StateFile(path)
    file.prepare()
    return file


def test_what_was_saved_is_restored(tmp_path: Path) -> None:
    """In a folder that need not be there yet."""
    path = tmp_path / "new" / "state.json"
    teacher = experienced()
    prepared(path).save({"q_learning": teacher.parameters()})

    pupil = learner()
    prepared(path).restore("q_learning", pupil)
    assert pupil.parameters() == teacher.parameters()
    assert [each.name for each in path.parent.iterdir()] == ["state.json"]


def test_what_was_learned_with_other_endpoints_is_restored_and_used(tmp_path: Path) -> None:
    """By the id of each: those that are still there are chosen by what is known of them."""
    path = tmp_path / "state.json"
    parameters = experienced().parameters()
    tables: Any = parameters["tables"]
    tables[0]["states"][0] |= {"values": [-9.0, -1.0], "visits": [5, 5]}
    prepared(path).save({"q_learning": parameters})

    pupil = learner()
    prepared(path).restore("q_learning", pupil)
    assert pupil.parameters() == parameters
    for ids, known in (("bc", {-1.0}), ("ca", {-9.0}), ("xyz", {0.0})):
        decision = pupil.select(
            Observation(RequestContext(), [EndpointStats(Endpoint(id, "h", 80)) for id in ids], 0.0)
        )
        assert decision.value in known


def test_one_strategy_that_cannot_be_read_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    good = experienced().parameters()
    path.write_text(json.dumps({"q_learning": good, "broken": {"version": 1, "epsilon": "?"}}))
    file = prepared(path)
    with pytest.warns(RuntimeWarning, match="epsilon"):
        file.restore("broken", learner())
    pupil = learner()
    file.restore("q_learning", pupil)

    assert pupil.parameters() == good


def test_without_a_file_nothing_is_restored(tmp_path: Path) -> None:
    pupil = learner()
    prepared(tmp_path / "state.json").restore("q_learning", pupil)

    assert pupil.parameters() == learner().parameters()
    assert not list(tmp_path.iterdir())


def test_strategies_that_did_not_learn_this_time_stay_stored(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"other": {"version": 9}}))
    file = prepared(path)
    file.save({"q_learning": experienced().parameters()})

    assert json.loads(path.read_text()).keys() == {"other", "q_learning"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"q_learning": 7}',
        b'{"q_learning": {"version": 99}}',
        b'{"q_learning": {"version": 1, "epsilon": 2.0, "tables": []}}',
    ],
)
def test_what_cannot_be_read_is_kept_aside_and_never_overwritten(
    tmp_path: Path, content: bytes
) -> None:
    """One line tells of it, and the learner starts anew."""
    path = tmp_path / "state.json"
    path.write_bytes(content)
    file = StateFile(path)
    pupil = learner()

    with pytest.warns(RuntimeWarning, match=r"cannot be read .* kept as state\.json\.unreadable"):
        file.prepare()
        file.restore("q_learning", pupil)
    assert pupil.parameters() == learner().parameters()
    file.save({"q_learning": pupil.parameters()})
    assert (tmp_path / "state.json.unreadable").read_bytes() == content
    prepared(path).restore("q_learning", learner())


def test_what_cannot_be_kept_aside_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    path.write_text("{")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.warns(RuntimeWarning, match="cannot be kept aside .Permission denied."):
        StateFile(path).prepare()


def test_a_place_that_cannot_be_written_is_found_out_at_the_start(tmp_path: Path) -> None:
    """And not when there is something to lose."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        StateFile(tmp_path / "file" / "state.json").prepare()


def test_a_failure_to_save_is_told_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    file = prepared(path)
    first: dict[str, JSON] = {"q_learning": learner().parameters()}
    file.save(first)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.warns(RuntimeWarning, match="cannot be saved .No space left on device."):
        file.save({"q_learning": experienced().parameters()})
    assert json.loads(path.read_text()) == first
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_a_folder_that_vanished_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    file = prepared(folder / "state.json")
    folder.rmdir()

    with pytest.warns(RuntimeWarning, match="cannot be saved"):
        file.save({"q_learning": learner().parameters()})


def test_it_says_of_whom_something_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"one": {}, "other": 5}')
    file = StateFile(path)
    assert [] == file.names()
    file.prepare()
    assert ["one", "other"] == file.names()
