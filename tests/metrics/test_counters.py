"""What a node counts."""

import pytest

from metrics.counters import Counters, Series
from metrics.histogram import Histogram
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
        counters.finished(status, 0.1, 0.1, 0, 0)
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


def test_attempts_are_those_of_all_strategies_and_endpoints_however_they_ended() -> None:
    """What retries are a share of."""
    counters = Counters()
    counters.series("random", "a").count(Outcome(Verdict.SUCCESS, 0.1, 200))
    counters.series("random", "a").count(Outcome(Verdict.FAILURE, 0.1, 0))
    counters.series("random", "b").count(Outcome(Verdict.IGNORED, 0.1, 0))
    counters.series("first", "a").count(Outcome(Verdict.SUCCESS, 0.1, 200))

    assert (4, 0) == (counters.attempts(), Counters().attempts())


def test_what_was_counted_for_an_endpoint_that_is_gone_can_be_dropped() -> None:
    """Or endpoints that come and go would fill the memory."""
    counters = Counters()
    counters.series("random", "a")
    kept = counters.series("random", "b")
    counters.ejected("a", "failures")
    counters.ejected("b", "failures")
    counters.forget("a")
    counters.forget("never seen")

    assert [("random", "b", kept)] == counters.all_series()
    assert {("b", "failures"): 1} == counters.ejections


def test_a_request_counts_in_the_class_of_its_status() -> None:
    """Once in each histogram, by the same edges as everything else; 0 is for no answer."""
    counters = Counters()
    counters.finished(200, 0.3, 0.02, 5, 100)
    counters.finished(204, 0.01, 0.01, 0, 50)
    counters.finished(503, 20.0, -1.0, 7, 30)
    counters.finished(0, 1.0, -1.0, 0, 0)
    found = {
        digit: (series.duration.count, series.first_byte.count)
        for digit, series in enumerate(counters.clients)
        if series.duration.count
    }

    assert {0: (1, 0), 2: (2, 2), 5: (1, 0)} == found
    assert (12, 180) == (counters.received_bytes, counters.sent_bytes)


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.0051, 10.0, 10.1])
def test_a_request_falls_into_the_bucket_that_a_histogram_says(seconds: float) -> None:
    """``finished`` writes ``Histogram.observe`` out, and must not say anything else."""
    counters = Counters()
    counters.finished(200, seconds, seconds, 0, 0)
    expected = Histogram()
    expected.observe(seconds)

    for histogram in (counters.clients[2].duration, counters.clients[2].first_byte):
        assert (expected.counts, expected.total) == (histogram.counts, histogram.total)


def test_every_status_that_a_peer_can_send_has_its_class() -> None:
    counters = Counters()
    for status in (100, 599, 600, 999):
        counters.finished(status, 1.0, 1.0, 0, 0)

    assert [0, 1, 0, 0, 0, 1, 1, 0, 0, 1] == [each.duration.count for each in counters.clients]


def test_what_happens_beside_requests_is_counted_by_its_reason() -> None:
    counters = Counters()
    for endpoint, reason in (("a", "failures"), ("a", "failures"), ("b", "gateway")):
        counters.ejected(endpoint, reason)
    counters.queue_refused("full")
    counters.tls_failed("protocol")
    counters.tls_failed("protocol")

    assert {("a", "failures"): 2, ("b", "gateway"): 1} == counters.ejections
    assert ({"full": 1}, {"protocol": 2}) == (counters.queue_refusals, counters.tls_failures)
