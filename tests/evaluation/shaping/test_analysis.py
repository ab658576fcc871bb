"""Runs with a known truth, judged."""

import math

import pytest

from evaluation.metrics_analyzer import Claim
from evaluation.shaping.analysis import (
    Ground,
    analyze,
    by_stretch,
    first_bars,
    flood_bars,
    reward,
    sent,
    shift_bars,
)
from evaluation.shaping.arms import CALM_PART, FIRST, FLOOD_PART, SHIFT, UNTRAINED
from tests.evaluation.shaping.made import result, run

pytestmark = pytest.mark.unit
GROUND = Ground(0.15, 20.0, 5.0)
RESULT = result()


def test_every_arm_has_its_measures() -> None:
    found = {each.name: each for each in analyze(RESULT.played[SHIFT], GROUND)}
    assert ["none", "static", "aimd", "tabular"] == list(found)
    tabular = found["tabular"]
    assert tabular.measures["violations"].value == pytest.approx(0.08, abs=0.05)
    assert tabular.measures["completed"].value == pytest.approx(3 * 98, rel=0.05)
    assert Claim.WIN is tabular.differences["violations"].claim
    assert Claim.LOSS is found["none"].differences["violations"].claim
    assert not found["static"].differences


def test_stretches_are_told_apart() -> None:
    """Of each twenty seconds an arm misses the first ones: eight, if they are rules."""
    missed = by_stretch(RESULT.played[SHIFT], GROUND, [0.0, 10.0])
    assert ["none", "static", "aimd", "tabular"] == list(missed)
    first, rest = missed["static"]
    assert first == pytest.approx(0.8, abs=0.1)
    assert rest == pytest.approx(8 / 30, abs=0.1)


def test_bars_are_reached_with_all_of_their_interval() -> None:
    bars = {(bar.arm, bar.below): bar for bar in shift_bars(RESULT.played[SHIFT], GROUND)}
    assert bars["tabular", True].reached and bars["tabular", False].reached
    assert bars["aimd", True].reached is False and bars["aimd", False].reached is False
    few = shift_bars([each for each in RESULT.played[SHIFT] if each.seed < 2], GROUND)
    assert {None} == {bar.reached for bar in few}


def test_a_flood_beside() -> None:
    bars = flood_bars(RESULT.played[CALM_PART], RESULT.played[FLOOD_PART])
    told = {(bar.arm, bar.text.partition(":")[0]): bar.reached for bar in bars}
    assert told["static", "interactive"] is True and told["aimd", "batch"] is False


def test_the_first_minute() -> None:
    (bar,) = first_bars(RESULT.played[FIRST], UNTRAINED)
    assert "tabular" == bar.arm and bar.reached
    assert bar.estimate.value == pytest.approx(0.5)


def test_what_nobody_counted_is_no_number() -> None:
    one = run("none", 1)
    assert math.isnan(reward(one)) and sent(one, GROUND) > 0
    empty = {
        name: tuple(each._replace(sent_bytes=0) for each in own)
        for name, own in one.windows.items()
    }
    one.windows.update(empty)
    assert math.isnan(sent(one, GROUND))
