"""Learning curve, latency and throughput over time, against sums done by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evaluation.curves import (
    latency_over_time,
    learning_curve,
    rolling_mean,
    stretch_width,
    throughput_over_time,
)
from evaluation.records import ComparisonResult, Request, Run

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


@pytest.fixture
def run(make_experiment: MakeExperiment) -> Run:
    return make_experiment(strategies=("round_robin",), seeds=(0,), requests=8, warmup=2).runs[0]


def timed(run: Run, rows: list[tuple[float, float, bool]]) -> Run:
    """A run of requests of given intended times, latencies and successes."""
    requests: list[Request] = [
        replace(run.requests[0], index=index, intended=at, latency=latency, success=success)
        for index, (at, latency, success) in enumerate(rows)
    ]
    return replace(run, requests=tuple(requests))


def test_rolling_mean_leaves_gaps_out() -> None:
    values = np.array([1.0, np.nan, 3.0, np.nan, np.nan])
    assert rolling_mean(values, 2).tolist() == pytest.approx([1, 3, 3, np.nan], nan_ok=True)


def test_learning_curve_is_the_mean_of_the_seeds_with_their_range(run: Run) -> None:
    """Window: a quarter of the run here; a point stands where its window is full."""
    one = timed(run, [(0.1 * i, 1.0 + i, True) for i in range(8)])
    other = timed(run, [(0.1 * i, 3.0 + i, True) for i in range(8)])
    curve = learning_curve([one, other])
    assert curve.at.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert curve.low.tolist() == pytest.approx([1.5 + i for i in range(7)])
    assert curve.mean.tolist() == pytest.approx([2.5 + i for i in range(7)])
    assert curve.high.tolist() == pytest.approx([3.5 + i for i in range(7)])


def test_learning_curve_ends_with_the_shortest_run(run: Run) -> None:
    short = timed(run, [(0.1 * i, 1.0, True) for i in range(4)])
    assert learning_curve([run, short]).at[-1] == 4


def test_learning_curve_of_nothing_is_empty(run: Run) -> None:
    assert learning_curve([]).at.size == 0
    assert learning_curve([replace(run, requests=())]).mean.size == 0


def test_failures_are_no_part_of_the_curve(run: Run) -> None:
    rows = [(0.1 * i, 100.0 if i % 2 else 1.0, i % 2 == 0) for i in range(8)]
    assert learning_curve([timed(run, rows)]).mean.tolist() == pytest.approx([1.0] * 7)


def test_latency_over_time_has_percentiles_and_failures_by_stretch(run: Run) -> None:
    rows = [(0.0, 1.0, True), (0.4, 3.0, True), (0.6, 9.0, False), (2.0, 5.0, True)]
    found = latency_over_time([timed(run, rows)], stretches=2)
    assert found.width == 1.0
    assert found.at.tolist() == [0.5, 1.5, 2.5]
    assert found.p50.tolist() == pytest.approx([2.0, np.nan, 5.0], nan_ok=True)
    assert found.p95[0] == pytest.approx(2.9)
    assert found.failures.tolist() == [1, 0, 0]


def test_throughput_counts_answers_when_they_end(run: Run) -> None:
    """Two are offered in the first second; one of them is answered in it, one in the next."""
    rows = [(0.0, 0.5, True), (0.5, 1.0, True), (1.2, 0.1, False), (2.0, 0.1, True)]
    found = throughput_over_time([timed(run, rows)], stretches=2)
    assert found.served.mean.tolist() == [1, 1]
    assert found.offered.tolist() == [2, 1]


def test_throughput_has_its_range_over_the_seeds(run: Run) -> None:
    one = timed(run, [(0.0, 0.1, True), (0.1, 0.1, True), (2.0, 0.1, True)])
    other = timed(run, [(0.0, 0.1, True), (0.1, 0.1, False), (2.0, 0.1, True)])
    found = throughput_over_time([one, other], stretches=2)
    assert (found.served.low[0], found.served.mean[0], found.served.high[0]) == (1, 1.5, 2)


@pytest.mark.parametrize(("duration", "expected"), [(0.0, 0.1), (20, 0.5), (21, 1), (1e6, 1800)])
def test_stretches_are_round(duration: float, expected: float) -> None:
    assert stretch_width([duration], 40) == expected
