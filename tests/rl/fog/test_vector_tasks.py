"""Queues, ids and the calendar of many runs, against lists."""

import random
from collections import deque

import numpy as np
import pytest

from rl.fog.streams import Integers
from rl.fog.vector_tasks import Calendar, Rings, Table, ranks

pytestmark = pytest.mark.unit


def ids(*values: int) -> Integers:
    return np.array(values, dtype=np.int64)


def test_rings_are_queues() -> None:
    rings, expected = Rings(3, 5), [deque[int]() for _ in range(3)]
    dice = random.Random(1)
    for number in range(400):
        queue = dice.randrange(3)
        if len(expected[queue]) == rings.room:
            rings.grow()
        if dice.random() < 0.6:
            rings.push(ids(queue), ids(number))
            expected[queue].append(number)
        elif expected[queue]:
            assert rings.heads(ids(queue)).tolist() == [expected[queue][0]]
            assert rings.pop(ids(queue)).tolist() == [expected[queue].popleft()]
        if number % 20 == 0:
            gone = [each for each in expected[queue] if dice.random() < 0.3]
            elsewhere = expected[(queue + 1) % 3]
            wanted = ids(*gone, *list(elsewhere)[:1], 10_000)
            queues, removed = rings.remove(wanted, ids(queue, queue))
            assert removed.tolist() == gone
            assert set(queues.tolist()) <= {queue}
            expected[queue] = deque(each for each in expected[queue] if each not in gone)
        assert rings.count.tolist() == [len(each) for each in expected]


def test_what_comes_to_one_queue_at_once_keeps_its_order() -> None:
    rings = Rings(2, 4)
    keys, values = ids(1, 0, 1, 1), ids(7, 8, 9, 10)
    order, rank = ranks(keys, 2)

    assert rank.tolist() == [0, 0, 1, 2]

    rings.push(keys.take(order), values.take(order), rank)
    rings.count += ids(1, 3)

    assert [rings.pop(ids(1)).item() for _ in range(3)] == [7, 9, 10]
    assert rings.pop(ids(0)).tolist() == [8]


def test_ranks_of_large_keys() -> None:
    order, rank = ranks(ids(10**9, 5, 10**9), 10**10)

    assert order.tolist() == [1, 0, 2]
    assert rank.tolist() == [0, 0, 1]


def test_a_table_gives_ids_that_nobody_has_and_grows() -> None:
    table, dice = Table(2), random.Random(1)
    held: list[int] = []
    for _ in range(100):
        new = table.new(dice.randrange(4)).tolist()
        assert not set(new) & set(held)
        table.kind[new] = 7
        held += new
        dice.shuffle(held)
        gone, held = held[: len(held) // 3], held[len(held) // 3 :]
        table.release(ids(*gone))
        assert len(table) == len(held)
    assert table.path.shape == (len(table.kind), 4)
    assert (table.deadline > 10**18).all()

    table.path[held[0], 3] = 5
    table.lengthen()

    assert table.path.shape == (len(table.kind), 8)
    assert table.path[held[0], 3] == 5


@pytest.mark.parametrize("long", [3, 100_000])
def test_the_calendar_gives_in_the_order_of_sending(long: int) -> None:
    calendar = Calendar()
    calendar.dispatch(0)
    calendar.send(ids(), ids())
    calendar.dispatch(0)
    calendar.send(ids(1, ~2, 3), ids(2, long, 1))
    calendar.send(ids(4), ids(2))
    calendar.dispatch(0)
    calendar.send(ids(5, 6), ids(1, long - 1))
    calendar.dispatch(1)

    def arriving(now: int) -> list[int]:
        found = calendar.arriving(now)
        return [] if found is None else found.tolist()

    assert arriving(1) == [3]
    assert arriving(2) == [1, 4, 5]
    assert arriving(long) == [~2, 6]
    assert arriving(long) == []
