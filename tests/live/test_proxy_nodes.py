"""Several real nodes in one loop, each a next node of the one before it: what they tell each other,
what they learn of it, and that nobody else is believed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from config.balancer import QHeaders
from metrics.access_record import Request
from rl.q_routing import QRouting, QRoutingParameters
from rl.vocabulary import Endpoint, Outcome, Policy, Transition, Verdict
from tests.live.asking import get
from tests.live.origin import Held, Origin, Script, answer, done
from tests.live.rig import First, Rig, proxy
from tests.live.wire import Message

pytestmark = pytest.mark.integration

DOMAIN = "origin.test"
NEXT = {"proxy_node": True}
POINTS = {"name": "proxy_network"}
SECONDS = {"name": "latency", "scale": 100.0, "failure_penalty": -1000.0}
Q_HEADERS = {"enabled": True}


class Learning(QRouting):
    """Document 000's agent, whose lessons are kept.

    Attributes:
        lessons: by reward and next value.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(QRoutingParameters(estimate="document"), random.Random(seed))
        self.lessons: list[tuple[float, float | None]] = []

    def observe(self, transition: Transition) -> None:
        self.lessons.append((transition.reward, transition.next_value))
        super().observe(transition)


@asynccontextmanager
async def node(
    *origins: Origin | int,
    policy: Policy,
    endpoints: Sequence[Mapping[str, Any]] = (NEXT,),
    reward: Mapping[str, Any] = POINTS,
    name: str = "slb",
    **more: Any,
) -> AsyncIterator[Rig]:
    """A node that speaks with proxy nodes; its load is 1 for each request in flight."""
    settings: dict[str, Any] = {
        "capacity": 100,
        "q_headers": Q_HEADERS,
        "probation": {"share": 1.0},
        "retries": {"attempts": 1},
        **more,
    }
    async with proxy(
        *origins,
        policy=policy,
        endpoints=endpoints,
        reward=reward,
        node_name=name,
        time_runs=True,
        **settings,
    ) as rig:
        yield rig


class Chain:
    """Three nodes, the last of which knows the origin."""

    def __init__(self, policies: Sequence[Policy], rigs: Sequence[Rig]) -> None:
        self.policies = policies
        self.rigs = rigs

    async def ask(self, *lines: str, domain: str = DOMAIN, target: str = "/") -> Message:
        return await ask(self.rigs[0], *lines, domain=domain, target=target)


@asynccontextmanager
async def chain(
    origin: Origin | int, policies: Sequence[Policy] | None = None, **more: Any
) -> AsyncIterator[Chain]:
    first, second, third = policies or (Learning(), Learning(), Learning())
    serving = {"domains": [DOMAIN]}
    async with (
        node(origin, policy=third, endpoints=(serving,), name="third", **more) as edge,
        node(edge.port, policy=second, name="second", **more) as middle,
        node(middle.port, policy=first, name="first", **more) as outer,
    ):
        yield Chain((first, second, third), (outer, middle, edge))


async def ask(rig: Rig, *lines: str, domain: str = DOMAIN, target: str = "/") -> Message:
    request = get(target, *lines).replace(b"origin.test", domain.encode("ascii"))
    message = await rig.ask(request)
    assert isinstance(message, Message)
    return message


def told(message: Message) -> tuple[float, float]:
    return float(message.one("Q")), float(message.one("QReward"))


# What is told, and learned.


async def test_every_hop_tells_what_its_way_is_worth_and_what_it_got() -> None:
    async with Origin() as origin, chain(origin) as three:
        message = await three.ask(target="/path-4/page.html")

        assert b"/path-4/page.html" == message.body
        # The origin: 500 and the end. The second learns a tenth of it, the first of that less 1.
        assert pytest.approx((4.9, -1.0)) == told(message)
        assert "1.1 third, 1.1 second, 1.1 first" == ", ".join(message.all("Via"))
        outer, middle, _ = three.policies
        assert isinstance(outer, Learning) and isinstance(middle, Learning)
        assert [(500.0, 0.0)] == middle.lessons
        assert [(-1.0, 50.0)] == outer.lessons
        assert {"a": pytest.approx(4.9)} == outer.values(DOMAIN)


async def test_seconds_are_paid_for_once() -> None:
    """The own parts of all nodes are the whole."""
    async with Origin() as origin, chain(origin, reward=SECONDS) as three:
        message = await three.ask()

        outer, middle, edge = three.policies
        assert isinstance(outer, Learning) and isinstance(middle, Learning)
        assert isinstance(edge, Learning)
        whole = three.rigs[0].log.latencies[0]
        assert pytest.approx(-100.0 * whole, rel=1e-6) == outer.lessons[0][0] + middle.lessons[0][0]
        assert pytest.approx(-100.0 * three.rigs[2].log.latencies[0]) == edge.lessons[0][0]
        value, reward = told(message)
        assert pytest.approx(-whole, rel=1e-6) == reward
        assert pytest.approx(outer.values(DOMAIN)["a"] / 100.0, rel=1e-6) == value


@pytest.mark.parametrize("reward", [POINTS, SECONDS], ids=["points", "seconds"])
async def test_each_domain_finds_its_way(reward: Mapping[str, Any]) -> None:
    async with (
        Origin() as origin,
        node(
            origin, policy=Learning(), endpoints=({"domains": ["one.test"]},), reward=reward
        ) as one,
        node(
            origin, policy=Learning(), endpoints=({"domains": ["two.test"]},), reward=reward
        ) as two,
    ):
        policy = Learning(1)  # it tries the wrong ones at first
        async with node(
            one.port, two.port, policy=policy, endpoints=(NEXT, NEXT), reward=reward
        ) as outer:
            statuses = [
                (await ask(outer, domain=f"{'one' if number % 2 else 'two'}.test")).status
                for number in range(60)
            ]

            assert 503 in statuses[:20] and [200] * 20 == statuses[-20:]
            ones, twos = policy.values("one.test"), policy.values("two.test")
            assert ones["a"] > ones["b"] and twos["b"] > twos["a"]
            # Who could not serve a domain says so itself, and is well.
            assert {} == outer.counters.ejections
            assert outer.counters.q_headers == {"believed": 60, "ignored": 0}


async def test_who_advertises_nothing_is_learned_from_as_an_origin() -> None:
    """And passes on nothing that the one behind it has told."""
    policies = (Learning(), First(), Learning())
    async with Origin() as origin, chain(origin, policies, reward=SECONDS) as three:
        message = await three.ask()

        outer = policies[0]
        assert isinstance(outer, Learning)
        latency = three.rigs[0].log.latencies[0]
        assert pytest.approx(-100.0 * latency) == outer.lessons[0][0]
        outcome = three.rigs[1].learned[0][1]
        assert 0.0 == outcome.upstream_value and outcome.upstream_reward is not None
        assert outcome.upstream_reward < 0.0
        assert 1 == len(message.all("Q"))


async def test_a_value_may_be_kept_from_clients() -> None:
    async with (
        Origin() as origin,
        node(
            origin, policy=Learning(), endpoints=({},), q_headers={"enabled": True, "expose": False}
        ) as rig,
    ):
        message = await ask(rig)
        assert [] == message.all("Q") + message.all("QReward")
        settings = rig.settings.load_balancer.model_copy(
            update={"q_headers": QHeaders(enabled=True)}
        )
        rig.listener.apply(settings)  # as a reload does it
        assert (0.0, 500.0) == told(await ask(rig))


async def test_a_body_that_breaks_teaches_a_failure_whatever_its_head_told() -> None:
    async def breaks(visit: Any) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nQ: 0\r\nQReward: 500\r\n\r\nhalf")

    async with Origin(breaks) as origin, node(origin, policy=Learning()) as rig:
        client = await rig.client()
        client.send(get())
        await rig.completed(1)
        assert [("a", Verdict.FAILURE, 200)] == rig.log.completed
        outcome = rig.learned[0][1]
        assert (None, None) == (outcome.upstream_value, outcome.upstream_reward)
        client.close()


# Declining, and having no service.


async def test_a_node_declines_above_its_load() -> None:
    held, let_go = asyncio.Event(), asyncio.Event()

    async def holds(visit: Any) -> None:
        while not await done(visit):
            request = await visit.request()
            if request.target == "/held":
                held.set()
                await let_go.wait()
            visit.send(answer(b"ok", DATE))

    async with (
        Origin(holds) as origin,
        node(
            origin,
            policy=Learning(),
            endpoints=({},),
            decline_load=50.0,
            capacity=2,
        ) as rig,
    ):
        repeating = await rig.client()
        for _ in range(4):  # until the connection remembers it
            repeating.send(get("/again"))
            assert 200 == (await repeating.answer()).status
        slow = await rig.client()
        slow.send(get("/held"))
        await held.wait()
        repeating.send(get("/again"))
        again = await repeating.answer()
        new = await ask(rig)

        for declined in (again, new):
            assert (503, ["1"]) == (declined.status, declined.all("Retry-After"))
            assert (0.0, -500.0) == told(declined)
        let_go.set()
        assert 200 == (await slow.answer()).status
        assert 200 == (await ask(rig)).status
        assert {"declined": 2} == rig.counters.refusals
        slow.close()
        repeating.close()


@pytest.mark.parametrize(("status", "asked"), [(503, ["1"]), (501, []), (429, ["1"])])
async def test_a_domain_that_nobody_serves_is_refused(status: int, asked: list[str]) -> None:
    async with (
        Origin() as origin,
        node(
            origin, policy=Learning(), endpoints=({"domains": [DOMAIN]},), no_service_status=status
        ) as rig,
    ):
        message = await ask(rig, domain="else.test")

        assert (status, asked) == (message.status, message.all("Retry-After"))
        assert (0.0, -500.0) == told(message)
        assert {"no_service": 1} == rig.counters.refusals
        assert 200 == (await ask(rig, domain=DOMAIN.upper())).status


async def test_an_origin_that_is_known_is_never_left_for_a_next_node() -> None:
    async with (
        Origin() as origin,
        Origin() as other,
        node(other, origin, policy=First(), endpoints=(NEXT, {"domains": [DOMAIN]})) as rig,
    ):
        assert 200 == (await ask(rig)).status
        assert 200 == (await ask(rig, domain="else.test")).status
        assert (1, 1) == (len(origin.requests), len(other.requests))
        rig.node.set_healthy(rig.stats("b"), False, rig.clock())
        assert 200 == (await ask(rig)).status  # in a panic
        assert (2, 1) == (len(origin.requests), len(other.requests))


async def test_another_try_stays_within_its_domain() -> None:
    async def breaks(visit: Any) -> None:
        await visit.request()

    async with (
        Origin(breaks) as broken,
        Origin() as other,
        node(
            broken,
            other,
            policy=First(),
            endpoints=({"domains": [DOMAIN]}, {"domains": ["else.test"]}),
            retries={"attempts": 3},
        ) as rig,
    ):
        message = await ask(rig)
        assert 502 == message.status
        assert (0.0, -500.0) == told(message)
        assert [] == other.requests


# A next node that cannot serve is well.


@pytest.mark.parametrize("proxy_node", [True, False])
@pytest.mark.parametrize("attempts", [1, 2])
async def test_only_a_next_node_may_refuse_without_harm(proxy_node: bool, attempts: int) -> None:
    refusing = answer(b"", "Q: 0", "QReward: -500", "Retry-After: 20", status="503 Busy")

    async def refuses(visit: Any) -> None:
        while not await done(visit):
            await visit.request()
            visit.send(refusing)

    async with (
        Origin(refuses) as busy,
        Origin() as other,
        node(
            busy,
            other,
            policy=First(),
            endpoints=({"proxy_node": proxy_node}, {}),
            ejection={"consecutive_failures": 1, "max_share": 1.0, "jitter": 0.0},
            retries={"attempts": attempts, "conditions": ["status"]},
        ) as rig,
    ):
        message = await ask(rig)

        assert (503 if attempts == 1 else 200) == message.status
        assert proxy_node is not rig.stats("a").ejected
        assert proxy_node is (rig.learned[0][1].upstream_reward == -500.0)
        assert ("a", Verdict.FAILURE, 503) == rig.log.completed[0]


async def test_a_loop_ends_and_teaches_a_failure() -> None:
    async with node(1, policy=Learning(), name="one", limits={"own_hops": 1}) as one:
        two_policy = Learning()
        async with node(one.port, policy=two_policy, name="two", limits={"own_hops": 1}) as two:
            table = one.table
            table.remove("a")
            table.join(Endpoint("a", "127.0.0.1", two.port, proxy_node=True))
            one.node.refresh()
            message = await ask(one)

            assert 508 == message.status
            assert {"hops": 1} == one.counters.refusals | two.counters.refusals
            assert {Verdict.FAILURE} == {
                each[1] for each in (*one.log.completed, *two.log.completed)
            }
            assert {} == one.counters.ejections | two.counters.ejections


# Who is not to be believed.

DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
FORGED = [
    ("Q: 1e9", "QReward: 1e9"),
    ("Q: NaN", "QReward: inf"),
    ("Q: 1e400", "QReward: 1e400"),
    ("q: 1e9", "q: 1e9", "QREWARD: 1e9", "QReward: 2"),
    ("Q: 1e9", "QReward: 1e9", "Connection: Q, QReward"),
    ("Connection: q", "Q: 7", "QReward: 7"),
]


def forging(lines: Sequence[str], trailers: bool = False, fresh: bool = False) -> Script:
    """Answers with these lines; one that is not fresh is the same each time, date and all."""

    async def script(visit: Any) -> None:
        while not await done(visit):
            await visit.request()
            if trailers:
                text = "".join(f"{line}\r\n" for line in lines if "Conn" not in line)
                visit.send(
                    b"HTTP/1.1 103 Early Hints\r\nQ: 1e9\r\nQReward: 1e9\r\n\r\n"
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                    + text.encode()
                    + b"\r\n"
                )
            else:
                visit.send(answer(b"ok", *(() if fresh else (DATE,)), *lines))

    return script


@pytest.mark.parametrize("trailers", [False, True], ids=["head", "trailers"])
@pytest.mark.parametrize("lines", FORGED, ids=" ".join)
async def test_a_client_or_an_origin_that_tells_of_values_changes_nothing(
    lines: Sequence[str], trailers: bool
) -> None:
    policy = Learning()
    async with (
        Origin(forging(lines, trailers)) as origin,
        node(origin, policy=policy, endpoints=({},)) as rig,
    ):
        client = await rig.client()
        for number in range(5):  # the later ones as both connections remember them
            client.send(get("/", *lines))
            message = await client.answer()
            assert (0.0, 500.0) == told(message)
            assert [] == [name for name, _ in message.trailers]
            assert "1e9" not in " ".join(message.interim)
            sent = origin.requests[number]
            assert [] == sent.all("Q") + sent.all("QReward")
        client.close()

        assert [(500.0, None)] * 5 == policy.lessons
        assert {"believed": 0, "ignored": 0} == rig.counters.q_headers


@pytest.mark.parametrize("lines", FORGED[:4], ids=" ".join)
async def test_what_a_next_node_cannot_mean_is_ignored_and_counted(lines: Sequence[str]) -> None:
    policy = Learning()
    async with Origin(forging(lines)) as origin, node(origin, policy=policy) as rig:
        message = await ask(rig)

        assert (50.0, -1.0) == told(message)
        assert [(500.0, None)] == policy.lessons
        assert {"believed": 0, "ignored": 1} == rig.counters.q_headers


async def test_a_next_node_is_not_believed_unless_that_is_wanted() -> None:
    async with (
        Origin(forging(("Q: 7", "QReward: 7"))) as origin,
        node(origin, policy=Learning(), q_headers={"enabled": False}) as rig,
    ):
        for _ in range(3):
            message = await ask(rig)
            assert [] == message.all("Q") + message.all("QReward")
        assert (None, None) == (
            rig.learned[0][1].upstream_value,
            rig.learned[0][1].upstream_reward,
        )


async def test_what_was_kept_of_a_forged_answer_says_nothing_either() -> None:
    """A hit tells what a hit is worth."""
    lines = ("Q: 1e9", "QReward: 1e9", "Cache-Control: max-age=60")
    policy = Learning()
    async with (
        Origin(forging(lines, fresh=True)) as origin,
        node(origin, policy=policy, endpoints=({},), cache={"enabled": True}) as rig,
    ):
        found = [await ask(rig) for _ in range(3)]

        assert [(0.0, 500.0)] * 3 == [told(each) for each in found]
        assert 1 == len(origin.requests)
        assert [(500.0, None)] == policy.lessons


async def test_a_hit_on_the_way_is_told_as_one() -> None:
    """And what was told to who filled the cache is not told again."""
    keep = forging(("Cache-Control: max-age=60",), fresh=True)
    async with (
        Origin(keep) as origin,
        node(
            origin,
            policy=Learning(),
            endpoints=({},),
            reward={**POINTS, "cache_hit": 400.0},
            cache={"enabled": True},
        ) as edge,
    ):
        policy = Learning()
        async with node(edge.port, policy=policy) as outer:
            for _ in range(2):
                assert 200 == (await ask(outer)).status
            assert [(500.0, 0.0), (400.0, 0.0)] == policy.lessons
            assert 1 == len(origin.requests)


# In time with others.

WARM_UP = 3
"""Requests from which a node knows how fast an endpoint usually is."""


async def test_a_hedge_that_a_next_node_refuses_does_it_no_harm() -> None:
    refused = asyncio.Event()
    busy = answer(b"", "Q: 0", "QReward: -500", "Retry-After: 20", status="503 Busy")

    async def slow(visit: Any) -> None:
        while not await done(visit):
            await visit.request()
            if len(visit.origin.requests) > WARM_UP:
                await refused.wait()
            visit.send(answer())

    async def refuses(visit: Any) -> None:
        while not await done(visit):
            await visit.request()
            visit.send(busy)

    async with (
        Origin(slow) as one,
        Origin(refuses) as other,
        node(
            one,
            other,
            policy=First(),
            endpoints=(NEXT, NEXT),
            hedging={"enabled": True, "minimum_samples": 1, "budget_minimum_per_second": 100},
            ejection={"consecutive_failures": 1, "max_share": 1.0, "jitter": 0.0},
        ) as rig,
    ):
        for _ in range(WARM_UP):
            assert 200 == (await ask(rig)).status
        await rig.pass_time(1.0)
        client = await rig.client()
        client.send(get())
        await other.asked(1)
        await rig.completed(WARM_UP + 1)
        refused.set()
        assert 200 == (await client.answer()).status
        client.close()
        assert ("b", Verdict.FAILURE, 503) == rig.log.completed[WARM_UP]
        assert -500.0 == rig.learned[WARM_UP][1].upstream_reward
        assert not rig.stats("b").ejected


async def test_who_waits_for_one_domain_does_not_wait_for_another() -> None:
    """One endpoint is full, and its requests wait; who asks for what another one serves goes on,
    and of those that wait the first that can go goes."""
    async with (
        Held() as one,
        Held() as two,
        node(
            one,
            two,
            policy=Learning(),
            endpoints=({"domains": ["one.test"]}, {"domains": ["two.test"]}),
            admission={"requests_per_endpoint": 1, "queue_seconds": 60},
        ) as rig,
    ):
        queue = rig.listener.placer.queue
        clients = [await rig.client() for _ in range(5)]
        for number, domain in enumerate(("one", "one", "two", "one", "two")):
            clients[number].send(get().replace(b"origin", domain.encode()))
            await rig.holds(
                lambda number=number: rig.node.routed + queue.length == number + 1, "as many"
            )
        assert (1, 1, 3) == (rig.stats("a").in_flight, rig.stats("b").in_flight, queue.length)
        two.release(1)
        assert 200 == (await clients[2].answer()).status
        await two.asked(2)
        assert (1, 2) == (len(one.requests), queue.length)
        two.release(1)
        assert 200 == (await clients[4].answer()).status
        for number in (0, 1, 3):
            one.release(1)
            assert 200 == (await clients[number].answer()).status
        assert (3, 2) == (len(one.requests), len(two.requests))
        for client in clients:
            client.close()


async def test_the_access_log_tells_who_was_declined_and_whom_nobody_serves() -> None:
    records: list[Any] = []

    class Sink:
        def append(self, record: Any) -> None:
            records.append(Request(*record))

    async with (
        Origin() as origin,
        node(origin, policy=Learning(), endpoints=({"domains": [DOMAIN]},)) as rig,
    ):
        rig.listener.access_log = Sink()
        await ask(rig, domain="else.test")
        settings = rig.settings.load_balancer.model_copy(update={"decline_load": 1e-9})
        rig.listener.apply(settings)
        rig.node.apply(settings)
        rig.table.sent(rig.stats("a"))
        declined = await ask(rig)
        rig.table.completed(rig.stats("a"), Outcome(Verdict.IGNORED, 0.0), 0.0)

        assert 503 == declined.status
        assert [("no_endpoint", "no_service", 503), ("limited", "declined", 503)] == [
            (each.termination, each.reason, each.status) for each in records
        ]
