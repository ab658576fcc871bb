"""The search for static rules."""

import pytest

from evaluation.shaping import tuning
from evaluation.shaping.playing import play_rules
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_the_best_is_the_tightest_of_those_that_cost_nothing() -> None:
    names: list[str] = []
    combinations = [(10.0, 8.0, None, None), (80.0, None, None, None), (70.0, 12.0, None, None)]
    best, tried = tuning.tune(SHORT, (1,), combinations, names.append)
    assert 3 == len(tried) == len(names)
    assert tried[0].completed < 0.9 * tried[1].completed
    assert best.bounds[0] in (70.0, 80.0)


def test_without_any_that_is_good_enough_the_search_still_ends() -> None:
    best, _ = tuning.tune(SHORT, (1,), [(5.0, 1.0, 1e6, 1)])
    assert (5.0, 1.0, 1e6, 1) == best.bounds


def test_what_is_counted() -> None:
    played = play_rules(SHORT, "none", None, 1)
    assert 0.0 <= tuning.violations(played, SHORT) <= 1.0
    assert tuning.violations(played, SHORT, 4.0) >= tuning.violations(played, SHORT)
    assert 50 < tuning.completed(played, SHORT) < 150
    assert 100 < len(list(tuning.grid())) < 2000
