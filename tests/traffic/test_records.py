"""traffic.records: what a run's figures are made of."""

import pytest

from traffic.records import Distribution, Record, summarise, table

pytestmark = pytest.mark.unit


def record(index: int, **changes: object) -> Record:
    values: dict[str, object] = {
        "index": index,
        "intended": index / 10,
        "sent": index / 10,
        "latency": 0.1,
        "first_byte": 0.05,
        "status": 200,
        "error": "",
        "request_id": str(index),
        "endpoint": "a",
    }
    return Record(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [(200, "", ""), (301, "", ""), (404, "", "status 404"), (0, "timeout", "timeout")],
)
def test_a_failure_is_no_answer_or_a_status_from_400_on(
    status: int, error: str, failure: str
) -> None:
    assert record(0, status=status, error=error).failure == failure


def test_percentiles_interpolate_linearly() -> None:
    found = Distribution.of([0.1, 0.2, 0.3, 0.4])
    assert found.mean == pytest.approx(0.25)
    assert found.p50 == pytest.approx(0.25)
    assert found.p90 == pytest.approx(0.37)
    assert found.max == 0.4


def test_latencies_are_of_the_requests_that_did_not_fail() -> None:
    """A refused connection is quick; counting it would make a dead server look fast."""
    found = summarise(
        [record(0), record(1, latency=0.001, first_byte=None, status=0, error="refused")], 2
    )
    assert found.latency.mean == pytest.approx(0.1)
    assert found.failures == {"refused": 1}
    assert found.failed == 1


def test_rates_are_between_the_first_and_the_last() -> None:
    late = [record(index, sent=index / 5) for index in range(11)]
    found = summarise(late, 20)
    assert found.planned_rate == pytest.approx(10)
    assert found.sent_rate == pytest.approx(5)
    assert (found.requests, found.planned) == (11, 20)


@pytest.mark.parametrize("records", [[], [record(0)], [record(0), record(1, intended=0, sent=0)]])
def test_too_little_for_a_rate_gives_zero(records: list[Record]) -> None:
    assert summarise(records, 2).sent_rate == 0.0
    assert "rate        0.00/s sent" in table(summarise(records, 2))


def test_a_generator_that_lags_says_so() -> None:
    found = summarise([record(index, sent=index / 10 + 0.05) for index in range(20)], 20)
    (warning,) = found.warnings()
    assert "could not keep up" in warning
    assert "50 ms (P99)" in warning


def test_waiting_for_a_place_in_flight_is_not_lag_and_is_told_apart() -> None:
    found = summarise([record(0), record(1, sent=5.0, delayed=True)], 2)
    assert found.lag.max == 0.0
    (warning,) = found.warnings()
    assert warning.startswith("1 of 2 requests waited")


def test_a_good_run_warns_of_nothing() -> None:
    assert summarise([record(index) for index in range(20)], 20).warnings() == []


def test_the_table_has_milliseconds_failures_by_reason_and_shares() -> None:
    some = [record(0), record(1), record(2, endpoint="b"), record(3, status=503, endpoint="")]
    text = table(summarise(some, 4))
    assert "latency         100.0    100.0" in text
    assert "failures    1 (25.0 %)" in text
    assert "status 503" in text
    assert "answered by a: 2 (66.7 %)" in text
    assert "            b: 1 (33.3 %)" in text
