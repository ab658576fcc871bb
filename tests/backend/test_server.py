"""The process of one backend: its arguments, its port, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from backend.processes import ProcessError, start
from backend.server import main

pytestmark = pytest.mark.integration

SERVER = [sys.executable, str(Path(__file__).parents[2] / "backend" / "server.py")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly_and_hanging_requests_do_not_delay_it(
    number: signal.Signals,
) -> None:
    """Exit code 0, nothing but a count on stderr, and the hanging client is let go."""
    process = start([*SERVER, "server1", "0", "0"])
    try:
        hang = {"service": {"phases": [{"kind": "hang"}]}}
        httpx.post(f"{process.url}/behaviour", json=hang, trust_env=False)
        host, port = process.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as hanging:
            hanging.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            while (
                httpx.get(f"{process.url}/health", trust_env=False).json()["active_requests"] != 1
            ):
                time.sleep(0.01)
            began = time.monotonic()
            os.kill(process.pid, number)
            assert process.wait(20) == 0
            assert time.monotonic() - began < 5
            assert hanging.recv(1000).startswith(b"HTTP/1.1 503 ")
    finally:
        process.kill()
    assert [line for line in process.last_lines if "Cancel 1 running" not in line] == []


def test_profile_comes_from_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "servers: [{id: b1, port: 1, service: {spread: 0, response_bytes: 5}},"
        " {id: b2, port: 2, service: {response_bytes: 9}}]"
    )
    process = start([*SERVER, "b1", "0", "1.5", "--config", str(config), "--until-stdin-closes"])
    try:
        document = httpx.get(process.url, trust_env=False).json()
        assert (document["service_ms"], document["padding"]) == (1.5, "xxxxx")
    finally:
        process.stop()


def test_it_ends_when_its_stdin_does() -> None:
    """And prints one line, that it is ready."""
    command = [*SERVER, "server1", "0", "5", "--until-stdin-closes"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(rb"ready server1 http://127\.0\.0\.1:\d+\n", done.stdout)


def test_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(ProcessError) as caught:
            start([*SERVER, "server1", str(port), "50"])
    assert caught.value.exit_code == 2
    assert caught.value.last_lines == (
        f"server1: port {port} is taken on 127.0.0.1; choose another or stop what holds it",
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["ser ver", "0", "5"], "ID: String should match pattern"),
        (["server1", "70000", "5"], "PORT: Input should be less than or equal to 65535 (given"),
        (["server1", "0", "-5"], "DELAY_MS: Input should be greater than or equal to 0 (given: -5"),
        (["server1", "0", "nan"], "DELAY_MS: Input should be"),
        (["server1", "0", "5", "--host", "no.such.host.invalid"], "host 'no.such.host.invalid'"),
        (["server1", "0", "5", "--host", "192.0.2.1"], "192.0.2.1 is no address of this machine"),
        (["server1", "0", "5", "--config", "missing.yaml"], "missing.yaml: cannot be read"),
    ],
)
def test_bad_argument_is_one_line_that_names_it(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert problem in output.err
    assert output.err.count("\n") == 1


def test_server_that_the_configuration_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("servers: [{id: b1, port: 1}, {id: b2, port: 2}]")
    assert main(["b3", "0", "5", "--config", str(config)]) == 2
    assert capsys.readouterr().err == f"b3: no such server in {config}; use b1, b2\n"


@pytest.mark.parametrize("arguments", [[], ["server1", "port", "5"], ["server1", "0", "5", "--no"]])
def test_arguments_that_cannot_be_read(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
