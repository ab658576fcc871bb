"""What clients see of a change to the network: how much fails, and for how long. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evaluation.network.records import WINDOW, Change, Run


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a change did to the clients.

    Attributes:
        seconds: from the change to its last failure, after which ``WINDOW`` requests in a row
            succeeded; 0 if none failed, None if that never came to be.
        windows: windows of requests that this took, at least 1 where any failed.
        failures: requests that failed from the change until then.
        before: share of the ``WINDOW`` requests ahead of the change that failed.
        longest: the longest wait for an answer in that time, in seconds.
    """

    run: Run
    change: Change
    seconds: float | None
    windows: int | None
    failures: int
    before: float
    longest: float


def recovery(run: Run, change: Change) -> Recovery:
    """What the clients of ``run`` saw of ``change``; see ``Recovery``."""
    ordered = sorted(run.requests, key=lambda request: request.at)
    before = [request for request in ordered if request.at < change.at][-WINDOW:]
    end = min((each.at for each in run.changes if each.at > change.at), default=math.inf)
    after = [request for request in ordered if change.at <= request.at < end]
    last = None  # place of the last failure ahead of a window's worth of successes
    successes = 0
    for place, request in enumerate(after):
        if not request.success:
            last, successes = place, 0
            continue
        successes += 1
        if successes == WINDOW:
            break
    recovered = successes == WINDOW
    until = after if not recovered else after[: 0 if last is None else last + 1]
    failures = sum(not request.success for request in until)
    seconds: float | None = None
    if recovered:
        seconds = 0.0 if last is None else after[last].at - change.at
    return Recovery(
        run=run,
        change=change,
        seconds=seconds,
        windows=math.ceil(len(until) / WINDOW) if recovered else None,
        failures=failures,
        before=sum(not request.success for request in before) / max(1, len(before)),
        longest=max((request.latency for request in until), default=0.0),
    )
