import random

import pytest

from rl.marginal_cost.bend import Row, bend_of, level

pytestmark = pytest.mark.unit


def curve(servers: float, loads: range, level: float = 1.0, count: float = 50.0) -> list[Row]:
    return [(load, count, level * max(1.0, load / servers)) for load in loads]


@pytest.mark.parametrize("servers", [1.5, 4.0, 6.5, 12.0])
def test_the_bend_is_where_it_was_put(servers: float) -> None:
    bend = bend_of(curve(servers, range(1, 25)), 0.5, 0.0, 0.0)

    assert bend is not None
    assert bend.servers == pytest.approx(servers, rel=0.02)
    assert bend.alone == bend.servers
    assert bend.evidence > 45.0


def test_a_flat_curve_has_none() -> None:
    assert bend_of(curve(100.0, range(1, 25)), 0.5, 0.0, 0.0) is None
    assert bend_of([], 0.5, 4.0, 100.0) is None
    assert bend_of([(3.0, 100.0, 1.0)], 0.5, 4.0, 100.0) is None


def test_chance_seldom_makes_one() -> None:
    dice = random.Random(4)
    found = 0
    for _ in range(400):
        rows: list[Row] = [
            (load, 40.0, dice.gauss(1.0, (0.5 / 40.0) ** 0.5)) for load in range(1, 12)
        ]
        found += bend_of(rows, 0.5, 0.0, 0.0) is not None

    assert found <= 12


def test_without_a_load_below_it_the_bend_is_where_it_is_elsewhere() -> None:
    rows = curve(4.0, range(9, 20))
    bend = bend_of(rows, 0.5, 5.0, 20.0)

    assert bend is not None
    assert bend.servers == pytest.approx(5.0)
    assert 0.0 == bend.alone
    assert bend_of(rows, 0.5, 0.0, 0.0) is not None  # with nobody to ask, somewhere below


def test_clear_evidence_is_believed_against_others() -> None:
    bend = bend_of(curve(4.0, range(1, 20), count=200.0), 0.2, 8.0, 5.0)

    assert bend is not None
    assert bend.servers == pytest.approx(4.0, rel=0.05)
    weak = bend_of(curve(4.0, range(1, 20), count=3.0), 0.2, 8.0, 500.0)
    assert weak is None or weak.servers > 7.0


def test_the_level_is_that_of_the_curve() -> None:
    assert level(curve(4.0, range(1, 20), 0.5), 4.0, 0.0) == pytest.approx(0.5)
    drawn = level(curve(4.0, range(1, 3), 0.5, 10.0), 4.0, 20.0)
    assert drawn == pytest.approx((20.0 + 10.0) / 40.0)
