"""What is worth trying before anything was learned."""

from itertools import product

import pytest

from rl.shaping.encoding import (
    EASY,
    EQUAL,
    FAR,
    FLOODING,
    LEVEL_SIZES,
    LIGHTER,
    MISSED,
    NEAR,
    WEIGHTIER,
)
from rl.shaping.priors import action, worth
from rl.shaping.settings import ACTIONS, KEEP

pytestmark = pytest.mark.unit


def ranked(
    own: int, others: int, weight: int = EQUAL, held: int = 0, pressure: int = 0
) -> list[str]:
    """Actions that are worth more than to keep, the best first."""
    values = worth((own, others, weight, pressure, held, 1))
    return [
        ACTIONS[each]
        for each in sorted(range(12), key=lambda each: -values[each])
        if values[each] > 0
    ]


def test_every_state_has_something_to_say() -> None:
    for levels in product(*map(range, LEVEL_SIZES)):
        values = worth(levels)
        assert len(values) == len(ACTIONS)
        assert values[KEEP] == 0.0
        assert all(-1.0 <= value <= 1.0 for value in values)


def test_who_misses_its_targets_asks_for_more() -> None:
    assert ranked(MISSED, EASY)[0] == "urgency-"
    assert ranked(MISSED, EASY, held=1)[0] == "requests_per_second+"
    assert "path" in ranked(FAR, EASY) and "path" not in ranked(MISSED, EASY)


def test_who_is_well_gives_way_to_who_is_not() -> None:
    found = ranked(EASY, MISSED)

    assert found[0] == "urgency+"
    assert {"requests_per_second-", "download_bytes_per_second-"} <= set(found)


def test_where_both_miss_the_weightier_is_served() -> None:
    assert ranked(MISSED, MISSED, LIGHTER)[0] == "urgency+"
    assert ranked(MISSED, MISSED, WEIGHTIER)[0] == "urgency-"
    assert "requests_per_second-" in ranked(MISSED, MISSED)
    assert "requests_per_second+" in ranked(MISSED, MISSED, held=1)


def test_where_all_are_well_who_is_held_takes_some_more() -> None:
    assert ranked(EASY, EASY, held=1)[0] == "requests_per_second+"
    assert "requests_per_second+" not in ranked(EASY, EASY)
    assert ranked(EASY, NEAR, held=1) == []


@pytest.mark.parametrize("weight", [LIGHTER, EQUAL, WEIGHTIER])
def test_who_floods_gets_no_more(weight: int) -> None:
    for own in (EASY, NEAR, MISSED, FAR):
        assert ranked(own, EASY, weight, held=FLOODING) == []
        assert ranked(own, MISSED, weight, held=FLOODING)[0] == "urgency+"


def test_actions_by_name() -> None:
    assert [action(name) for name in ACTIONS] == list(range(12))
