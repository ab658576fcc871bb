"""How a run is getting on, on stderr: a bar in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn, TextIO

from tqdm import tqdm

from traffic.records import Record

LINE_SECONDS = 5.0
BAR_SECONDS = 0.2
RECENT = 200
"""Requests that the shown mean latency is taken from."""


class Progress:
    """Is told of every request that ends; shows requests done, recent latency and failures."""

    def __init__(
        self,
        planned: int,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._planned = planned
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._quiet = quiet
        self._done = 0
        self._failed = 0
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._shown_at = clock()
        self._bar: tqdm[NoReturn] | None = None
        if not quiet and self._stream.isatty():
            self._bar = tqdm(total=planned, unit=" requests", file=self._stream, leave=False)

    def record(self, record: Record) -> None:
        self._done += 1
        if record.failure:
            self._failed += 1
        else:
            self._recent.append(record.latency)
        if self._quiet:
            return
        now = self._clock()
        if now - self._shown_at >= (LINE_SECONDS if self._bar is None else BAR_SECONDS):
            self._shown_at = now
            self._show()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _show(self) -> None:
        mean = sum(self._recent) / len(self._recent) if self._recent else 0.0
        state = f"recent mean {mean * 1000:.1f} ms, {self._failed} failed"
        if self._bar is not None:
            self._bar.set_postfix_str(state, refresh=False)
            self._bar.n = self._done
            self._bar.refresh()
        else:
            print(f"{self._done} of {self._planned} requests, {state}", file=self._stream)
            self._stream.flush()
