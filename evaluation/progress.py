"""How the experiment is getting on, on stderr: a bar in a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn, TextIO

from tqdm import tqdm

from traffic.records import Record

LINE_SECONDS = 10.0
BAR_SECONDS = 0.2
RECENT = 100
"""Requests in the shown rolling mean."""


class _Shown:
    """A bar in a terminal; elsewhere a line, if the last one is ten seconds old.

    Args:
        total: planned, in ``unit``.
        clock: monotonic seconds.
    """

    def __init__(
        self, total: int, unit: str, stream: TextIO | None, clock: Callable[[], float]
    ) -> None:
        self._total = total
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._done = 0
        self._began = self._shown_at = clock()
        self._bar: tqdm[NoReturn] | None = None
        if self._stream.isatty():
            self._bar = tqdm(
                total=total,
                unit=unit,
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
                mininterval=0,  # ``_due`` sees to that
                miniters=1,
            )

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _due(self) -> bool:
        now = self._clock()
        if now - self._shown_at < (LINE_SECONDS if self._bar is None else BAR_SECONDS):
            return False
        self._shown_at = now
        return True

    def _line(self, place: int, places: int, what: str) -> None:
        left = ""
        if 0 < self._done < self._total:
            spent = self._clock() - self._began
            left = f", about {spent / self._done * (self._total - self._done):.0f} s left"
        print(f"[{place}/{places}] {what}{left}", file=self._stream, flush=True)


class Progress(_Shown):
    """Is told of runs and of every request that ends.

    Args:
        runs, requests: planned, of the whole experiment.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        runs: int,
        requests: int,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(requests, "req", stream, clock)
        self._runs = runs
        self._run = 0
        self._name = ""
        self._done_in_run = 0
        self._failed = 0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def begin_run(self, strategy: str, seed: int) -> None:
        self._run += 1
        self._name = f"{strategy}, seed {seed}"
        self._done_in_run = self._failed = 0
        self._recent.clear()
        if self._bar is not None:
            self._bar.set_description_str(self._name)

    def record(self, record: Record) -> None:
        self._done += 1
        self._done_in_run += 1
        if record.failure:
            self._failed += 1
        else:
            self._recent.append(record.latency)
        if not self._due():
            return
        if self._bar is None:
            self._tell()
        else:
            self._bar.set_postfix_str(self._state(), refresh=False)
            self._bar.update(self._done - self._bar.n)

    def end_run(self) -> None:
        self._shown_at = self._clock()
        if self._bar is None:
            self._tell()

    def _tell(self) -> None:
        what = f"{self._name}: {self._done_in_run} requests, {self._state()}"
        self._line(self._run, self._runs, what)

    def _state(self) -> str:
        mean = sum(self._recent) / len(self._recent) * 1000 if self._recent else 0.0
        failed = f", {self._failed} failed" if self._failed else ""
        return f"rolling mean {mean:.1f} ms{failed}"


class Steps(_Shown):
    """The same of an experiment in virtual time, whose runs end in any order.

    Args:
        total: runs that are planned.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        total: int,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(total, "run", stream, clock)

    def step(self, name: str) -> None:
        """The run of this name has ended."""
        self._done += 1
        if self._bar is not None:
            self._bar.set_description_str(name, refresh=False)
            self._bar.update(1)
        elif self._due():
            self._line(self._done, self._total, name)
