"""Additive increase, multiplicative decrease."""

import random

import pytest

from rl.shaping.aimd import PATIENCE, Aimd
from rl.shaping.settings import ACTIONS

pytestmark = pytest.mark.unit

ALL = frozenset(ACTIONS)


def acts(agent: Aimd, levels: tuple[int, ...], allowed: frozenset[str] = ALL) -> str:
    mask = [name == "keep" or name in allowed for name in ACTIONS]
    return ACTIONS[agent.choose([], levels, mask, random.Random(1)).action]


@pytest.mark.parametrize(
    "levels",
    [(2, 0, 1, 0, 0, 1), (3, 0, 1, 0, 0, 1), (0, 2, 1, 0, 0, 1), (0, 0, 1, 1, 0, 1)],
    ids=["a target", "by far", "others", "pressure"],
)
def test_it_goes_down_at_once(levels: tuple[int, ...]) -> None:
    agent = Aimd()

    assert [acts(agent, levels) for _ in range(3)] == ["requests_per_second-"] * 3


@pytest.mark.parametrize("place", [0, 1, 3])
def test_it_goes_up_the_slower_the_higher_it_stands(place: int) -> None:
    agent = Aimd()

    found = [acts(agent, (0, 0, 1, 0, 0, place)) for _ in range(24)]

    each = PATIENCE * place + 1
    assert found == (["keep"] * (each - 1) + ["requests_per_second+"]) * (24 // each) + ["keep"] * (
        24 % each
    )


def test_it_waits_while_another_is_close_to_its_target() -> None:
    agent = Aimd()

    assert {acts(agent, (0, 1, 1, 0, 0, 0)) for _ in range(10)} == {"keep"}


def test_who_floods_gets_no_more() -> None:
    agent = Aimd()

    assert {acts(agent, (0, 0, 1, 0, 2, 0)) for _ in range(10)} == {"keep"}


def test_it_takes_the_rate_that_has_bounds() -> None:
    agent = Aimd()
    bytes_only = frozenset({"download_bytes_per_second-", "download_bytes_per_second+"})

    assert acts(agent, (2, 0, 1, 0, 0, 0), bytes_only) == "download_bytes_per_second-"
    assert acts(agent, (0, 0, 1, 0, 0, 0), bytes_only) == "download_bytes_per_second+"
    assert acts(agent, (2, 0, 1, 0, 0, 0), frozenset({"urgency-"})) == "keep"


def test_trouble_makes_it_begin_to_wait_anew() -> None:
    agent, calm, trouble = Aimd(), (0, 0, 1, 0, 0, 1), (2, 0, 1, 0, 0, 1)

    acts(agent, calm)
    acts(agent, calm)
    acts(agent, trouble)

    assert [acts(agent, calm) for _ in range(3)] == ["keep", "keep", "requests_per_second+"]
