"""Episodes, played and measured."""

import random
from dataclasses import replace

import pytest

from evaluation.fog.playing import play, play_live
from rl.fog import baselines
from rl.fog.single import stay_local
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit
BUSY = plain(3, rate=0.9, duration_seconds=60)


def test_measures_are_what_the_fog_counts() -> None:
    """One idle node: all tasks take two seconds, and are paid as decided."""
    fog = plain(1, rate=0.3, duration_seconds=200, agents=(0,))
    found = play(fog, "local", 3, stay_local)
    assert found.response == 2.0
    assert (found.dropped, found.expired, found.overload) == (0, 0, 0)
    assert found.completed > 0.95
    assert found.decisions > 30
    assert found.total_reward == pytest.approx(found.reward * found.decisions)
    assert found.energy == pytest.approx(4e7, rel=0.1)  # an instruction costs one
    finer = play(replace(fog, ticks_per_second=4), "local", 3, stay_local)
    assert finer.response < 2.0


def test_a_fog_that_is_asked_too_much_shows_it() -> None:
    slow = plain(2, rate=0.9, duration_seconds=100, instructions_per_core_second=(2e6,))
    found = play(slow, "local", 1, stay_local)
    assert found.dropped > 0.4
    assert found.overload > 0.5
    assert found.occupancy > 0.8


def test_one_seed_is_one_episode() -> None:
    def once() -> object:
        return play(BUSY, "random", 5, baselines.build("random", random.Random(1)))

    assert once() == once()


@pytest.mark.parametrize("strategy", ["round_robin", "marginal_cost"])
def test_live_strategies_play_after_their_warm_up(strategy: str) -> None:
    first, second = play_live(BUSY, strategy, 2), play_live(BUSY, strategy, 2)
    assert first == second
    assert first.algorithm == f"live_{strategy}"
    assert first.decisions > 20
