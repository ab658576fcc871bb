"""evaluation.bench.leash: foreign programs are pinned, awaited and never left behind."""

import os
import subprocess
import sys
from collections.abc import Sequence

import psutil
import pytest

from backend.processes import Process, ProcessError, start
from evaluation.bench.launch import free_ports

pytestmark = pytest.mark.integration

# A server that knows no ready line, takes its time to listen, and is deaf to stdin.
SERVER = """
import socket, sys, time
time.sleep(0.2)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    while True:
        listening.accept()[0].close()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER


def leashed(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "evaluation.bench.leash", *arguments]


def held(program: str = SERVER, *options: str) -> tuple[Process, psutil.Process]:
    """The leash, and what it holds."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = leashed(*options, "--ready", "thing", url, "--", sys.executable, "-c", program)
    process = start([*command, str(port)])
    assert (process.name, process.url) == ("thing", url)
    (child,) = psutil.Process(process.pid).children()
    return process, child


def ended(child: psutil.Process) -> bool:
    return psutil.wait_procs([child], timeout=5)[1] == []


def test_it_says_ready_once_the_program_accepts_and_ends_it_when_asked() -> None:
    process, child = held()
    process.stop()
    assert ended(child)
    assert process.exit_code == 0


@pytest.mark.parametrize("program", [SERVER, DEAF])
def test_the_program_ends_when_the_one_who_wanted_it_is_gone(program: str) -> None:
    """The death of a parent, however sudden, closes the stdin of its children."""
    (port,) = free_ports(1)
    command = leashed("--ready", "thing", f"http://127.0.0.1:{port}", "--", sys.executable, "-c")
    with subprocess.Popen(
        [*command, program, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as leash:
        assert leash.stdin is not None and leash.stdout is not None
        assert leash.stdout.readline() == f"ready thing http://127.0.0.1:{port}\n".encode()
        (child,) = psutil.Process(leash.pid).children()
        leash.stdin.close()
        assert ended(child)
        assert leash.wait(5) == 0


def test_a_program_that_ends_by_itself_ends_the_leash_with_its_exit_code() -> None:
    command = leashed("--ready", "thing", "http://127.0.0.1:9", "--", sys.executable, "-c")
    with pytest.raises(ProcessError, match="told you so") as raised:
        start([*command, "import sys; sys.exit('told you so')"])
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("ready", [(), ("--ready", "thing", "http://127.0.0.1:9")])
def test_a_program_that_is_not_there_is_one_line(ready: Sequence[str]) -> None:
    with pytest.raises(ProcessError) as raised:
        start(leashed(*ready, "--", "/no/such/program"))
    assert raised.value.exit_code == 2
    assert raised.value.last_lines == (
        "leash: /no/such/program: cannot be started: No such file or directory",
    )


def test_without_a_ready_line_to_say_it_becomes_the_program() -> None:
    program = "import sys; print('ready it http://x admin http://y', flush=True); sys.stdin.read()"
    process = start(leashed("--", sys.executable, "-c", program))
    try:
        assert (process.name, process.url, process.admin_url) == ("it", "http://x", "http://y")
        assert psutil.Process(process.pid).children() == []
    finally:
        process.stop()


def test_it_keeps_the_program_on_one_core_where_that_can_be() -> None:
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    process, child = held(SERVER, "--core", str(core))
    try:
        if hasattr(os, "sched_getaffinity"):
            assert os.sched_getaffinity(child.pid) == {core}
        assert child.is_running()
    finally:
        process.stop()
    assert ended(child)
