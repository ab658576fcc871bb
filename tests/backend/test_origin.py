"""The process of origin servers: its arguments, its ports, its end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from backend.origin import main

pytestmark = pytest.mark.integration

SCRIPT = [sys.executable, str(Path(__file__).parents[2] / "backend" / "origin.py")]


def test_every_domain_has_a_port_and_all_end_with_their_parent() -> None:
    process = subprocess.Popen(
        [
            *SCRIPT,
            *("one.test:0", "Two.test:0", "--set", "origins.max_age_seconds=7"),
            "--until-stdin-closes",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None and process.stdin is not None
        lines = [process.stdout.readline() for _ in range(2)]
        ports = []
        for line, domain in zip(lines, ("one.test", "two.test"), strict=True):
            found = re.fullmatch(rf"ready {domain} http://127\.0\.0\.1:(\d+)\n", line)
            assert found is not None
            ports.append(int(found[1]))
            url = f"http://127.0.0.1:{found[1]}/path-10/page.html"
            page = httpx.get(url, headers={"Host": domain}, trust_env=False)
            assert page.status_code == 200
            assert page.headers["cache-control"] == "public, max-age=7"
        assert len(set(ports)) == 2
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_signal_ends_it_cleanly() -> None:
    process = subprocess.Popen([*SCRIPT, "one.test:0"], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["one.test"], "one.test: must be DOMAIN:PORT"),
        (["one.test:65536"], "one.test:65536: must be DOMAIN:PORT"),
        (["one.test:0", "ONE.test:0"], "ONE.test: stands twice"),
        (["one.test:0", "--set", "origins.pagse=1"], "did you mean 'pages'"),
    ],
)
def test_wrong_arguments_are_one_line(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert problem in said and said.count("\n") == 1


def test_a_taken_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["one.test:0", f"two.test:{port}"]) == 2
    assert f"port {port} is taken" in capsys.readouterr().err
