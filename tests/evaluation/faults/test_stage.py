"""evaluation.faults.stage: what the balancer of a stage is told, and what a stage must have."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from backend.processes import Processes
from config.loading import load
from evaluation.faults import stage as module
from evaluation.faults.stage import BACKENDS, SETTINGS, SPARE, Stage, StageError, lacking
from evaluation.settings_known import known
from rl.vocabulary import JSON

pytestmark = pytest.mark.integration


def written(stage: Stage, folder: Path, *ids: str) -> dict[str, JSON]:
    stage.write_config(ids)
    found: dict[str, JSON] = yaml.safe_load((folder / "config.yaml").read_text())
    return found


def make_stage(folder: Path, *, dns: bool = False) -> Stage:
    stage = Stage(
        Processes(), folder, strategy="round_robin", settings={}, fault_seconds=1.0, dns=dns
    )
    stage._ports = {id: 7001 + index for index, id in enumerate((*BACKENDS, SPARE))}
    stage._port, stage._admin_port, stage._name_port = 7101, 7102, 7103
    return stage


async def test_the_configuration_is_valid_and_names_the_backends(tmp_path: Path) -> None:
    stage = make_stage(tmp_path)
    written(stage, tmp_path, *BACKENDS)
    settings = load(str(tmp_path / "config.yaml"), environ={})
    assert [server.id for server in settings.servers] == list(BACKENDS)
    assert settings.load_balancer.retries.attempts == 3
    assert stage.url == "http://127.0.0.1:7101"
    assert written(stage, tmp_path, SPARE)["servers"] == [
        {"id": SPARE, "host": "127.0.0.1", "port": 7004, "base_delay_ms": 10.0}
    ]
    await stage.close()


async def test_endpoints_come_from_a_name_where_the_name_is_what_changes(tmp_path: Path) -> None:
    stage = make_stage(tmp_path, dns=True)
    found = written(stage, tmp_path, *BACKENDS)
    assert found["servers"] == []
    discovery = found["discovery"]
    assert isinstance(discovery, dict)
    assert isinstance(discovery["dns"], list)
    (source,) = discovery["dns"]
    assert isinstance(source, dict)
    assert source["nameserver"] == "127.0.0.1:7103"
    await stage.close()


def test_what_a_version_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking({"load_balancer.port": 1}, workers=1, dns=False) == ""
    assert lacking({"load_balancer.prot": 1}, workers=1, dns=False) == "load_balancer.prot"
    monkeypatch.setattr(module, "known", lambda path: False)
    assert lacking({}, workers=2, dns=False) == "load_balancer.workers"
    assert lacking({}, workers=1, dns=True) == "discovery.dns"


def test_the_settings_of_the_stage_are_named_as_settings_are() -> None:
    """A misspelt one would be left out silently."""
    sections = {path.rpartition(".")[0] for path in SETTINGS}
    assert all(known(section) for section in sections)


async def test_a_balancer_that_does_not_answer_and_one_that_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        last_lines = ("it hurts",)

    stage = make_stage(tmp_path)
    stage._port = stage._admin_port = 9
    stage.balancer = Silent()  # type: ignore[assignment]
    monkeypatch.setattr(module, "READY_SECONDS", 0.05)
    with pytest.raises(StageError, match="does not answer: it hurts"):
        await stage._until_ready()
    assert await stage.stats() == {}
    with pytest.raises(StageError, match=r"127\.0\.0\.1:9/strategy"):
        await stage.switch_to("least_request")
    await stage.close()


def test_workers_are_those_below_the_balancer_that_accept_clients(tmp_path: Path) -> None:
    """Not every process that a balancer has started is a worker."""

    class Ourselves:
        pid = os.getpid()

    stage = make_stage(tmp_path)
    stage.balancer = Ourselves()  # type: ignore[assignment]
    listening = (
        "import socket; s = socket.create_server(('127.0.0.1', 0));"
        " print(s.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", listening], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        with pytest.raises(StageError, match="no worker processes that accept clients"):
            stage.signal_worker(signal.SIGTERM)
        stage._port = port
        stage.signal_worker(signal.SIGTERM)
        assert child.wait(10) == -signal.SIGTERM
        with pytest.raises(StageError, match="no worker processes that accept clients"):
            asyncio.run(stage.replace_workers())
    asyncio.run(stage.close())
