"""From runs to what may be said of ways of holding clients: measures, paired differences, bars.
Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from evaluation.metrics_analyzer import Estimate
from evaluation.seeds import Measure, Statistics, over_seeds, statistics
from evaluation.shaping.records import BATCH, BULK, CLIENTS, INTERACTIVE, Played

NONE, STATIC = "none", "static"
MOST_OF_STATIC = 0.5
LEAST_OF_UNSHAPED = 0.95
MOST_BY_FLOOD = 0.1


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run is judged by.

    Attributes:
        target_seconds: of the interactive client's 95th percentile.
        shifted: the second at which the load shifts for the first time.
        measured_from: the second from which on a run counts.
    """

    target_seconds: float
    shifted: float
    measured_from: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Measure):
    """A number of a run that is judged."""

    of: Callable[[Played, Ground], float]


def violations(played: Played, ground: Ground) -> float:
    """Share of the seconds after the first shift in which the interactive client missed its
    target."""
    windows = [each for each in played.windows[INTERACTIVE][int(ground.shifted) :] if each.arrivals]
    return sum(each.p95 > ground.target_seconds for each in windows) / max(1, len(windows))


def completed(played: Played, ground: Ground) -> float:
    """Requests per second, of all clients."""
    return sum(completed_of(played, ground, name) for name in CLIENTS)


def completed_of(played: Played, ground: Ground, name: str) -> float:
    """The same of one client."""
    windows = played.windows[name][int(ground.measured_from) :]
    return sum(each.completed for each in windows) / max(1, len(windows))


def sent(played: Played, ground: Ground) -> float:
    """Megabytes per second, of all clients; NaN where nobody counted them."""
    parts = [played.windows[name][int(ground.measured_from) :] for name in CLIENTS]
    total = sum(each.sent_bytes for windows in parts for each in windows)
    return total / 1e6 / max(1, len(parts[0])) if total else math.nan


def refused(played: Played, ground: Ground) -> float:
    """Share of the requests that got no good answer, of the interactive client."""
    windows = played.windows[INTERACTIVE][int(ground.measured_from) :]
    came = sum(each.arrivals for each in windows)
    return 1 - sum(each.completed for each in windows) / max(1, came)


def reward(played: Played) -> float:
    """Mean of all clients and intervals, as their agents were paid."""
    found = [each.reward for name in CLIENTS for each in played.decided.get(name, ())]
    return sum(found) / len(found) if found else math.nan


MEASURES = (
    Judged(
        name="violations",
        title="target missed",
        percent=True,
        more_is_better=False,
        of=violations,
    ),
    Judged(name="completed", title="completed /s", more_is_better=True, of=completed),
    *(
        Judged(
            name=name,
            title=f"{name} /s",
            more_is_better=True if name != BULK else None,
            of=partial(completed_of, name=name),
        )
        for name in CLIENTS
    ),
    Judged(name="sent", title="MB/s", of=sent),
    Judged(
        name="refused", title="interactive lost", percent=True, more_is_better=False, of=refused
    ),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that was to be reached.

    Attributes:
        text: what.
        arm: by whom.
        estimate: the number that has to be below or above ``most`` or ``least``.
        reached: with all of its interval; None where there are too few seeds to say.
    """

    text: str
    arm: str
    estimate: Estimate
    bound: float
    below: bool
    reached: bool | None


def analyze(played: Sequence[Played], ground: Ground) -> list[Statistics]:
    """Every arm of the runs under the shifting load, in the order of its first one."""
    return statistics(
        _by_arm(played), MEASURES, lambda measure, run: measure.of(run, ground), STATIC
    )


def by_stretch(
    played: Sequence[Played], ground: Ground, begins: Sequence[float]
) -> dict[str, tuple[float, ...]]:
    """Share of the seconds in which the target was missed, of each stretch, arm by arm."""
    found = {}
    for arm, own in _by_arm(played).items():
        parts = [_missed(each, ground, begins) for each in own.values()]
        found[arm] = tuple(sum(column) / len(parts) for column in zip(*parts, strict=True))
    return found


def _missed(played: Played, ground: Ground, begins: Sequence[float]) -> list[float]:
    windows = played.windows[INTERACTIVE]
    found = []
    for begin, end in pairwise((*begins, len(windows))):
        part = [each for each in windows[int(begin) : int(end)] if each.arrivals]
        missed = sum(each.p95 > ground.target_seconds for each in part)
        found.append(missed / max(1, len(part)))
    return found


def shift_bars(played: Sequence[Played], ground: Ground) -> list[Bar]:
    """Of each adaptive arm: half the violations of the static rules, and hardly less completed
    than without any."""
    by_arm = _by_arm(played)
    static, unshaped = by_arm.get(STATIC, {}), by_arm.get(NONE, {})
    found = []
    for arm, own in by_arm.items():
        if arm in (NONE, STATIC):
            continue
        pairs = [(own[seed], static[seed]) for seed in own if seed in static]
        if pairs:
            found.append(
                _bar(
                    "target missed, less half of what the static rules miss",
                    arm,
                    [
                        violations(one, ground) - MOST_OF_STATIC * violations(other, ground)
                        for one, other in pairs
                    ],
                    0.0,
                    below=True,
                )
            )
        pairs = [(own[seed], unshaped[seed]) for seed in own if seed in unshaped]
        if pairs:
            found.append(
                _bar(
                    "completed, of what no shaping completes",
                    arm,
                    [completed(one, ground) / completed(other, ground) for one, other in pairs],
                    LEAST_OF_UNSHAPED,
                    below=False,
                )
            )
    return found


def flood_bars(calm: Sequence[Played], flooded: Sequence[Played]) -> list[Bar]:
    """How much longer the others' 95th percentile is while one client floods."""
    found = []
    before, after = _by_arm(calm), _by_arm(flooded)
    for arm, own in after.items():
        for name in (INTERACTIVE, BATCH):
            changes = [
                own[seed].stretches[name][-1].p95 / before[arm][seed].stretches[name][-1].p95 - 1
                for seed in own
                if seed in before.get(arm, {}) and before[arm][seed].stretches[name][-1].p95
            ]
            if changes:
                found.append(
                    _bar(f"{name}: P95 with a flood beside", arm, changes, MOST_BY_FLOOD, True)
                )
    return found


def first_bars(played: Sequence[Played], untrained: str) -> list[Bar]:
    """What training ahead is worth in the first minute.

    Args:
        untrained: how the names of arms end that were not trained.
    """
    by_arm = _by_arm(played)
    found = []
    for arm, own in by_arm.items():
        other = by_arm.get(arm + untrained, {})
        pairs = [(own[seed], other[seed]) for seed in own if seed in other]
        if pairs:
            found.append(
                _bar(
                    "reward in the first minute, more than untrained",
                    arm,
                    [reward(one) - reward(two) for one, two in pairs],
                    0.0,
                    below=False,
                )
            )
    return found


def _bar(text: str, arm: str, values: Sequence[float], bound: float, below: bool) -> Bar:
    estimate = over_seeds(values)
    between = estimate.interval
    reached = None
    if between is not None:
        reached = between.high < bound if below else between.low > bound
    return Bar(text, arm, estimate, bound, below, reached)


def _by_arm(played: Sequence[Played]) -> dict[str, dict[int, Played]]:
    found: dict[str, dict[int, Played]] = {}
    for each in played:
        found.setdefault(each.arm, {})[each.seed] = each
    return found
