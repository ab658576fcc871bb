"""The process of the fog's REST interface."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from backend.processes import start
from backend.simulation_api import main

pytestmark = pytest.mark.integration

SCRIPT = [sys.executable, str(Path(__file__).parents[2] / "backend" / "simulation_api.py")]


def test_it_serves_until_a_signal_and_ends_cleanly(tmp_path: Path) -> None:
    config = tmp_path / "fog.txt"
    config.write_text("SIZE 3\nNO_LAYERS 1\nCLOUD_EXISTS 0\n")
    process = start([*SCRIPT, "--config", str(config), "--port", "0", "--until-stdin-closes"])
    try:
        assert process.url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=process.url, trust_env=False, timeout=20) as client:
            action = [{"type": "basic", "neighbourIndex": 0, "controllerId": 0}]
            assert client.post("/action", json=action).json()[0]["srcId"] == 0
            assert client.get("/state").json()["info"]["ids"] == [0, 1, 2]
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
    assert list(process.last_lines) == []


def test_taken_port_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"simulation_api: port {port} is taken on 127.0.0.1; choose another or stop what holds it\n"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SIZ 3", "fog.txt: SIZ: unknown key; the nearest valid one is 'SIZE'\n"),
        ("CYCLE 10001", "fog.txt: there may be 10000 ticks from one decision to the next, not 10"),
    ],
)
def test_bad_configuration_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    config = tmp_path / "fog.txt"
    config.write_text(text)
    assert main(["--config", str(config), "--port", "0"]) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert err.count("\n") == 1


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "70000"]) == 2
    assert capsys.readouterr().err.startswith("--port: ")
    with pytest.raises(SystemExit) as caught:
        main(["--most-simulations", "0"])
    assert caught.value.code == 2


def test_it_ends_when_its_stdin_does() -> None:
    """And prints one line, that it is ready, with our own configuration."""
    command = [*SCRIPT, "--port", "0", "--until-stdin-closes"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"ready simulation_api http://127.0.0.1:")
