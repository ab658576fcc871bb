"""What a process and everything below it hold, and whether that grows. Seconds, bytes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

AT_EITHER_END = 3
"""Samples whose median stands for the beginning and for the end: one alone may be a moment of
garbage not yet collected."""


@dataclass(frozen=True, slots=True)
class Held:
    """At one moment.

    Attributes:
        requests: completed so far.
        rss: resident bytes.
        private: those of them that nobody shares; 0 where the system does not say.
        descriptors: open files, sockets included.
    """

    requests: int
    seconds: float
    rss: int
    private: int
    descriptors: int

    @property
    def memory(self) -> int:
        """What growth is told by: the private part, where the system says it. The proportional
        size (PSS) would move with whatever else runs that shares our libraries."""
        return self.private or self.rss


def held(pid: int, requests: int, seconds: float) -> Held:
    """As it is now. Raises psutil.NoSuchProcess if it has ended."""
    root = psutil.Process(pid)
    rss = private = descriptors = 0
    for process in (root, *root.children(recursive=True)):
        try:
            rss += process.memory_info().rss
            descriptors += process.num_fds()
            private += int(process.memory_full_info().uss)
        except psutil.AccessDenied:
            continue
    return Held(requests, seconds, rss, private, descriptors)


def growth(samples: Sequence[Held], after: int) -> float | None:
    """By what share memory grew from the first samples after so many requests to the last ones;
    None with too few samples to tell the two apart."""
    later = [each.memory for each in samples if each.requests >= after]
    if len(later) < 2:
        return None
    count = min(AT_EITHER_END, len(later) // 2)
    return statistics.median(later[-count:]) / statistics.median(later[:count]) - 1.0
