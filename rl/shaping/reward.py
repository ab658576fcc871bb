"""What an interval was worth to a client, in parts that can be shown.

    reward = throughput + latency + efficiency - violation - others

each part times its weight. All parts lie in [0, 1], but latency, which is below 0 where the target
is missed; so no client's reward is larger only because its requests are many. Of the client's own
targets and those of others, the weightier count in full and the lighter in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from rl.shaping.reading import Reading, Targets


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the parts.

    Attributes:
        throughput: of what the client could have, how much it got.
        latency: how far below its target the 95th percentile is; without a target, how much
            shorter it became.
        efficiency: share of what was sent that was of use: neither failed nor sent again.
        violation: share of the own targets that were missed.
        others: share of the other clients' targets that were missed; it counts if agents are
            cooperative.
    """

    throughput: float = 1.0
    latency: float = 0.5
    efficiency: float = 0.2
    violation: float = 2.0
    others: float = 2.0

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: it names the weight.
        """
        for name in ("throughput", "latency", "efficiency", "violation", "others"):
            value = getattr(self, name)
            if isinstance(value, bool) or not (isfinite(value) and 0 <= value <= 1000):
                raise ValueError(f"{name}: must be 0 to 1000, not {value}")


class Reward(NamedTuple):
    """The whole and its parts, weighted. ``others`` is measured also where it does not count."""

    total: float
    throughput: float
    latency: float
    efficiency: float
    violation: float
    others: float
    missed: tuple[str, ...]


def reward(
    before: Reading | None,
    reading: Reading,
    targets: Targets,
    weights: Weights,
    cooperative: bool = True,
    got: float | None = None,
) -> Reward:
    """
    Args:
        before: the reading before this one, if there is one.
        got: of the work that the client could have, the share that was done, as a ``Yardstick``
            has it; None takes the share of the requests that came.
    """
    missed = tuple(targets.missed(reading))
    count = targets.count
    own, beside = shares_of(targets, reading)
    violation = -weights.violation * own * len(missed) / count if count else 0.0
    others = -weights.others * beside * min(1.0, reading.others_violations)
    if got is None:
        got = min(1.0, reading.completed / reading.arrivals) if reading.arrivals else 1.0
    throughput = weights.throughput * got
    latency = weights.latency * _latency(before, reading, targets)
    efficiency = weights.efficiency * _efficiency(reading)
    total = throughput + latency + efficiency + violation + (others if cooperative else 0.0)
    return Reward(total, throughput, latency, efficiency, violation, others, missed)


def shares_of(targets: Targets, reading: Reading) -> tuple[float, float]:
    """How much the client's own targets and those of others count: 1 for the weightier."""
    weightiest = max(targets.weight, reading.others_weight)
    return targets.weight / weightiest, reading.others_weight / weightiest


class Yardstick:
    """The most that a client got of late, by which what it gets is measured: in requests, or in
    bytes where requests are few. It shrinks by half in ``HALF_SECONDS``."""

    __slots__ = ("_bytes", "_requests")

    def __init__(self) -> None:
        self._bytes = self._requests = 0.0

    def measure(self, reading: Reading) -> float:
        """What was done in this interval beside the most, 0 to 1; 1 where nothing had to wait, for
        then it was all that the client wanted."""
        kept = 0.5 ** (reading.seconds / HALF_SECONDS)
        requests = reading.completed / reading.seconds
        sent = reading.sent_bytes / reading.seconds
        self._requests = max(self._requests * kept, requests)
        self._bytes = max(self._bytes * kept, sent)
        if self._requests >= FEW_REQUESTS or not self._bytes:
            short = reading.waiting or reading.delayed or reading.refused or reading.failed
            return requests / self._requests if short and self._requests else 1.0
        return sent / self._bytes if reading.in_flight or reading.waiting else 1.0


HALF_SECONDS = 60.0

FEW_REQUESTS = 2.0
"""A second: below it one long answer would look like work in its last interval only."""


def _latency(before: Reading | None, reading: Reading, targets: Targets) -> float:
    if not reading.p95_seconds:
        return 0.0
    if targets.p95_seconds is not None:
        return max(-1.0, 1.0 - reading.p95_seconds / targets.p95_seconds)
    if before is None or not before.p95_seconds:
        return 0.0
    longer = max(before.p95_seconds, reading.p95_seconds)
    return (before.p95_seconds - reading.p95_seconds) / longer


def _efficiency(reading: Reading) -> float:
    ended = reading.completed + reading.failed + reading.refused
    useful = reading.completed / ended if ended else 1.0
    again = reading.retransmitted / reading.segments if reading.segments else 0.0
    return useful * (1.0 - min(1.0, again))
