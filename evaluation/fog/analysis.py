"""From episodes to what may be said: every algorithm's measures, and their paired differences.
Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.fog.playing import Measured
from evaluation.seeds import Measure, Statistics, statistics

REFERENCE = "least_queue"


MEASURES = (
    Measure("reward", "reward per decision", more_is_better=True, digits=2),
    Measure("total_reward", "reward per agent", more_is_better=True),
    Measure("response", "response (s)", more_is_better=False, digits=2),
    Measure("completed", "completed", percent=True, more_is_better=True),
    Measure("dropped", "dropped", percent=True, more_is_better=False),
    Measure("expired", "expired", percent=True, more_is_better=False),
    Measure("overload", "overload", percent=True, more_is_better=False),
    Measure("occupancy", "occupancy", percent=True),
    Measure("energy", "energy per task"),
)
"""Their names are those of the fields of ``Measured``."""


def analyze(played: Sequence[Measured], reference: str = REFERENCE) -> list[Statistics]:
    """Every algorithm, in the order of its first episode."""
    by_name: dict[str, dict[int, Measured]] = {}
    for each in played:
        by_name.setdefault(each.algorithm, {})[each.seed] = each
    return statistics(by_name, MEASURES, number_of, reference)


def number_of(measure: Measure, played: Measured) -> float:
    """A measure of an episode."""
    return float(getattr(played, measure.name))


def best_other(found: Sequence[Statistics], learners: Sequence[str]) -> Statistics | None:
    """Of those that are no learners the one that completed most in time, and of several such the
    quickest; chosen after the fact."""
    others = [each for each in found if each.name not in learners]
    return max(
        others,
        key=lambda each: (
            round(each.measures["completed"].value, 3),
            -each.measures["response"].value,
        ),
        default=None,
    )
