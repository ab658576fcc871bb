"""Which runs count, and when two runs had the same load."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.records import ComparisonResult, same_load

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def test_measured_leaves_the_warm_up_out(make_experiment: MakeExperiment) -> None:
    run = make_experiment(requests=50, warmup=10).runs[0]
    assert [request.index for request in run.measured()] == list(range(10, 50))


def test_runs_of_come_by_seed_and_whole(make_experiment: MakeExperiment) -> None:
    """A run that was cut short does not count beside whole ones."""
    result = make_experiment(seeds=(2, 0, 1), requests=50, warmup=10, interrupted_at=4)
    assert [run.seed for run in result.runs_of("round_robin")] == [2]
    assert [run.seed for run in make_experiment(seeds=(2, 0, 1)).runs_of("peak_ewma")] == [0, 1, 2]


def test_a_cut_run_counts_where_it_is_all_there_is(make_experiment: MakeExperiment) -> None:
    result = make_experiment(requests=50, warmup=10, interrupted_at=0)
    assert [run.complete for run in result.runs_of("round_robin")] == [False]
    assert result.measured_strategies() == ["round_robin"]


def test_a_run_cut_within_its_warm_up_counts_nothing(make_experiment: MakeExperiment) -> None:
    result = make_experiment(requests=50, warmup=40, interrupted_at=0)
    assert result.measured_strategies() == []


def test_same_load_is_same_moments_and_paths(make_experiment: MakeExperiment) -> None:
    one, other = make_experiment(seeds=(0,), requests=30).runs[:2]
    assert same_load(one.requests, other.requests)
    assert same_load(one.requests, other.requests[:10])
    moved = [replace(each, intended=each.intended + 0.001) for each in other.requests]
    assert not same_load(one.requests, moved)
    elsewhere = [replace(each, path="/other") for each in other.requests]
    assert not same_load(one.requests, elsewhere)
    assert not same_load(one.requests, [])
