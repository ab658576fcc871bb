"""What agents know, across restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from load_balancer.adaptive.agents_file import KEY as SETTING
from load_balancer.adaptive.agents_file import AgentsFile
from rl.shaping.reading import Targets
from tests.load_balancer.adaptive.port import KEY, KEYED, OTHER, Port

pytestmark = pytest.mark.unit


def experienced() -> Port:
    """One that has learned something, with a client that wants something."""
    port = Port()
    port.come()
    port.come(key=KEY)
    port.agents.enable(KEYED, port.now)
    port.agents.targets(OTHER, Targets(p95_seconds=0.5))
    for _ in range(5):
        port.step(arrivals=10, completed=10, p95_seconds=0.1)
    return port


def file(path: Path) -> AgentsFile:
    return AgentsFile(path, lambda: 0.0)


async def saved(path: Path, port: Port) -> dict[str, Any]:
    found = file(path)
    found.prepare(port.agents)
    learned = await found.collect(port.agents)
    assert learned is not None
    found.save(learned)
    stored = content(path)
    assert learned == stored
    return stored


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


async def test_agents_clients_and_targets_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "agents.json"
    before = experienced()
    await saved(path, before)

    after = Port()
    file(path).prepare(after.agents)
    assert [KEYED] == after.agents.clients()
    assert 0.5 == after.agents.targets_of(OTHER).p95_seconds
    assert before.agents.export(KEYED) == after.agents.export(KEYED)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "version"),
        ({"agents": {f"client:{KEYED}": {"kind": "dqn"}}}, "kind"),
        ({"agents": {f"client:{KEYED}": {"kind": "tabular", "encoder": 0}}}, "encoder"),
        ({"clients": []}, "clients"),
        ({"clients": {KEYED: {"enabled": 1}}}, "enabled"),
        ({"clients": {KEYED: {"enabled": True, "targets": {"weight": 0}}}}, "weight"),
    ],
)
async def test_what_is_stale_is_refused_and_kept(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "agents.json"
    stale = json.dumps({**await saved(path, experienced()), **change})
    path.write_text(stale)

    with pytest.raises(ValueError, match=words) as refused:
        file(path).prepare(Port().agents)
    assert SETTING in str(refused.value) and str(path) in str(refused.value)
    assert stale == path.read_text()


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "\xff"])
async def test_what_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "agents.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match="move the file away"):
        file(path).prepare(Port().agents)


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be used"):
        file(tmp_path / "file" / "agents.json").prepare(None)


async def test_agents_that_come_later_first_get_what_is_stored(
    tmp_path: Path,
) -> None:
    path = tmp_path / "agents.json"
    before = experienced()
    await saved(path, before)
    kept = file(path)
    kept.prepare(None)
    assert await kept.collect(None) is None

    later = Port()
    learned = await kept.collect(later.agents)
    assert learned is not None and before.agents.checkpoint().items() <= learned.items()
    assert [KEYED] == later.agents.clients()


async def test_agents_of_another_kind_that_come_later_overwrite_nothing(tmp_path: Path) -> None:
    path = tmp_path / "agents.json"
    await saved(path, experienced())
    kept = file(path)
    kept.prepare(None)
    later = Port(agent="dqn")
    with pytest.warns(RuntimeWarning, match="nothing is saved"):
        assert await kept.collect(later.agents) is None
    assert await kept.collect(later.agents) is None


async def test_clients_whose_rule_is_gone_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "agents.json"
    stored = await saved(path, experienced())
    stored["clients"] = {
        "gone/10.0.0.1": {"enabled": True, "targets": {}},
        "bare": {"enabled": True, "targets": {}},
    }
    path.write_text(json.dumps(stored))
    after = Port()
    with pytest.warns(RuntimeWarning, match="no envelope"):
        file(path).prepare(after.agents)
    assert [] == after.agents.clients()


async def test_a_full_disk_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "agents.json"
    path.mkdir()
    (path / "within").write_text("")
    with pytest.warns(RuntimeWarning, match="cannot be saved"):
        file(path).save({"version": 1, "agents": {}})
