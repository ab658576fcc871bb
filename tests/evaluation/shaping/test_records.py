"""Requests to windows."""

from math import inf

import pytest

from evaluation.shaping.records import BATCH, BULK, INTERACTIVE, Answer, percentile, played

pytestmark = pytest.mark.unit


def test_requests_count_where_they_came() -> None:
    answers = [
        Answer(INTERACTIVE, 0.2, 0.1, False, 100),
        Answer(INTERACTIVE, 0.4, inf, True, 0),
        Answer(INTERACTIVE, 0.6, inf, False, 10),
        Answer(INTERACTIVE, 2.9, 0.3, False, 100),
        Answer(BATCH, 1.5, 0.5, False, 7),
        Answer(BATCH, 3.0, 0.5, False, 7),  # after the end
    ]
    found = played("none", 1, answers, [0.0, 2.0], 3.0, {})
    first, second, third = found.windows[INTERACTIVE]
    assert (3, 1, 1, 1, 110, inf) == first
    assert (0, 0, 0, 0, 0, 0.0) == second
    assert (1, 1, 0, 0, 100, 0.3) == third
    assert [1, 0] == [each.completed for each in found.stretches[BATCH]]
    assert [0, 0] == [each.arrivals for each in found.stretches[BULK]]


def test_a_percentile_is_a_rank() -> None:
    assert 95 == percentile(range(1, 101), 0.95)
    assert 2 == percentile([2, 1], 0.95)
    assert 0.0 == percentile([], 0.95)
