"""Who stands out by its share of successes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import FailureShare, SuccessRate
from load_balancer.outliers import Tally, by_failure_share, by_success_rate

pytestmark = pytest.mark.unit

RATE = SuccessRate(enabled=True, deviations=1.9, minimum_endpoints=5, minimum_requests=100)
SHARE = FailureShare(enabled=True, threshold=0.85, minimum_endpoints=5, minimum_requests=50)


def tallies(*failures: int, requests: int = 100) -> list[Tally]:
    return [Tally(requests, each) for each in failures]


def test_one_bad_among_four_good_stands_out() -> None:
    assert [2] == by_success_rate(tallies(0, 1, 50, 0, 1), RATE)


def test_one_bad_among_three_good_cannot_stand_out_by_this_factor() -> None:
    """It lies sqrt(3) = 1.73 deviations below the mean, however bad it is."""
    four = RATE.model_copy(update={"minimum_endpoints": 2})

    assert [] == by_success_rate(tallies(0, 0, 100, 0), four)
    assert [2] == by_success_rate(
        tallies(0, 0, 100, 0), four.model_copy(update={"deviations": 1.7})
    )


@pytest.mark.parametrize("others", range(4, 12))
def test_how_far_one_bad_endpoint_lies_below_the_mean(others: int) -> None:
    """sqrt(n) deviations for one among n good ones: the figure that the docstring rests on."""
    found = tallies(*[0] * others, 70)
    just_below = RATE.model_copy(update={"deviations": math.sqrt(others) - 0.001})
    just_above = RATE.model_copy(update={"deviations": math.sqrt(others) + 0.001})

    assert [others] == by_success_rate(found, just_below)
    assert [] == by_success_rate(found, just_above)


@pytest.mark.parametrize("failures", [0, 1, 50, 100])
def test_a_fleet_that_fails_alike_has_no_outliers(failures: int) -> None:
    assert [] == by_success_rate(tallies(*[failures] * 7), RATE)
    assert [] == by_success_rate([Tally(300, failures * 3)] * 4 + [Tally(700, failures * 7)], RATE)


def test_the_worst_comes_first() -> None:
    """There may be room for one ejection only."""
    found = tallies(0, 38, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0)

    assert [8, 1] == by_success_rate(found, RATE)
    assert [3, 0, 1] == by_failure_share(tallies(90, 90, 0, 100, 84), SHARE)


@pytest.mark.parametrize(
    ("requests", "endpoints", "expected"),
    [(100, 5, [4]), (99, 5, []), (100, 4, [])],
)
def test_too_little_traffic_judges_nobody(
    requests: int, endpoints: int, expected: list[int]
) -> None:
    """Neither too few requests nor too few endpoints that have enough of them."""
    found = [Tally(requests, 0) for _ in range(endpoints - 1)]
    found += [Tally(5, 5)] * (5 - endpoints)
    found.append(Tally(requests, requests - 1))

    assert expected == by_success_rate(found, RATE)


def test_who_has_too_few_requests_is_not_judged_beside_those_who_have_enough() -> None:
    assert [1] == by_success_rate([Tally(99, 99), *tallies(60, 0, 0, 0, 0)], RATE)
    assert [1] == by_failure_share([Tally(49, 49), *tallies(86, 0, 0, 0, 0)], SHARE)


@pytest.mark.parametrize(("failures", "expected"), [(84, []), (85, [0]), (100, [0])])
def test_a_share_of_failures_is_judged_by_the_threshold(failures: int, expected: list[int]) -> None:
    assert expected == by_failure_share(tallies(failures, 0, 0, 0, 0), SHARE)


def test_a_fleet_that_fails_alike_is_bad_by_the_share_of_failures() -> None:
    assert [0, 1, 2, 3, 4] == by_failure_share(tallies(*[90] * 5), SHARE)
    assert [] == by_failure_share(tallies(*[90] * 4), SHARE)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=20))
def test_any_counts_are_judged(pairs: list[tuple[int, int]]) -> None:
    """No division by nothing; whoever is found had enough requests, once each, and nobody who is
    better than one that was found and judged is worse off."""
    found = [Tally(max(pair), min(pair)) for pair in pairs]
    for indices, least in (
        (by_success_rate(found, RATE), 100),
        (by_failure_share(found, SHARE), 50),
    ):
        assert len(set(indices)) == len(indices)
        assert all(found[i].requests >= least for i in indices)
        shares = [found[i].failures / found[i].requests for i in indices]
        assert sorted(shares, reverse=True) == pytest.approx(shares)
