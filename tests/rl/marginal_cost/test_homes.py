import math

import pytest

from rl.endpoint import Endpoint, EndpointStats
from rl.marginal_cost.affinity import HOME, Factors, Placement, home_of, seed_of
from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.homes import Homes, mark

pytestmark = pytest.mark.unit


def stats(*ids: str) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "h", 1)) for id in ids]


def home(key: str, candidates: list[EndpointStats]) -> str:
    return home_of(key, candidates, [seed_of(each.id) for each in candidates])


def test_a_key_never_seen_has_its_home_only() -> None:
    candidates = stats("a", "b", "c")
    assert {home("k", candidates): HOME} == Homes(64).marked("k", None, candidates, 0.0)


def test_the_last_two_endpoints_of_a_key_are_marked_by_how_recently() -> None:
    candidates = stats("a", "b", "c", "d")
    placement = Placement("a", 0.0)
    placement.sent("b", 9.0)
    marked = Homes(64).marked("k", placement, candidates, 9.5)

    assert (1, 3) == (marked["a"] % HOME, marked["b"] % HOME)
    assert marked[home("k", candidates)] >= HOME


def test_a_home_is_found_anew_when_the_candidates_are_others() -> None:
    homes, placement = Homes(64), Placement("x", 0.0)
    for size in (2, 3, 5, 9):
        candidates = stats(*(f"e{number}" for number in range(size)))
        assert home("k", candidates) in homes.marked("k", placement, candidates, 0.0)
        assert home("k", candidates) == placement.home


def test_among_too_many_candidates_keys_have_no_home() -> None:
    candidates = stats("a", "b", "c")
    assert {} == Homes(2).marked("k", None, candidates, 0.0)
    assert {"a": 3} == Homes(2).marked("k", Placement("a", 0.0), candidates, 0.0)


def test_where_a_key_is_marked_its_factor_and_the_bonus_count() -> None:
    pairs = [(each, EndpointModel(each.id, 2, 0.0, 1.0)) for each in stats(*"abc")]
    for _, model in pairs:
        model.service[0] = 0.1
    factors = Factors()
    factors.home = 0.25
    factors.chosen[2] = factors.chosen[2 + HOME] = 0.5
    costs = [0.1, 0.1, 0.1]
    found = mark(costs, pairs, 0, {"a": 2, "c": 2 + HOME, "gone": 3}, factors)

    assert costs == pytest.approx([0.05, 0.1, 0.05 * 0.75])
    assert (costs[2], costs[0]) == found


def test_of_one_candidate_there_is_no_second() -> None:
    pairs = [(each, EndpointModel("a", 1, 0.0, 1.0)) for each in stats("a")]
    assert math.inf == mark([0.1], pairs, 0, {"a": 1}, Factors())[1]
