"""Dice read ahead are the same dice."""

import random

import numpy as np
import pytest

from rl.fog.streams import AHEAD, Ahead, dice

pytestmark = pytest.mark.unit


def test_every_purpose_run_and_seed_has_dice_of_its_own() -> None:
    drawn = {
        dice(*key).random()
        for key in ((1, 0, "ground"), (1, 0, "post"), (1, 1, "ground"), (2, 0, "ground"))
    }

    assert len(drawn) == 4
    assert dice(1, 0, "ground").random() in drawn


def test_blocks_are_what_the_dice_would_have_given() -> None:
    rows = [random.Random(seed) for seed in range(3)]
    ahead = Ahead(rows, most=4, group=2)
    taken: list[list[float]] = [[], [], []]
    chance = random.Random(9)
    for _ in range(5 * AHEAD):
        ahead.provide()
        groups = ahead.numbers.reshape(-1, 2)
        for row in range(3):
            for _ in range(chance.randrange(5)):
                taken[row] += groups[ahead.at[row]].tolist()
                ahead.at[row] += 1

    for alone, found in zip(rows, taken, strict=True):
        assert len(found) > 2 * AHEAD
        assert found == [alone.random() for _ in found]


def test_dice_that_were_used_go_on_from_there() -> None:
    used = random.Random(5)
    for _ in range(7):
        used.random()
    ahead = Ahead([used], most=1)

    assert ahead.numbers[0, 0, 0] == used.random()
    assert np.all((ahead.numbers >= 0) & (ahead.numbers < 1))
