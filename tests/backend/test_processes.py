"""Children that behave in every way a child can, and that none of them is ever left."""

import _thread
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backend.processes import Process, ProcessError, Processes, ending, start
from tests.backend.waiting import gone, wait_until

pytestmark = pytest.mark.integration

SAY_READY = "import sys, os, signal, time\nprint('ready child http://127.0.0.1:9', flush=True)\n"
UNTIL_EOF = "sys.stdin.read()\n"


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-E", "-c", program]


@pytest.fixture
def child() -> Iterator[Process]:
    process = start(python(SAY_READY + UNTIL_EOF))
    yield process
    process.kill()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where a shell started us with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ready_line_gives_name_and_address(child: Process) -> None:
    assert (child.name, child.url, child.admin_url) == ("child", "http://127.0.0.1:9", None)
    assert child.exit_code is None


def test_ready_line_may_give_an_admin_address() -> None:
    process = start(python("print('ready slb http://h:1 admin http://h:2', flush=True)\ninput()"))
    try:
        assert (process.name, process.url, process.admin_url) == ("slb", "http://h:1", "http://h:2")
    finally:
        process.stop()


def test_child_has_a_session_of_its_own(child: Process) -> None:
    """A terminal's Ctrl-C does not reach it."""
    assert os.getsid(child.pid) == child.pid != os.getsid(0)


def test_child_that_ends_before_it_is_ready_is_explained() -> None:
    """By its exit code and last words, and without waiting for the time-out."""
    began = time.monotonic()
    with pytest.raises(ProcessError) as caught:
        start(python("import sys\nprint('out')\nsys.exit('server1: port 1 is taken')"), 60)
    assert time.monotonic() - began < 30
    assert caught.value.exit_code == 1
    assert set(caught.value.last_lines) == {"out", "server1: port 1 is taken"}
    assert "ended with exit code 1 before it was ready\n" in str(caught.value)


def test_only_the_last_lines_are_kept() -> None:
    with pytest.raises(ProcessError) as caught:
        start(python("import sys\nfor n in range(999): print(n, file=sys.stderr)"))
    assert caught.value.last_lines == tuple(str(number) for number in range(949, 999))


def test_late_child_is_killed() -> None:
    with pytest.raises(ProcessError, match="was not ready in time") as caught:
        start(
            python("import os, sys, time\nprint(os.getpid(), file=sys.stderr)\ntime.sleep(60)"), 1.0
        )
    assert caught.value.exit_code is None
    assert gone(int(caught.value.last_lines[0]))


def test_child_that_closes_its_output_will_never_be_ready() -> None:
    with pytest.raises(ProcessError, match="closed its output and was not ready"):
        start(python("import os, time\nos.close(1)\ntime.sleep(60)"), 60)


def test_program_that_does_not_exist() -> None:
    with pytest.raises(ProcessError, match="no-such-program: cannot be started: No such file"):
        start(["no-such-program"])


def test_log_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="cannot be written: Is a directory"):
        start(python(SAY_READY), log=tmp_path)
    with pytest.raises(ProcessError, match="cannot be started"):
        start(["no-such-program"], log=tmp_path / "log")


def test_log_gets_what_the_child_says_on_stderr(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("before\n")
    with Processes() as processes:
        processes.start(python("import sys\nprint('é', file=sys.stderr)\n" + SAY_READY), log=log)
    assert log.read_text() == "before\né\n"


def test_log_that_breaks_does_not_stop_the_child(tmp_path: Path) -> None:
    """A full disk, say; here a pipe that nobody reads any more."""
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    block = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n"
    shout = "signal.sigwait({signal.SIGUSR1})\nos.write(2, b'x\\n' * 100_000)\nsys.exit(7)"
    process = start(python(block + SAY_READY + shout), log=log)
    os.close(reader)
    os.kill(process.pid, signal.SIGUSR1)
    assert process.wait(20) == 7
    process.stop()


def test_variables_are_laid_over_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    monkeypatch.setenv("BOTH", "1")
    program = "import os, sys\nsys.exit(os.environ['OURS'] + os.environ['BOTH'])"
    with pytest.raises(ProcessError) as caught:
        start(python(program), env={"BOTH": "2"})
    assert caught.value.last_lines == ("12",)


def test_talkative_child_is_never_blocked() -> None:
    """Pipes hold some 64 KiB; a child that fills both before and after it is ready goes on."""
    shout = "for to in (1, 2): os.write(to, (b'x' * 99 + b'\\n') * 10_000)\n"
    program = f"import os\n{shout}{SAY_READY}{shout}sys.exit(7)"
    process = start(python(program))
    assert process.wait(20) == 7
    process.stop()


def test_stop_is_a_request_to_end() -> None:
    """A child that ends by itself chooses its exit code; a second stop finds nothing to do."""
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
    process = start(python("import signal, sys\n" + handler + SAY_READY + "time.sleep(60)"))
    process.stop()
    process.stop()
    assert process.exit_code == 3


def test_child_that_will_not_end_is_killed() -> None:
    handler = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    process = start(python(handler + SAY_READY + "time.sleep(60)"))
    process.stop(timeout=0.2)
    assert process.exit_code == -signal.SIGKILL


def test_children_of_the_child_are_stopped_with_it() -> None:
    program = (
        "import subprocess, sys\n"
        "other = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "print(other.pid, file=sys.stderr, flush=True)\n"
    )
    process = start(python(program + SAY_READY + "time.sleep(60)"))
    assert wait_until(lambda: bool(process.last_lines))
    process.stop()
    assert wait_until(lambda: gone(int(process.last_lines[0])))


def test_kill_is_a_crash(child: Process) -> None:
    child.kill()
    assert child.exit_code == -signal.SIGKILL


def test_frozen_child_stands_still_until_it_is_thawed(child: Process) -> None:
    watched = psutil.Process(child.pid)
    child.freeze()
    assert wait_until(lambda: watched.status() == psutil.STATUS_STOPPED)
    child.thaw()
    assert wait_until(lambda: watched.status() != psutil.STATUS_STOPPED)


def test_frozen_child_can_be_stopped(child: Process) -> None:
    child.freeze()
    child.stop()
    assert child.exit_code == -signal.SIGTERM


def test_signals_after_the_end_reach_nobody(child: Process) -> None:
    """The number may belong to another process by then."""
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    child.freeze()
    child.stop()


def test_wait_says_when_the_child_still_runs(child: Process) -> None:
    assert child.wait(0.01) is None


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_block_leaves_no_child_however_it_ends(error: type[BaseException] | None) -> None:
    pids: list[int] = []

    def block() -> None:
        with Processes() as processes:
            pids.extend(
                each.pid for each in processes.start_all([python(SAY_READY + "input()")] * 2)
            )
            assert [each.pid for each in processes] == pids
            if error is not None:
                raise error

    if error is None:
        block()
    else:
        with pytest.raises(error):
            block()
    assert all(map(gone, pids))


def test_last_started_is_stopped_first(tmp_path: Path) -> None:
    """A balancer ends before the servers that it still sends requests to."""
    ends = tmp_path / "ends"
    note = (
        "import signal, sys\n"
        "def end(*_):\n"
        f"    open({str(ends)!r}, 'a').write(NAME)\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
    )
    with Processes() as processes:
        for name in "abc":
            processes.start(python(f"NAME = {name!r}\n" + note + SAY_READY + "time.sleep(60)"))
    assert ends.read_text() == "cba"


def test_failed_start_leaves_the_others_to_the_block() -> None:
    with pytest.raises(ProcessError, match="exit code 5"), Processes() as processes:
        try:
            processes.start_all([python(SAY_READY + UNTIL_EOF), python("raise SystemExit(5)")])
        finally:
            pids = [each.pid for each in processes]
    assert all(map(gone, pids))


@pytest.mark.usefixtures("interruptible")
def test_second_interrupt_kills_instead_of_waiting() -> None:
    """Whoever presses Ctrl-C again while a stubborn child is being stopped is not kept waiting."""
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    processes = Processes()
    children = processes.start_all([python(stubborn + SAY_READY + "time.sleep(60)")] * 2)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        processes.stop(timeout=60)
    timer.join()
    assert [each.exit_code for each in children] == [-signal.SIGKILL] * 2
    assert list(processes) == []


@pytest.mark.usefixtures("interruptible")
def test_interrupted_start_leaves_no_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        f"import os, time\nopen({str(note)!r}, 'w').write(f'{{os.getpid()}} ')\ntime.sleep(60)"
    )

    def interrupt() -> None:
        wait_until(lambda: note.exists() and " " in note.read_text())
        _thread.interrupt_main()

    timer = threading.Thread(target=interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        start(python(program), 60)
    timer.join()
    assert gone(int(note.read_text()))


@pytest.mark.usefixtures("interruptible")
def test_interrupt_amid_a_start_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the child's birth and the moment that anybody knows its number."""
    born: list[int] = []
    popen = subprocess.Popen

    def interrupted(*arguments: object, **options: object) -> object:
        child = popen(*arguments, **options)  # type: ignore[call-overload]
        born.append(child.pid)
        signal.raise_signal(signal.SIGINT)
        return child

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(python("import time\ntime.sleep(60)"))
    assert gone(born[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_children_can_be_started_from_any_thread() -> None:
    started: list[Process] = []
    thread = threading.Thread(target=lambda: started.append(start(python(SAY_READY + UNTIL_EOF))))
    thread.start()
    thread.join()
    started[0].stop()
    assert started[0].exit_code == -signal.SIGTERM


def test_child_ends_when_its_parent_is_killed() -> None:
    """Nobody is left to stop it, but its stdin closes."""
    waits = (
        "from backend.processes import when_stdin_closes\n"
        "import os, time\n"
        "when_stdin_closes(lambda: os._exit(0))\n"
        "print('ready child http://127.0.0.1:9', flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = (
        "import sys, time\n"
        "from backend.processes import start\n"
        f"child = start([sys.executable, '-c', {waits!r}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert not gone(pid)
        process.kill()
    assert wait_until(lambda: gone(pid))


def test_stdin_that_was_never_open_has_closed() -> None:
    program = "from backend.processes import when_stdin_closes; when_stdin_closes(lambda: print(1))"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, program],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"1\n"


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(0, "exit code 0"), (2, "exit code 2"), (-9, "signal SIGKILL"), (-99, "signal 99")],
)
def test_endings_have_names(exit_code: int, words: str) -> None:
    assert re.fullmatch(words, ending(exit_code))
