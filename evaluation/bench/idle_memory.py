"""What an idle keep-alive connection costs the balancer's process, in bytes of memory.

Opens many connections, has one request answered on each, lets them rest and divides what the
process has grown by. Memory is the process's own (private pages): what it shares with others is no
cost of a connection. Kernel memory of the sockets is not counted.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import yaml

from backend.processes import Processes
from config.open_files import allow_open_files
from evaluation.bench.launch import free_ports
from load_balancer.forwarding.repeat import FORGET_SECONDS

ROOT = Path(__file__).resolve().parents[2]
REQUEST = b"GET /page HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: idle/1\r\n\r\n"
PER_SOURCE = 10_000
"""Connections from one address: fewer than there are ports."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; the process's exit code."""
    parser = argparse.ArgumentParser(prog="idle_memory", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000, metavar="N")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.connections <= 100_000:
        parser.error("--connections must lie between 1 and 100000")
    before, after = measure(arguments.connections)
    each = (after - before) / arguments.connections
    if not arguments.json:
        print(
            f"{arguments.connections} idle connections: {(after - before) / 1e6:.1f} MB more than "
            f"{before / 1e6:.1f} MB, {each:.0f} bytes each"
        )
    print(json.dumps({"connections": arguments.connections, "bytes_per_connection": each}))
    return 0


def measure(connections: int) -> tuple[int, int]:
    """Bytes of private memory of the balancer without the connections, and with them."""
    allow_open_files(connections + 64)
    with tempfile.TemporaryDirectory() as folder, Processes() as children:
        (port,) = free_ports(1)
        children.start([sys.executable, "-m", "evaluation.bench.origin", str(port)])
        config = Path(folder) / "idle.yaml"
        config.write_text(yaml.safe_dump(_config(port, connections)))
        command = [sys.executable, str(ROOT / "load_balancer" / "main.py"), "--config", str(config)]
        balancer = children.start([*command, "--until-stdin-closes"])
        address = balancer.url.removeprefix("http://")
        host, _, number = address.rpartition(":")
        process = psutil.Process(balancer.pid)
        # What the first requests make (connections to the origin, caches) is no cost of idleness.
        _close(_open(host, int(number), min(connections, 64)))
        before = _settled(process)
        opened = _open(host, int(number), connections)
        try:
            after = _settled(process)
        finally:
            _close(opened)
    return before, after


def _config(port: int, connections: int) -> dict[str, object]:
    return {
        "servers": [{"id": "origin", "host": "127.0.0.1", "port": port}],
        "load_balancer": {
            "host": "127.0.0.1",
            "port": 0,
            "admin_port": 0,
            "limits": {"connections": connections + 64},
            "deadlines": {"idle_seconds": 600.0},
        },
        "metrics": {"check": "off"},
    }


def _open(host: str, port: int, count: int) -> list[socket.socket]:
    opened = []
    for number in range(count):
        source = f"127.0.0.{2 + number // PER_SOURCE}"
        client = socket.create_connection((host, port), timeout=10.0, source_address=(source, 0))
        opened.append(client)
        client.sendall(REQUEST)
        answer = client.recv(65_536)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the balancer answered {answer[:60]!r}")
    return opened


def _settled(process: psutil.Process) -> int:
    time.sleep(2 * FORGET_SECONDS)
    return int(process.memory_full_info().uss)


def _close(opened: Sequence[socket.socket]) -> None:
    for each in opened:
        each.close()


if __name__ == "__main__":
    sys.exit(main())
