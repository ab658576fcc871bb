"""The clocks of many runs against ``Arrivals`` and ``Workload``."""

import math
import random

import numpy as np
import pytest

from rl.fog import schedules
from rl.fog.arrivals import clocks, targets
from rl.fog.ground import Ground
from rl.fog.schedules import Schedule, Segment
from rl.fog.streams import dice
from rl.fog.vector_arrivals import VectorArrivals, due_after
from rl.fog.vector_ground import Grounds
from rl.fog.workload import Workload
from tests.rl.fog.fogs import LARGE, SMALL, plain

pytestmark = pytest.mark.unit

FOG = plain(
    5,
    "random",
    radius_meters=60.0,
    client_is_self=False,
    task_types=(SMALL, LARGE),
    least_deadline_seconds=7,
    schedules=(Schedule((Segment(0.4, 20), Segment(0.0, 10), Segment(3.0, 20))),),
)


def test_the_same_clients_ask_in_the_same_order_for_the_same() -> None:
    seeds = (3, 4, 5)
    grounds = Grounds(FOG, seeds, 0, 5)
    many = VectorArrivals(
        FOG,
        grounds,
        [dice(seed, 0, "arrivals") for seed in seeds],
        [dice(seed, 0, "workload") for seed in seeds],
    )
    alone = []
    for seed in seeds:
        asked = targets(FOG, Ground(FOG, dice(seed, 0, "ground")))
        made = Workload(FOG.task_types, (), (), 7, dice(seed, 0, "workload"))
        alone.append((clocks(FOG, asked, dice(seed, 0, "arrivals")), made))
    total = 0
    for now in range(120):
        which, kinds, deadlines = many.due(now)
        total += len(which)
        found = [
            (int(client), int(home), int(kind), int(deadline))
            for client, home, kind, deadline in zip(
                many.clients[which], many.homes[which], kinds, deadlines, strict=True
            )
        ]
        expected = []
        for run, (arrivals, made) in enumerate(alone):
            for client, home in arrivals.due(now):
                asked_for = made.application(client, home, now)
                task = asked_for.tasks[0]
                origin = run * grounds.W
                expected.append((origin + client, origin + home, task.kind, asked_for.deadline))
        assert found == expected
    assert total > 500


def test_gaps_are_those_of_the_single_clock() -> None:
    drawn = np.random.default_rng(1).random(2000)
    rates = np.random.default_rng(2).choice([1e-9, 0.01, 0.6, 3.0], 2000)
    expected = [
        schedules.due_after(rate, _Fixed(value))
        for rate, value in zip(rates.tolist(), drawn.tolist(), strict=True)
    ]

    assert due_after(rates, drawn).tolist() == expected


def test_a_gap_at_the_edge_of_two_ticks_is_worked_out_again() -> None:
    # -log(1 - u) is as good as 1.5, so that rounding could go either way.
    drawn = 1.0 - math.exp(-1.5)
    for off in range(-3, 4):
        value = drawn + off * 2.0**-53
        expected = schedules.due_after(1.0, _Fixed(value))
        assert due_after(np.array([1.0]), np.array([value])).tolist() == [expected]


def test_a_gap_beyond_all_time_is_one_that_never_ends() -> None:
    assert due_after(np.array([1e-200]), np.array([0.5])).tolist() == [2**62]


class _Fixed(random.Random):
    """Dice that show one number."""

    def __init__(self, shown: float) -> None:
        super().__init__(0)
        self._shown = shown

    def random(self) -> float:
        return self._shown
