"""traffic.arrivals: the processes, against what is known of them."""

import math
import random
from collections.abc import Iterator
from itertools import islice, takewhile

import numpy as np
import pytest

from config.traffic import Diurnal, Modulated
from traffic.arrivals import Burst, WorkloadError, bursts, diurnal, modulated, poisson, uniform

pytestmark = pytest.mark.unit


def until(offsets: Iterator[float], end: float) -> np.ndarray:
    return np.fromiter(takewhile(lambda offset: offset < end, offsets), float)


def test_uniform_arrivals_begin_at_zero() -> None:
    assert list(islice(uniform(4), 4)) == [0.0, 0.25, 0.5, 0.75]


def test_poisson_counts_vary_as_much_as_they_are() -> None:
    counts = np.bincount(until(poisson(50, random.Random(1)), 400.0).astype(int), minlength=400)
    assert counts.mean() == pytest.approx(50, rel=0.03)
    assert counts.var() == pytest.approx(50, rel=0.2)


def test_whole_periods_of_bursts_fill_the_length() -> None:
    found = until(bursts(2000, random.Random(1), Burst(period=5.0), 7.0), 7.0)
    assert len(found) == pytest.approx(14_000, rel=0.05)


def test_modulated_arrivals_keep_the_mean_in_the_long_run() -> None:
    found = until(modulated(50, random.Random(2), Modulated()), 4000.0)
    assert len(found) == pytest.approx(200_000, rel=0.03)


def test_modulated_phases_have_the_rates_and_the_lengths_that_they_say() -> None:
    """Counted in slots of a tenth of a second, a burst's are told from a calm's by their number."""
    shape = Modulated(calm_seconds=3.0, calm_level=1.0, burst_seconds=1.0, burst_level=9.0)
    length = 2000.0
    found = until(modulated(3 * 200, random.Random(3), shape), length)
    counts = np.bincount((found * 10).astype(int), minlength=round(length * 10))
    burst = counts > 100
    assert shape.mean_level == 3.0
    assert counts[burst].mean() == pytest.approx(180, rel=0.03)
    assert counts[~burst].mean() == pytest.approx(20, rel=0.1)
    assert burst.mean() == pytest.approx(0.25, rel=0.15)


def test_a_day_begins_at_its_trough_and_has_its_peak_at_noon() -> None:
    shape = Diurnal(period_seconds=10.0, amplitude=0.8)
    found = until(diurnal(100, random.Random(4), shape), 1000.0)
    counts, _ = np.histogram(found % 10.0, bins=20, range=(0.0, 10.0))
    middles = (np.arange(20) + 0.5) / 2.0
    expected = 5000 * (1 - 0.8 * np.cos(2 * math.pi * middles / 10.0))
    assert len(found) == pytest.approx(100_000, rel=0.02)
    assert counts == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize(
    "values", [(0.0, 0.2, 3.0), (5.0, 0.0, 3.0), (5.0, 1.0, 1.0), (5.0, 0.2, 0.5), (5.0, 0.5, 3.0)]
)
def test_bursts_that_cannot_be_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(WorkloadError, match="burst"):
        Burst(*values)
