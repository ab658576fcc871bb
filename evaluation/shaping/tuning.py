"""Static rules, tuned by search: what somebody would set by hand who knows the usual load.

Every combination of bounds is played under the load that they are tuned for. Of those that cost at
most ``MOST_LOST`` of what no shaping completes, the one with the fewest violations of the
interactive client's target is taken, and of equal ones the tightest: bounds just above what is
usual, which is what one sets against a client that may misbehave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf

from evaluation.shaping.playing import play_rules
from evaluation.shaping.records import INTERACTIVE, Played
from evaluation.shaping.scenario import TARGET_SECONDS, Scenario, static_rules

MOST_LOST = 0.01
SEEDS = (1001, 1002)
"""Of other runs than those that are compared."""

BATCH_RATES = (45.0, 50.0, 55.0, 60.0, 75.0, None)
BULK_RATES = (8.0, 9.0, 10.0, 15.0, None)
BULK_BYTES = (9e6, 10e6, 15e6, None)
IN_FLIGHT = (4, 5, 6, 8, 12, None)

Bounds = tuple[float | None, float | None, float | None, int | None]


@dataclass(frozen=True, slots=True)
class Tried:
    """One combination.

    Attributes:
        bounds: arguments of ``static_rules``.
        violations: share of the seconds in which the interactive client's target was missed.
        completed: requests per second, of all clients.
    """

    bounds: Bounds
    violations: float
    completed: float


def grid() -> Iterator[Bounds]:
    """Every combination."""
    return product(BATCH_RATES, BULK_RATES, BULK_BYTES, IN_FLIGHT)


def tune(
    scenario: Scenario,
    seeds: Sequence[int] = SEEDS,
    combinations: Sequence[Bounds] | None = None,
    step: Callable[[str], None] = lambda name: None,
) -> tuple[Tried, list[Tried]]:
    """The best combination, and all that were tried.

    Args:
        step: told of each combination.
    """
    unshaped = _try(scenario, seeds, None)
    tried = []
    for bounds in list(grid()) if combinations is None else combinations:
        tried.append(_try(scenario, seeds, bounds))
        step(" ".join(map(str, bounds)))
    least = unshaped.completed * (1 - MOST_LOST)
    able = [each for each in tried if each.completed >= least] or tried
    best = min(able, key=lambda each: (round(each.violations, 2), *map(_size, each.bounds)))
    return best, tried


def _size(bound: float | None) -> float:
    return inf if bound is None else bound


def _try(scenario: Scenario, seeds: Sequence[int], bounds: Bounds | None) -> Tried:
    rules = None if bounds is None else static_rules(*bounds)
    played = [play_rules(scenario, "static", rules, seed) for seed in seeds]
    return Tried(
        bounds or (None, None, None, None),
        sum(violations(each, scenario) for each in played) / len(played),
        sum(completed(each, scenario) for each in played) / len(played),
    )


def violations(played: Played, scenario: Scenario, begin: float | None = None) -> float:
    """Share of the seconds in which the interactive client's target was missed."""
    windows = played.windows[INTERACTIVE][int(scenario.measured_from if begin is None else begin) :]
    counted = [each for each in windows if each.arrivals]
    return sum(each.p95 > TARGET_SECONDS for each in counted) / max(1, len(counted))


def completed(played: Played, scenario: Scenario, begin: float | None = None) -> float:
    """Requests per second, of all clients."""
    first = int(scenario.measured_from if begin is None else begin)
    parts = [windows[first:] for windows in played.windows.values()]
    return sum(each.completed for windows in parts for each in windows) / max(1, len(parts[0]))
