"""Advertised values against true costs, and what is left of a way from each level on."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.network.records import Link, Purpose, Run, Setting, Snapshot, Variant
from evaluation.network.values import (
    by_level,
    by_node,
    greedy_links,
    greedy_way,
    tells_values,
    values,
)

pytestmark = pytest.mark.unit

UNCACHED = Variant("q_routing", cache=False)


@pytest.mark.parametrize("advertised", [1.0, 0.8, 2.0])
def test_an_error_is_found_whatever_its_sign(
    make_run: Callable[..., Run], advertised: float
) -> None:
    """2.0 is what counting time twice looks like."""
    found = values(make_run(variant=UNCACHED, windows=20, advertised=advertised))
    assert {each.node for each in found} == {"301", "302", "303"}
    for each in found:
        assert each.error == pytest.approx(advertised - 1, abs=0.06)
        assert each.seen == pytest.approx(each.cost + 0.0005)
    for whole in by_node(found):
        assert whole.error == pytest.approx(advertised - 1, abs=0.04)
        assert whole.answers == sum(each.answers for each in found if each.node == whole.node)


def test_hits_and_failures_cost_nothing(make_run: Callable[..., Run]) -> None:
    run = make_run(variant=UNCACHED, windows=20)
    spoilt = tuple(
        replace(each, reward=-100.0, hit=each.index % 2 == 0, success=each.index % 2 == 0)
        if each.index % 5 == 0
        else each
        for each in run.requests
    )
    for each in values(replace(run, requests=spoilt)):
        assert each.cost < 1


def test_too_few_answers_say_nothing(make_run: Callable[..., Run]) -> None:
    assert values(make_run(variant=UNCACHED, windows=1)) == ()


def test_which_runs_tell(make_run: Callable[..., Run]) -> None:
    assert tells_values(make_run(variant=UNCACHED))
    assert not tells_values(make_run())
    assert not tells_values(make_run(Setting.VIRTUAL, variant=UNCACHED))
    assert not tells_values(make_run(purpose=Purpose.CHANGES, variant=UNCACHED))
    assert not tells_values(make_run(variant=Variant("random", cache=False)))


def test_levels_have_what_is_left_of_the_way(make_run: Callable[..., Run]) -> None:
    links = (Link("301", "201", -0.011), Link("301", "202", -0.009), Link("201", "101", None))
    run = replace(make_run(windows=1), snapshots=(Snapshot(1, 1.0, links),))
    levels = by_level(run)
    assert [each.level for each in levels] == [3, 2, 1]
    assert [each.measured for each in levels] == pytest.approx([0.009, 0.006, 0.003])
    assert levels[0].learned == pytest.approx(0.009)
    assert math.isnan(levels[1].learned)


LINKS = (
    Link("301", "201", 1.0),
    Link("301", "202", 2.0),
    Link("202", "101", -1.0),
    Link("202", "102", None),
    Link("201", "101", None),
)


def test_the_greedy_way_follows_the_highest_values_as_far_as_they_are_known() -> None:
    shot = Snapshot(1, 1.0, LINKS)
    assert greedy_links(shot) == {"301": "202", "202": "101"}
    assert greedy_way(shot, "301") == ("301", "202", "101")
    assert greedy_way(shot, "201") == ("201",)


def test_a_greedy_way_in_a_circle_ends() -> None:
    shot = Snapshot(1, 1.0, (Link("201", "202", 1.0), Link("202", "201", 1.0)))
    assert greedy_way(shot, "201") == ("201", "202")
