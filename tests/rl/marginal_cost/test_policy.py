"""Scenes of one policy over servers of known speed, in virtual time; the laws of every policy are
in tests/laws."""

import heapq
import random
from collections import Counter
from collections.abc import Callable

import pytest

from rl.marginal_cost.policy import MarginalCost, MarginalCostParameters
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

Seconds = Callable[[str, RequestContext], float]


class Scene:
    """Servers with a slot for every request, unless ``slots`` are given, and open-loop requests."""

    def __init__(
        self,
        ids: str = "abc",
        slots: int | None = None,
        parameters: MarginalCostParameters | None = None,
        seed: int = 1,
    ) -> None:
        self.dice = random.Random(seed)
        self.policy = MarginalCost(parameters or MarginalCostParameters(), random.Random(seed))
        self.candidates = [EndpointStats(Endpoint(id, "h", 1)) for id in ids]
        self.free = {id: [0.0] * (slots or 500) for id in ids}
        self.now = 1000.0
        self.failing: set[str] = set()
        self.latencies: list[float] = []
        self.failures = 0
        self.explored: list[Decision] = []
        self._pending: list[
            tuple[float, int, float, RequestContext, EndpointStats, Decision, Verdict]
        ] = []
        self._number = 0

    def run(
        self, requests: int, rate: float, seconds: Seconds, path: Callable[[int], str] = str
    ) -> Counter[str]:
        """How many each endpoint was sent."""
        taken: Counter[str] = Counter()
        for number in range(requests):
            arrival = self.now + self.dice.expovariate(rate)
            while self._pending and self._pending[0][0] <= arrival:
                self._end()
            self.now = arrival
            request = RequestContext("GET", "/" + path(number))
            decision = self.policy.select(Observation(request, self.candidates, self.now))
            stats = self.candidates[decision.index]
            stats.in_flight += 1
            taken[stats.id] += 1
            if decision.explored:
                self.explored.append(decision)
            self._send(request, stats, decision, seconds)
        return taken

    def _send(
        self, request: RequestContext, stats: EndpointStats, decision: Decision, seconds: Seconds
    ) -> None:
        self._number += 1
        verdict, end = Verdict.SUCCESS, self.now
        if stats.id in self.failing:
            verdict, end = Verdict.FAILURE, self.now + 0.001
        else:
            start = max(self.now, heapq.heappop(self.free[stats.id]))
            end = start + seconds(stats.id, request)
            heapq.heappush(self.free[stats.id], end)
        heapq.heappush(
            self._pending, (end, self._number, self.now, request, stats, decision, verdict)
        )

    def _end(self) -> None:
        self.now, _, sent, request, stats, decision, verdict = heapq.heappop(self._pending)
        stats.in_flight -= 1
        good = verdict is Verdict.SUCCESS
        latency = self.now - sent
        if good:
            self.latencies.append(latency)
        else:
            self.failures += 1
        self.policy.observe(
            Transition(
                stats,
                Observation(request, self.candidates, self.now),
                decision,
                Outcome(verdict, latency, 200 if good else 500),
                -100.0 * latency if good else -1000.0,
            )
        )


def steady(**seconds: float) -> Seconds:
    return lambda id, request: seconds[id]


def test_the_fastest_idle_endpoint_is_chosen() -> None:
    scene = Scene()
    taken = scene.run(1000, 20, steady(a=0.1, b=0.05, c=0.2))

    assert taken["b"] > 900


def test_a_full_endpoint_is_not_waited_for_when_another_is_quicker() -> None:
    """Four slots of 50 ms and four of 100 ms under 100 requests/s, of which the first can do 80."""
    scene = Scene("ab", slots=4)
    scene.run(2000, 100, steady(a=0.05, b=0.1))
    scene.latencies.clear()
    taken = scene.run(2000, 100, steady(a=0.05, b=0.1))

    assert 0.55 < taken["a"] / 2000 < 0.9
    assert sum(scene.latencies) / len(scene.latencies) < 0.105


def test_an_endpoint_that_becomes_slow_is_left_and_comes_back() -> None:
    scene = Scene("ab")
    scene.run(800, 50, steady(a=0.02, b=0.04))
    scene.run(200, 50, steady(a=0.2, b=0.04))
    slow = scene.run(500, 50, steady(a=0.2, b=0.04))
    scene.run(1000, 50, steady(a=0.02, b=0.04))
    well = scene.run(500, 50, steady(a=0.02, b=0.04))

    assert slow["a"] < 25
    assert well["a"] > 400


def test_a_black_hole_costs_few_requests_and_its_end_is_noticed() -> None:
    """20 s of failures at 240 requests/s: a request in a hundred and fifty at most in that time;
    half a fair share within five seconds after it."""
    scene = Scene("abcde", slots=4)
    seconds: Seconds = lambda id, request: scene.dice.uniform(0.03, 0.07)  # noqa: E731
    scene.run(2400, 240, seconds)
    scene.failing.add("c")
    scene.run(4800, 240, seconds)
    assert scene.failures < 4800 / 150
    scene.failing.clear()
    scene.run(1200, 240, seconds)
    after = scene.run(480, 240, seconds)

    assert after["c"] > 480 / 5 / 2


def test_who_polls_find_back_is_tried_at_once() -> None:
    """It was slow for long, so that it is probed every six seconds; then it was out."""
    scene = Scene("abc")
    scene.run(2000, 100, steady(a=0.05, b=0.05, c=0.5))
    everybody = scene.candidates
    slow = everybody[2]
    scene.candidates = everybody[:2]
    scene.run(100, 100, steady(a=0.05, b=0.05, c=0.05))
    slow.recovered_at = scene.now
    scene.candidates = everybody
    taken = scene.run(50, 100, steady(a=0.05, b=0.05, c=0.05))

    assert taken["c"] >= 1


def test_an_unused_endpoint_is_probed_now_and_then() -> None:
    scene = Scene("ab")
    taken = scene.run(4000, 50, steady(a=0.05, b=0.2))

    assert 1 <= len(scene.explored) <= 4000 * 0.004
    assert taken["b"] < 40
    assert all(0.0 < each.propensity <= 0.5 for each in scene.explored)


def test_kinds_of_requests_go_where_each_is_quick() -> None:
    """One endpoint is quick at reports and slow at pages, the other the other way round."""
    table = {("a", "r"): 0.02, ("a", "p"): 0.2, ("b", "r"): 0.2, ("b", "p"): 0.02}
    scene = Scene("ab", parameters=MarginalCostParameters(probe_seconds=1.0))

    def seconds(id: str, request: RequestContext) -> float:
        return table[id, request.path[1]] * scene.dice.uniform(0.8, 1.2)

    def path(number: int) -> str:
        return f"report/{number}" if number % 2 else f"page/{number}"

    scene.run(3000, 50, seconds, path)
    scene.latencies.clear()
    scene.run(1000, 50, seconds, path)

    assert sum(scene.latencies) / len(scene.latencies) < 0.03


def test_keys_return_to_who_has_them_cached() -> None:
    """Each endpoint remembers 60 of 200 keys; a repeat takes a tenth."""
    scene = Scene("abcd", slots=4)
    caches: dict[str, dict[str, None]] = {id: {} for id in "abcd"}

    def seconds(id: str, request: RequestContext) -> float:
        cache = caches[id]
        hit = request.path in cache
        cache.pop(request.path, None)
        cache[request.path] = None
        if len(cache) > 60:
            cache.pop(next(iter(cache)))
        return 0.006 if hit else 0.06

    path = lambda number: f"item/{scene.dice.randrange(200)}"  # noqa: E731
    scene.run(6000, 100, seconds, path)
    scene.latencies.clear()
    scene.run(2000, 100, seconds, path)

    # At random three in ten are hits: 44 ms.
    assert sum(scene.latencies) / len(scene.latencies) < 0.02


def test_many_candidates_are_looked_at_in_windows() -> None:
    ids = [chr(0x4E00 + number) for number in range(200)]
    scene = Scene("".join(ids), slots=2)
    slow = set(ids[::2])
    seconds: Seconds = lambda id, request: 0.1 if id in slow else 0.02  # noqa: E731
    scene.run(6000, 2000, seconds)
    taken = scene.run(2000, 2000, seconds)

    assert sum(taken[id] for id in slow) < 2000 * 0.2


def test_a_newcomer_begins_as_the_others_are() -> None:
    scene = Scene("ab")
    scene.run(500, 50, steady(a=0.4, b=0.4))
    scene.candidates = [*scene.candidates, EndpointStats(Endpoint("c", "h", 1))]
    rows = scene.policy.explain(Observation(RequestContext(path="/1"), scene.candidates, scene.now))

    assert rows[2]["service"] == pytest.approx(0.8 * 0.4, rel=0.1)


def test_what_ended_unheard_of_leaves_no_trace() -> None:
    """IGNORED never reaches the policy; the endpoint's own count is believed."""
    scene = Scene("ab")
    scene.run(200, 20, steady(a=0.05, b=0.3))
    while scene._pending:
        scene._end()
    observation = Observation(RequestContext(path="/1"), scene.candidates, scene.now)
    first = scene.policy.explain(observation)
    for _ in range(50):
        scene.policy.select(observation)

    assert first == scene.policy.explain(observation)


@pytest.mark.parametrize(
    ("key", "value"),
    [("failure_seconds", 0.0), ("probe_seconds", 4000.0), ("near", 1.5), ("scan", 0)],
)
def test_impossible_parameters_are_refused_by_name(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        MarginalCostParameters(**{key: value})  # type: ignore[arg-type]
