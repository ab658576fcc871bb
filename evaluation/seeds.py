"""What may be said of runs that are compared seed by seed.

A run is one number in such a comparison: whatever happened in it shares what was learned in it, so
that seeds, and nothing smaller, are independent. Intervals are bootstrapped over the seeds, those
of differences over pairs of one seed; see ``evaluation.bootstrap``. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from evaluation.bootstrap import Resampling
from evaluation.metrics_analyzer import Claim, Estimate

DICE = 1994
FEWEST_SEEDS = 5
"""Below that many pairs of seeds nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a run that runs are compared by.

    Attributes:
        title: for a reader.
        percent: it is a share.
        more_is_better: None where neither is.
        digits: after the point; a share has one.
    """

    name: str
    title: str
    percent: bool = False
    more_is_better: bool | None = None
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """Something minus the reference in one measure, seed by seed; None where neither is better."""

    estimate: Estimate
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Whatever was run under several seeds: a strategy, an algorithm, an arm.

    Attributes:
        measures, differences: by the measure's name; no differences for the reference itself.
    """

    name: str
    seeds: tuple[int, ...]
    measures: dict[str, Estimate]
    differences: dict[str, Difference]


Run = TypeVar("Run")
AnyMeasure = TypeVar("AnyMeasure", bound=Measure)


def statistics(
    runs: Mapping[str, Mapping[int, Run]],
    measures: Sequence[AnyMeasure],
    figure: Callable[[AnyMeasure, Run], float],
    reference: str,
) -> list[Statistics]:
    """Of everything that was run, in its order.

    Args:
        runs: by name and seed.
        figure: the number of a run; NaN where it has none.
    """
    others = runs.get(reference, {})
    found = []
    for name, own in runs.items():
        numbers, differences = {}, {}
        shared = [seed for seed in own if seed in others]
        for measure in measures:
            numbers[measure.name] = over_seeds([figure(measure, run) for run in own.values()])
            if name != reference and shared:
                differences[measure.name] = difference(
                    [figure(measure, own[seed]) - figure(measure, others[seed]) for seed in shared],
                    measure.more_is_better,
                )
        found.append(Statistics(name, tuple(own), numbers, differences))
    return found


def over_seeds(values: Sequence[float]) -> Estimate:
    """Their mean, and its interval where there are enough of them; NaN are left out."""
    usable = np.array([value for value in values if math.isfinite(value)])
    if not usable.size:
        return Estimate(math.nan, None)
    resampling = Resampling((usable.size,), DICE, block=1)
    means = np.concatenate([usable[rows].mean(axis=1) for rows in resampling.indices()])
    interval = resampling.interval(means) if usable.size >= FEWEST_SEEDS else None
    return Estimate(float(usable.mean()), interval)


def difference(values: Sequence[float], more_is_better: bool | None) -> Difference:
    """Of paired runs. Nothing is claimed of few pairs, or where the interval holds zero."""
    estimate = over_seeds(values)
    if estimate.interval is None:
        return Difference(estimate, Claim.TOO_FEW)
    if not estimate.interval.excludes_zero:
        return Difference(estimate, Claim.NO_DIFFERENCE)
    if more_is_better is None:
        return Difference(estimate, None)
    better = (estimate.value > 0) == more_is_better
    return Difference(estimate, Claim.WIN if better else Claim.LOSS)
