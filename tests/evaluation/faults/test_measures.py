"""evaluation.faults.measures: what clients saw, and when all was as before."""

import math

import pytest

from evaluation.faults.measures import Window, recovered, seen, windows
from traffic.records import Record

pytestmark = pytest.mark.unit

RATE = 100


def record(
    at: float,
    latency: float = 0.01,
    status: int = 200,
    error: str = "",
    first_byte: float | None = 0.005,
) -> Record:
    return Record(0, at, at, latency, first_byte, 0 if error else status, error, "", "a")


def steady(seconds: float) -> list[Record]:
    return [record(index / RATE) for index in range(int(seconds * RATE))]


def test_windows_hold_the_requests_by_their_intended_time() -> None:
    found = windows(steady(3.0), 1.0, 2.7)
    assert [each.start for each in found] == [1.0, 1.5, 2.0]
    assert all(each.failures == 0 for each in found)
    assert all(each.latency == pytest.approx(0.01) for each in found)


def test_a_window_without_a_good_answer_is_endlessly_late() -> None:
    (only,) = windows([record(0.1, error="timeout", first_byte=None)], 0.0, 0.5)
    assert only == Window(0.0, 1, math.inf)


def test_recovery_needs_two_good_windows_in_a_row() -> None:
    good, bad, late = Window(0, 0, 0.01), Window(0, 1, 0.01), Window(0, 0, 0.05)
    assert recovered([good, good], 0.012) == 0.0
    assert recovered([bad, good, late, good, good], 0.012) == 1.5
    assert recovered([bad, good, bad], 0.012) is None
    assert recovered([], 0.012) is None


def test_nothing_happens_and_nothing_is_seen() -> None:
    found = seen(steady(8.0), 2.0, 5.0, 8.0)
    assert (found.requests, found.failed, found.lost, found.begun) == (800, 0, 0, 0)
    assert (found.recovery, found.recovery_after_end) == (0.0, 0.0)
    assert found.reasons == {}
    assert found.usual == found.worst == pytest.approx(0.01)


def test_failures_are_told_apart_by_whether_an_answer_had_begun() -> None:
    """A status is an answer, a broken connection before the first byte is none, and an answer that
    breaks off can no longer be repeated."""
    records = steady(4.0)
    records[205] = record(2.05, status=502)
    records[210] = record(2.10, error="connection closed", first_byte=None)
    records[215] = record(2.15, error="answer cut short", first_byte=0.004)
    found = seen(records, 2.0, None, 4.0)
    assert (found.failed, found.lost, found.begun) == (2, 1, 1)
    assert found.reasons == {"status 502": 1, "connection closed": 1, "answer cut short": 1}
    assert found.recovery == 0.5
    assert not found.has_end
    assert found.recovery_after_end is None


def test_latency_that_stays_high_is_no_recovery() -> None:
    records = [record(index / RATE, 0.01 if index < 200 else 0.02) for index in range(800)]
    found = seen(records, 2.0, 5.0, 8.0)
    assert (found.recovery, found.recovery_after_end) == (None, None)
    assert found.worst == pytest.approx(0.02)


def test_what_windows_before_the_fault_show_by_themselves_counts_as_before() -> None:
    """A machine that is slow now and then by itself must not look like the fault's work."""
    records = [
        record(index / RATE, 0.02 if 150 <= index < 200 else 0.018 if index >= 200 else 0.01)
        for index in range(800)
    ]
    assert seen(records, 4.0, None, 8.0).recovery == 0.0
