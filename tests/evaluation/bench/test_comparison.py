"""evaluation.bench.comparison: medians, spreads, ratios by round, verdicts."""

import math

import pytest

from evaluation.bench.cases import Figure, Goal
from evaluation.bench.comparison import (
    Ratio,
    Sample,
    Spread,
    Verdict,
    paired,
    ratio_of,
    results,
    verdicts,
)

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
    ours, nginx = results(taken, "nginx", Figure.CPU)
    assert (ours.peer, nginx.peer) == ("ours", "nginx")
    assert ours.ratio is not None
    assert ours.ratio.median == pytest.approx(2.0)
    assert (ours.ratio.low, ours.ratio.high) == pytest.approx((2.0, 3.0))
    assert nginx.ratio == Ratio(1.0, 1.0, 1.0, 3)
    assert ours.microseconds.median == pytest.approx(60.0)


def test_a_round_that_lacks_the_base_has_no_ratio() -> None:
    taken = [sample("nginx", 0, 0.01), sample("ours", 0, 0.03), sample("ours", 1, 0.09)]
    ours = results(taken, "nginx", Figure.CPU)[1]
    assert ours.ratio == Ratio(3.0, 3.0, 3.0, 1)
    assert ours.microseconds.high == pytest.approx(90.0)


def test_without_a_base_there_are_no_ratios() -> None:
    (only,) = results([sample("ours", 0, 0.01, errors=2)], None, Figure.CPU)
    assert only.ratio is None
    assert only.errors == 2


def test_user_and_system_time_are_told_apart() -> None:
    one = Sample("ours", 0, 1000, 1.0, 0.04, 0.5, proxy_user=0.01)
    assert one.user_share == pytest.approx(0.25)
    assert results([one], None, Figure.CPU)[0].user == pytest.approx(0.25)


def test_bytes_give_rates_and_seconds_per_gigabyte() -> None:
    one = Sample("ours", 0, 100, 2.0, 0.5, 0.5, received_bytes=10**9)
    assert one.megabytes == pytest.approx(500.0)
    assert one.seconds_per_gigabyte == pytest.approx(0.5)
    assert Sample("ours", 0, 0, 2.0, 0.5, 0.5).seconds_per_gigabyte == math.inf
    assert Sample("ours", 0, 0, 2.0, 0.0, 0.5).user_share == 0.0


def test_an_interval_is_of_the_median_and_lies_within_the_rounds() -> None:
    """Of equal rounds it is a point; of few it is their ends; of the same rounds the same."""
    assert ratio_of([1.5] * 5) == Ratio(1.5, 1.5, 1.5, 5)
    assert ratio_of([1.0, 3.0]) == Ratio(2.0, 1.0, 3.0, 2)
    many = [1.0 + index / 100 for index in range(21)]
    found = ratio_of(many)
    assert found.median == pytest.approx(1.10)
    assert 1.0 < found.low < found.median < found.high < 1.2
    assert ratio_of(many) == found


def test_without_a_base_a_ratio_is_the_figure_itself() -> None:
    one = Sample("ours", 0, 0, math.inf, 0.0, 0.0, case="idle", idle_bytes=3000.0)
    assert paired([one], "idle", "ours", None, Figure.MEMORY) == Ratio(3000.0, 3000.0, 3000.0, 1)
    assert paired([one], "idle", "nginx", None, Figure.MEMORY) is None


def test_figures_that_are_not_finite_are_no_ratios() -> None:
    taken = [sample("nginx", 0, 0.01), sample("ours", 0, 0.03, completed=0)]
    assert paired(taken, "plain", "ours", "nginx", Figure.CPU) is None


@pytest.mark.parametrize(
    ("ratio", "at_least", "word"),
    [
        (Ratio(1.2, 1.1, 1.3, 5), False, "met"),
        (Ratio(1.2, 1.1, 1.6, 5), False, "met (unsure)"),
        (Ratio(1.6, 1.5, 1.7, 5), False, "missed"),
        (Ratio(1.6, 1.3, 1.7, 5), False, "missed (unsure)"),
        (Ratio(1.6, 1.5, 1.7, 5), True, "met"),
        (Ratio(1.2, 1.1, 1.3, 5), True, "missed"),
        (None, False, "not measured"),
    ],
)
def test_a_verdict_says_how_sure_it_is(ratio: Ratio | None, at_least: bool, word: str) -> None:
    goal = Goal("plain", "ours", 1.4, "nginx", at_least=at_least)
    assert Verdict(goal, ratio).word == word


def test_verdicts_are_on_the_goals_of_the_cases_that_were_measured() -> None:
    taken = [sample("ours", 0, 0.02), sample("nginx", 0, 0.01), sample("floor", 0, 0.01)]
    found = {each.goal.says(): each.word for each in verdicts(taken)}
    assert found == {
        "plain: ours ≤ 1.4 × nginx in CPU per request": "missed",
        "plain: ours ≤ 1.7 × floor in CPU per request": "missed",
        "plain: ours ≤ 0.025 × fastapi_httpx in CPU per request": "not measured",
    }
