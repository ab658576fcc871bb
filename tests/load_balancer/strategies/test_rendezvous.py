"""Rendezvous hashing with bounded loads."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.strategies.rendezvous import SPARE_SEEDS, Rendezvous, hash_of, with_room
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit

KEYS = [f"/item/{number}" for number in range(6000)]


def fleet(size: int, weights: Sequence[float] = ()) -> list[EndpointStats]:
    return [
        EndpointStats(Endpoint(f"e{number}", "h", 80, weights[number] if weights else 1.0))
        for number in range(size)
    ]


def placed(candidates: Sequence[EndpointStats], keys: Sequence[str] = KEYS) -> dict[str, str]:
    rendezvous = Rendezvous(10)
    return {key: candidates[rendezvous.first(key, candidates)].id for key in keys}


def moved(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    return {key: after[key] for key in before if before[key] != after[key]}


@pytest.mark.parametrize("weights", [(), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)])
def test_when_one_leaves_only_its_keys_move(weights: Sequence[float]) -> None:
    all_ = fleet(10, weights)
    before = placed(all_)
    for gone in all_:
        left = [each for each in all_ if each is not gone]
        changed = moved(before, placed(left))
        assert set(changed) == {key for key, id in before.items() if id == gone.id}


@pytest.mark.parametrize("size", [1, 3, 10, 30])
def test_when_one_joins_it_takes_its_share_and_nothing_else_moves(size: int) -> None:
    """At most 1/n of the keys and what chance allows, all of them to the newcomer."""
    larger = fleet(size + 1)
    changed = moved(placed(larger[:-1]), placed(larger))
    share = 1 / (size + 1)

    assert {larger[-1].id} == set(changed.values())
    assert len(changed) / len(KEYS) <= share + 4.5 * (share * (1 - share) / len(KEYS)) ** 0.5


def test_equal_endpoints_get_equal_shares() -> None:
    """Within what chance allows: 4.5 standard deviations of 600."""
    counts = Counter(placed(fleet(10)).values())

    assert 10 == len(counts)
    assert all(abs(count - 600) < 4.5 * (600 * 0.9) ** 0.5 for count in counts.values())


def test_shares_are_in_proportion_to_the_weights() -> None:
    weights = (1.0, 2.0, 0.5, 6.5)
    counts = Counter(placed(fleet(4, weights)).values())
    for number, weight in enumerate(weights):
        share = weight / 10
        expected = share * len(KEYS)
        assert abs(counts[f"e{number}"] - expected) < 4.5 * (expected * (1 - share)) ** 0.5


def test_a_weight_that_grows_moves_keys_to_its_endpoint_only() -> None:
    changed = moved(placed(fleet(4, (1, 1, 1, 1))), placed(fleet(4, (1, 1.5, 1, 1))))

    assert changed
    assert {"e1"} == set(changed.values())


def test_the_second_choices_of_one_endpoints_keys_are_spread() -> None:
    """When it leaves, no single neighbour gets all its load, as on a plain ring."""
    all_ = fleet(5)
    before = placed(all_)
    seconds = Counter(moved(before, placed(all_[1:])).values())

    assert 4 == len(seconds)
    assert max(seconds.values()) < 1.5 * min(seconds.values())


def test_the_order_of_the_candidates_does_not_matter() -> None:
    all_ = fleet(7)

    assert placed(all_) == placed(all_[::-1])


def test_every_process_agrees() -> None:
    """Python's own hash of a text is another one in each."""
    code = "from load_balancer.strategies.rendezvous import hash_of; print(hash_of('/päth\\udcff'))"
    printed = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]

    assert [str(hash_of("/päth\udcff"))] * 2 == printed


def test_what_is_remembered_is_what_is_worked_out() -> None:
    """Through changes of candidates, moments of other ones, and more keys than are remembered."""
    rendezvous = Rendezvous(3)
    all_ = fleet(6)
    lists = [all_, all_[1:], list(all_), all_[:3], fleet(6, (3, 1, 1, 1, 1, 9))]
    for turn in range(400):
        candidates = lists[(turn // 7 + (turn % 5 == 0)) % len(lists)]
        key = f"k{turn * turn % 11}"
        expected = Rendezvous(1).ranked(key, candidates)[0]
        assert expected == rendezvous.first(key, candidates)


def test_memory_is_bounded() -> None:
    rendezvous = Rendezvous(100)
    candidates = fleet(2)
    for number in range(1000):
        rendezvous.first(str(number), candidates)
        passing = [EndpointStats(Endpoint(f"p{number}", "h", 80))]
        rendezvous.first("x", passing)

    assert len(rendezvous._first) <= 100
    assert len(rendezvous._seeds) <= 2 * 2 + SPARE_SEEDS + 2


# Bounded loads.


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from([1.0, 0.01, 2.5, 1000.0])),
        min_size=1,
        max_size=12,
    ),
    st.floats(1.01, 4.0),
    st.integers(1, 20),
)
def test_nobody_gets_more_than_the_bound(
    loads: list[tuple[int, float]], factor: float, free: int
) -> None:
    """ceil(factor * (m + 1) * weight / sum of weights), or what all may have; and there is always
    somebody."""
    candidates = fleet(len(loads), [weight for _, weight in loads])
    for each, (in_flight, _) in zip(candidates, loads, strict=True):
        each.in_flight = in_flight
    ranking = Rendezvous(1).ranked("key", candidates)
    index = with_room(ranking, candidates, factor, free)
    taken = candidates[index]
    whole = sum(each.in_flight for each in candidates) + 1
    weights = sum(each.endpoint.weight for each in candidates)
    bound = factor * whole * taken.endpoint.weight / weights

    assert taken.in_flight < max(free, bound)
    for passed in ranking[: ranking.index(index)]:
        stats = candidates[passed]
        assert stats.in_flight >= max(free, factor * whole * stats.endpoint.weight / weights)


def test_one_hot_key_is_spread_and_goes_home_when_it_is_quiet() -> None:
    """Hundred requests of one key at once on four endpoints: at most 1.25 times 25 each, rounded
    up; as the first choices fill up, the last one is needed for the rest."""
    candidates = fleet(4)
    rendezvous = Rendezvous(10)
    ranking = rendezvous.ranked("hot", candidates)
    for _ in range(100):
        candidates[with_room(ranking, candidates, 1.25, 1)].in_flight += 1
    loads = [candidates[index].in_flight for index in ranking]
    assert (32, 100) == (max(loads), sum(loads))
    assert loads == sorted(loads, reverse=True)
    for each in candidates:
        each.in_flight = 0

    assert ranking[0] == with_room(ranking, candidates, 1.25, 1)
