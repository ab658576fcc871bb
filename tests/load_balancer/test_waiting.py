"""Who waits while all endpoints are full."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.waiting import Place, WaitingQueue
from metrics.counters import Counters

pytestmark = pytest.mark.unit


class Line:
    """A queue for three, who wait for ten seconds."""

    def __init__(self, most: int = 3) -> None:
        self.counters = Counters()
        self.queue: WaitingQueue[str] = WaitingQueue(most, 10.0, self.counters)
        self.places: dict[str, Place[str]] = {}

    def join(self, *items: str, now: float = 0.0) -> list[Place[str]]:
        joined = {item: self.queue.join(item, now) for item in items}
        assert None not in joined.values()
        places = {item: place for item, place in joined.items() if place is not None}
        self.places |= places
        return list(places.values())

    def serve(self) -> str | None:
        item = next(self.queue.waiting(), None)
        if item is not None:
            self.queue.leave(self.places[item])
        return item


def test_first_come_first_served() -> None:
    line = Line()
    line.join("a", "b", "c")

    assert ["a", "b", "c", None] == [line.serve() for _ in range(4)]


def test_whose_turn_it_is_stays_until_it_leaves() -> None:
    """There may be room that it cannot use, and somebody behind it can."""
    line = Line()
    (_, b, _) = line.join("a", "b", "c")

    assert ["a", "b", "c"] == list(line.queue.waiting()) == list(line.queue.waiting())
    line.queue.leave(b)
    assert ["a", "c"] == list(line.queue.waiting())
    assert 2 == line.queue.length


def test_no_more_wait_than_may_and_the_rest_are_counted() -> None:
    line = Line()
    (a, _, _) = line.join("a", "b", "c")
    refused = line.queue.join("d", 0.0)
    line.queue.leave(a)
    line.join("e")

    assert refused is None
    assert ["b", "c", "e"] == [line.serve() for _ in range(3)]
    assert (4, {"full": 1}) == (line.counters.queued, line.counters.queue_refusals)


def test_a_queue_of_length_nought_lets_nobody_wait() -> None:
    assert Line(0).queue.join("a", 0.0) is None


def test_who_waited_for_too_long_is_told_in_order_and_once() -> None:
    line = Line()
    line.join("a", now=100.0)
    line.join("b", now=103.0)
    line.join("c", now=109.0)

    assert [] == line.queue.expired(109.999)
    assert 110.0 == line.queue.due()
    assert ["a", "b"] == line.queue.expired(113.0)
    assert [] == line.queue.expired(113.0)
    assert (1, 1, 119.0) == (line.queue.length, line.counters.waiting, line.queue.due())
    assert {"timeout": 2} == line.counters.queue_refusals
    assert "c" == line.serve()
    assert float("inf") == line.queue.due()


def test_who_left_is_neither_served_nor_told_and_makes_room() -> None:
    """The client went away."""
    line = Line()
    a, b, _ = line.join("a", "b", "c")
    line.queue.leave(b)
    line.queue.leave(a)
    line.join("d")

    assert (3 - 1, 2) == (line.queue.length, line.counters.waiting)
    assert ["c", "d"] == line.queue.expired(1e9)
    assert b.item is None


def test_leaving_twice_changes_nothing() -> None:
    """It was served, and then its client went away."""
    line = Line()
    a, _ = line.join("a", "b")
    line.queue.leave(a)
    line.queue.leave(a)

    assert 1 == line.queue.length
    assert "b" == line.serve()


def test_a_place_knows_since_when() -> None:
    """For the log: how long a request has waited."""
    (place,) = Line().join("a", now=7.0)

    assert (7.0, 17.0) == (place.since, place.deadline)


def test_other_bounds_are_for_who_comes_later() -> None:
    """Who waits goes on waiting, and nobody's time is over before that of who came earlier."""
    line = Line(2)
    line.join("a", "b", now=100.0)
    line.queue.bound(1, 3.0)
    refused = line.queue.join("c", 101.0)
    line.queue.bound(4, 3.0)
    places = line.join("d", now=102.0) + line.join("e", now=109.0)

    assert refused is None
    assert [110.0, 112.0] == [place.deadline for place in places]
    assert ["a", "b", "d"] == line.queue.expired(111.0)


def test_those_who_left_take_no_memory() -> None:
    """One that waits behind ten thousand that leave: what is held stays in proportion."""
    line = Line(100)
    line.join("first")
    for number in range(10_000):
        (place,) = line.join(str(number))
        line.queue.leave(place)
        assert len(line.queue._places) <= 2 * line.queue.length + 17

    assert 1 == line.queue.length


STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "serve", "wait", "expire"]), st.integers(0, 50)),
    max_size=120,
)


@given(STEPS)
def test_it_is_an_ordered_table_with_deadlines(steps: list[tuple[str, int]]) -> None:
    """Against the plainest thing that does the same."""
    line = Line(20)
    model: OrderedDict[str, float] = OrderedDict()
    places = line.places
    now = 0.0
    for number, (step, value) in enumerate(steps):
        name = str(number)
        if step == "join":
            place = line.queue.join(name, now)
            assert (place is None) == (len(model) >= 20)
            if place is not None:
                model[name] = now + 10.0
                places[name] = place
        elif step == "leave" and model:
            gone = list(model)[value % len(model)]
            del model[gone]
            line.queue.leave(places[gone])
        elif step == "serve" and model:
            assert line.serve() == model.popitem(last=False)[0]
        elif step == "wait":
            now += value / 10
        elif step == "expire":
            late = [name for name, deadline in model.items() if deadline <= now]
            assert late == line.queue.expired(now)
            for gone in late:
                del model[gone]
        assert len(model) == line.queue.length == line.counters.waiting
        assert list(model) == list(line.queue.waiting())
        assert line.queue.due() == next(iter(model.values()), float("inf"))


def test_the_places_are_told_in_order() -> None:
    line = Line()
    line.join("a", "b", "c")
    line.queue.leave(line.places["b"], served=True)

    assert ["a", "c"] == [place.item for place in line.queue.places()]
    assert (3, 10.0) == (line.queue.most, line.queue.seconds)
