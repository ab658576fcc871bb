"""Production nodes in front of stations: every request ends once, as the live data path ends it."""

import math
import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import pytest

from config.balancer import Ejection
from load_balancer.health import Health
from load_balancer.node import Attempt, Node, Strategy
from load_balancer.strategies.least_request import LeastRequest
from load_balancer.strategies.round_robin import RoundRobin
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.reward import RewardParameters, build
from rl.simulation.balancer import Balancer
from rl.simulation.cluster import BEGINNING, Cluster, Conditions, Record
from rl.simulation.service import Phase, ServiceBehaviour, ServiceProfile
from rl.simulation.station import Station
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    Policy,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit


@dataclass(slots=True)
class Asked:
    offset: float
    method: str = "GET"
    path: str = "/"
    body_bytes: int = 0
    quantile: float = 0.5


def poisson(rate: float, requests: int, seed: int = 1) -> list[Asked]:
    dice = random.Random(seed)
    offset, plan = 0.0, []
    for _ in range(requests):
        offset += dice.expovariate(rate)
        plan.append(Asked(offset, quantile=dice.random()))
    return plan


class Listening:
    """Round robin that keeps what it is taught."""

    def __init__(self) -> None:
        self.learned: list[tuple[str, Outcome, float]] = []
        self.next = 0

    def select(self, observation: Observation) -> Decision:
        self.next += 1
        return Decision(self.next % len(observation.candidates))

    def observe(self, transition: Transition) -> None:
        now = transition.observation.now - BEGINNING
        self.learned.append((transition.endpoint.id, transition.outcome, now))


class NotingTable(EndpointTable):
    """Keeps when load reports came."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        super().__init__(endpoints)
        self.reports: list[float] = []

    def load_reported(self, stats: EndpointStats, text: bytes, now: float) -> None:
        super().load_reported(stats, text, now)
        self.reports.append(round(now - BEGINNING, 3))


FIXED = ServiceProfile(spread=0.0)
NOBODY_OUT = Ejection(consecutive_failures=None, retry_after_max_seconds=0.0)


def cluster(
    profiles: Sequence[ServiceProfile],
    policies: Sequence[Policy],
    conditions: Conditions | None = None,
    base_delay: float = 0.1,
    ejection: Ejection = NOBODY_OUT,
    seed: int = 1,
    joining: Collection[str] = (),
) -> tuple[Cluster[Attempt], list[Node]]:
    made: Cluster[Attempt] = Cluster(conditions or Conditions(), random.Random(seed))
    endpoints = [Endpoint(f"s{index}", "host", 80) for index in range(len(profiles))]
    for endpoint, profile in zip(endpoints, profiles, strict=True):
        behaviour = ServiceBehaviour(profile, base_delay, random.Random(f"{seed}{endpoint.id}"))
        made.add_station(endpoint.id, behaviour, estimates=True)
    nodes = []
    for policy in policies:
        table = NotingTable(each for each in endpoints if each.id not in joining)
        counters = Counters()
        node = Node(
            table,
            Health(ejection, table, random.Random(seed), counters),
            Strategy("tested", policy),
            build(RewardParameters()),
            counters,
        )
        nodes.append(node)
        made.balancers.append(Balancer(node))
    return made, nodes


def test_latency_is_what_the_work_takes_and_the_outcome_says_so() -> None:
    policy = Listening()
    made, (node,) = cluster([FIXED], [policy])
    record = made.run([Asked(1.0), Asked(2.0)])
    assert list(record.arrived) == [1.0, 2.0]
    assert list(record.latency) == pytest.approx([0.1, 0.1])
    assert list(record.status) == [200, 200]
    assert (list(record.station), list(record.tries)) == ([0, 0], [1, 1])
    assert [(id, outcome.verdict, outcome.status) for id, outcome, _ in policy.learned] == [
        ("s0", Verdict.SUCCESS, 200)
    ] * 2
    assert policy.learned[0][1].latency == pytest.approx(0.1)
    assert policy.learned[0][2] == pytest.approx(1.1)
    assert node.table["s0"].in_flight == 0


def test_the_network_is_crossed_twice() -> None:
    made, _ = cluster([FIXED], [Listening()], Conditions(network=0.03))
    assert list(made.run([Asked(1.0)]).latency) == pytest.approx([0.16])


@pytest.mark.parametrize("network", [0.0, 0.002])
@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing"])
def test_every_request_ends_exactly_once(discipline: str, network: float) -> None:
    """With slow, failing and hanging servers, refusals, timeouts and several balancers: each has
    one latency and one status, nothing stays in flight, and every attempt is counted once."""
    profile = ServiceProfile(
        sizes="lognormal",
        spread=1.0,
        slots=2,
        queue_limit=5,
        phases=(
            Phase("slow", 2.0, 5.0, factor=4.0),
            Phase("hang", 3.0, 6.0, probability=0.2),
            Phase("hang", 3.0, 6.0, probability=0.2, holds_slot=False),
            Phase("fail", 4.0, 8.0, probability=0.2),
        ),
        discipline=discipline,  # type: ignore[arg-type]
    )
    policies = [LeastRequest(random.Random(seed)) for seed in range(3)]
    made, nodes = cluster(
        [profile] * 4, policies, Conditions(timeout=0.5, network=network), ejection=Ejection()
    )
    for balancer, node in zip(made.balancers, nodes, strict=True):
        balancer.retries = Always(node)
    plan = poisson(70.0, 800)
    record = made.run(plan)
    assert len(record) == len(plan)
    assert not any(math.isnan(latency) for latency in record.latency)
    assert set(record.status) <= {200, 500, 503, 504}
    assert len(set(record.status)) >= 3
    assert set(record.balancer) == {0, 1, 2}
    assert all(stats.in_flight == 0 for node in nodes for stats in node.table.all)
    assert sum(node.counters.attempts() for node in nodes) == sum(record.tries)
    assert max(record.tries) == 2
    assert all(station.active == station.slots.working == 0 for station in made.stations)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_with_servers_of_any_kind(seed: int) -> None:
    """Disciplines, bounds, phases and delays by the dice."""
    dice = random.Random(seed)

    def phase() -> Phase:
        start = dice.uniform(0.0, 2.0)
        end = start + dice.uniform(0.1, 2.0)
        kinds = [
            Phase("slow", start, end, factor=dice.uniform(1.0, 9.0)),
            Phase("fail", start, end, probability=dice.random(), status=dice.choice((500, 503))),
            Phase("hang", start, end, probability=dice.random(), holds_slot=dice.random() < 0.5),
            Phase("warm_up", start, end, factor=dice.uniform(1.0, 9.0)),
            Phase("noise", start, factor=3.0, neighbour="n", on_seconds=0.3, off_seconds=0.3),
        ]
        return dice.choice(kinds)

    profiles = [
        ServiceProfile(
            sizes=dice.choice(("uniform", "exponential", "lognormal", "pareto")),
            spread=dice.uniform(0.1, 1.0),
            slots=dice.choice((None, 1, 3)),
            queue_limit=dice.choice((0, 2, 50)),
            discipline=dice.choice(("fifo", "processor_sharing")),
            cache_keys=dice.choice((0, 3)),
            phases=tuple(phase() for _ in range(dice.randrange(4))),
        )
        for _ in range(dice.randrange(1, 5))
    ]
    policies = [LeastRequest(random.Random(seed)) for _ in range(dice.randrange(1, 4))]
    network = dice.choice((0.0, 0.003))
    made, nodes = cluster(
        profiles, policies, Conditions(timeout=0.4, network=network), ejection=Ejection(), seed=seed
    )
    plan = poisson(60.0, 200, seed)
    for number, each in enumerate(plan):
        each.path = f"/{number % 5}"
    record = made.run(plan)
    assert not any(math.isnan(latency) or latency < 0.0 for latency in record.latency)
    assert all(status >= 200 for status in record.status)
    assert all(stats.in_flight == 0 for node in nodes for stats in node.table.all)
    assert sum(node.counters.attempts() for node in nodes) == sum(record.tries)
    for station in made.stations:
        assert station.active == station.slots.working == station.slots.waiting == 0
        assert station.backlog == 0.0


class Always:
    """Every failure is tried again once."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.swept = 0

    def again(
        self, context: RequestContext, status: int, tried: Collection[str], now: float
    ) -> bool:
        return len(tried) < 2 and self.node.full(tried, context.domain)

    def sweep(self, now: float) -> None:
        self.swept += 1


def test_a_timeout_is_a_failure_without_an_answer_and_frees_the_slot() -> None:
    policy = Listening()
    profile = ServiceProfile(spread=0.0, slots=1, phases=(Phase("hang", 0.0, 0.5),))
    made, _ = cluster([profile], [policy], Conditions(timeout=1.0))
    record = made.run([Asked(0.0), Asked(0.9)])
    assert list(record.status) == [504, 200]
    assert list(record.latency) == pytest.approx([1.0, 0.2])
    (_, outcome, now), _ = policy.learned
    assert (outcome.verdict, outcome.status) == (Verdict.FAILURE, 0)
    assert now == pytest.approx(1.0)
    assert outcome.latency == pytest.approx(1.0)


def test_an_answer_that_comes_after_the_timeout_teaches_nothing() -> None:
    policy = Listening()
    made, _ = cluster([FIXED], [policy], Conditions(timeout=0.15, network=0.05))
    record = made.run([Asked(0.0)])
    assert list(record.status) == [504]
    assert len(policy.learned) == 1


def test_hanging_for_ever_is_an_error() -> None:
    made, _ = cluster([ServiceProfile(phases=(Phase("hang"),))], [Listening()])
    with pytest.raises(RuntimeError, match="2 requests hang for ever: set a timeout"):
        made.run([Asked(0.0), Asked(1.0)])


def test_a_failed_try_goes_elsewhere_and_the_client_waits_for_both() -> None:
    policy = Listening()
    broken = ServiceProfile(phases=(Phase("fail", status=502),))
    made, (node,) = cluster([FIXED, broken], [policy], Conditions(network=0.01))
    retries = made.balancers[0].retries = Always(node)
    record = made.run([Asked(0.0)])
    assert (list(record.status), list(record.tries), list(record.station)) == ([200], [2], [0])
    assert list(record.latency) == pytest.approx([0.02 + 0.12])
    assert [(id, outcome.status) for id, outcome, _ in policy.learned] == [("s1", 502), ("s0", 200)]
    assert policy.learned[1][1].latency == pytest.approx(0.12)
    assert retries.swept == 0


def test_with_nobody_there_the_balancer_answers() -> None:
    made, _ = cluster([FIXED], [Listening()], joining=["s0"])
    record = made.run([Asked(0.0)])
    assert (list(record.status), list(record.station), list(record.tries)) == ([503], [-1], [0])


def test_a_refusal_asks_to_be_left_alone() -> None:
    """As the live backend's 503 does with its Retry-After: out for a second."""
    full = ServiceProfile(spread=0.0, slots=1, queue_limit=0)
    made, (node,) = cluster([full, FIXED], [RoundRobin()], base_delay=0.3, ejection=Ejection())
    record = made.run([Asked(0.01 * number) for number in range(6)])
    assert Counter(record.status) == {200: 5, 503: 1}
    assert node.counters.ejections == {("s0", "retry_after"): 1}


def test_reports_come_with_answers_ten_a_second() -> None:
    made, (node,) = cluster([FIXED], [Listening()])
    made.run([Asked(0.03 * number) for number in range(10)])
    table = node.table
    assert isinstance(table, NotingTable)
    assert table.reports == [0.1, 0.22, 0.34]
    assert table["s0"].active == 1


class Every:
    """Polls every second, first after a tenth of one."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, float]] = []

    def first(self, stats: EndpointStats) -> float:
        return 0.1

    def poll(self, stats: EndpointStats, station: Station, now: float) -> float:
        self.seen.append((stats.id, station.id, round(now - BEGINNING, 3)))
        return 1.0


def test_polls_begin_at_once_with_who_is_there_and_end_with_the_run() -> None:
    made, _ = cluster([FIXED, FIXED], [RoundRobin()], joining=["s1"])
    polls = made.balancers[0].polls = Every()
    made.join(1.5, Endpoint("s1", "host", 80))
    made.run([Asked(0.5 * number) for number in range(6)])
    assert polls.seen == [
        ("s0", "s0", 0.1),
        ("s0", "s0", 1.1),
        ("s1", "s1", 1.6),
        ("s0", "s0", 2.1),
        ("s1", "s1", 2.6),
    ]


def test_who_joins_gets_requests_from_then_on() -> None:
    made, (node,) = cluster([FIXED, FIXED], [RoundRobin()], joining=["s1"])
    made.join(1.0, Endpoint("s1", "host", 80))
    record = made.run([Asked(0.1 * number) for number in range(20)])
    assert set(record.station[:10]) == {0}
    assert set(record.station[10:]) == {0, 1}
    assert len(node.table.all) == 2


class Probing(Listening):
    """Asks everybody after each decision."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int, float, float]] = []

    def probes(self, candidates: Sequence[EndpointStats], now: float) -> Sequence[EndpointStats]:
        return candidates

    def probed(self, stats: EndpointStats, active: int, latency: float, now: float) -> None:
        self.told.append((stats.id, active, round(latency, 3), round(now - BEGINNING, 3)))


@pytest.mark.parametrize(("network", "later"), [(0.0, 0.0), (0.02, 0.04)])
def test_a_policy_that_asks_is_told_after_a_round_trip(network: float, later: float) -> None:
    policy = Probing()
    made, (node,) = cluster([FIXED], [policy], Conditions(network=network))
    stats = node.table["s0"]
    made.kernel.at(BEGINNING + 0.25, lambda item, now: made.ask(policy, [stats]))
    made.run([Asked(0.0), Asked(0.2)])
    assert policy.told == [("s0", 1, 0.1, 0.25 + later)]


def test_work_for_the_background_comes_in_its_period() -> None:
    made, _ = cluster([FIXED], [RoundRobin()], Conditions(improve_period=0.5))
    calls: list[int] = []
    made.balancers[0].improve = lambda: calls.append(1)
    made.run([Asked(0.0), Asked(2.1)])
    assert len(calls) == 4


def played(seed: int) -> Record:
    policies = [LeastRequest(random.Random(seed)) for _ in range(2)]
    profile = ServiceProfile(
        sizes="lognormal", slots=2, phases=(Phase("fail", probability=0.1), Phase("hang", 2.0, 3.0))
    )
    made, _ = cluster([profile] * 3, policies, Conditions(timeout=1.0), seed=seed)
    return made.run(poisson(40.0, 500, seed))


def test_one_seed_one_run() -> None:
    first, second, other = played(1), played(1), played(2)
    names = Record.__slots__
    assert all(getattr(first, name) == getattr(second, name) for name in names)
    assert first.latency != other.latency


def test_nothing_to_ask_for_is_over_at_once() -> None:
    made, _ = cluster([FIXED], [RoundRobin()])
    made.balancers[0].polls = Every()
    assert len(made.run([])) == 0
