"""Counts."""

import pytest

from rl.fog.tallies import Census, Tallies

pytestmark = pytest.mark.unit


def test_a_census_is_balanced_if_nothing_is_missing() -> None:
    places = (1, 2, 3, 4, 5, 6)

    assert Census(27, 3, 2, 1, *places).balanced
    assert Census(27, 3, 2, 1, *places).in_system == 21
    assert not Census(26, 3, 2, 1, *places).balanced
    assert not Census(28, 3, 2, 1, *places).balanced


def test_a_period_begins_at_nothing_and_leaves_the_rest() -> None:
    tallies = Tallies(2)
    tallies.completed_lately[0] = tallies.dropped_lately[1] = 4
    tallies.asked[0] = 9
    kept = tallies.dropped_lately
    tallies.begin_period()

    assert tallies.completed_lately == tallies.dropped_lately == [0, 0]
    assert (tallies.asked, kept) == ([9, 0], [0, 4])
