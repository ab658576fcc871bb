"""Statistics, paired differences and claims, on experiments whose truth is known."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evaluation.bootstrap import Interval, Metric
from evaluation.metrics_analyzer import (
    Analysis,
    Claim,
    analyze,
    claim,
    compare,
    compare_unpaired,
    sample_of,
    statistics_of,
    throughput,
)
from evaluation.records import ComparisonResult, Request, Run

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def with_latencies(run: Run, strategy: str, change: Callable[[Request], float]) -> Run:
    requests = tuple(replace(each, latency=change(each)) for each in run.requests)
    return replace(run, strategy=strategy, requests=requests)


def test_statistics_are_those_of_the_counted_successes(make_experiment: MakeExperiment) -> None:
    """Warm-up and failures are left out of the latencies, and failures are counted."""
    result = make_experiment(strategies=("round_robin",), fail_share=0.7)
    found = analyze(result).statistics["round_robin"]
    counted = [r for run in result.runs for r in run.requests if not r.warmup]
    latencies = np.array([r.latency for r in counted if r.success])
    failures = sum(not r.success for r in counted)
    assert (found.requests, found.failures) == (3300, failures)
    assert failures > 50
    values = {metric: estimate.value for metric, estimate in found.metrics.items()}
    assert values[Metric.MEAN] == pytest.approx(latencies.mean())
    assert values[Metric.P50] == pytest.approx(np.percentile(latencies, 50))
    assert values[Metric.P95] == pytest.approx(np.percentile(latencies, 95))
    assert values[Metric.P99] == pytest.approx(np.percentile(latencies, 99))
    assert values[Metric.SD] == pytest.approx(latencies.std(ddof=1))
    assert values[Metric.CV] == pytest.approx(latencies.std(ddof=1) / latencies.mean())
    assert values[Metric.SUCCESS] == pytest.approx(1 - failures / 3300)
    cost = sum(r.latency for r in counted) + failures
    assert values[Metric.COST] == pytest.approx(cost / 3300)
    late = [r.latency for r in counted if r.success and r.index >= 100 + 550]
    assert values[Metric.LATE_MEAN] == pytest.approx(np.mean(late))


def test_intervals_hold_their_value(analysis: Analysis) -> None:
    for statistics in analysis.statistics.values():
        for metric, estimate in statistics.metrics.items():
            assert estimate.interval is not None, metric
            assert estimate.interval.low <= estimate.value <= estimate.interval.high


def test_shares_add_up_and_have_their_range_over_the_seeds(analysis: Analysis) -> None:
    shares = analysis.statistics["q_learning"].shares
    assert sum(spread.mean for spread in shares.values()) == pytest.approx(1)
    assert shares["server1"].low <= shares["server1"].mean <= shares["server1"].high
    assert shares["server1"].mean > 0.7


def test_cost_is_the_mean_where_nothing_fails(analysis: Analysis) -> None:
    metrics = analysis.statistics["peak_ewma"].metrics
    assert metrics[Metric.COST].value == pytest.approx(metrics[Metric.MEAN].value)


def test_throughput_counts_successes_until_the_last_answer(
    make_experiment: MakeExperiment,
) -> None:
    """A server that answers late has less of it, at the same rate of arrivals."""
    run = make_experiment(strategies=("round_robin",), seeds=(0,)).runs[0]
    first = run.requests[0]
    slow = replace(first, intended=0.0, latency=4.0)
    quick = replace(first, intended=1.0, latency=0.1)
    failed = replace(first, intended=1.0, latency=0.1, success=False)
    assert throughput([slow, quick, failed]) == pytest.approx(2 / 4)
    assert throughput([]) == 0
    assert throughput([replace(slow, latency=0.0)]) == 0


def test_retries_exploration_and_lateness_are_counted(make_experiment: MakeExperiment) -> None:
    run = make_experiment(strategies=("round_robin",), seeds=(0,), warmup=0).runs[0]
    requests = list(run.requests)
    requests[3] = replace(requests[3], attempts=2, explored=True)
    requests = [replace(each, sent=each.intended + 0.002) for each in requests]
    found = statistics_of("round_robin", [replace(run, requests=tuple(requests))])
    assert (found.retried, found.explored) == (1, 1)
    assert found.lag_p99 == pytest.approx(0.002)


def test_a_planted_difference_is_found(make_experiment: MakeExperiment) -> None:
    """1 ms more on every request, hidden in noise thirty times as large: pairing finds it."""
    run = make_experiment(strategies=("round_robin",), seeds=(0, 1)).runs
    dice = np.random.default_rng(1)
    slower = [
        with_latencies(each, "other", lambda r: r.latency + 0.001 + dice.normal(0, 0.002))
        for each in run
    ]
    found = compare("other", slower, "round_robin", run)
    assert found is not None
    assert found.pairs == 2200
    mean = found.differences[Metric.MEAN]
    assert mean.claim is Claim.LOSS
    assert mean.absolute.value == pytest.approx(0.001, rel=0.1)
    assert mean.relative.value == pytest.approx(0.001 / 0.078, rel=0.15)
    assert mean.absolute.interval is not None
    assert mean.absolute.interval.low < 0.001 < mean.absolute.interval.high
    assert all(difference > 0 for difference in found.seed_differences.values())
    turned = compare("round_robin", run, "other", slower)
    assert turned is not None
    assert turned.differences[Metric.MEAN].claim is Claim.WIN
    assert turned.differences[Metric.COST].claim is Claim.WIN


def test_identical_runs_are_no_difference(make_experiment: MakeExperiment) -> None:
    runs = make_experiment(strategies=("round_robin",)).runs
    found = compare("a", runs, "b", runs)
    assert found is not None
    claims = {difference.claim for difference in found.differences.values()}
    assert claims == {Claim.NO_DIFFERENCE}


def test_strategies_of_equal_merit_are_seldom_told_apart(make_experiment: MakeExperiment) -> None:
    """Round robin against a random choice of the same shares: at 95 %, about one claim in 20."""
    claims = 0
    for seed in range(20):
        result = make_experiment(
            strategies=("round_robin", "random"), seeds=(seed,), requests=500, warmup=0
        )
        found = compare("random", result.runs_of("random"), "rr", result.runs_of("round_robin"))
        assert found is not None
        claims += found.differences[Metric.MEAN].claim is not Claim.NO_DIFFERENCE
    assert claims <= 4


def test_the_best_classic_is_no_learner(analysis: Analysis) -> None:
    """q_learning is quickest of all here; the reference is the best of the others."""
    assert analysis.best_classic == "peak_ewma"
    assert set(analysis.against_best) == {"round_robin", "least_request", "q_learning"}
    assert set(analysis.against_baseline) == {"least_request", "peak_ewma", "q_learning"}
    assert analysis.against_best["q_learning"].differences[Metric.MEAN].claim is Claim.WIN


def test_a_classic_that_fails_quickly_is_not_the_best(make_experiment: MakeExperiment) -> None:
    """peak_ewma's latencies are lower, its failures cost more than that."""
    found = analyze(make_experiment(strategies=("round_robin", "peak_ewma"), fail_share=1.0))
    metrics = {name: each.metrics for name, each in found.statistics.items()}
    assert metrics["peak_ewma"][Metric.MEAN].value < metrics["round_robin"][Metric.MEAN].value
    assert found.best_classic == "round_robin"
    assert found.against_best == found.against_baseline
    against = found.against_baseline["peak_ewma"].differences
    assert against[Metric.MEAN].claim is Claim.WIN
    assert against[Metric.COST].claim is Claim.LOSS
    assert against[Metric.SUCCESS].claim is Claim.LOSS


def test_learners_alone_have_no_classic_to_be_compared_with(
    make_experiment: MakeExperiment,
) -> None:
    found = analyze(make_experiment(strategies=("q_learning",)))
    assert found.best_classic is None
    assert not found.against_best
    assert not found.against_baseline


def test_without_round_robin_there_is_still_the_best_classic(
    make_experiment: MakeExperiment,
) -> None:
    found = analyze(make_experiment(strategies=("peak_ewma", "q_learning")))
    assert not found.against_baseline
    assert set(found.against_best) == {"q_learning"}


def test_equal_data_and_dice_give_an_equal_analysis(make_experiment: MakeExperiment) -> None:
    result = make_experiment(seeds=(0,), requests=300)
    assert analyze(result) == analyze(result)
    assert analyze(result) != analyze(result, dice=2)


def test_an_interrupted_experiment_compares_what_both_have(
    make_experiment: MakeExperiment,
) -> None:
    """Seed 0 is whole and seed 1 lacks a strategy: only seed 0 is paired, nothing half-measured
    is mixed in."""
    result = make_experiment(interrupted_at=6)
    found = analyze(result)
    assert found.statistics["peak_ewma"].seeds == (0,)
    assert found.statistics["round_robin"].seeds == (0, 1)
    assert not any(each.partial for each in found.statistics.values())
    assert set(found.against_baseline["peak_ewma"].seed_differences) == {0}


def test_a_run_cut_short_is_used_and_flagged_where_there_is_no_other(
    make_experiment: MakeExperiment,
) -> None:
    found = analyze(make_experiment(interrupted_at=1))
    assert found.statistics["least_request"].partial
    assert found.statistics["least_request"].requests == 500
    assert found.against_baseline["least_request"].pairs == 500


def test_different_loads_are_not_paired(make_experiment: MakeExperiment) -> None:
    """Equal seeds are not enough: index for index, the same request at the same moment."""
    first = make_experiment(strategies=("round_robin",))
    second = make_experiment(strategies=("round_robin",), rate=61)
    assert compare("a", first.runs, "b", second.runs) is None
    elsewhere = make_experiment(strategies=("round_robin",), seeds=(7,))
    assert compare("a", first.runs, "b", elsewhere.runs) is None
    shorter = make_experiment(strategies=("round_robin",), warmup=1199)
    late = [replace(run, requests=run.requests[:1199]) for run in shorter.runs]
    assert compare("a", first.runs, "b", late) is None


def test_unpaired_comparisons_are_wider_than_paired_ones(make_experiment: MakeExperiment) -> None:
    """What the arrivals do to both does not cancel out."""
    runs = make_experiment(strategies=("round_robin",)).runs
    other = [with_latencies(run, "other", lambda r: r.latency + 0.001) for run in runs]
    paired, unpaired = compare("o", other, "r", runs), compare_unpaired("o", other, "r", runs)
    assert paired is not None and unpaired is not None
    assert paired.paired and not unpaired.paired
    widths = []
    for each in (paired, unpaired):
        interval = each.differences[Metric.MEAN].absolute.interval
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] > 10 * widths[0]
    assert compare_unpaired("o", [], "r", runs) is None
    assert compare_unpaired("o", runs, "r", []) is None


@pytest.mark.parametrize(
    ("metric", "low", "high", "expected"),
    [
        (Metric.MEAN, -2, -1, Claim.WIN),
        (Metric.MEAN, 1, 2, Claim.LOSS),
        (Metric.MEAN, -1, 1, Claim.NO_DIFFERENCE),
        (Metric.P99, 0, 1, Claim.NO_DIFFERENCE),
        (Metric.SUCCESS, 0.1, 0.2, Claim.WIN),
        (Metric.SUCCESS, -0.2, -0.1, Claim.LOSS),
    ],
)
def test_claims_need_an_interval_that_excludes_zero(
    metric: Metric, low: float, high: float, expected: Claim
) -> None:
    assert claim(metric, Interval(low, high), 1000, 20) is expected


def test_few_requests_claim_nothing() -> None:
    """However clear the interval looks."""
    assert claim(Metric.MEAN, Interval(-2, -1), 99, 20) is Claim.TOO_FEW
    assert claim(Metric.MEAN, Interval(-2, -1), 1000, 7) is Claim.TOO_FEW
    assert claim(Metric.MEAN, None, 1000, 20) is Claim.TOO_FEW


def test_a_baseline_that_only_fails_gives_no_latency_difference(
    make_experiment: MakeExperiment,
) -> None:
    runs = make_experiment(strategies=("round_robin",)).runs
    broken = [
        replace(run, requests=tuple(replace(r, success=False) for r in run.requests))
        for run in runs
    ]
    found = compare("good", runs, "broken", broken)
    assert found is not None
    assert found.differences[Metric.MEAN].claim is Claim.TOO_FEW
    assert math.isnan(found.differences[Metric.MEAN].absolute.value)
    assert found.differences[Metric.SUCCESS].claim is Claim.WIN
    assert math.isnan(found.differences[Metric.SUCCESS].relative.value)
    assert found.differences[Metric.COST].claim is Claim.WIN


def test_the_second_half_is_late(make_experiment: MakeExperiment) -> None:
    requests = make_experiment(strategies=("round_robin",), seeds=(0,)).runs[0].requests[:5]
    assert sample_of(requests).late.tolist() == [False, False, True, True, True]
