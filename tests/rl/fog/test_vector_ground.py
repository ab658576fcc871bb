"""The grounds of many runs against ``Ground``."""

import numpy as np
import pytest

from rl.fog.arrivals import pairs, targets
from rl.fog.ground import Ground
from rl.fog.rewards import Terms
from rl.fog.settings import FogSettings
from rl.fog.streams import dice
from rl.fog.vector_ground import Grounds
from tests.rl.fog.fogs import LARGE, SMALL, plain

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "fog",
    [
        FogSettings(task_types=(SMALL, LARGE), client_is_self=False),
        plain(6, "random", radius_meters=50.0, frequency_variations=(1e6,)),
    ],
)
def test_rows_are_what_each_seed_draws(fog: FogSettings) -> None:
    seeds = (1, 2, 3)
    many = Grounds(fog, seeds, 4, fog.nodes + fog.clouds)
    size_bytes = Terms.of(fog).size_bytes
    for run, seed in enumerate(seeds):
        ground = Ground(fog, dice(seed, 4, "ground"))
        origin = run * many.W
        assert many.power[run, : many.N].tolist() == ground.power
        for row, node in enumerate(fog.agents):
            known = ground.neighbours[node]
            assert many.counts[run, row] == len(known)
            slots = many.slots[run, row] - origin
            assert tuple(slots[: len(known)]) == known
            assert set(slots[len(known) :].tolist()) <= {many.W - 1}
            for column, each in enumerate(known[1:], 1):
                assert many.seconds[run, row, column] == ground.seconds(node, each, size_bytes)
                for kind, each_type in enumerate(fog.task_types):
                    size = each_type.size_bytes
                    there = many.delays[kind, origin + node, each]
                    back = many.delays[kind, origin + each, node]
                    assert (there, back) == (
                        ground.delay(node, each, size),
                        ground.delay(each, node, size),
                    )
        asked = pairs(targets(fog, ground), fog.client_is_self)
        found = np.stack((many.clients[run], many.homes[run]), axis=1)[: len(asked)] - origin
        assert [tuple(each) for each in found.tolist()] == asked


def test_links_that_follow_from_no_draw_are_worked_out_once() -> None:
    first = Grounds(plain(4, "ring"), (1, 2), 0, 3)
    second = Grounds(plain(4, "ring"), (5, 6), 1, 3, first)

    assert first.known is second.known
    assert np.array_equal(first.delays, second.delays)


def test_what_would_never_arrive_does_so_after_the_end() -> None:
    fog = plain(2, power_dbm=-500.0, duration_seconds=40)
    many = Grounds(fog, (1,), 0, 2)

    assert many.delays[0, 0, 1] == 41
