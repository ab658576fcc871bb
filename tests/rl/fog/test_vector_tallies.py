"""Counting for many runs: what waits for its tick, and what belongs to the last period."""

import numpy as np
import pytest

from rl.fog.streams import Integers
from rl.fog.vector_tallies import VectorTallies, late_rows
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit


def ids(*values: int) -> Integers:
    return np.array(values, dtype=np.int64)


def test_a_client_has_its_result_or_gives_up() -> None:
    tallies = VectorTallies(plain(least_deadline_seconds=3), 2, 2)
    tallies.ask(ids(0, 1, 1))
    tallies.await_result(ids(0, 1, 1), ids(4, 4, 3))
    # The first one's is there in time, the second one's is not; nothing comes of the third.
    tallies.finish(ids(0, 1), ids(2, 5), ids(0, 0), ids(4, 4))
    history = []
    for now in range(1, 8):
        tallies.tick(now)
        history.append((tallies.finished.tolist(), tallies.late.tolist()))

    assert tallies.asked.tolist() == [1, 2]
    assert history[:2] == [([0, 0], [0, 0]), ([1, 0], [0, 0])]
    assert history[3:5] == [([1, 0], [0, 1]), ([1, 0], [0, 2])]
    assert history[-1] == history[4]
    assert tallies.responses.tolist() == [2, 0]


def test_without_deadlines_all_are_in_time() -> None:
    tallies = VectorTallies(plain(least_deadline_seconds=0), 1, 1)
    tallies.finish(ids(0, 0), ids(1, 1), ids(0, 1), None)
    tallies.tick(1)

    assert tallies.finished.tolist() == [2]
    assert tallies.responses.tolist() == [1]


def test_a_period_begins_anew() -> None:
    tallies = VectorTallies(plain(), 1, 1)
    tallies.completed += 3
    tallies.begin_period()
    tallies.completed += 2
    tallies.received += 1

    assert tallies.lately().tolist() == [[2], [0], [1]]


def test_work_costs_energy() -> None:
    tallies = VectorTallies(plain(), 2, 1)
    tallies.work(ids(1), np.array([5.0]), 2.0)
    tallies.work(ids(1), np.array([1.0]), 2.0)

    assert tallies.energy.tolist() == [0.0, 12.0]


def test_a_deadline_beyond_the_episode_needs_no_room() -> None:
    assert late_rows(plain(least_deadline_seconds=100)) == 202
    assert late_rows(plain(least_deadline_seconds=1_000_000, duration_seconds=50)) == 52
