"""The clocks of clients."""

import random

import pytest

from rl.fog.arrivals import Arrivals, LeakyArrivals, targets
from rl.fog.ground import Ground
from rl.fog.schedules import constant
from rl.fog.settings import FogSettings
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit

KINDS = pytest.mark.parametrize("kind", [Arrivals, LeakyArrivals])


@KINDS
def test_every_tick_at_a_high_rate_and_never_at_none(kind: type) -> None:
    clocks = kind({0: [0, 1]}, [[(0, 50.0)], [(0, 0.0)]], random.Random(1), False)

    assert all(list(clocks.due(now)) == [(0, 0)] for now in range(20))


def test_a_selfish_client_asks_others_only_where_it_may_not_ask_itself() -> None:
    asked = {0: [0, 1], 2: [1]}
    rates = [[(0, 50.0)]] * 3

    assert set(Arrivals(asked, rates, random.Random(1), True).due(0)) == {(0, 0), (2, 1)}


def test_in_compat_others_are_asked_when_it_is_not_due_itself() -> None:
    clocks = LeakyArrivals({0: [0, 1]}, [[(0, 0.5)], [(0, 50.0)]], random.Random(1), True)
    due = [tuple(clocks.due(now)) for now in range(50)]

    assert set(due) == {((0, 0),), ((0, 1),)}


def test_a_change_of_rate_reaches_all_but_in_compat_the_first_target_only() -> None:
    rates = [[(0, 0.0), (10, 50.0)]] * 2
    documented = Arrivals({0: [0, 1]}, rates, random.Random(1), False)
    compat = LeakyArrivals({0: [0, 1]}, rates, random.Random(1), False)
    found = [[list(each.due(now)) for now in range(12)] for each in (documented, compat)]

    assert found[0][:10] == found[1][:10] == [[]] * 10
    assert found[0][10:] == [[(0, 0), (0, 1)]] * 2
    assert found[1][10:] == [[(0, 0)]] * 2


def test_a_rate_may_fall_to_none() -> None:
    clocks = Arrivals({0: [0]}, [[(0, 50.0), (5, 0.0)]], random.Random(1), False)

    assert [len(clocks.due(now)) for now in range(8)] == [1] * 5 + [0] * 3


@KINDS
def test_pairs_that_stay_keep_their_clocks(kind: type) -> None:
    rates = [[(0, 0.05)]] * 3
    same, changed = (kind({0: [0, 1]}, rates, random.Random(4), False) for _ in range(2))
    changed.arrange({0: [0, 2]}, 0)
    first = next(now for now in range(500) if (0, 0) in same.due(now))
    again = next(now for now in range(500) if (0, 0) in changed.due(now))

    assert first == again
    assert not any((0, 1) in changed.due(now) for now in range(again + 1, 900))


def test_targets_are_near_and_of_the_right_layer() -> None:
    fog = FogSettings(
        task_layers=(1,),
        schedules=(constant(1.0),),
        radius_meters=1000.0,
        client_is_self=False,
    )
    ground = Ground(fog, random.Random(1))

    assert targets(fog, ground) == {node: [5] for node in range(5)}


def test_a_client_that_walks_asks_the_nearest_node() -> None:
    fog = plain(2, positions_meters=((0.0, 0.0), (10.0, 0.0)))
    ground = Ground(fog, random.Random(1))
    ground.clients = ((9.0, 0.0), (1.0, 0.0))
    ground.move(ground.positions)

    assert targets(fog, ground) == {0: [1], 1: [0]}
