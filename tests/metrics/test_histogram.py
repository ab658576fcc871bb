"""Fixed buckets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.histogram import OPEN_TELEMETRY_SECONDS, Histogram

pytestmark = pytest.mark.unit


def test_the_edges_are_opentelemetrys_fourteen() -> None:
    """https://opentelemetry.io/docs/specs/semconv/http/http-metrics/"""
    advised = "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10"

    assert tuple(map(float, advised.split())) == OPEN_TELEMETRY_SECONDS
    assert OPEN_TELEMETRY_SECONDS == Histogram().edges


def test_an_edge_belongs_to_the_bucket_below_it() -> None:
    """Prometheus's ``le`` is "less or equal"."""
    histogram = Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.0001, 2.0, 2.0001):
        histogram.observe(value)

    assert [2, 2, 1] == histogram.counts
    assert [(1.0, 2), (2.0, 4), (math.inf, 5)] == histogram.cumulative()


def test_a_new_one_is_empty() -> None:
    histogram = Histogram((1.0,))

    assert (0, 0.0, [(1.0, 0), (math.inf, 0)]) == (
        histogram.count,
        histogram.total,
        histogram.cumulative(),
    )


@given(st.lists(st.floats(min_value=0.0, max_value=100.0), max_size=60))
def test_nothing_is_lost_and_the_rows_rise(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    rows = histogram.cumulative()

    assert len(values) == histogram.count == rows[-1][1]
    assert sum(values) == pytest.approx(histogram.total)
    for edge, below in rows:
        assert sum(value <= edge for value in values) == below


def test_two_histograms_share_nothing() -> None:
    one, other = Histogram(), Histogram()
    one.observe(0.2)

    assert (1, 0) == (one.count, other.count)
