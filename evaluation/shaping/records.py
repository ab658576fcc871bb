"""What was measured of a run: each client second by second. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import NamedTuple

INTERACTIVE, BATCH, BULK = CLIENTS = ("interactive", "batch", "bulk")
WINDOW_SECONDS = 1.0


class Answer(NamedTuple):
    """One request.

    Attributes:
        offset: seconds after the beginning at which it came.
        latency: until its client had the first byte; infinite without a good answer.
        refused: by its client's rule.
        sent_bytes: that its client got.
    """

    client: str
    offset: float
    latency: float
    refused: bool
    sent_bytes: int


class Window(NamedTuple):
    """A client's requests that came within one second.

    Attributes:
        p95: of their latency, where one without a good answer took for ever; 0 where none came.
    """

    arrivals: int
    completed: int
    refused: int
    failed: int
    sent_bytes: int
    p95: float


class Decided(NamedTuple):
    """What was in force for a client after an interval.

    Attributes:
        second: after the beginning.
        requests_per_second, download_bytes_per_second: None is no bound.
        action, guard: of its agent; "" without one.
        reward: of the action before; 0 without one.
    """

    second: float
    requests_per_second: float | None
    download_bytes_per_second: float | None
    urgency: int
    action: str = ""
    guard: str = ""
    reward: float = 0.0


@dataclass(frozen=True, slots=True)
class Played:
    """A run.

    Attributes:
        arm: how clients were held.
        seed: of everything that is random.
        windows: of each client, from the first second on.
        stretches: the same, of each stretch of the load as a whole.
        decided: of each client, in order.
        left_envelope: decisions outside the operator's bounds.
    """

    arm: str
    seed: int
    windows: dict[str, tuple[Window, ...]]
    stretches: dict[str, tuple[Window, ...]]
    decided: Mapping[str, tuple[Decided, ...]]
    left_envelope: int = 0


def percentile(values: Iterable[float], share: float) -> float:
    """By nearest rank; 0.0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


def played(
    arm: str,
    seed: int,
    answers: Sequence[Answer],
    begins: Sequence[float],
    seconds: float,
    decided: Mapping[str, tuple[Decided, ...]],
    left_envelope: int = 0,
) -> Played:
    """A run, of all its requests.

    Args:
        begins: the second at which each stretch begins.
        seconds: of the run.
    """
    count = ceil(seconds / WINDOW_SECONDS)
    windows = _parts(answers, [number * WINDOW_SECONDS for number in range(count)], seconds)
    return Played(arm, seed, windows, _parts(answers, begins, seconds), decided, left_envelope)


def _parts(
    answers: Iterable[Answer], begins: Sequence[float], seconds: float
) -> dict[str, tuple[Window, ...]]:
    found: dict[str, list[list[Answer]]] = {name: [[] for _ in begins] for name in CLIENTS}
    for each in answers:
        if 0 <= each.offset < seconds:
            found[each.client][bisect_right(begins, each.offset) - 1].append(each)
    return {name: tuple(map(_window, parts)) for name, parts in found.items()}


def _window(answers: Sequence[Answer]) -> Window:
    refused = sum(each.refused for each in answers)
    completed = sum(each.latency < inf for each in answers)
    return Window(
        len(answers),
        completed,
        refused,
        len(answers) - completed - refused,
        sum(each.sent_bytes for each in answers),
        percentile([each.latency for each in answers], 0.95),
    )
