"""The demo starts, says what to type, and leaves nothing behind."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from config.loading import effective_yaml, load

pytestmark = pytest.mark.integration


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The default configuration, on ports that the system chooses."""
    data = yaml.safe_load(effective_yaml(load(environ={})))
    ports = _free_ports(len(data["servers"]) + 2)
    for server in data["servers"]:
        server["port"] = ports.pop()
        server["host"] = "127.0.0.1"
    data["load_balancer"] |= {"port": ports.pop(), "admin_port": ports.pop()}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def _free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_ctrl_c_stops_everything_that_the_demo_started(config: Path) -> None:
    """It prints curl lines that work, and one Ctrl-C ends all four processes."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "evaluation.demo", "--config", str(config)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    try:
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        url = next(word for line in lines for word in line.split() if word.endswith("/hello"))
        answer = subprocess.run(
            [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen({url!r}).status)"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert "200\n" == answer.stdout
        children = psutil.Process(demo.pid).children()
        assert 4 == len(children)
        demo.send_signal(signal.SIGINT)
        assert 0 == demo.wait(timeout=20)
        assert not psutil.wait_procs(children, timeout=5)[1]
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()


def test_a_taken_port_is_one_line_and_exit_code_2(config: Path) -> None:
    """Bad input: one clear line, nothing left running."""
    import socket

    data = yaml.safe_load(config.read_text())
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        data["load_balancer"]["port"] = holder.getsockname()[1]
        data["load_balancer"]["host"] = "127.0.0.1"
        config.write_text(yaml.safe_dump(data))
        demo = subprocess.run(
            [sys.executable, "-m", "evaluation.demo", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert 2 == demo.returncode
    assert "load_balancer.port" in demo.stderr
    assert 1 == len(demo.stderr.strip().splitlines())
