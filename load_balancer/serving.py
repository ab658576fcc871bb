"""A service from its start to its end: signals, standard input, the ready line, reloads, the
service manager. The same for one node and for a supervisor of several.

The first SIGTERM or SIGINT drains, the second cuts; SIGHUP reloads; SIGUSR1 reopens the logs.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Protocol

from config.loading import ConfigError
from config.schema import Settings
from load_balancer.forwarding.tls import silent_of_names
from load_balancer.notify import Notifier
from load_balancer.reloading import Applied, ReloadError
from metrics.life_cycle import LifeCycle

CLEAN = 0
FAULT = 1
BAD_CONFIG = 2


class StartError(Exception):
    """The service cannot run; the message says why and what to do.

    Attributes:
        exit_code: BAD_CONFIG where the operator can do something about it.
    """

    def __init__(self, message: str, exit_code: int = BAD_CONFIG) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Service(Protocol):
    """What is started, reloaded and ended."""

    async def start(self) -> str:
        """Serve; the ready line.

        Raises:
            StartError: it cannot, and nothing is left open.
        """
        ...

    async def stop(self) -> int:
        """Drain; how many connections had to be cut."""
        ...

    def hurry(self) -> None:
        """Let ``stop`` wait for nothing any more."""
        ...

    async def apply(self, settings: Settings) -> Applied:
        """Take up other settings, all or nothing.

        Raises:
            ReloadError: nothing has changed.
        """
        ...

    def reopen_logs(self) -> None:
        """Write to the files that have the logs' names now."""
        ...


class Operation:
    """What may be asked of a running service, by signals and by its admin port.

    Attributes:
        counts: of its life.
    """

    def __init__(
        self, read: Callable[[], Settings] | None, notifier: Notifier, worker: int = 0
    ) -> None:
        """
        Args:
            read: the configuration again, from the sources of the start; None for a service that
                is told by another one.
            worker: its number, where there are several.
        """
        self._prefix = f"worker {worker}: " if worker else ""
        self.counts = LifeCycle()
        self._read = read
        self._notifier = notifier
        self._service: Service | None = None
        self._stop = asyncio.Event()
        self._one_reload = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hangups = 0
        self._exit_code = CLEAN
        self._status = ""

    async def run(self, service: Service, until_stdin_closes: bool) -> int:
        """From the start to the end; the exit code."""
        self._service = service
        sys.unraisablehook = silent_of_names(sys.unraisablehook)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end_signal)
        loop.add_signal_handler(signal.SIGHUP, self._reload_signal)
        loop.add_signal_handler(signal.SIGUSR1, service.reopen_logs)
        try:
            line = await service.start()
        except StartError as error:
            if str(error):
                say(str(error))
            return error.exit_code
        if until_stdin_closes:
            threading.Thread(target=_wait_for_stdin, args=(loop, self.drain), daemon=True).start()
        # What start-up made lives as long as the process; the collector need not look at it again.
        gc.collect()
        gc.freeze()
        print(line, flush=True)
        self._status = f"serves at {line.split()[2]}"
        self._notifier.ready(self._status)
        if self._notifier.watchdog_seconds is not None:
            self._keep(self._stay_alive(self._notifier.watchdog_seconds / 2.0))
        await self._stop.wait()
        self._notifier.stopping("finishes what runs")
        cut = await service.stop()
        if cut:
            say(f"{self._prefix}drain: {cut} connection{'s' * (cut > 1)} had to be cut")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._exit_code

    async def reload(self) -> Applied:
        """Read the configuration again and take it up, all or nothing.

        Raises:
            ConfigError: it is not valid.
            ReloadError: it cannot be taken up.
        """
        if self._read is None or self._service is None:
            raise ReloadError("this process is reloaded by its supervisor")
        async with self._one_reload:
            self._notifier.reloading()
            try:
                settings = await asyncio.to_thread(self._read)
                applied = await self._service.apply(settings)
            except (ConfigError, ReloadError) as error:
                self.counts.reloaded(False)
                problems = "; ".join(str(error).splitlines())
                say(f"reload failed, nothing has changed: {problems}")
                raise
            else:
                self.counts.reloaded(True)
                say(f"reloaded, {applied}")
                return applied
            finally:
                self._notifier.ready(self._status)

    def drain(self) -> None:
        """Begin to end."""
        self._stop.set()

    def fail(self, problem: str) -> None:
        """End because of a fault of the service's own."""
        say(problem)
        self._exit_code = FAULT
        self._stop.set()

    def _end_signal(self) -> None:
        if self._stop.is_set() and self._service is not None:
            self._service.hurry()
        self._stop.set()

    def _reload_signal(self) -> None:
        # One runs and one waits, which will read what is there then; more are not needed.
        if self._read is not None and self._hangups < 2:
            self._hangups += 1
            self._keep(self._reload_quietly())

    async def _reload_quietly(self) -> None:
        try:
            await self.reload()
        except (ConfigError, ReloadError):
            pass  # said and counted
        finally:
            self._hangups -= 1

    async def _stay_alive(self, seconds: float) -> None:
        while True:
            self._notifier.alive()
            await asyncio.sleep(seconds)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def say(text: str) -> None:
    """A line for the operator."""
    print(text, file=sys.stderr, flush=True)


def url(host: str, port: int, secured: bool = False) -> str:
    """Where to reach what listens there from this machine."""
    scheme = "https" if secured else "http"
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{shown}]:{port}" if ":" in shown else f"{scheme}://{shown}:{port}"


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    """In a thread, because not everything that stdin may be can be watched by a loop. Not through
    sys.stdin, whose lock would be held when the interpreter ends."""
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    try:
        loop.call_soon_threadsafe(act)
    except RuntimeError:
        pass  # the loop has ended
