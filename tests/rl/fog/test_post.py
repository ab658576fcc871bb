"""Messages on their way."""

import random
from typing import Any

import pytest

from rl.fog.post import MOST_REMEMBERED, Carriage, Message, Post, Report, Transfer

pytestmark = pytest.mark.unit


def post(ticks: int = 3, **carriage: Any) -> Post:
    return Post(lambda a, b, size: ticks, Carriage(**carriage), random.Random(1))


def arrivals(given: Post, until: int = 60) -> list[int]:
    return [now for now in range(until) for _ in given.arriving(now)]


def test_messages_arrive_after_their_delay_in_the_order_of_sending() -> None:
    given = post()
    reports: list[Message] = [Report(0, each, 0) for each in range(3)]
    for each in reports:
        assert given.send(each, 0, 1, 1.0, 0)
    assert given.on_the_way() == reports
    assert given.coming() == [(3, each, 1) for each in reports]

    assert given.arriving(3) == [(each, 1) for each in reports]
    assert given.arriving(3) == []
    assert given.on_the_way() == []


def test_a_link_in_use_keeps_others_waiting_in_its_direction_alone() -> None:
    given = post(contention=True)
    for sender, receiver in ((0, 1), (0, 1), (1, 0), (0, 2), (0, 1), (5, 5), (5, 5)):
        given.send(Transfer("", 1.0, []), sender, receiver, 1.0, 0)

    assert arrivals(given) == [3, 3, 3, 3, 3, 6, 9]


def test_lost_messages_are_told_of() -> None:
    given = post(drop=0.25)
    sent = [given.send(Report(0, 0, 0), 0, 1, 1.0, 0) for _ in range(2000)]

    assert sum(sent) / 2000 == pytest.approx(0.75, abs=0.03)
    assert len(arrivals(given)) == sum(sent)


def test_jitter_lies_between_its_bounds() -> None:
    given = post(least_jitter=2.0, most_jitter=5.0)
    for _ in range(300):
        given.send(Report(0, 0, 0), 0, 1, 1.0, 0)

    assert set(arrivals(given)) == {5, 6, 7, 8}


def test_delays_are_worked_out_once_until_nodes_move() -> None:
    asked = []

    def delay(a: int, b: int, size: float) -> int:
        asked.append((a, b, size))
        return 1

    given = Post(delay, Carriage(), random.Random(1))
    for _ in range(3):
        given.ticks(0, 1, 5.0)
    assert asked == [(0, 1, 5.0)]
    assert given.row(0, [1, 1], 5.0) == [1, 1]
    assert asked == [(0, 1, 5.0)]
    assert given.row(1, [0], 5.0) == [1]
    assert asked.pop() == (1, 0, 5.0)
    alike = Post(delay, Carriage(), random.Random(1), alike=True)
    alike.ticks(2, 3, 5.0)
    alike.ticks(3, 2, 5.0)
    assert asked.pop() == (2, 3, 5.0)
    other = Post(delay, Carriage(), random.Random(1))
    other.remember(given)
    other.ticks(0, 1, 5.0)
    assert len(asked) == 1
    given.moved()
    given.ticks(0, 1, 5.0)
    assert len(asked) == 2
    for size in range(MOST_REMEMBERED + 10):
        given.ticks(0, 1, float(size))
    assert len(given._ticks) <= MOST_REMEMBERED
