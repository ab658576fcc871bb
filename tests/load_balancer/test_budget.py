"""How many extra requests there may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.budget import SLOTS, Budget

pytestmark = pytest.mark.unit


def budget_of(share: float, minimum: float, window: float = 10.0) -> Budget:
    """One that was made before the first request."""
    budget = Budget(share, minimum, window)
    budget.traffic(0, 0.0)
    return budget


def taken(budget: Budget, now: float, wanted: int = 1000) -> int:
    return sum(budget.take(now) for _ in range(wanted))


def test_a_share_of_the_traffic_may_be_repeated() -> None:
    budget = budget_of(0.2, 0.0)
    budget.traffic(100, 0.0)

    assert 20 == taken(budget, 0.0)


def test_without_traffic_there_is_the_minimum() -> None:
    """Per second of the window: a quiet node may repeat what little it has."""
    assert 30 == taken(budget_of(0.2, 3.0), 5.0)


def test_share_and_minimum_add_up() -> None:
    budget = budget_of(0.2, 1.0)
    budget.traffic(100, 0.0)

    assert 30 == taken(budget, 0.0)


def test_with_neither_there_is_nothing() -> None:
    budget = budget_of(0.0, 0.0)
    budget.traffic(10**9, 0.0)

    assert 0 == taken(budget, 0.0)


def test_a_fifth_of_five_is_one() -> None:
    """Which floating point has a hair below."""
    budget = budget_of(0.2, 0.0)
    for total in range(5, 500, 5):
        budget.traffic(total, 0.0)
        assert 1 == taken(budget, 0.0, 5)


def test_totals_are_counted_once() -> None:
    """The total is a running one, and told as often as anybody likes."""
    budget = budget_of(0.5, 0.0)
    for total in (10, 10, 10, 14, 14):
        budget.traffic(total, 0.0)

    assert 7 == taken(budget, 0.0)


def test_what_was_spent_comes_back_with_the_window_and_traffic_goes() -> None:
    budget = budget_of(0.2, 0.0)
    budget.traffic(100, 100.0)
    assert 20 == taken(budget, 101.5)
    budget.traffic(150, 105.0)
    assert 10 == taken(budget, 109.9)
    # 100 requests and nothing that was spent have left the window: 50 give 10, and 30 were spent.
    assert 0 == taken(budget, 110.0)
    assert 0 == taken(budget, 111.0 - 0.001)
    budget.traffic(200, 112.0)

    assert 100 * 0.2 - 10 == taken(budget, 112.0)


def test_a_pause_empties_the_window() -> None:
    budget = budget_of(0.2, 1.0)
    budget.traffic(1000, 0.0)
    taken(budget, 0.0)

    assert pytest.approx(10.0, abs=1e-6) == budget.left(1e6)


def test_what_is_left_is_told_and_asking_spends_nothing() -> None:
    budget = budget_of(0.2, 1.0)

    assert budget.left(0.0) == budget.left(0.0)
    assert 10 == taken(budget, 0.0)
    assert pytest.approx(0.0, abs=1e-6) == budget.left(0.0)


def test_a_budget_that_is_made_later_does_not_take_the_past_for_recent() -> None:
    """After a change of settings the total is that of days."""
    budget = Budget(0.2, 0.0, 10.0)
    budget.traffic(10_000_000, 0.0)
    first = taken(budget, 0.0)
    budget.traffic(10_000_100, 0.0)

    assert (0, 20) == (first, taken(budget, 0.0))


def test_a_total_that_falls_takes_nothing_away() -> None:
    """Whoever counts may begin anew."""
    budget = budget_of(0.2, 0.0)
    budget.traffic(100, 0.0)
    budget.traffic(5, 0.0)
    budget.traffic(10, 0.0)

    assert 21 == taken(budget, 0.0)


@given(
    st.lists(st.tuples(st.floats(0.0, 4.0), st.integers(0, 30), st.integers(0, 10)), max_size=60),
    st.floats(min_value=0.0, max_value=1e7),
)
def test_no_window_holds_more_than_its_share(
    steps: list[tuple[float, int, int]], start: float
) -> None:
    """Whatever the traffic: what was taken in any time that the window spans is at most the share
    of the traffic in it, plus the minimum; and in a window of steady wanting no less."""
    share, minimum, window = 0.25, 0.5, 10.0
    budget = Budget(share, minimum, window)
    budget.traffic(0, start)
    events: list[tuple[float, int, int]] = []
    total, now = 0, start
    for wait, traffic, wanted in steps:
        now += wait
        total += traffic
        budget.traffic(total, now)
        events.append((now, traffic, taken(budget, now, wanted)))
        # The present slot and the nine before it.
        slot = now // (window / SLOTS)
        inside = [each for each in events if slot - each[0] // (window / SLOTS) < SLOTS]
        allowed = share * sum(each[1] for each in inside) + minimum * window
        spent = sum(each[2] for each in inside)
        before = spent - events[-1][2]
        assert spent <= allowed + 1e-6 or events[-1][2] == 0
        assert events[-1][2] == max(0, min(wanted, int(allowed - before + 1e-6)))
