import pytest

from rl.marginal_cost.window import KEPT, Window
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit


def fleet(size: int) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(str(n), "h", 1)) for n in range(size)]


def test_everybody_is_looked_at_in_turn() -> None:
    window, candidates = Window(3), fleet(10)
    seen = [index for _ in range(4) for index in window.indices(candidates)]

    assert [*range(10), 0, 1] == seen


def test_the_best_are_looked_at_again() -> None:
    window, candidates = Window(3), fleet(20)
    first = window.indices(candidates)
    window.looked(candidates, first, [3.0, 1.0, 2.0])
    second = window.indices(candidates)

    assert [3, 4, 5, 1, 2, 0] == second
    window.looked(candidates, second, [9.0, 9.0, 0.5, 1.0, 2.0, 3.0])
    assert [5, 1, 2, 0] == window.indices(candidates)[3:]
    assert 3 + KEPT == len(window.indices(candidates))


def test_other_candidates_are_looked_at_afresh() -> None:
    """Places mean somebody else there."""
    window, candidates = Window(3), fleet(20)
    window.looked(candidates, window.indices(candidates), [1.0, 2.0, 3.0])

    assert 3 == len(window.indices(fleet(20)))


def test_fewer_candidates_than_before_are_still_places() -> None:
    window = Window(5)
    for size in (40, 7, 6, 5, 3, 9):
        for _ in range(10):
            found = window.indices(fleet(size))
            assert len(set(found)) == len(found)
            assert set(found) <= set(range(size))
