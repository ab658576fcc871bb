"""evaluation.bench.comparison: medians, spreads and ratios by round."""

import pytest

from evaluation.bench.comparison import Sample, Spread, results, table

pytestmark = pytest.mark.unit


def sample(peer: str, turn: int, cpu: float, completed: int = 1000, errors: int = 0) -> Sample:
    return Sample(peer, turn, completed, 2.0, cpu, 0.5, errors=errors)


def test_a_sample_is_time_over_requests() -> None:
    one = sample("ours", 0, cpu=1.9, completed=38_000)
    assert one.microseconds == pytest.approx(50.0)
    assert one.rate == pytest.approx(19_000)
    assert one.busy == pytest.approx(0.95)


def test_no_request_completed_is_infinitely_dear() -> None:
    assert sample("ours", 0, cpu=1.0, completed=0).microseconds == float("inf")


def test_a_spread_is_the_median_between_the_ends() -> None:
    assert Spread.of([4.0, 1.0, 2.0]) == Spread(2.0, 1.0, 4.0)


def test_ratios_are_taken_within_each_round() -> None:
    """A machine that is slower in one round is slower for both: the ratio does not move, though
    the ratio of the two medians' extremes would."""
    taken = [
        sample("ours", 0, 0.02),
        sample("nginx", 0, 0.01),
        sample("nginx", 1, 0.05),
        sample("ours", 1, 0.10),
        sample("ours", 2, 0.06),
        sample("nginx", 2, 0.02),
    ]
    ours, nginx = results(taken, "nginx")
    assert (ours.peer, nginx.peer) == ("ours", "nginx")
    assert ours.ratio is not None
    assert ours.ratio.median == pytest.approx(2.0)
    assert (ours.ratio.low, ours.ratio.high) == pytest.approx((2.0, 3.0))
    assert nginx.ratio == Spread(1.0, 1.0, 1.0)
    assert ours.microseconds.median == pytest.approx(60.0)


def test_a_round_that_lacks_the_base_has_no_ratio() -> None:
    taken = [sample("nginx", 0, 0.01), sample("ours", 0, 0.03), sample("ours", 1, 0.09)]
    ours = results(taken, "nginx")[1]
    assert ours.ratio == Spread(3.0, 3.0, 3.0)
    assert ours.microseconds.high == pytest.approx(90.0)


def test_without_a_base_there_are_no_ratios() -> None:
    (only,) = results([sample("ours", 0, 0.01, errors=2)], None)
    assert only.ratio is None
    assert only.errors == 2


def test_the_table_has_medians_with_their_spread() -> None:
    taken = [
        sample("nginx", 0, 1.9, completed=95_000),
        sample("ours", 0, 1.98, completed=49_500),
        sample("nginx", 1, 1.9, completed=95_000),
        sample("ours", 1, 1.98, completed=44_000),
    ]
    text = table(results(taken, "nginx"), "nginx")
    assert "x nginx" in text
    assert "42.5 (40.0..45.0)" in text
    assert "2.12 (2.00..2.25)" in text
    assert "Not saturated" not in text


def test_the_table_names_who_was_not_saturated() -> None:
    text = table(results([sample("nginx", 0, 1.0), sample("ours", 0, 1.99)], None), None)
    assert "x nginx" not in text
    assert "Not saturated, so rather too high than too low: nginx (" in text
