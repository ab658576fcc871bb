"""Classes found by themselves: what parts them, what does not, what is kept."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from rl.request_classes.classes import FORGOTTEN_SECONDS, SLOT_SECONDS, Change, RequestClasses
from rl.request_classes.evidence import SLOTS
from rl.request_classes.kinds import MOST_WORDS
from rl.vocabulary import RequestContext

pytestmark = pytest.mark.unit

Path = Callable[[random.Random], str]
Cost = Callable[[str, int], float]


class Learning:
    """A learner of the simplest kind: the mean service of each class at each endpoint."""

    def __init__(self, endpoints: int = 6, most: int = 16, seed: int = 1) -> None:
        self.classes = RequestClasses(most)
        self.endpoints = endpoints
        self.dice = random.Random(seed)
        self.now = 0.0
        self.changes: list[tuple[int, bool]] = []
        self.rows: dict[tuple[int, int], list[float]] = {}
        self.served = 0

    def row(self, endpoint: int, number: int) -> list[float]:
        return self.rows.setdefault((endpoint, number), [0.05, 0])

    def serve(
        self, count: int, path: Path, cost: Cost, spread: float = 0.5, exponential: bool = False
    ) -> None:
        """Requests whose sizes have this coefficient of variation."""
        variance = math.log(1 + spread * spread)
        classes, dice = self.classes, self.dice
        for _ in range(count):
            self.now += 0.002
            request = RequestContext("GET", path(dice))
            kind = classes.kind(request)
            kind.seen += 1
            number = kind.number
            endpoint = dice.randrange(self.endpoints)
            size = (
                dice.expovariate(1.0)
                if exponential
                else math.exp(dice.gauss(-variance / 2, math.sqrt(variance)))
            )
            took = cost(request.path, endpoint) * size
            row = self.row(endpoint, number)
            ratio = max(1 / 30, min(30.0, took / row[0]))
            change = classes.learn(number, kind, f"e{endpoint}", ratio, self.now, row[0])
            row[1] += 1
            row[0] += max(1 / row[1], 0.004) * (took - row[0])
            self.served += 1
            if change is not None:
                self.changes.append((self.served, change.split))
                if change.split:
                    for each in range(self.endpoints):
                        kept, other = self.row(each, change.kept), self.row(each, change.other)
                        before = kept[0]
                        other[:] = [
                            before * change.other_ratio(f"e{each}", before),
                            min(kept[1], 8),
                        ]
                        kept[:] = [before * change.kept_ratio(f"e{each}", before), min(kept[1], 8)]

    def number(self, path: str) -> int:
        return self.classes.number(RequestContext("GET", path))

    def predicted(self, path: str, endpoint: int) -> float:
        return self.row(endpoint, self.number(path))[0]


def two(dice: random.Random) -> str:
    """30 % reports, the rest items."""
    name = "report" if dice.random() < 0.3 else "item"
    return f"/{name}/{dice.randrange(10**6)}?x=1"


def routes(dice: random.Random) -> str:
    """One of fifty routes."""
    return f"/api/r{dice.randrange(50)}x/{dice.randrange(10**6)}"


def route(path: str) -> int:
    return int(path.split("/")[2][1:-1])


def dear(path: str, endpoint: int) -> float:
    return 0.2 if path.startswith("/report") else 0.02


@pytest.mark.parametrize("seed", range(8))
def test_two_classes_are_found_within_a_hundred_requests_and_no_third(seed: int) -> None:
    learning = Learning(seed=seed)
    learning.serve(100, two, dear)
    assert [True] == [split for _, split in learning.changes]
    learning.serve(1500, two, dear)
    assert 1 == len(learning.changes)
    assert learning.number("/report/1") != learning.number("/item/1")
    for endpoint in range(6):
        assert 0.2 == pytest.approx(learning.predicted("/report/1", endpoint), rel=0.4)
        assert 0.02 == pytest.approx(learning.predicted("/item/1", endpoint), rel=0.4)


def test_what_a_new_class_begins_with_is_near_what_it_costs() -> None:
    """Before a single sample of its own, at every endpoint, and so for what is left."""
    learning = Learning(endpoints=3, seed=3)
    while not learning.changes:
        learning.serve(1, two, dear)
    for endpoint in range(3):
        assert 0.1 < learning.predicted("/report/1", endpoint) < 0.4
        assert 0.01 < learning.predicted("/item/1", endpoint) < 0.04


@pytest.mark.parametrize(("spread", "exponential"), [(2.0, False), (1.0, True)])
def test_noise_parts_nobody(spread: float, exponential: bool) -> None:
    """Of ten runs, two routes of one cost or fifty, one may err; that is generous."""
    wrong = 0
    for seed in range(5):
        for paths in (two, routes):
            learning = Learning(seed=seed, endpoints=4)
            learning.serve(2500, paths, lambda path, endpoint: 0.05, spread, exponential)
            wrong += bool(learning.changes)
    assert wrong <= 1


def test_an_endpoint_that_misjudged_a_class_tells_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Overload made its service seem next to nothing; what is that many times dearer is not so
    elsewhere."""
    learning = Learning()
    changes: list[Change | None] = []
    learn = learning.classes.learn

    def noted(*arguments: Any) -> Any:
        changes.append(learn(*arguments))
        return changes[-1]

    monkeypatch.setattr(learning.classes, "learn", noted)
    while not learning.changes:
        if learning.served > 30:
            learning.row(0, 0)[:] = [1e-12, 1000]
        learning.serve(1, two, dear)

    split = changes[-1]
    assert split is not None
    assert 0.1 < split.kept_ratio("elsewhere") < 10
    assert 0.1 < split.other_ratio("elsewhere") < 10


def test_requests_of_one_kind_are_one_class_from_the_beginning() -> None:
    """The first that are over anywhere are the short ones; what comes then takes longer."""
    classes = RequestClasses()
    kind = classes.kind(RequestContext("GET", "/item/1"))
    seen: set[int] = set()
    for number, at in enumerate([0, 0, *range(1, 16), *range(16), *range(16)]):
        took = 0.1 if at in seen else 0.01
        seen.add(at)
        assert classes.learn(0, kind, f"e{at}", took / 0.05, number * 0.01, 0.05) is None

    assert [0] == classes.numbers()


def test_an_endpoint_that_slows_down_parts_nobody() -> None:
    learning = Learning(endpoints=3)

    def steady(path: str, endpoint: int) -> float:
        return 0.05

    def slow(path: str, endpoint: int) -> float:
        return 0.05 if endpoint else 0.2

    for cost in (steady, slow, steady):
        learning.serve(3000, routes, cost)
    assert [] == learning.changes


def test_who_differs_at_single_endpoints_only_is_found() -> None:
    """One is dear where the other one is cheap, and the mean over endpoints is the same."""

    def crossed(path: str, endpoint: int) -> float:
        return 0.05 if path.startswith("/report") == (endpoint < 3) else 0.02

    learning = Learning()
    learning.serve(1000, two, crossed)
    assert learning.number("/report/1") != learning.number("/item/1")
    learning.serve(3000, two, crossed)
    for endpoint in range(6):
        for path in ("/report/1", "/item/1"):
            expected = crossed(path, endpoint)
            assert expected == pytest.approx(learning.predicted(path, endpoint), rel=0.3)


def test_a_route_that_changes_after_long_is_noticed_soon() -> None:
    learning = Learning(endpoints=3)
    learning.serve(30_000, two, lambda path, _: 0.02)
    assert [] == learning.changes
    learning.serve(1000, two, dear)
    assert learning.number("/report/1") != learning.number("/item/1")


def test_a_difference_of_a_quarter_is_found_and_one_of_a_twentieth_is_not_worth_a_class() -> None:
    found, left = Learning(), Learning()
    found.serve(4000, two, lambda path, _: 0.04 if path.startswith("/report") else 0.05)
    left.serve(6000, two, lambda path, _: 0.0475 if path.startswith("/report") else 0.05)
    assert found.number("/report/1") != found.number("/item/1")
    assert left.number("/report/1") == left.number("/item/1")


def test_routes_that_cost_alike_share_a_class() -> None:
    """Fifty routes, two costs; what was parted too early is merged again."""
    learning = Learning(endpoints=3)
    learning.serve(15_000, routes, lambda path, _: 0.2 if route(path) % 2 else 0.02)
    numbers = {
        parity: {learning.number(f"/api/r{n}x/1") for n in range(parity, 50, 2)}
        for parity in (0, 1)
    }
    assert not numbers[0] & numbers[1]
    assert len(numbers[0] | numbers[1]) <= 3


def test_users_do_not_get_a_class_each() -> None:
    def paths(dice: random.Random) -> str:
        if dice.random() < 0.7:
            return f"/item/{dice.randrange(10**6)}"
        return f"/user/n{dice.randrange(5000)}z"

    learning = Learning(endpoints=3)
    learning.serve(9000, paths, lambda path, _: 0.2 if path.startswith("/user") else 0.02)
    assert 2 == len(learning.classes.numbers())
    assert learning.number("/user/somebody") != learning.number("/item/1")
    assert len(learning.classes._kinds) <= MOST_WORDS + 2


def test_there_are_no_more_classes_than_wanted_and_the_nearest_are_shared() -> None:
    costs = [0.01 * 4 ** (n % 5) for n in range(50)]
    learning = Learning(endpoints=2, most=3)
    learning.serve(10_000, routes, lambda path, _: costs[route(path)])
    assert set(learning.classes.numbers()) <= {0, 1, 2}
    cheap = {learning.number(f"/api/r{n}x/1") for n in range(0, 50, 5)}
    most = {learning.number(f"/api/r{n}x/1") for n in range(4, 50, 5)}
    assert not cheap & most


def test_a_class_unseen_for_long_gives_up_its_number() -> None:
    def phase(name: str) -> Path:
        return lambda dice: f"/{name if dice.random() < 0.3 else 'item'}/{dice.randrange(999)}"

    def cost(path: str, endpoint: int) -> float:
        return {"item": 0.02, "old": 0.3, "new": 2.0}[path.split("/")[1]]

    learning = Learning(endpoints=2, most=2)
    learning.serve(300, phase("old"), cost)
    assert 1 == len({learning.number("/old/1"), learning.number("/item/1")} - {0})
    learning.now += FORGOTTEN_SECONDS + 1
    learning.serve(1000, phase("new"), cost)
    assert learning.number("/new/1") != learning.number("/item/1")


def test_a_class_of_an_earlier_life_is_not_forgotten_at_once() -> None:
    costs = {"item": 0.02, "old": 0.3, "new": 2.0}

    def between(one: str, other: str) -> Path:
        return lambda dice: f"/{one if dice.random() < 0.3 else other}/{dice.randrange(999)}"

    def cost(path: str, endpoint: int) -> float:
        return costs[path.split("/")[1]]

    before, after = Learning(endpoints=2, most=2), Learning(endpoints=2, most=2)
    before.serve(400, between("old", "item"), cost)
    after.classes.load(before.classes.parameters())
    after.now = 10 * FORGOTTEN_SECONDS
    after.serve(1000, between("new", "item"), cost)
    assert after.number("/old/1") != after.number("/item/1")


def test_endpoints_beyond_the_slots_are_learned_of_together() -> None:
    learning = Learning(endpoints=60)
    learning.serve(1500, two, lambda path, e: (0.03 + 0.0015 * e) * (4 if "report" in path else 1))
    assert learning.number("/report/1") != learning.number("/item/1")
    assert SLOTS == len(learning.classes._slots)


def test_endpoints_that_are_gone_leave_their_slots() -> None:
    classes = RequestClasses()
    for generation in range(4):
        for number in range(600):
            request = RequestContext("GET", "/")
            name = f"g{generation}e{number % SLOTS}"
            classes.learn(0, classes.kind(request), name, 1.0, generation * 2 * SLOT_SECONDS, 0.05)
        assert all(owner in classes._slots for owner in classes._owners if owner)
    assert set(classes._slots) == {f"g3e{number}" for number in range(SLOTS)}


@pytest.mark.parametrize(
    ("number", "ratio", "service"),
    [
        (1, 1.0, 0.05),
        (99, 1.0, 0.05),
        (0, 0.0, 0.05),
        (0, math.nan, 0.05),
        (0, math.inf, 0.05),
        (0, 1e-300, 1e-300),
        (0, 1.0, 0.0),
        (0, -1.0, -1.0),
    ],
)
def test_a_sample_of_another_class_or_of_nothing_teaches_nothing(
    number: int, ratio: float, service: float
) -> None:
    classes = RequestClasses()
    before = classes.parameters()
    kind = classes.kind(RequestContext())
    assert classes.learn(number, kind, "a", ratio, 0.0, service) is None
    assert before["classes"] == classes.parameters()["classes"]


def test_labels_are_a_persons_words() -> None:
    classes = RequestClasses()
    for path in ("/report/7", "/report/8", "/item/1"):
        classes.kind(RequestContext("GET", path)).seen += 1
    assert "GET /report/{n} and 1 more" == classes.label(0)
    assert "class 3" == classes.label(3)
    assert "GET /item/{n}" == classes.template(RequestContext("GET", "/item/5"))
    assert [0] == classes.numbers()


def test_what_is_known_survives_as_json() -> None:
    learning = Learning()
    learning.serve(1000, two, dear)
    stored = json.loads(json.dumps(learning.classes.parameters()))
    fresh = RequestClasses()
    fresh.load(stored)
    for path in ("/report/77", "/item/77"):
        assert learning.number(path) == fresh.number(RequestContext("GET", path))
    assert stored == fresh.parameters()
    learning.classes = fresh
    learning.serve(1000, two, dear)
    assert 1 == len(learning.changes)


def test_classes_beyond_the_most_become_part_of_the_first() -> None:
    learning = Learning()
    learning.serve(200, two, dear)
    small = RequestClasses(most=1)
    small.load(learning.classes.parameters())
    assert {0} == {small.number(RequestContext("GET", path)) for path in ("/report/1", "/item/1")}


def test_what_cannot_be_read_changes_nothing() -> None:
    learning = Learning()
    learning.serve(200, two, dear)
    before = learning.classes.parameters()
    with pytest.raises(ValueError, match="kinds: must be a list"):
        learning.classes.load({**before, "kinds": None})
    assert before == learning.classes.parameters()
    with pytest.raises(ValueError, match="most"):
        RequestClasses(0)


def test_one_seed_is_one_run() -> None:
    def run() -> object:
        learning = Learning(seed=4)
        learning.serve(3000, routes, lambda path, _: 0.01 * 2 ** (route(path) % 4))
        return learning.changes, learning.classes.parameters()

    assert run() == run()
