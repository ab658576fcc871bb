"""From a network's requests to what may be said: windows, and variants compared by them.

A run is one number in a comparison: requests of one run share what the network has learned, so that
seeds, and nothing smaller, are independent. Intervals are bootstrapped over the seeds; see
``evaluation.bootstrap``. Pure.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import Resampling
from evaluation.metrics_analyzer import Claim, Estimate
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

REFERENCE = Variant("q_routing")
DICE = 1994
FEWEST_SEEDS = 5
"""Below that many pairs of seeds nothing is claimed."""
LATE_WINDOWS = 5
"""The last windows of a run, by which its end is judged."""
NEARLY_NONE = 0.05
"""Share of late failures up to which hops and latencies are compared."""
CLEAN_WITHIN = 25
"""Windows within which a network is to have one without failure."""
PUBLISHED = (58, 29, 19, 14, 11, 1, 1, 2, 1, 2, 0)
"""Failures per window that the published form of document 000 prints."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a run that variants are compared by. NaN where a run has none."""

    name: str
    unit: str
    of: Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class Difference:
    """A variant minus ``REFERENCE`` in one measure, seed by seed. Less is better in all of them."""

    estimate: Estimate
    claim: Claim


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
    Measure("failures", "share", failure_share),
    Measure("late failures", "share", late_failure_share),
    Measure("hops", "nodes", late_hops),
    Measure("latency", "seconds", late_latency),
)


def over_seeds(values: Sequence[float]) -> Estimate:
    """Their mean, and its interval where there are enough of them; NaN are left out."""
    usable = np.array([value for value in values if math.isfinite(value)])
    if not usable.size:
        return Estimate(math.nan, None)
    resampling = Resampling((usable.size,), DICE, block=1)
    means = np.concatenate([usable[rows].mean(axis=1) for rows in resampling.indices()])
    interval = resampling.interval(means) if usable.size >= FEWEST_SEEDS else None
    return Estimate(float(usable.mean()), interval)


def compared(runs: Sequence[Run]) -> tuple[VariantStatistics, ...]:
    """The variants of runs of one setting and shape, each against ``REFERENCE`` on equal seeds."""
    by_variant: dict[Variant, list[Run]] = defaultdict(list)
    for run in runs:
        if run.complete and run.windows:
            by_variant[run.variant].append(run)
    reference = {run.seed: run for run in by_variant.get(REFERENCE, ())}
    found = []
    for variant, own in by_variant.items():
        own.sort(key=lambda run: run.seed)
        differences = {}
        if variant != REFERENCE and reference:
            differences = {
                measure.name: difference(
                    [
                        measure.of(run) - measure.of(reference[run.seed])
                        for run in own
                        if run.seed in reference
                    ]
                )
                for measure in MEASURES
            }
        found.append(
            VariantStatistics(
                variant=variant,
                seeds=tuple(run.seed for run in own),
                clean=tuple(windows_to_clean(run.windows) for run in own),
                measures={
                    each.name: over_seeds([each.of(run) for run in own]) for each in MEASURES
                },
                differences=differences,
                hits=_mean([late_hits(run) for run in own]),
            )
        )
    return tuple(found)


def comparable(
    measure: str, variant: VariantStatistics, variants: Sequence[VariantStatistics]
) -> bool:
    """Whether the measure may be held against the reference's: hops and latency are of answered
    requests, so that they mean the same only where both answer nearly all."""
    if measure in ("failures", "late failures"):
        return True
    reference = next((each for each in variants if each.variant == REFERENCE), variant)
    return all(each.measures["late failures"].value <= NEARLY_NONE for each in (variant, reference))


def difference(values: Sequence[float]) -> Difference:
    """Of paired runs. Nothing is claimed of few pairs, or where the interval holds zero."""
    usable = [value for value in values if math.isfinite(value)]
    estimate = over_seeds(usable)
    if estimate.interval is None:
        claim = Claim.TOO_FEW
    elif not estimate.interval.excludes_zero:
        claim = Claim.NO_DIFFERENCE
    else:
        claim = Claim.WIN if estimate.value < 0 else Claim.LOSS
    return Difference(estimate, claim)


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
