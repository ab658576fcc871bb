"""Intervals for statistics of dependent requests: the moving-block bootstrap.

Neighbouring requests share queues, so they are not independent, and resampling them one by one
gives intervals that are too narrow. Resampling whole blocks of consecutive requests keeps the
dependence inside a block: H. R. Künsch, "The jackknife and the bootstrap for general stationary
observations", Annals of Statistics 17 (1989). A learner's latency falls as it learns, and blocks
that must lie inside the run take its first and last requests too seldom; so a block that reaches
the end goes on at the beginning: D. N. Politis and J. P. Romano, "A circular block-resampling
procedure for stationary data" (1992). Blocks are drawn within each seed, never across two (a
stratified bootstrap), and every sample that is resampled over the same lengths with the same dice
gets the same blocks, which is what makes a difference of two of them paired.

A percentile interval from few blocks is too narrow in two ways: the bootstrap's variance misses the
factor k/(k - 1), and a normal quantile stands where Student's t belongs. Both are mended by moving
the percentiles outwards: T. Hesterberg, "What teachers should know about the bootstrap", The
American Statistician 69 (2015), section 5.3, the expanded percentile interval.

Pure: arrays in, arrays out; the dice are seeded by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

BLOCK = 50
"""Requests in a block. At 60 requests/s it spans 0.8 s, several times the time in a queue."""
DRAWS = 2000
_CHUNK_NUMBERS = 1_000_000


class Metric(StrEnum):
    """What is counted of a strategy. Seconds, except ``CV`` and ``SUCCESS``, which are ratios."""

    MEAN = "mean"
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    SD = "sd"
    CV = "cv"
    COST = "cost"
    SUCCESS = "success"
    LATE_MEAN = "late_mean"

    @property
    def more_is_better(self) -> bool:
        return self is Metric.SUCCESS


Summary: TypeAlias = dict[Metric, Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a number lies with 95 % confidence, as far as the method can tell."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Sample:
    """The requests of one strategy, seed after seed, in the order of their index.

    Attributes:
        latency: seconds; NaN for a failure, whose latency says nothing of the service.
        cost: seconds waited, plus the price of a failure where there was one.
        late: whether the request counts for ``LATE_MEAN``.
    """

    latency: Floats
    cost: Floats
    late: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Resampling:
    """How a sample is resampled.

    Attributes:
        lengths: requests of each seed.
        dice: equal dice and lengths give equal blocks.
    """

    lengths: tuple[int, ...]
    dice: int
    draws: int = DRAWS
    block: int = BLOCK

    @property
    def blocks(self) -> int:
        """Blocks that do not overlap, over all seeds: what there is of independent evidence."""
        return sum(length // block_length(length, self.block) for length in self.lengths if length)

    @property
    def freedom(self) -> int:
        """Degrees of freedom: every seed's own mean takes one."""
        return self.blocks - sum(1 for length in self.lengths if length)

    def indices(self) -> Iterator[Integers]:
        """Positions in the sample, some draws (rows) at a time."""
        rng = np.random.default_rng(self.dice)
        total = sum(self.lengths)
        rows = max(1, _CHUNK_NUMBERS // max(1, total))
        for done in range(0, self.draws, rows):
            draws = min(rows, self.draws - done)
            parts, offset = [], 0
            for length in self.lengths:
                if length:
                    block = block_length(length, self.block)
                    parts.append(offset + block_indices(length, block, draws, rng))
                offset += length
            yield np.concatenate(parts, axis=1)

    def replicate(self, sample: Sample) -> Summary:
        """Every metric of every draw."""
        parts = [
            summarise(sample.latency[rows], sample.cost[rows], sample.late[rows])
            for rows in self.indices()
        ]
        return {metric: np.concatenate([part[metric] for part in parts]) for metric in Metric}

    def interval(self, replicates: Floats) -> Interval | None:
        """The expanded 95 % percentile interval; None where there is too little to say."""
        return expanded_interval(replicates, self.blocks, self.freedom)


class Replicates:
    """Draws that were made once, for samples that stand in several comparisons."""

    def __init__(self) -> None:
        self._made: dict[tuple[Resampling, bytes, bytes], Summary] = {}

    def of(self, resampling: Resampling, sample: Sample) -> Summary:
        key = (resampling, sample.latency.tobytes(), sample.cost.tobytes())
        if key not in self._made:
            self._made[key] = resampling.replicate(sample)
        return self._made[key]


def block_length(length: int, wanted: int = BLOCK) -> int:
    """``wanted``, or less where a seed is too short to hold six such blocks."""
    return max(1, min(wanted, length // 6))


def block_indices(length: int, block: int, draws: int, rng: np.random.Generator) -> Integers:
    """``draws`` rows of ``length`` positions: blocks that begin anywhere, laid end to end."""
    count = math.ceil(length / block)
    starts = rng.integers(0, length, size=(draws, count))
    rows = (starts[:, :, None] + np.arange(block)) % length
    return rows.reshape(draws, count * block)[:, :length].astype(np.int64, copy=False)


def expanded_interval(replicates: Floats, blocks: int, freedom: int) -> Interval | None:
    """The expanded 95 % percentile interval; None where there is too little to say."""
    usable = replicates[np.isfinite(replicates)]
    if freedom < 1 or usable.size < 0.95 * replicates.size:
        return None
    tail = expanded_tail(blocks, freedom)
    low, high = np.percentile(usable, [100 * tail, 100 * (1 - tail)])
    return Interval(float(low), float(high))


def expanded_tail(blocks: int, freedom: int) -> float:
    """The share to cut off at either end, instead of 2.5 %."""
    widened = student_quantile(0.975, freedom) * math.sqrt(blocks / freedom)
    return NormalDist().cdf(-widened)


def student_quantile(probability: float, freedom: int) -> float:
    """Student's t from the normal quantile by the Cornish-Fisher expansion; Abramowitz and
    Stegun (1964), 26.7.5. Within 0.2 % from 5 degrees of freedom on."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / float(freedom) ** power for power, term in enumerate(terms))


def summarise(latency: Floats, cost: Floats, late: NDArray[np.bool_]) -> Summary:
    """Every metric of every row. A row without successes has NaN where it has nothing to tell."""
    ranked = np.sort(latency, axis=1)  # NaN, the failures, go last
    counts = np.count_nonzero(~np.isnan(latency), axis=1)
    mean = ratio(np.nansum(latency, axis=1), counts)
    squares = np.nansum((latency - mean[:, None]) ** 2, axis=1)
    sd = np.sqrt(ratio(squares, counts - 1))
    late_latency = np.where(late, latency, np.nan)
    late_counts = np.count_nonzero(~np.isnan(late_latency), axis=1)
    return {
        Metric.MEAN: mean,
        Metric.P50: ranked_percentile(ranked, counts, 50),
        Metric.P95: ranked_percentile(ranked, counts, 95),
        Metric.P99: ranked_percentile(ranked, counts, 99),
        Metric.SD: sd,
        Metric.CV: ratio(sd, mean),
        Metric.COST: cost.mean(axis=1),
        Metric.SUCCESS: counts / latency.shape[1],
        Metric.LATE_MEAN: ratio(np.nansum(late_latency, axis=1), late_counts),
    }


def ranked_percentile(ranked: Floats, counts: Integers, percent: float) -> Floats:
    """``numpy.percentile``'s linear rule, of the first ``counts`` numbers of each sorted row."""
    place = np.maximum(counts - 1, 0) * (percent / 100)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    low = np.take_along_axis(ranked, below[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ranked, above[:, None], axis=1)[:, 0]
    return low + (high - low) * (place - below)


def joined(samples: Sequence[Sample]) -> Sample:
    """Several seeds' samples as one."""
    return Sample(
        np.concatenate([sample.latency for sample in samples]),
        np.concatenate([sample.cost for sample in samples]),
        np.concatenate([sample.late for sample in samples]),
    )


def ratio(above: Floats, below: Floats | Integers) -> Floats:
    """Element by element; NaN where ``below`` is not above zero."""
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result
