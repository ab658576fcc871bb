"""The laws of every strategy when endpoints join, leave, drain and change their weight, in a node:
its own table, health and membership; and the same with stickiness around the strategy."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.balancer import Ejection
from config.endpoints import Stickiness
from config.schema import Settings
from load_balancer.health import Health
from load_balancer.membership import Membership, Watcher
from load_balancer.node import Attempt, Node, Strategy
from load_balancer.strategies import build, names
from load_balancer.strategies.sticky import sticky
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.reward import RewardParameters
from rl.reward import build as build_reward
from rl.vocabulary import Endpoint, Learner, Outcome, Policy, RequestContext, Verdict
from tests.laws.driver import policy_of

pytestmark = pytest.mark.unit

EVERY = pytest.mark.parametrize("name", names())
LEARNERS = tuple(name for name in names() if isinstance(policy_of(name), Learner))
KINDS = ("none", "cookie", "header", "uri", "client")
IDS = "abcdef"


def endpoint(id: str, weight: float = 1.0) -> Endpoint:
    return Endpoint(id, f"{id}.example", 80, weight)


def token(id: str) -> str:
    return f"token-{id}"


class Place:
    """A node that decides by one strategy, and its membership."""

    def __init__(self, policy: Policy, ids: Iterable[str] = "abc") -> None:
        table = EndpointTable((endpoint(id) for id in ids), most_departed=4)
        self.node = Node(
            table,
            Health(Ejection(), table),
            Strategy("tried", policy),
            build_reward(RewardParameters()),
            Counters(),
        )
        self.membership = Membership(
            table,
            [Watcher(joined=lambda stats: self.node.joined(stats, self.now), left=self.node.left)],
            self.node.refresh,
            lambda line: None,
            100,
            ("servers",),
        )
        self.now = 1000.0
        self.want(*(endpoint(id) for id in ids))

    def want(self, *endpoints: Endpoint) -> None:
        self.membership.apply("servers", endpoints)

    def offered(self) -> set[str]:
        return {stats.id for stats in self.node.table.all}

    def send(self, key: str = "", path: str = "/", tried: tuple[str, ...] = ()) -> Attempt | None:
        context = RequestContext("GET", path, client=key, affinity_key=key)
        return self.node.route(context, "id", self.now, tried)

    def end(
        self, attempt: Attempt, latency: float = 0.05, verdict: Verdict = Verdict.SUCCESS
    ) -> None:
        status = 200 if verdict is Verdict.SUCCESS else 500
        self.node.complete(attempt, Outcome(verdict, latency, status), self.now)

    def serve(self, requests: int, gap: float = 0.01, latency: float = 0.05) -> Counter[str]:
        """Requests one after another, several in flight, all well; whom they went to."""
        flying: list[Attempt] = []
        taken: Counter[str] = Counter()
        for _ in range(requests):
            self.now += gap
            while flying and flying[0].started + latency <= self.now:
                self.end(flying.pop(0), latency)
            attempt = self.send()
            assert attempt is not None
            taken[attempt.stats.id] += 1
            flying.append(attempt)
        for attempt in flying:
            self.end(attempt, latency)
        self.membership.settle()
        return taken


@EVERY
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_order_of_changes_and_requests(name: str, kind: str, data: st.DataObject) -> None:
    """Nothing raises; who drains or has left is never chosen; what was in flight across the change
    is completed on the right stats; in the end nobody has anything in flight."""
    dice = random.Random(data.draw(st.integers(0, 99)))
    policy = sticky(build(name, Settings(), dice), Stickiness(kind=kind), token)  # type: ignore[arg-type]
    place = Place(policy)
    flying: list[Attempt] = []
    everybody = {stats.id: [stats] for stats in place.node.table.all}
    steps = st.sampled_from(["send", "send", "again", "end", "end", "want", "drain", "remove"])
    for step in data.draw(st.lists(steps, max_size=40)):
        place.now += data.draw(st.sampled_from([0.0, 0.01, 1.0, 100.0]))
        offered = place.offered()
        if step in ("send", "again"):
            key = data.draw(st.sampled_from(["", "u1", token("a"), token("f")]))
            tried = tuple(sorted(offered)[:1]) if step == "again" else ()
            attempt = place.send(key, data.draw(st.sampled_from(["/", "/x?y"])), tried)
            assert (attempt is None) == (not offered - {*tried})
            if attempt is not None:
                assert attempt.stats.id in offered - {*tried}
                assert 0.0 < attempt.decision.propensity <= 1.0
                flying.append(attempt)
        elif step == "end" and flying:
            attempt = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
            place.end(attempt, 0.05, data.draw(st.sampled_from(Verdict)))
        elif step == "want":
            wanted = data.draw(st.lists(st.sampled_from(IDS), unique=True))
            place.want(*(endpoint(id, data.draw(st.sampled_from([1.0, 0.1]))) for id in wanted))
        elif step in ("drain", "remove") and offered:
            getattr(place.membership, step)(data.draw(st.sampled_from(sorted(offered))))
        for stats in place.node.table.all:
            everybody.setdefault(stats.id, []).append(stats)
    for attempt in flying:
        place.end(attempt)
    place.membership.settle()

    assert all(stats.in_flight == 0 for known in everybody.values() for stats in known)
    assert not place.node.table.draining


@EVERY
def test_nobody_starves_when_one_joins(name: str) -> None:
    """Of equal endpoints each, the newcomer and the old ones, gets at least a quarter of a fair
    share of the next two thousand requests, and more than none within the first two hundred."""
    place = Place(policy_of(name, 3))
    place.serve(1000)
    place.want(*map(endpoint, "abcd"))
    early = place.serve(200)
    taken = early + place.serve(1800)

    assert set("abcd") == set(taken)
    assert early["d"] > 0
    assert min(taken.values()) >= 2000 / 4 / 4


@EVERY
def test_nobody_starves_when_one_leaves_and_comes_back(name: str) -> None:
    place = Place(policy_of(name, 4), "abcd")
    place.serve(1000)
    place.want(*map(endpoint, "acd"))
    without = place.serve(1000)
    place.want(*map(endpoint, "abcd"))
    again = place.serve(2000)

    assert set("acd") == set(without)
    assert min(without.values()) >= 1000 / 3 / 4
    assert set("abcd") == set(again)
    assert min(again.values()) >= 2000 / 4 / 4


@EVERY
def test_a_changed_weight_is_minded_from_the_next_request_on(name: str) -> None:
    """By those who mind weights at all: no share is kept from before."""
    place = Place(policy_of(name), "ab")
    place.serve(300, gap=0.001)
    place.want(endpoint("a"), endpoint("b", 9.0))
    taken = place.serve(1000, gap=0.001)
    if name in ("q_learning", "q_routing", "marginal_cost", "ucb", "thompson"):
        assert set("ab") == set(taken)  # they know no weights
    else:
        assert taken["b"] > 5 * taken["a"]


@EVERY
@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_bounded_however_many_pass_by(name: str, kind: str) -> None:
    """A thousand endpoints join and leave: the node keeps records of a handful of them."""
    bounded = Settings.model_validate(
        {
            "q_learning": {"max_values": 60},
            "marginal_cost": {"max_keys": 40, "max_endpoints": 20},
        }
    )
    policy = sticky(build(name, bounded, random.Random(1)), Stickiness(kind=kind), token)  # type: ignore[arg-type]
    place = Place(policy, "")
    seen: set[str] = set()
    for number in range(1000):
        place.want(*(endpoint(f"n{n}") for n in range(number, number + 3)))
        attempt = place.send(token(f"n{number}"))
        assert attempt is not None
        seen.add(attempt.stats.id)
        place.now += 0.05
        place.end(attempt)
    place.membership.settle()
    kept = json.dumps(list(_names(policy, set())))

    assert len(seen) > 300
    assert sum(f'"n{number}"' in kept or f"-n{number}" in kept for number in range(1000)) < 100


def _names(thing: object, seen: set[int]) -> Iterable[str]:
    """Every text that a policy keeps."""
    if id(thing) in seen or isinstance(thing, random.Random):
        return
    seen.add(id(thing))
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from _names(key, seen)
            yield from _names(value, seen)
    elif isinstance(thing, list | tuple | set):
        for each in thing:
            yield from _names(each, seen)
    else:
        for part in [*getattr(thing, "__dict__", {}).values()]:
            yield from _names(part, seen)
        for slot in getattr(type(thing), "__slots__", ()):
            yield from _names(getattr(thing, slot, None), seen)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("ids", ["abc", "ab", "abcd", "cba", "xyz", "a", ""])
def test_parameters_load_whoever_is_there(name: str, ids: str) -> None:
    """What was stored with three endpoints is taken up with others, kept, and used for those that
    are still there."""
    teacher = policy_of(name)
    Place(teacher).serve(500)
    assert isinstance(teacher, Learner)
    stored = json.loads(json.dumps(teacher.parameters()))
    pupil = policy_of(name)
    assert isinstance(pupil, Learner)
    pupil.load(stored)

    assert stored == pupil.parameters()
    if ids:
        place = Place(pupil, ids)
        attempt = place.send()
        assert attempt is not None
        assert (attempt.decision.value < 0.0) == bool(set("abc") & set(ids))
        place.end(attempt)
        place.serve(100)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("seed", range(3))
def test_what_was_learned_survives_a_change_of_membership(name: str, seed: int) -> None:
    """Two servers of 10 ms and one of 300 ms are told apart. When one of the fast ones leaves and
    an unknown one comes, the slow one is not tried all over again: a table that begins anew gives
    it some 75 of the next hundred overlapping requests."""
    seconds = {"a": 0.01, "b": 0.3, "c": 0.01, "d": 0.01}
    place = Place(policy_of(name, seed))
    flying: list[tuple[float, int, Attempt]] = []

    def serve(requests: int) -> Counter[str]:
        taken: Counter[str] = Counter()
        for number in range(requests):
            place.now += 0.004
            while flying and flying[0][0] <= place.now:
                _, _, ended = heappop(flying)
                place.end(ended, seconds[ended.stats.id])
            attempt = place.send()
            assert attempt is not None
            taken[attempt.stats.id] += 1
            heappush(flying, (place.now + seconds[attempt.stats.id], number, attempt))
        return taken

    serve(3000)
    place.want(*map(endpoint, "bcd"))

    assert serve(100)["b"] <= 10
