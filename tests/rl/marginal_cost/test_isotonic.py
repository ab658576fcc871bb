from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.marginal_cost.isotonic import nondecreasing

pytestmark = pytest.mark.unit

PAIRS = st.lists(st.tuples(st.floats(-10, 10), st.floats(0, 5)), max_size=20)


def test_what_rises_stays() -> None:
    assert nondecreasing([1.0, 2.0, 2.0, 5.0], [1.0, 0.0, 3.0, 1.0]) == [1.0, 2.0, 2.0, 5.0]


def test_violators_are_pooled_by_weight() -> None:
    assert nondecreasing([3.0, 1.0, 4.0], [1.0, 3.0, 1.0]) == [1.5, 1.5, 4.0]


def test_who_weighs_nothing_follows_the_others() -> None:
    assert nondecreasing([3.0, 0.0], [2.0, 0.0]) == [3.0, 3.0]
    assert nondecreasing([3.0, 0.0, 0.0], [0.0, 0.0, 0.0]) == [1.0, 1.0, 1.0]


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_the_result_never_falls_and_keeps_the_weighted_sum(
    pairs: list[tuple[float, float]],
) -> None:
    values, weights = [value for value, _ in pairs], [weight for _, weight in pairs]
    found = nondecreasing(values, weights)

    assert len(found) == len(values)
    assert all(one <= two + 1e-9 for one, two in pairwise(found))
    kept = sum(value * weight for value, weight in pairs)
    assert sum(a * b for a, b in zip(found, weights, strict=True)) == pytest.approx(kept, abs=1e-6)
