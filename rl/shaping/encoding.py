"""What an agent sees: numbers for a network, and coarse levels for a table.

``VERSION`` goes with everything learned: what one encoder's numbers have taught means nothing by
another's. Whatever is measured is squeezed, so that no reading, however wild, leaves [-1, 1].
"""

from __future__ import annotations

from math import isfinite, log, log1p, prod

from rl.shaping.envelope import Envelope
from rl.shaping.reading import Reading, Targets
from rl.shaping.settings import Setting

VERSION = 1

FEATURES = (
    "arrivals_to_rate",
    "completed_to_arrivals",
    "bytes_to_rate",
    "p95_to_target",
    "p50_to_target",
    "throughput_to_target",
    "missed",
    "failed",
    "refused",
    "delayed",
    "resets",
    "retransmitted",
    "round_trip",
    "endpoint_round_trip",
    "waiting",
    "in_flight",
    "cpu",
    "memory",
    "pressure",
    "deadline_missed",
    "application",
    "others_violations",
    "others_p95_ratio",
    "others_weight",
    "requests_per_second",
    "download_bytes_per_second",
    "burst",
    "urgency",
    "drop_probability",
    "path",
    "idle",
)
"""By place, what it is; the levers are where they stand in the envelope."""

SIZE = len(FEATURES)

LEVEL_SIZES = (4, 3, 3, 2, 3, 4)
"""Of ``levels``: own targets, others' targets, whose are weightier, pressure, held by its own rule,
where its rate stands."""

STATES = prod(LEVEL_SIZES)

EASY, NEAR, MISSED, FAR = range(4)
"""Levels of the own targets: the 95th percentile is below ``NEAR_RATIO`` of its target; it is not
far from it; a target is missed; it is missed by more than ``FAR_RATIO``."""

NEAR_RATIO = 0.7
FAR_RATIO = 2.0
PRESSED = 0.5
"""The pressure at which the next level begins."""

LIGHTER, EQUAL, WEIGHTIER = range(3)
"""Levels of the own weight beside the others': by more than ``WEIGHT_RATIO``."""

WEIGHT_RATIO = 1.25

FREE, HELD, FLOODING = range(3)
"""Levels of what a client asks for beside what its own rule lets it."""

FLOODING_SHARE = 0.5
"""Of its requests that were refused: from there on it asks for much more than it can be given."""

HELD_SHARE = 0.05
"""Of its requests that were refused or had to wait, or of its rate in bytes that is not used: where
it is its own rule that holds a client back."""


def features(
    reading: Reading, targets: Targets, setting: Setting, envelope: Envelope
) -> list[float]:
    """As many as ``SIZE``, in the order of ``FEATURES``."""
    seconds = reading.seconds
    arrivals = reading.arrivals / seconds
    completed = reading.completed / seconds
    ended = reading.completed + reading.failed + reading.refused
    came = max(1, reading.arrivals, ended)
    wanted = targets.requests_per_second
    p95, p50 = targets.p95_ratio(reading), 0.0
    if targets.p95_seconds is not None:
        p50 = reading.p50_seconds / targets.p95_seconds
    count = targets.count
    found = [
        _ratio(arrivals, setting.requests_per_second),
        2.0 * min(1.0, reading.completed / came) - 1.0,
        _ratio(reading.sent_bytes / seconds, setting.download_bytes_per_second),
        _ratio(p95, 1.0) if p95 else -1.0,
        _ratio(p50, 1.0) if p50 else -1.0,
        _ratio(completed, wanted),
        len(targets.missed(reading)) / count if count else 0.0,
        min(1.0, reading.failed / came),
        min(1.0, reading.refused / came),
        min(1.0, reading.delayed / came),
        min(1.0, reading.resets / came),
        min(1.0, 10.0 * reading.retransmitted / max(1, reading.segments)),
        _size(reading.round_trip_seconds * 1000.0, 1000.0),
        _size(reading.endpoint_round_trip_seconds * 1000.0, 1000.0),
        _size(reading.waiting, 1000.0),
        _size(reading.in_flight, 1000.0),
        _share(reading.cpu),
        _share(reading.memory),
        _share(reading.pressure),
        min(1.0, reading.deadline_missed / came),
        max(-1.0, min(1.0, reading.application - 1.0)),
        _share(reading.others_violations),
        _ratio(reading.others_p95_ratio, 1.0) if reading.others_p95_ratio else -1.0,
        _ratio(reading.others_weight, targets.weight) if count else 1.0,
        *(_place(envelope, setting, lever) for lever in _PLACED),
        setting.path / (envelope.paths - 1) if envelope.paths > 1 else 0.0,
        1.0 if reading.idle else 0.0,
    ]
    return [value if isfinite(value) else 0.0 for value in found]


def levels(
    reading: Reading, targets: Targets, setting: Setting, envelope: Envelope
) -> tuple[int, ...]:
    """The coarse state: one level each, below ``LEVEL_SIZES``."""
    return (
        own_level(reading, targets),
        others_level(reading),
        weight_level(reading, targets),
        int(reading.pressure >= PRESSED),
        held_level(reading, setting),
        min(3, int(4.0 * rate_position(setting, envelope))),
    )


def own_level(reading: Reading, targets: Targets) -> int:
    """``EASY`` to ``FAR``."""
    if reading.idle:
        return EASY
    ratio = targets.p95_ratio(reading)
    missed = targets.missed(reading)
    if ratio > FAR_RATIO or len(missed) > 1:
        return FAR
    if missed:
        return MISSED
    return NEAR if ratio > NEAR_RATIO else EASY


def others_level(reading: Reading) -> int:
    """``EASY`` to ``MISSED``, of the one among the others that is worst off."""
    if reading.others_violations > 0.0:
        return MISSED
    return NEAR if reading.others_p95_ratio > NEAR_RATIO else EASY


def weight_level(reading: Reading, targets: Targets) -> int:
    """``LIGHTER`` to ``WEIGHTIER``; a client without targets is the lightest of all."""
    others = reading.others_weight
    own = targets.weight if targets.count else 0.0
    if own * WEIGHT_RATIO < others:
        return LIGHTER
    return WEIGHTIER if own > others * WEIGHT_RATIO else EQUAL


def held_level(reading: Reading, setting: Setting) -> int:
    """``FREE`` to ``FLOODING``: whether it is its own rule that holds the client back."""
    came = max(reading.arrivals, reading.completed + reading.refused)
    if reading.refused > FLOODING_SHARE * came:
        return FLOODING
    if reading.refused + reading.delayed > HELD_SHARE * came:
        return HELD
    most = setting.download_bytes_per_second
    paced = most is not None and reading.sent_bytes >= (1 - HELD_SHARE) * most * reading.seconds
    return HELD if paced else FREE


def rate_position(setting: Setting, envelope: Envelope) -> float:
    """Where the client's rates stand in the envelope, 0 to 1; 1 if none has bounds."""
    places = [
        place
        for lever in ("requests_per_second", "download_bytes_per_second")
        if (place := envelope.position(setting, lever)) is not None
    ]
    return sum(places) / len(places) if places else 1.0


_PLACED = (
    "requests_per_second",
    "download_bytes_per_second",
    "burst",
    "urgency",
    "drop_probability",
)


def _place(envelope: Envelope, setting: Setting, lever: str) -> float:
    place = envelope.position(setting, lever)
    return 0.0 if place is None else 2.0 * place - 1.0


def _ratio(value: float, beside: float | None) -> float:
    """0 where both are equal, 1 from eight times on, -1 from an eighth on; 0 beside nothing."""
    if beside is None:
        return 0.0
    if value <= 0.0:
        return -1.0
    return max(-1.0, min(1.0, log(value / beside) / _EIGHT))


def _size(value: float, large: float) -> float:
    return min(1.0, log1p(value) / log1p(large))


def _share(value: float) -> float:
    return max(0.0, min(1.0, value))


_EIGHT = log(8.0)
