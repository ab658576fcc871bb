"""What clients saw of a fault: failures, what was lost, and how long until all was as before.

Pure: records and moments in, figures out. Seconds everywhere; offsets count from the plan's start.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from traffic.records import Record

WINDOW = 0.5
"""At 300 requests/s a window holds 150 of them."""

SETTLING = 1.0
"""Seconds at the start that say nothing of how it usually is: connections are being opened."""

PERCENT = 90
"""The percentile that tells a window's latency. One endpoint of three in trouble moves it; one slow
request of a hundred, which any machine has, does not."""

SLACK = 1.2
"""Within 20 % of before counts as before."""

QUIET = 2
"""So many good windows in a row are recovery; one may be luck."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of the requests of one run.

    Attributes:
        failed: failures before the first byte of an answer, and answers with a status from 400 on.
        lost: those of them to which no answer came at all.
        begun: answers that broke off after their first byte, which no proxy can mend.
        reasons: all of these by reason.
        usual, worst: the percentile of the latency before the fault, and in the worst window after.
        recovery: seconds from the fault to the first of the good windows; 0 if none was bad, None
            if it did not come before the fault's end (or the run's).
        recovery_after_end: the same from the fault's end on; None too if the fault has no end.
    """

    requests: int
    failed: int
    lost: int
    begun: int
    reasons: dict[str, int]
    usual: float
    worst: float
    recovery: float | None
    recovery_after_end: float | None
    has_end: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """The requests that were to be sent within ``WINDOW`` seconds from ``start``."""

    start: float
    failures: int
    latency: float


def windows(records: Sequence[Record], start: float, end: float) -> list[Window]:
    """Whole windows from ``start`` to ``end``."""
    count = max(0, math.floor((end - start) / WINDOW + 1e-9))
    held: list[list[Record]] = [[] for _ in range(count)]
    for record in records:
        place = math.floor((record.intended - start) / WINDOW)
        if 0 <= place < count:
            held[place].append(record)
    found = []
    for index, group in enumerate(held):
        good = [each.latency for each in group if not each.failure]
        latency = float(np.percentile(good, PERCENT)) if good else math.inf
        failures = sum(1 for each in group if each.failure)
        found.append(Window(start + index * WINDOW, failures, latency))
    return found


def recovered(found: Sequence[Window], bound: float) -> float | None:
    """Seconds from the first window to the first of ``QUIET`` good ones in a row; None if they do
    not come."""
    quiet = 0
    for index, window in enumerate(found):
        quiet = quiet + 1 if not window.failures and window.latency <= bound else 0
        if quiet == QUIET:
            return (index - QUIET + 1) * WINDOW
    return None


def seen(records: Sequence[Record], began: float, ended: float | None, length: float) -> Seen:
    """The figures of one run.

    Args:
        began, ended: offsets of the fault and of its end, if it has one.
        length: of the run.
    """
    before = windows(records, min(SETTLING, began / 2), began)
    during = windows(records, began, length if ended is None else ended)
    after = [] if ended is None else windows(records, ended, length)
    latencies = [each.latency for each in before if math.isfinite(each.latency)]
    usual = float(np.median(latencies)) if latencies else math.inf
    # What windows before the fault already showed by themselves is no sign of the fault.
    bound = max([SLACK * usual, *latencies])
    bad = [each for each in records if each.failure]
    begun = [each for each in bad if each.error and each.first_byte is not None]
    lost = [each for each in bad if each.error and each.first_byte is None]
    finite = [each.latency for each in (*during, *after) if math.isfinite(each.latency)]
    return Seen(
        requests=len(records),
        failed=len(bad) - len(begun),
        lost=len(lost),
        begun=len(begun),
        reasons=dict(Counter(each.failure for each in bad).most_common()),
        usual=usual,
        worst=max(finite, default=math.inf),
        recovery=recovered(during, bound),
        recovery_after_end=recovered(after, bound) if after else None,
        has_end=ended is not None,
    )
