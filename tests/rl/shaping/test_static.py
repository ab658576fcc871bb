"""The agent that does nothing."""

import random

import pytest

from rl.shaping.settings import ACTIONS, KEEP
from rl.shaping.static import Static

pytestmark = pytest.mark.unit


def test_it_keeps_whatever_is_there() -> None:
    everything = [True] * len(ACTIONS)

    choice = Static().choose([], (3, 2, 0, 1, 1, 3), everything, random.Random(1))

    assert (choice.action, choice.explored, choice.probability) == (KEEP, False, 1.0)
