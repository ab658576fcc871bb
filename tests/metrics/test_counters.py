"""What a node counts."""

import pytest

from metrics.counters import Counters, Series
from rl.vocabulary import Outcome, Verdict

pytestmark = pytest.mark.unit


def test_an_answer_is_counted_by_its_status_with_its_duration() -> None:
    series = Series()
    series.count(Outcome(Verdict.SUCCESS, 0.02, 200))
    series.count(Outcome(Verdict.SUCCESS, 0.03, 200))
    series.count(Outcome(Verdict.SUCCESS, 0.04, 404))

    assert {200: 2, 404: 1} == series.statuses
    assert (0, 0) == (series.failures, series.ignored)
    assert 3 == series.duration.count
    assert pytest.approx(0.09) == series.duration.total


def test_a_failing_answer_is_an_answer_all_the_same() -> None:
    series = Series()
    series.count(Outcome(Verdict.FAILURE, 0.5, 503))

    assert ({503: 1}, 1, 1) == (series.statuses, series.failures, series.duration.count)


@pytest.mark.parametrize("verdict", [Verdict.FAILURE, Verdict.IGNORED])
def test_without_an_answer_there_is_no_duration(verdict: Verdict) -> None:
    """The time until a timeout is not a time to the first byte."""
    series = Series()
    series.count(Outcome(verdict, 30.0, 0))

    assert ({0: 1}, 0) == (series.statuses, series.duration.count)


@pytest.mark.parametrize("status", [0, 200])
def test_an_ignored_attempt_is_neither_a_failure_nor_a_duration(status: int) -> None:
    """A client that leaves a long download says nothing of the time to its first byte."""
    series = Series()
    series.count(Outcome(Verdict.IGNORED, 90.0, status))

    assert (0, 1, {status: 1}) == (series.failures, series.ignored, series.statuses)
    assert (0, 0.0) == (series.duration.count, series.duration.total)


def test_a_pair_of_strategy_and_endpoint_has_one_series() -> None:
    counters = Counters()
    first = counters.series("round_robin", "a")
    other = counters.series("round_robin", "b")
    third = counters.series("random", "a")

    assert first is counters.series("round_robin", "a")
    assert [("round_robin", "a", first), ("round_robin", "b", other), ("random", "a", third)] == (
        counters.all_series()
    )


def test_answers_and_refusals_are_counted_by_their_kind() -> None:
    counters = Counters()
    for status in (200, 200, 502):
        counters.answered(status)
    for label in ("host", "syntax", "host"):
        counters.refused(label)

    assert {200: 2, 502: 1} == counters.answers
    assert {"host": 2, "syntax": 1} == counters.refusals


def test_a_new_node_has_counted_nothing() -> None:
    counters = Counters()

    assert [] == counters.all_series()
    assert ({}, {}, 0, 0, 0) == (
        counters.answers,
        counters.refusals,
        counters.retries,
        counters.reconnections,
        counters.connections,
    )
