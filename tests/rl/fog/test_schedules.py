"""Rates over time, and how often something arrives in slots."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog.schedules import (
    NAMES,
    Schedule,
    Segment,
    constant,
    due_after,
    linear,
    mean_gap_ticks,
    named,
    read,
    uniform,
    zigzag,
)

pytestmark = pytest.mark.unit


def test_rates_follow_each_other_and_the_last_one_stays() -> None:
    schedule = Schedule((Segment(0.5, 10), Segment(2.0, 5)))
    assert [schedule.rate_at(tick) for tick in (0, 9, 10, 14, 1000)] == [0.5, 0.5, 2.0, 2.0, 2.0]


def test_ticks_finer_than_seconds_share_the_rate() -> None:
    schedule = Schedule((Segment(0.5, 10), Segment(2.0, 5)))
    assert schedule.per_tick(10) == [(0, 0.05), (100, 0.2)]


@pytest.mark.parametrize(("rate", "per_tick"), [(0.5, 0.4544), (0.6, 0.526), (50.0, 1.0)])
def test_mean_gap_is_the_closed_form(rate: float, per_tick: float) -> None:
    assert 1 / mean_gap_ticks(rate) == pytest.approx(per_tick, abs=5e-4)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.6, 2.0])
def test_drawn_gaps_have_that_mean(rate: float) -> None:
    """One arrival at the most in a tick: a gap of 0 is one of 1."""
    dice = random.Random(3)
    gaps = []
    for _ in range(20_000):
        due = due_after(rate, dice)
        assert due is not None
        gaps.append(max(1, due))
    assert sum(gaps) / len(gaps) == pytest.approx(mean_gap_ticks(rate), rel=0.02)


def test_no_rate_no_arrival() -> None:
    assert due_after(0.0, random.Random(1)) is None
    assert mean_gap_ticks(0.0) == math.inf


def rates(schedule: Schedule) -> list[float]:
    assert {each.seconds for each in schedule.segments} == {100}
    return [each.rate for each in schedule.segments]


def test_named_schedules_go_from_one_to_ten_in_slots_of_100_seconds() -> None:
    dice = random.Random(1)
    assert rates(linear(1150)) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]
    assert rates(zigzag(2200)) == [*range(1, 11), *range(10, 0, -1), 1, 2]
    assert rates(zigzag(300, 9.5)) == [9.5, 10.0, 9.0]
    drawn = rates(uniform(5000, dice))
    assert len(set(drawn)) == 50
    assert all(1 <= each <= 10 for each in drawn)
    assert rates(linear(1)) == [1]


def test_layers_share_a_schedule_but_hetero_ones() -> None:
    for name in NAMES:
        one, other = named(name, 1000, 2, random.Random(1))
        assert (one == other) == (not name.startswith("Hetero"))
        assert named(name, 1000, 2, random.Random(1)) == (one, other)
    with pytest.raises(ValueError, match=r"no schedule 'Square'; there are Linear, Zigzag"):
        named("Square", 1000, 2, random.Random(1))


def test_text_is_read_per_layer() -> None:
    assert read("0.6-1000;1e-3-5,2-7") == (
        constant(0.6, 1000),
        Schedule((Segment(1e-3, 5), Segment(2.0, 7))),
    )


@pytest.mark.parametrize("text", ["", "0.6", "a-3", "0.6-b", "0.6-1000,", "nan-3", "-1-3", "1-0"])
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate"):
        read(text)


@given(st.text(max_size=30))
@settings(max_examples=50, deadline=None)
def test_hostile_text_gives_schedules_or_value_error(text: str) -> None:
    try:
        read(text)
    except ValueError:
        pass


def test_empty_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 10000 rates"):
        Schedule(())
