"""The block bootstrap: what it resamples, how wide its intervals are, how often they are right."""

import math

import numpy as np
import pytest

from evaluation.bootstrap import (
    Interval,
    Metric,
    Replicates,
    Resampling,
    Sample,
    block_indices,
    block_length,
    expanded_tail,
    joined,
    ranked_percentile,
    ratio,
    student_quantile,
    summarise,
)

pytestmark = pytest.mark.unit


def sample(latency: np.ndarray, cost: np.ndarray | None = None) -> Sample:
    late = np.arange(latency.size) >= latency.size // 2
    return Sample(latency, np.nan_to_num(latency) if cost is None else cost, late)


def correlated(dice: np.random.Generator, rows: int, length: int, memory: float) -> np.ndarray:
    """Stationary series of mean 0 and variance 1 in which neighbours resemble each other."""
    values = dice.standard_normal((rows, length))
    for index in range(1, length):
        values[:, index] *= math.sqrt(1 - memory**2)
        values[:, index] += memory * values[:, index - 1]
    return values


def test_blocks_are_runs_of_neighbours_that_wrap_around() -> None:
    """Within a block each request is followed by its successor; the last one by the first."""
    rows = block_indices(100, 10, 50, np.random.default_rng(1))
    blocks = rows.reshape(50, 10, 10)
    assert ((blocks[:, :, 1:] - blocks[:, :, :-1]) % 100 == 1).all()
    assert rows.min() == 0
    assert rows.max() == 99


def test_every_request_is_drawn_equally_often() -> None:
    """Also the first and the last, on which a learning curve's mean hangs."""
    rows = block_indices(60, 20, 20_000, np.random.default_rng(1))
    counts = np.bincount(rows.ravel(), minlength=60)
    assert counts == pytest.approx(20_000, rel=0.05)


def test_rows_have_the_length_of_the_sample() -> None:
    """Also where blocks do not fill it evenly."""
    assert block_indices(105, 50, 3, np.random.default_rng(1)).shape == (3, 105)


@pytest.mark.parametrize(("length", "expected"), [(3, 1), (60, 10), (210, 35), (1100, 50)])
def test_short_seeds_have_shorter_blocks(length: int, expected: int) -> None:
    assert block_length(length) == expected


def test_draws_stay_within_their_seed() -> None:
    """Stratified: every draw has as many requests of each seed as the sample."""
    resampling = Resampling((120, 0, 60), dice=3, draws=40)
    rows = np.concatenate(list(resampling.indices()))
    assert rows.shape == (40, 180)
    assert ((rows < 120).sum(axis=1) == 120).all()


def test_equal_dice_give_equal_draws_and_others_do_not() -> None:
    """That is what pairs two samples."""
    first, again, other = (Resampling((100, 100), dice, draws=5) for dice in (1, 1, 2))
    one, two, three = (np.concatenate(list(each.indices())) for each in (first, again, other))
    assert (one == two).all()
    assert (one != three).any()


def test_draws_in_chunks_are_as_many_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.bootstrap._CHUNK_NUMBERS", 700)
    chunks = [len(chunk) for chunk in Resampling((100,), 1, draws=20).indices()]
    assert chunks == [7, 7, 6]


def test_summary_agrees_with_numpy() -> None:
    """Mean, percentiles and sd are numpy's, of the successful requests only."""
    dice = np.random.default_rng(5)
    latency = dice.exponential(size=(4, 101))
    latency[dice.random((4, 101)) < 0.2] = np.nan
    cost = dice.random((4, 101))
    late = np.broadcast_to(np.arange(101) >= 50, (4, 101))
    found = summarise(latency, cost, late)
    for row in range(4):
        kept = latency[row][~np.isnan(latency[row])]
        expected = {
            Metric.MEAN: kept.mean(),
            Metric.P50: np.percentile(kept, 50),
            Metric.P95: np.percentile(kept, 95),
            Metric.P99: np.percentile(kept, 99),
            Metric.SD: kept.std(ddof=1),
            Metric.CV: kept.std(ddof=1) / kept.mean(),
            Metric.COST: cost[row].mean(),
            Metric.SUCCESS: kept.size / 101,
            Metric.LATE_MEAN: np.nanmean(latency[row][50:]),
        }
        assert {metric: each[row] for metric, each in found.items()} == pytest.approx(expected)


def test_a_sample_of_failures_has_no_latency() -> None:
    """NaN, and no warning, where there is nothing to take a number from."""
    found = summarise(np.full((1, 5), np.nan), np.ones((1, 5)), np.ones((1, 5), bool))
    assert found[Metric.SUCCESS][0] == 0
    assert found[Metric.COST][0] == 1
    for metric in (Metric.MEAN, Metric.P50, Metric.P99, Metric.SD, Metric.CV, Metric.LATE_MEAN):
        assert math.isnan(found[metric][0])


def test_ranked_percentile_ignores_what_lies_behind_the_count() -> None:
    ranked = np.array([[1.0, 2.0, 3.0, np.nan]])
    assert ranked_percentile(ranked, np.array([3]), 50)[0] == 2


def test_ratio_of_nothing_is_nan() -> None:
    assert np.isnan(ratio(np.array([1.0]), np.array([0]))[0])


def test_what_was_drawn_once_is_not_drawn_again() -> None:
    """And another sample, or other dice, are not taken for it."""
    drawn, values = Replicates(), sample(np.arange(60.0))
    first = drawn.of(Resampling((60,), 1, draws=5), values)
    assert drawn.of(Resampling((60,), 1, draws=5), sample(np.arange(60.0))) is first
    assert drawn.of(Resampling((60,), 2, draws=5), values) is not first
    assert drawn.of(Resampling((60,), 1, draws=5), sample(np.arange(60.0) + 1)) is not first
    failed = sample(np.arange(60.0), cost=np.arange(60.0) + 1)
    assert drawn.of(Resampling((60,), 1, draws=5), failed) is not first


def test_joined_keeps_the_order() -> None:
    both = joined([sample(np.array([1.0, 2.0])), sample(np.array([3.0, 4.0]))])
    assert both.latency.tolist() == [1, 2, 3, 4]
    assert both.late.tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("freedom", "expected"), [(5, 2.571), (8, 2.306), (10, 2.228), (30, 2.042), (120, 1.980)]
)
def test_student_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(expected, rel=0.002)


def test_tails_shrink_for_few_blocks_and_are_the_plain_ones_for_many() -> None:
    """Fewer blocks, wider interval; with very many blocks 2.5 % at either end."""
    assert expanded_tail(6, 5) < expanded_tail(12, 10) < expanded_tail(66, 63) < 0.025
    assert expanded_tail(100_000, 99_999) == pytest.approx(0.025, rel=0.001)


def test_freedom_counts_blocks_less_seeds() -> None:
    resampling = Resampling((1100, 1100, 0), dice=1)
    assert (resampling.blocks, resampling.freedom) == (44, 42)


def test_no_interval_from_one_block_or_from_nothing() -> None:
    """Rather none than one that says nothing."""
    assert Resampling((1,), 1).interval(np.ones(100)) is None
    assert Resampling((600,), 1).interval(np.full(100, np.nan)) is None


def test_an_interval_excludes_zero_on_either_side() -> None:
    assert Interval(1, 2).excludes_zero
    assert Interval(-2, -1).excludes_zero
    assert not Interval(-1, 1).excludes_zero
    assert not Interval(0, 1).excludes_zero


def test_only_success_is_better_when_higher() -> None:
    assert [metric for metric in Metric if metric.more_is_better] == [Metric.SUCCESS]


@pytest.mark.parametrize(
    ("lengths", "memory", "at_least"),
    [
        pytest.param((1100, 1100, 1100), 0.0, 0.91, id="default", marks=pytest.mark.slow),
        pytest.param((210, 210), 0.0, 0.91, id="quick"),
        pytest.param((600, 600), 0.8, 0.88, id="long memory"),
    ],
)
def test_intervals_hold_the_truth_about_95_times_in_100(
    lengths: tuple[int, ...], memory: float, at_least: float
) -> None:
    """Paired differences of two skewed series that share their arrivals, true mean known."""
    trials, hits = 150, 0
    dice = np.random.default_rng(2026)
    resampling = Resampling(lengths, dice=7, draws=200)
    sides: list[list[np.ndarray]] = [[], []]
    for length in lengths:
        shared = correlated(dice, trials, length, memory)
        for side, shift in zip(sides, (0.0, 0.003), strict=True):
            noise = correlated(dice, trials, length, memory)
            side.append(0.1 + shift + 0.02 * np.exp(0.5 * (shared + noise)))
    for trial in range(trials):
        samples = [joined([sample(seed[trial]) for seed in side]) for side in sides]
        means = [resampling.replicate(each)[Metric.MEAN] for each in samples]
        interval = resampling.interval(means[0] - means[1])
        assert interval is not None
        hits += interval.low <= -0.003 <= interval.high
    assert at_least <= hits / trials <= 0.995


def test_resampling_single_requests_would_be_too_sure() -> None:
    """The reason for blocks: with dependent requests, single ones give far narrower intervals."""
    values = sample(correlated(np.random.default_rng(2), 1, 2000, 0.9)[0])
    spreads = []
    for block in (1, 50):
        resampling = Resampling((2000,), dice=1, draws=500, block=block)
        spreads.append(resampling.replicate(values)[Metric.MEAN].std())
    assert spreads[1] > 2.5 * spreads[0]
