"""From a network's requests to what may be said: windows, and variants compared by them.

Requests of one run share what the network has learned, so that a run is one number in a comparison;
see ``evaluation.seeds``. Pure.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.metrics_analyzer import Estimate
from evaluation.network.records import (
    WINDOW,
    Asked,
    NetworkResult,
    Purpose,
    Run,
    Setting,
    Shape,
    Variant,
    Window,
    level_of,
)
from evaluation.network.recovery import Recovery, recovery
from evaluation.network.values import Valued, tells_values, values
from evaluation.seeds import Difference, Measure, statistics

REFERENCE = Variant("q_routing")
LATE_WINDOWS = 5
"""The last windows of a run, by which its end is judged."""
NEARLY_NONE = 0.05
"""Share of late failures up to which hops and latencies are compared."""
CLEAN_WITHIN = 25
"""Windows within which a network is to have one without failure."""
PUBLISHED = (58, 29, 19, 14, 11, 1, 1, 2, 1, 2, 0)
"""Failures per window that the published form of document 000 prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Measure):
    """A number of a run that variants are compared by. Less is better in all of them."""

    more_is_better: bool | None = False
    of: Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class VariantStatistics:
    """One variant in one setting and shape.

    Attributes:
        clean: by seed, the windows until one without failure, that one included; None if none came.
        measures, differences: by the measure's name; no difference for the reference itself.
        hits: share of the requests of the last windows that a cache answered.
    """

    variant: Variant
    seeds: tuple[int, ...]
    clean: tuple[int | None, ...]
    measures: dict[str, Estimate]
    differences: dict[str, Difference]
    hits: float

    @property
    def clean_seeds(self) -> int:
        """Seeds with a window without failure among the first ``CLEAN_WITHIN``."""
        return sum(each is not None and each <= CLEAN_WITHIN for each in self.clean)


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that a report says.

    Attributes:
        compared: the variants of each setting and shape.
        values: of every run that can tell, see ``tells_values``.
    """

    compared: dict[tuple[Setting, Shape], tuple[VariantStatistics, ...]]
    recoveries: tuple[Recovery, ...]
    values: tuple[tuple[Run, tuple[Valued, ...]], ...]


def windowed(requests: Sequence[Asked], levels: int) -> tuple[Window, ...]:
    """The requests in windows of ``WINDOW``, by their index."""
    ordered = sorted(requests, key=lambda request: request.index)
    return tuple(
        _window(number, ordered[start : start + WINDOW], levels)
        for number, start in enumerate(range(0, len(ordered), WINDOW))
    )


def _window(number: int, requests: Sequence[Asked], levels: int) -> Window:
    good = [request for request in requests if request.success]
    hits = [0] * levels
    for request in good:
        if request.hit and request.way and 1 <= level_of(request.way[-1]) <= levels:
            hits[level_of(request.way[-1]) - 1] += 1
    return Window(
        index=number,
        began=requests[0].at,
        requests=len(requests),
        failures=len(requests) - len(good),
        hops=_mean([len(request.way) for request in good]),
        hits=tuple(hits),
        latency=_mean([request.latency for request in good]),
    )


def windows_to_clean(windows: Sequence[Window]) -> int | None:
    """How many it took until a full one had no failure, that one included."""
    for number, window in enumerate(windows, start=1):
        if window.requests == WINDOW and window.failures == 0:
            return number
    return None


def failure_share(run: Run) -> float:
    """Of all requests of the run."""
    return _ratio(sum(w.failures for w in run.windows), sum(w.requests for w in run.windows))


def late_failure_share(run: Run) -> float:
    """Of the requests of its last windows."""
    late = run.windows[-LATE_WINDOWS:]
    return _ratio(sum(w.failures for w in late), sum(w.requests for w in late))


def late_hops(run: Run) -> float:
    """Nodes that a successful request of the last windows passed."""
    return _weighted(run.windows[-LATE_WINDOWS:], lambda window: window.hops)


def late_latency(run: Run) -> float:
    """Seconds that a successful request of the last windows took."""
    return _weighted(run.windows[-LATE_WINDOWS:], lambda window: window.latency)


def late_hits(run: Run) -> float:
    """Share of the requests of the last windows that a cache answered."""
    late = run.windows[-LATE_WINDOWS:]
    return _ratio(sum(sum(w.hits) for w in late), sum(w.requests for w in late))


MEASURES = (
    Judged(name="failures", title="failed", percent=True, of=failure_share),
    Judged(name="late failures", title="failed at the end", percent=True, of=late_failure_share),
    Judged(name="hops", title="hops", of=late_hops),
    Judged(name="latency", title="latency (s)", of=late_latency),
)


def compared(runs: Sequence[Run]) -> tuple[VariantStatistics, ...]:
    """The variants of runs of one setting and shape, each against ``REFERENCE`` on equal seeds."""
    by_seed: dict[Variant, dict[int, Run]] = defaultdict(dict)
    for run in runs:
        if run.complete and run.windows:
            by_seed[run.variant][run.seed] = run
    own = {variant: dict(sorted(found.items())) for variant, found in by_seed.items()}
    found = statistics(
        {variant.label: runs_of for variant, runs_of in own.items()},
        MEASURES,
        lambda measure, run: measure.of(run),
        REFERENCE.label,
    )
    return tuple(
        VariantStatistics(
            variant=variant,
            seeds=each.seeds,
            clean=tuple(windows_to_clean(run.windows) for run in runs_of.values()),
            measures=each.measures,
            differences=each.differences,
            hits=_mean([late_hits(run) for run in runs_of.values()]),
        )
        for (variant, runs_of), each in zip(own.items(), found, strict=True)
    )


def comparable(
    measure: str, variant: VariantStatistics, variants: Sequence[VariantStatistics]
) -> bool:
    """Whether the measure may be held against the reference's: hops and latency are of answered
    requests, so that they mean the same only where both answer nearly all."""
    if measure in ("failures", "late failures"):
        return True
    reference = next((each for each in variants if each.variant == REFERENCE), variant)
    return all(each.measures["late failures"].value <= NEARLY_NONE for each in (variant, reference))


def analyze(result: NetworkResult) -> Analysis:
    """All of it."""
    groups = dict.fromkeys(
        (run.setting, run.shape) for run in result.runs if run.purpose is Purpose.LEARNING
    )
    return Analysis(
        compared={
            (setting, shape): compared(result.of(setting, shape=shape)) for setting, shape in groups
        },
        recoveries=tuple(
            recovery(run, change) for run in result.runs if run.requests for change in run.changes
        ),
        values=tuple((run, values(run)) for run in result.runs if tells_values(run)),
    )


def _mean(numbers: Sequence[float]) -> float:
    return float(np.mean(numbers)) if len(numbers) else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _weighted(windows: Sequence[Window], value: Callable[[Window], float]) -> float:
    """The mean over the windows' successful requests."""
    good = [window for window in windows if window.failures < window.requests]
    return _ratio(
        sum(value(each) * (each.requests - each.failures) for each in good),
        sum(each.requests - each.failures for each in good),
    )
