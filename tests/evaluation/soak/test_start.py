"""evaluation.soak.start: what a soak stands on."""

import os
import socket
from pathlib import Path

import httpx
import pytest

from backend.processes import Processes
from evaluation.bench.origin import BODY
from evaluation.soak.start import ORIGINS, balancer, origin, quiet


@pytest.mark.unit
def test_a_node_is_started_on_ports_of_its_own() -> None:
    command = balancer(Path("x.yaml"), "q_routing")
    assert command[command.index("--config") + 1] == "x.yaml"
    assert command[command.index("--strategy") + 1] == "q_routing"
    assert command.count("0") == 2


@pytest.mark.integration
def test_the_origin_answers_on_every_port(tmp_path: Path) -> None:
    with Processes() as processes:
        ports = origin(processes, tmp_path)
        assert len(set(ports)) == ORIGINS
        for port in ports:
            answer = httpx.get(f"http://127.0.0.1:{port}/cached/x", trust_env=False)
            assert answer.content == BODY
            assert answer.headers["cache-control"] == "max-age=3600"


@pytest.mark.integration
async def test_quiet_is_as_many_descriptors_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the wait is over."""
    here = os.getpid()
    with socket.socket():
        before = await quiet(here, 1_000_000)
        monkeypatch.setattr("evaluation.soak.start.QUIET_SECONDS", 0.0)
        assert await quiet(here, 0) == before
