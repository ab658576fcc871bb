"""How sure one may be that a kind differs."""

import math
import random

import pytest

from rl.request_classes.evidence import OTHERS, Evidence, weighted_mean

pytestmark = pytest.mark.unit


def evidence_of(deviations: list[tuple[int, float]]) -> Evidence:
    found = Evidence(0, 8)
    for slot, deviation in deviations:
        found.add(slot, deviation)
    return found


def test_means_and_variance_are_those_of_the_samples_by_endpoint() -> None:
    """The variance is the pooled one of deviations from each endpoint's mean."""
    dice = random.Random(1)
    samples = [(slot, dice.gauss(slot, 0.5)) for slot in (0, 3) for _ in range(400)]
    found = evidence_of(samples)
    for slot in (0, 3):
        values = [value for at, value in samples if at == slot]
        assert sum(values) / 400 == pytest.approx(found.means[slot])
    assert [0, 3] == found.used()
    assert 0.25 == pytest.approx(found.variance(0.25), rel=0.15)


def test_few_samples_borrow_the_variance_of_the_class() -> None:
    assert 0.85 < evidence_of([(0, 0.1), (0, 0.1)]).variance(1.0) < 1.0


def test_the_error_rate_holds_however_often_one_looks() -> None:
    """Ville's inequality: of runs without a difference, at most a share p ever exceeds 1 / p."""
    dice = random.Random(2)
    runs, wrong = 400, 0
    for _ in range(runs):
        found = Evidence(0, 8)
        for _ in range(150):
            found.add(dice.randrange(3), dice.gauss(0.0, 1.0))
            if found.against(1.0) > math.log(20):
                wrong += 1
                break
    assert wrong <= 0.05 * runs


def test_a_difference_that_each_endpoint_has_of_its_own_is_found() -> None:
    """Though their mean is nothing."""
    dice = random.Random(3)
    opposite = [(slot, dice.gauss(1 - 2 * slot, 0.5)) for _ in range(20) for slot in (0, 1)]
    alike = [(slot, dice.gauss(0.0, 0.5)) for _ in range(20) for slot in (0, 1)]
    assert evidence_of(opposite).against(0.25) > 20
    assert evidence_of(alike).against(0.25) < 1
    assert 1.0 == pytest.approx(evidence_of(opposite).effect(0.25, 0.0), rel=0.15)
    assert 0.2 > evidence_of(alike).effect(0.25, 0.0)


def test_the_effect_is_from_the_rest_and_not_from_a_mean_that_leans_towards_it() -> None:
    found = evidence_of([(0, 0.5)] * 100)
    assert 1.0 == pytest.approx(found.effect(1e-6, 0.5), rel=1e-3)


def test_an_endpoint_that_leaves_takes_its_samples_with_it() -> None:
    found = evidence_of([(0, 1.0), (1, 2.0), (1, 2.0), (OTHERS, 0.0)])
    found.forget(1)
    assert ([0, OTHERS], 2) == (found.used(), found.total)


def test_a_weighted_mean_of_nothing_is_nothing() -> None:
    assert (2.5, 0.0) == (weighted_mean([(1.0, 1), (3.0, 3)]), weighted_mean([]))
