"""traffic/locustfile.py, run by Locust itself: nothing else may load it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.traffic.serving import Reply, Server

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
LOCUST = Path(sys.executable).with_name("locust")


def run(server: Server, requests: int, *options: str, environ: dict[str, str]) -> int:
    """Runs it until the server has seen so many requests; Locust's exit code."""
    command = [str(LOCUST), "-f", str(ROOT / "traffic" / "locustfile.py"), "--headless", *options]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, cwd=ROOT, env={**os.environ, **environ}, text=True
    ) as process:
        until = time.monotonic() + 40
        while len(server.heads) < requests and time.monotonic() < until:
            time.sleep(0.05)
        process.terminate()
        try:
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert len(server.heads) >= requests, errors
    return process.returncode


def paths(server: Server) -> list[str]:
    return [head.split(" ")[1] for head in server.heads]


def test_work_outweighs_health_and_goes_to_the_given_host(server: Server) -> None:
    """--host is obeyed although the configuration names another; the mix is the configuration's."""
    elsewhere = {
        "SLB_TRAFFIC__TARGET_URL": "http://127.0.0.1:9",
        "SLB_TRAFFIC__MIX": '[{"path": "/some/work"}]',
    }
    options = ("--host", server.url, "-u", "60", "-r", "60")
    assert run(server, 150, *options, environ=elsewhere) == 0
    assert set(paths(server)) == {"/some/work", "/health"}
    assert paths(server).count("/some/work") > 3 * paths(server).count("/health")


def test_it_runs_in_several_processes(server: Server) -> None:
    options = ("--host", server.url, "-u", "20", "-r", "20", "--processes", "2")
    assert run(server, 30, *options, environ={}) == 0
    assert set(paths(server)) <= {"/", "/health"}


def test_without_a_host_it_goes_where_the_configuration_points(server: Server) -> None:
    """And a server that fails is reported by Locust's exit code."""
    server.reply = lambda head: Reply(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    configured = {"SLB_TRAFFIC__TARGET_URL": server.url}
    assert run(server, 5, "-u", "5", "-r", "5", environ=configured) == 1
