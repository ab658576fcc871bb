"""What a soak is started with: an origin, a node of ours, and waiting until a node is quiet."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from backend.processes import Processes
from evaluation.bench.foreign import Nginx, nginx_origin
from evaluation.bench.launch import free_ports
from evaluation.soak.memory import held

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
ORIGINS = 3
START_SECONDS = 20.0
QUIET_SECONDS = 20.0
"""How long connections to backends may be kept after the load, and what polls open in passing."""


class CannotSoak(Exception):
    """The message is the one line to show."""


def origin(processes: Processes, folder: Path) -> list[int]:
    """The ports of an origin: nginx where there is one. Raises ProcessError."""
    ports = free_ports(ORIGINS)
    if Nginx().missing():
        command = [sys.executable, "-m", "evaluation.bench.origin", *map(str, ports)]
    else:
        own = folder / "origin"
        own.mkdir()
        launch = nginx_origin(ports, own)
        leash = [sys.executable, "-m", "evaluation.bench.leash", "--ready", "origin"]
        command = [*leash, str(launch.url), "--", *launch.command]
    processes.start(command, START_SECONDS)
    return ports


def balancer(config: Path, strategy: str) -> list[str]:
    """The command of a node of ours, on free ports of loopback."""
    main = str(ROOT / "load_balancer" / "main.py")
    command = [sys.executable, main, "run", "--config", str(config), "--host", HOST]
    command += ["--strategy", strategy, "--port", "0", "--admin-port", "0"]
    return [*command, "--until-stdin-closes"]


async def quiet(pid: int, before: int) -> int:
    """Open descriptors, once they are no more than ``before`` or it is clear that they stay. Those
    of idle connections to backends close by their deadline."""
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        found = held(pid, 0, 0.0).descriptors
        if found <= before or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.25)
