"""Agents by name."""

import random

import pytest

from rl.shaping.agents import Conduct
from rl.shaping.making import KINDS, make

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_what_it_is_called(kind: str) -> None:
    agent = make(kind, Conduct(), random.Random(1))

    assert agent.kind == kind
    assert agent.learns == (kind not in ("aimd", "static"))
    assert agent.shareable == (kind != "aimd")
    assert agent.experience == 0
