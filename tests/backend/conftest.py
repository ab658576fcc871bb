"""One backend process for all tests that only want to speak to one."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from backend.processes import Process, Processes

SCRIPT = Path(__file__).parents[2] / "backend" / "server.py"
PLAIN = {"base_delay_ms": 0, "service": {"spread": 0}, "reset": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Process]:
    with Processes() as processes:
        yield processes.start(
            [sys.executable, str(SCRIPT), "server1", "0", "5", "--until-stdin-closes"]
        )


@pytest.fixture
async def client(server: Process) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to a server whose behaviour is as if it had just begun, without delay or dice."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as made:
        assert (await made.post("/behaviour", json=PLAIN)).status_code == 200
        yield made
