"""Child processes of ours: started, awaited until they accept connections, and surely stopped.

A child prints one line on stdout when it is ready (``ready NAME URL [admin URL]``), and is given a
stdin that closes when this process ends, however it ends. Knows nothing of what children do.
"""

from __future__ import annotations

import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

LINES_KEPT = 50
"""Last lines of a child's output that are kept to explain its death."""

LINE_BYTES = 8192
POLL_SECONDS = 0.1
READY = re.compile(r"ready (\S+) (https?://\S+)(?: admin (https?://\S+))?\Z")


class ProcessError(Exception):
    """A child did not become ready.

    Attributes:
        exit_code: what it ended with, minus the signal's number if one killed it; None if it never
            began, or was late and has been killed.
        last_lines: the last that it printed.
    """

    def __init__(
        self, problem: str, exit_code: int | None = None, last_lines: Sequence[str] = ()
    ) -> None:
        self.exit_code = exit_code
        self.last_lines = tuple(last_lines)
        super().__init__("\n".join([problem, *last_lines]))


class Process:
    """A child in its own session, so that a terminal's Ctrl-C reaches only its parent.

    Made by ``start``. Signals go to the child's whole process group.

    Attributes:
        name, url, admin_url: from its ready line; until then its command, "" and None.
        pid: its process id.
    """

    def __init__(
        self, command: Sequence[str], child: subprocess.Popen[bytes], log: IO[bytes] | None
    ) -> None:
        self.name = shlex.join(Path(part).name if "/" in part else part for part in command)
        self.url = ""
        self.admin_url: str | None = None
        self.pid = child.pid
        self._child = child
        self._tail: deque[str] = deque(maxlen=LINES_KEPT)
        self._ready: queue.SimpleQueue[re.Match[str]] = queue.SimpleQueue()
        assert child.stdin and child.stdout and child.stderr
        self._stdin = child.stdin
        self._output = threading.Thread(target=self._read_output, args=(child.stdout,), daemon=True)
        self._errors = threading.Thread(
            target=self._read_errors, args=(child.stderr, log), daemon=True
        )

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number if one killed it."""
        return self._child.poll()

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last that it printed, on stderr and beyond its ready line."""
        return tuple(self._tail)

    def wait(self, timeout: float | None = None) -> int | None:
        """Its exit code, or None if it still runs after ``timeout`` seconds."""
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout: float = 5.0) -> None:
        """Asks it to end, and kills it if it has not after ``timeout`` seconds."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # A frozen process takes the request once it runs again.
        if self.wait(timeout) is None:
            self._signal(signal.SIGKILL)
        self._bury()

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._signal(signal.SIGKILL)
        self._bury()

    def freeze(self) -> None:
        """Stops it in its tracks: its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen process go on."""
        self._signal(signal.SIGCONT)

    def begin(self) -> None:
        """Starts reading what it prints; ``start`` has done so."""
        self._output.start()
        self._errors.start()

    def wait_until_ready(self, deadline: float) -> None:
        """Waits for the ready line; ``start`` has done so.

        Args:
            deadline: on the monotonic clock.

        Raises:
            ProcessError: it ended or was late; nothing of it is left.
        """
        # In short steps, because a signal from another thread does not wake a waiting one.
        while True:
            ended = not self._output.is_alive() or self.exit_code is not None
            left = deadline - time.monotonic()
            try:
                ready = self._ready.get(timeout=0.0 if ended else max(0.0, min(left, POLL_SECONDS)))
                break
            except queue.Empty:
                if ended or left <= 0:
                    raise self._failure() from None
        self.name, self.url, self.admin_url = ready.groups()

    def _failure(self) -> ProcessError:
        exit_code = self.exit_code
        how = "was not ready in time"
        if exit_code is None and not self._output.is_alive():
            exit_code = self.wait(1.0)  # It closed its output, most likely to end.
            how = "closed its output and was not ready"
        self.kill()
        if exit_code is not None:
            how = f"ended with {ending(exit_code)} before it was ready"
        return ProcessError(f"{self.name}: {how}", exit_code, self.last_lines)

    def _signal(self, number: signal.Signals) -> None:
        # Once it was waited for, its group is gone and the number may be somebody else's.
        if self._child.poll() is None:
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # It ended in between; macOS forbids to signal a group of zombies.

    def _bury(self) -> None:
        self._child.wait()
        self._stdin.close()
        # Its own children may hold the pipes open for longer; the readers then end with them.
        self._output.join(1.0)
        self._errors.join(1.0)

    def _read_output(self, stream: IO[bytes]) -> None:
        with stream:
            for line in _lines(stream):
                found = READY.match(line)
                if found:
                    self._ready.put(found)
                else:
                    self._tail.append(line)

    def _read_errors(self, stream: IO[bytes], log: IO[bytes] | None) -> None:
        with stream:
            for line in _lines(stream):
                self._tail.append(line)
                if log is not None:
                    try:
                        log.write(line.encode() + b"\n")
                    except OSError:  # A full disk must not stop the child, as a full pipe would.
                        log.close()
                        log = None
        if log is not None:
            log.close()


class Processes:
    """The children of one piece of work. As a context manager it leaves none behind."""

    def __init__(self) -> None:
        self._children: list[Process] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Process]:
        """Those started and not stopped by ``stop``, in the order of their start."""
        return iter(tuple(self._children))

    def start(
        self,
        command: Sequence[str],
        timeout: float = 20.0,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """As the function ``start``."""
        return self.start_all([command], timeout, log, env)[0]

    def start_all(
        self,
        commands: Sequence[Sequence[str]],
        timeout: float = 20.0,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> list[Process]:
        """Starts several at the same time and waits for all of them.

        Raises:
            ProcessError: of the first in the order that failed. The others run on.
        """
        deadline = time.monotonic() + timeout
        started = []
        for command in commands:
            with _interrupts_later():
                started.append(_launch(command, log, env))
                self._children.append(started[-1])
        for process in started:
            process.wait_until_ready(deadline)
        return started

    def stop(self, timeout: float = 5.0) -> None:
        """Stops all, the last started first. Interrupted, it kills the rest and then raises."""
        interruption: BaseException | None = None
        while self._children:
            process = self._children.pop()
            try:
                process.stop(timeout) if interruption is None else process.kill()
            except BaseException as error:
                interruption = interruption or error
                process.kill()
        if interruption is not None:
            raise interruption


def start(
    command: Sequence[str],
    timeout: float = 20.0,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Process:
    """Starts a program and waits until it says that it accepts connections.

    Args:
        command: program and arguments.
        timeout: seconds until it must be ready.
        log: file that its stderr is appended to.
        env: variables laid over this process's own.

    Raises:
        ProcessError: it could not start, ended, or was late; nothing of it is left.
    """
    processes = Processes()
    try:
        return processes.start(command, timeout, log, env)
    except BaseException:
        processes.stop(timeout=0.0)
        raise


def ending(exit_code: int) -> str:
    """``exit code 2``, or ``signal SIGKILL``."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"


def when_stdin_closes(act: Callable[[], None]) -> None:
    """Calls ``act``, in a thread of its own, once this process's stdin has ended."""

    def watch() -> None:
        try:
            # Not through sys.stdin, whose lock would be held when the interpreter ends.
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        act()

    if sys.stdin is None:
        act()
    else:
        threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Keeps a KeyboardInterrupt until the block's end, or a child could begin that nobody knows."""
    late: list[int] = []
    numbers: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is signal.default_int_handler:
                numbers.append(number)
                signal.signal(number, lambda each, _: late.append(each))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
        if late:
            signal.raise_signal(late[0])


def _launch(command: Sequence[str], log: Path | None, env: Mapping[str, str] | None) -> Process:
    try:
        file = None if log is None else log.open("ab", buffering=0)
    except OSError as error:
        raise ProcessError(f"{log}: cannot be written: {error.strerror}") from None
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except OSError as error:
        if file is not None:
            file.close()
        raise ProcessError(f"{command[0]}: cannot be started: {error.strerror}") from None
    process = Process(command, child, file)
    process.begin()
    return process


def _lines(stream: IO[bytes]) -> Iterator[str]:
    while line := stream.readline(LINE_BYTES):
        yield line.decode("utf-8", "replace").rstrip("\r\n")
