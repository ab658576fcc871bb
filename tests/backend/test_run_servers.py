"""All servers of a configuration: up together, down together, whatever ends them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from backend.run_servers import main, server_command
from config.loading import effective_yaml, load
from config.schema import Server
from tests.backend.waiting import gone, wait_until

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[2] / "backend" / "run_servers.py"


class Run:
    """One run of the script, with its servers' pids and addresses."""

    def __init__(self, config: Path, *arguments: str) -> None:
        command = [sys.executable, str(SCRIPT), "--config", str(config), *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().split() for _ in range(2)]
        self.urls = {name: url for ready, name, url in lines if ready == "ready"}
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.pids = {each.cmdline()[2]: each.pid for each in children}

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said on stderr, once it has ended."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors

    def all_gone(self) -> bool:
        return wait_until(lambda: all(map(gone, self.pids.values())))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        "servers:\n"
        "  - {id: a, host: 127.0.0.1, port: 0, base_delay_ms: 1, service: {spread: 0}}\n"
        "  - {id: b, host: localhost, port: 0, base_delay_ms: 2, service: {spread: 0}}\n"
    )
    return path


@pytest.fixture
def run(config: Path) -> Iterator[Run]:
    made = Run(config, "--until-stdin-closes")
    yield made
    made.process.kill()
    made.end()
    assert made.all_gone()


def test_every_server_of_the_configuration_answers(run: Run) -> None:
    """With its own delay; a signal from a terminal or a supervisor then ends all, cleanly."""
    delays = {name: httpx.get(url, trust_env=False).json() for name, url in run.urls.items()}
    assert {name: each["service_ms"] for name, each in delays.items()} == {"a": 1.0, "b": 2.0}
    assert set(run.pids) == {"a", "b"}
    run.process.send_signal(signal.SIGINT)
    assert run.end() == (0, "")
    assert run.all_gone()


def test_sigterm_ends_all(run: Run) -> None:
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == (0, "")
    assert run.all_gone()


def test_end_of_stdin_ends_all(run: Run) -> None:
    assert run.end() == (0, "")
    assert run.all_gone()


def test_killed_parent_leaves_no_server(run: Run) -> None:
    run.process.kill()
    assert run.all_gone()


def test_death_of_one_is_named_and_ends_all(run: Run) -> None:
    psutil.Process(run.pids["b"]).kill()
    assert run.process.wait(20) == 1
    assert run.end()[1] == "b ended with signal SIGKILL\n"
    assert run.all_gone()


def test_server_that_cannot_start_is_explained_in_its_own_line(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace("host: localhost", "host: 192.0.2.1"))
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        assert main(["--config", str(config)]) == 2
    finally:
        signal.signal(signal.SIGINT, handlers[0])
        signal.signal(signal.SIGTERM, handlers[1])
    error = "b: port 0 cannot be opened: 192.0.2.1 is no address of this machine\n"
    assert capsys.readouterr() == ("", error)


def test_unusable_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("servers: [{id: a, port: 0, service: {slots: 0}}]")
    assert main(["--config", str(path)]) == 2
    assert "servers[0].service: slots must be at least 1, not 0" in capsys.readouterr().err


def test_command_line_names_all_that_the_server_needs() -> None:
    server = Server(id="a", host="127.0.0.1", port=8001, base_delay_ms=50)
    command = server_command(server, Path("c.yaml"), seed=3)
    assert command[0] == sys.executable
    assert command[2:5] == ["a", "8001", "50.0"]
    assert " ".join(command[5:]) == (
        "--host 127.0.0.1 --config c.yaml --until-stdin-closes --seed 3"
    )
    assert "--seed" not in server_command(server, Path("c.yaml"))


def test_a_phase_without_end_survives_the_written_configuration(tmp_path: Path) -> None:
    """What an experiment writes out for its servers is what they read."""
    path = tmp_path / "config.yaml"
    path.write_text("servers: [{id: a, port: 1, service: {phases: [{kind: slow, factor: 2}]}}]")
    settings = load(path)
    path.write_text(effective_yaml(settings))
    assert load(path) == settings
