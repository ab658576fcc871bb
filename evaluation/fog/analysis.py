"""From episodes to what may be said: every algorithm's measures, and their paired differences.

An episode is one number in a comparison, so that seeds, and nothing smaller, are independent;
intervals are bootstrapped over the seeds, of pairs of one seed. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.fog.playing import Measured
from evaluation.metrics_analyzer import Claim, Estimate
from evaluation.network.analysis import over_seeds

REFERENCE = "least_queue"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of an episode.

    Attributes:
        name: of the field of Measured.
        title: for a reader.
        percent: it is a share.
        more_is_better: None where neither is.
    """

    name: str
    title: str
    percent: bool = False
    more_is_better: bool | None = False


MEASURES = (
    Measure("reward", "reward per decision", more_is_better=True),
    Measure("total_reward", "reward per agent", more_is_better=True),
    Measure("response", "response (s)"),
    Measure("completed", "completed", percent=True, more_is_better=True),
    Measure("dropped", "dropped", percent=True),
    Measure("expired", "expired", percent=True),
    Measure("overload", "overload", percent=True),
    Measure("occupancy", "occupancy", percent=True, more_is_better=None),
    Measure("energy", "energy per task", more_is_better=None),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """An algorithm minus the reference in one measure, seed by seed."""

    estimate: Estimate
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """One algorithm.

    Attributes:
        measures, differences: by the measure's name; no differences for the reference itself.
    """

    algorithm: str
    seeds: tuple[int, ...]
    measures: dict[str, Estimate]
    differences: dict[str, Difference]


def analyze(played: Sequence[Measured], reference: str = REFERENCE) -> tuple[Statistics, ...]:
    """Every algorithm, in the order of its first episode."""
    by_name: dict[str, dict[int, Measured]] = {}
    for each in played:
        by_name.setdefault(each.algorithm, {})[each.seed] = each
    others = by_name.get(reference, {})
    found = []
    for name, own in by_name.items():
        shared = [seed for seed in own if seed in others]
        measures: dict[str, Estimate] = {}
        differences: dict[str, Difference] = {}
        for measure in MEASURES:
            measures[measure.name] = over_seeds(
                [float(getattr(each, measure.name)) for each in own.values()]
            )
            if name != reference and shared:
                differences[measure.name] = _difference(
                    measure,
                    [
                        float(getattr(own[seed], measure.name))
                        - float(getattr(others[seed], measure.name))
                        for seed in shared
                    ],
                )
        found.append(Statistics(name, tuple(own), measures, differences))
    return tuple(found)


def best_other(found: Sequence[Statistics], learners: Sequence[str]) -> Statistics | None:
    """Of those that are no learners the one that completed most in time, and of several such the
    quickest; chosen after the fact."""
    others = [each for each in found if each.algorithm not in learners]
    return max(
        others,
        key=lambda each: (
            round(each.measures["completed"].value, 3),
            -each.measures["response"].value,
        ),
        default=None,
    )


def _difference(measure: Measure, values: Sequence[float]) -> Difference:
    """Nothing is claimed of few pairs, or where the interval holds zero."""
    estimate = over_seeds(values)
    if estimate.interval is None:
        return Difference(estimate, Claim.TOO_FEW)
    if not estimate.interval.excludes_zero:
        return Difference(estimate, Claim.NO_DIFFERENCE)
    if measure.more_is_better is None:
        return Difference(estimate, None)
    better = (estimate.value > 0) == measure.more_is_better
    return Difference(estimate, Claim.WIN if better else Claim.LOSS)
