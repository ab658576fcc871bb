"""Processor sharing by hand-made schedules and by what must hold under any order of steps."""

import math
import random

import pytest

from rl.simulation.sharing import Sharing

pytestmark = pytest.mark.unit


def schedule(slots: int | None, jobs: list[tuple[float, float]]) -> list[float]:
    """When each job ``(arrival, seconds)`` is done."""
    sharing: Sharing[int] = Sharing(slots, 1000)
    ends = [math.nan] * len(jobs)
    coming = sorted(range(len(jobs)), key=lambda index: jobs[index][0])
    while coming or sharing.working:
        due = sharing.due()
        if coming and jobs[coming[0]][0] < due:
            index = coming.pop(0)
            assert sharing.join(index, jobs[index][1], jobs[index][0])
        else:
            ends[sharing.finish(due)] = due
    return ends


def test_alone_a_request_takes_its_own_time() -> None:
    assert schedule(1, [(0.0, 2.0), (5.0, 1.0)]) == [2.0, 6.0]


def test_two_on_one_processor_take_twice_as_long_while_both_are_there() -> None:
    """The first has one second done when the second comes; then both run at half speed."""
    assert schedule(1, [(0.0, 2.0), (1.0, 3.0)]) == pytest.approx([3.0, 5.0])


def test_as_many_as_processors_do_not_slow_each_other() -> None:
    assert schedule(2, [(0.0, 2.0), (0.0, 3.0)]) == pytest.approx([2.0, 3.0])
    assert schedule(2, [(0.0, 2.0)] * 4) == pytest.approx([4.0] * 4)


def test_without_limit_nobody_is_slowed() -> None:
    assert schedule(None, [(0.0, 1.0)] * 50) == pytest.approx([1.0] * 50)


def test_beyond_slots_and_queue_limit_it_refuses() -> None:
    sharing: Sharing[str] = Sharing(1, 1)
    assert [sharing.join(item, 1.0, 0.0) for item in "abc"] == [True, True, False]
    assert (sharing.working, sharing.waiting, sharing.full) == (2, 0, True)
    assert not Sharing[str](None, 0).full


def test_who_leaves_makes_the_others_faster() -> None:
    sharing: Sharing[str] = Sharing(1, 9)
    sharing.join("stays", 2.0, 0.0)
    sharing.join("leaves", 9.0, 0.0)
    assert sharing.due() == pytest.approx(4.0)
    assert sharing.leave("leaves", 2.0)
    assert not sharing.leave("leaves", 2.0)
    assert sharing.due() == pytest.approx(3.0)


def test_one_that_hangs_takes_its_share_until_it_leaves() -> None:
    sharing: Sharing[str] = Sharing(1, 9)
    sharing.join("hangs", math.inf, 0.0)
    assert sharing.due() == math.inf
    with pytest.raises(RuntimeError, match="no request can be done"):
        sharing.finish(1.0)
    sharing.join("works", 1.0, 5.0)
    assert sharing.due() == pytest.approx(7.0)
    assert sharing.finish(7.0) == "works"
    assert sharing.leave("hangs", 8.0)
    assert (sharing.working, sharing.due()) == (0, math.inf)


def test_nobody_is_done_where_nobody_is() -> None:
    with pytest.raises(RuntimeError):
        Sharing[int](1, 0).finish(0.0)


def test_a_late_look_loses_no_work() -> None:
    """A timer that fires late, as in real time, must not hold back the others."""
    sharing: Sharing[str] = Sharing(2, 9)
    sharing.join("a", 1.0, 0.0)
    sharing.join("b", 2.0, 0.0)
    assert sharing.finish(1.5) == "a"
    assert sharing.due() == pytest.approx(2.0)


def test_work_is_neither_lost_nor_made_under_any_order_of_steps() -> None:
    """While all processors are busy they do one second of work a second each."""
    dice = random.Random(3)
    jobs = [(dice.uniform(0.0, 50.0), dice.expovariate(0.5)) for _ in range(300)]
    jobs.append((0.0, 1.0))
    ends = schedule(3, jobs)
    assert all(
        end >= came + seconds - 1e-9 for end, (came, seconds) in zip(ends, jobs, strict=True)
    )
    busy_from = sorted(came for came, _ in jobs)[3]
    assert max(ends) >= sum(seconds for _, seconds in jobs) / 3
    assert max(ends) <= busy_from + sum(seconds for _, seconds in jobs) / 3 + 60.0
