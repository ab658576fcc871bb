import random
from collections import Counter

import pytest

from rl.marginal_cost.affinity import HOME, Factors, Keys, Placement, cell, home_of, seed_of
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit


def fleet(*ids: str) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "h", 1)) for id in ids]


def homes(ids: str, keys: int = 2000) -> dict[str, str]:
    candidates = fleet(*ids)
    seeds = [seed_of(id) for id in ids]
    return {f"/page/{n}": home_of(f"/page/{n}", candidates, seeds) for n in range(keys)}


def test_homes_are_shared_out_evenly() -> None:
    counts = Counter(homes("abcde").values())

    assert set(counts) == set("abcde")
    assert min(counts.values()) > 0.8 * 400
    assert max(counts.values()) < 1.2 * 400


def test_who_leaves_takes_only_its_own_keys_along() -> None:
    before, after = homes("abcde"), homes("abce")

    assert all(after[key] == home for key, home in before.items() if home != "d")


def test_the_order_of_candidates_does_not_matter() -> None:
    assert homes("abc", 100) == homes("cab", 100)


def test_the_last_two_endpoints_of_a_key_are_remembered() -> None:
    keys = Keys(10)
    keys.put("/x", Placement("a", 0.0))
    found = keys.find("/x")
    assert found is not None
    cells = [found.sent(id, at) for id, at in [("b", 1.0), ("b", 2.5), ("c", 3.0), ("a", 3.5)]]
    assert [0, 2, 0, 0] == cells
    assert 3 == found.sent("c", 3.9)

    assert ("c", 3.9, "a", 3.5) == (found.last, found.at, found.before, found.before_at)


def test_keys_are_bounded_and_the_latest_stay() -> None:
    keys = Keys(10)
    for number in range(1000):
        assert keys.recall(str(number)) is None
        keys.put(str(number), Placement("a", 0.0))
        kept = keys.recall("0")
        assert kept is not None  # whoever is asked for is one of the latest

    known = [number for number in range(1000) if keys.find(str(number))]
    assert 5 <= len(known) <= 10
    assert known[0] == 0
    assert known[-4:] == [996, 997, 998, 999]


def test_cells_tell_how_long_ago_it_was() -> None:
    assert [3, 2, 1] == [cell(10.0, 9.5), cell(10.0, 5.0), cell(10.0, 1.0)]


def learned(repeat: float, spread: float, samples: int = 300) -> Factors:
    dice = random.Random(1)
    factors = Factors()
    for _ in range(samples):
        factors.learn(0, dice.lognormvariate(-spread * spread / 2, spread))
        factors.learn(3, repeat * dice.lognormvariate(-spread * spread / 2, spread))
    return factors


def test_repeats_that_are_cheaper_pay() -> None:
    factors = learned(0.2, 0.4)

    assert factors.pays
    assert factors.chosen[3] == pytest.approx(0.2, rel=0.3)
    assert 1.0 == factors.chosen[0] == factors.chosen[HOME]


def test_chance_is_not_taken_for_a_cache() -> None:
    """Heavy-tailed requests whose repeats cost the same."""
    factors = learned(1.0, 1.27, 3000)

    assert not factors.pays
    assert {1.0} == set(factors.chosen)


def test_what_is_off_for_all_is_no_saving() -> None:
    """Everything takes half of what was expected: so do repeats."""
    factors = Factors()
    for _ in range(200):
        factors.learn(0, 0.5)
        factors.learn(3, 0.5)

    assert not factors.pays


def test_a_home_costs_the_less_the_more_repeats_save() -> None:
    much, little = learned(0.1, 0.4), learned(0.7, 0.4)

    assert 0.0 == Factors().home == learned(1.0, 0.4).home
    assert 0.0 < little.home < 0.4
    assert 0.8 < much.home < 1.0
