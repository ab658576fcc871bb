"""What a server expects one more request to take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.simulation.latency_estimate import ENOUGH, MEMORY_SECONDS, REMEMBERED, LatencyEstimate

pytestmark = pytest.mark.unit


def test_nothing_is_expected_before_the_first_answer() -> None:
    assert 0.0 == LatencyEstimate().expect(3, 100.0)


def test_it_is_the_median_of_those_that_found_as_many() -> None:
    estimate = LatencyEstimate()
    for found, seconds in ((0, 9.0), (2, 0.1), (2, 0.5), (2, 0.2), (2, 0.3), (2, 7.0), (9, 9.0)):
        estimate.answered(found, seconds, 100.0)

    assert 0.3 == estimate.expect(2, 100.0)


def test_an_even_number_has_the_mean_of_the_middle_two() -> None:
    estimate = LatencyEstimate()
    for seconds in (0.1, 0.2, 0.4, 0.8):
        estimate.answered(0, seconds, 100.0)

    assert pytest.approx(0.3) == estimate.expect(0, 100.0)


def test_with_too_few_alike_those_nearest_are_taken() -> None:
    """Four that found 3, and three that found 5, and none of those that found 30."""
    estimate = LatencyEstimate()
    for _ in range(4):
        estimate.answered(3, 0.3, 100.0)
    for _ in range(ENOUGH - 2):
        estimate.answered(5, 0.5, 100.0)
    for _ in range(20):
        estimate.answered(30, 3.0, 100.0)

    assert 0.3 == estimate.expect(3, 100.0)
    assert 3.0 == estimate.expect(31, 100.0)


def test_old_answers_say_nothing() -> None:
    """Else a server that was slow once would never be asked again by who goes by this alone."""
    estimate = LatencyEstimate()
    estimate.answered(0, 9.0, 100.0)
    assert 9.0 == estimate.expect(0, 100.0 + MEMORY_SECONDS)
    assert 0.0 == estimate.expect(0, 100.1 + MEMORY_SECONDS)


def test_only_the_last_answers_are_remembered() -> None:
    estimate = LatencyEstimate()
    for _ in range(REMEMBERED):
        estimate.answered(0, 9.0, 100.0)
    for _ in range(REMEMBERED):
        estimate.answered(7, 0.5, 100.0)
    assert 0.5 == estimate.expect(0, 100.0)


def test_all_can_be_forgotten() -> None:
    estimate = LatencyEstimate()
    estimate.answered(0, 9.0, 100.0)
    estimate.clear()
    assert 0.0 == estimate.expect(0, 100.0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.floats(0.0, 100.0)), min_size=1, max_size=80),
    st.integers(0, 10_000),
)
def test_it_lies_among_the_answers(answers: list[tuple[int, float]], active: int) -> None:
    estimate = LatencyEstimate()
    for found, seconds in answers:
        estimate.answered(found, seconds, 1.0)
    kept = [seconds for _, seconds in answers[-REMEMBERED:]]

    assert min(kept) <= estimate.expect(active, 1.0) <= max(kept)
