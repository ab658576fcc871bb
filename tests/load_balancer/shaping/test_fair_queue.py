"""Who is served first, and who never starves."""

import random
from collections import Counter

import pytest

from load_balancer.shaping.fair_queue import URGENT_IN_A_ROW, FairQueue, Share
from load_balancer.waiting import Place, WaitingQueue
from metrics.counters import Counters

pytestmark = pytest.mark.unit


class Asking:
    """One who waits."""

    def __init__(self, name: str, share: Share | None, urgency: int = 3) -> None:
        self.name = name
        self.share = share
        self.urgency = urgency
        self.charged = 0.0
        self.place: Place[Asking] | None = None


class Line:
    """A queue whose places are noted."""

    def __init__(self, most: int = 10_000, seconds: float = 1e9) -> None:
        self.counters = Counters()
        self.queue: FairQueue[Asking] = FairQueue(
            most, seconds, self.counters, lambda item: (item.share, item)
        )

    def join(self, name: str, share: Share | None, urgency: int = 3, now: float = 0.0) -> Asking:
        item = Asking(name, share, urgency)
        item.place = self.queue.join(item, now)
        return item

    def serve(self) -> Asking:
        item = next(self.queue.waiting())
        assert item is next(self.queue.waiting())  # to look is not to serve
        assert item.place is not None
        self.queue.leave(item.place, served=True)
        return item


def test_one_client_is_served_in_order() -> None:
    line, share = Line(), Share()
    for name in "abc":
        line.join(name, share)

    assert ["a", "b", "c"] == [line.serve().name for _ in range(3)]
    assert 0 == line.queue.length
    assert [] == list(line.queue.waiting())


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (2, 0.5)])
@pytest.mark.parametrize("costs", [(0.01, 0.01), (0.1, 0.005), (0.005, 0.5)])
def test_time_is_shared_by_weight_whatever_requests_cost(
    weights: tuple[float, float], costs: tuple[float, float]
) -> None:
    """Both always want more. By the time used, each has its part; as a fluid scheduler would give
    it, to within a few requests."""
    line = Line()
    shares = [Share(weight) for weight in weights]
    used = [0.0, 0.0]
    for index in (0, 1):
        for _ in range(3):
            line.join(str(index), shares[index])
    while min(used) < 40 * max(costs):
        item = line.serve()
        index = int(item.name)
        used[index] += costs[index]
        shares[index].measured(costs[index], item.charged)
        line.join(item.name, item.share)

    wanted = weights[0] / weights[1]
    assert used[0] / used[1] == pytest.approx(wanted, rel=0.15)


def test_a_flood_takes_nothing_from_others() -> None:
    line = Line()
    flooding, quiet = Share(), Share()
    for _ in range(1000):
        line.join("flood", flooding)
    line.join("quiet", quiet)

    assert "quiet" in {line.serve().name for _ in range(3)}


def test_the_urgent_go_first_and_nobody_starves() -> None:
    line = Line()
    urgent, idle = Share(), Share()
    for number in range(100):
        line.join("late", idle, 7, now=0.0)
        line.join("urgent", urgent, 0, now=float(number))

    names = [line.serve().name for _ in range(80)]

    assert ["urgent"] * URGENT_IN_A_ROW == names[:URGENT_IN_A_ROW]
    assert 10 == Counter(names)["late"]


def test_who_cannot_be_served_is_passed_over() -> None:
    line = Line()
    first, second = line.join("first", Share()), line.join("second", Share())

    assert ["first", "second"] == [item.name for item in line.queue.waiting()]
    assert second.place is not None and first.place is not None
    line.queue.leave(second.place, served=True)
    line.queue.leave(second.place)
    assert ["first"] == [item.name for item in line.queue.waiting()]


def test_who_has_no_share_takes_from_a_common_one() -> None:
    line, own = Line(), Share()
    for _ in range(50):
        line.join("anybody", None)
    for _ in range(50):
        line.join("own", own)

    found = Counter(line.serve().name for _ in range(40))

    assert abs(found["own"] - 20) <= 1


def test_length_and_time_are_bounded() -> None:
    line = Line(most=2, seconds=1.0)
    first = line.join("a", Share(), now=0.0)
    line.join("b", Share(), 0, now=0.5)
    assert line.join("c", Share(), now=0.6).place is None
    assert 1.0 == line.queue.due()

    assert [first] == line.queue.expired(1.2)
    assert 1 == line.queue.length
    assert {"full": 1, "timeout": 1} == line.counters.queue_refusals


def test_in_a_full_queue_the_longest_line_of_the_least_urgent_gives_way() -> None:
    line = Line(most=5)
    flood, other, heavy = Share(), Share(), Share(4.0)
    line.join("urgent", other, 0)
    for name in ("1", "2", "3"):
        line.join(name, flood)
    line.join("own", other)

    def gives_way(share: Share | None, urgency: int) -> str | None:
        place = line.queue.yields(Asking("new", share, urgency))
        return None if place is None or place.item is None else place.item.name

    assert "3" == gives_way(Share(), 2) == gives_way(Share(), 3)
    assert gives_way(Share(), 4) is None  # all are more urgent
    assert gives_way(flood, 3) is None  # none of fewer wait
    assert "3" == gives_way(other, 3)
    assert "3" == gives_way(None, 3)  # who has no share of its own
    assert "3" == gives_way(flood, 0)  # of its own, the least urgent
    third = line.queue.yields(Asking("new", other))
    assert third is not None
    line.queue.leave(third)
    assert gives_way(other, 3) is None  # then as many of both would wait
    line.join("heavy", heavy)
    assert "2" == gives_way(heavy, 3)  # by their weight


def test_nobody_gives_way_in_an_empty_queue_or_one_without_an_order() -> None:
    assert Line(most=0).queue.yields(Asking("new", None)) is None
    plain: WaitingQueue[str] = WaitingQueue(1, 1.0, Counters())
    plain.join("a", 0.0)
    assert plain.full and plain.yields("b") is None


def test_a_flood_leaves_places_to_others() -> None:
    """Whoever comes while it fills the queue gets in, until lines are equally long."""
    line = Line(most=40)
    shares = [Share() for _ in range(4)]
    for _ in range(40):
        line.join("flood", shares[0])
    for number in range(120):
        item = Asking(f"{number % 4}", shares[number % 4])
        place = line.queue.yields(item)
        if place is not None:
            line.queue.leave(place)
        item.place = line.queue.join(item, 1.0)

    lines = Counter(id(place.item.share) for place in line.queue.places() if place.item)
    assert [10] * 4 == [lines[id(share)] for share in shares]


def test_any_order_of_coming_and_leaving_keeps_the_counts() -> None:
    dice, line = random.Random(5), Line()
    shares = [Share(dice.choice([0.5, 1, 4])) for _ in range(6)]
    here: list[Asking] = []
    for step in range(4000):
        kind = dice.random()
        if kind < 0.45:
            here.append(line.join("x", dice.choice([*shares, None]), dice.randrange(8), step))
        elif here and kind < 0.6:
            gone = here.pop(dice.randrange(len(here)))
            assert gone.place is not None
            line.queue.leave(gone.place)
        elif here:
            item = line.serve()
            here.remove(item)
            if item.share is not None:
                item.share.measured(dice.expovariate(20), item.charged)
        assert len(here) == line.queue.length == len(list(line.queue.waiting()))


def test_a_costly_surprise_is_paid_back_by_patience() -> None:
    """A request that took far longer than expected: its client is passed over for a while, and not
    for ever."""
    line = Line()
    slow, quick = Share(), Share()
    for _ in range(200):
        line.join("slow", slow)
        line.join("quick", quick)
    names = []
    for _ in range(100):
        item = line.serve()
        names.append(item.name)
        assert item.share is not None
        item.share.measured(0.3 if len(names) == 1 else 0.01, item.charged)

    assert 0 < names[1:].count("slow") < names[1:].count("quick")
