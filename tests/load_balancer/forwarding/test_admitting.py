"""Rules for clients, over real connections."""

import asyncio
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from load_balancer.forwarding.admitting import take_up
from load_balancer.forwarding.paced import Paced
from load_balancer.shaping.fair_queue import FairQueue
from load_balancer.shaping.shaper import Shaper
from tests.live.asking import get, post
from tests.live.authority import Authority, connect
from tests.live.origin import Held, Origin, Visit, answer, serve_echo
from tests.live.rig import Rig, proxy, settings_for
from tests.live.wire import Wire

pytestmark = pytest.mark.integration

KEY = "opensesame"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


def rules(*several: dict[str, Any], **settings: Any) -> dict[str, Any]:
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(several)]
    return {"enabled": True, "rules": named, **settings}


def shaper(rig: Rig) -> Shaper:
    assert rig.listener.shaping is not None
    assert rig.node.shaper is rig.listener.shaping.shaper
    return rig.listener.shaping.shaper


def idle(rig: Rig) -> bool:
    """No client has anything under way."""
    return not any(client.busy for client in shaper(rig).clients)


async def ask(client: Wire, *lines: str, target: str = "/") -> Any:
    client.send(get(target, *lines))
    return await client.answer()


async def test_without_rules_nothing_is_there() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        assert 200 == (await ask(client)).status
        assert rig.listener.shaping is None and rig.node.shaper is None
        assert not rig.listener.decorates
        assert rig.node.admit(None, 0.0, []) is None  # type: ignore[arg-type]


async def test_who_is_over_its_rate_is_refused_and_told_when_to_come_again() -> None:
    """On the same connection, each request judged anew; the clock stands still."""
    shaping = rules({"requests_per_second": 0.5, "burst": 2, "mode": "police"})
    async with Origin() as origin, proxy(origin, shaping=shaping) as rig:
        client = await rig.client()
        for left in (1, 0):
            told = await ask(client)
            assert (200, '"r0";q=2;w=4') == (told.status, told.one("ratelimit-policy"))
            assert f'"r0";r={left};t={4 - 2 * left}' == told.one("ratelimit")
        refused = await ask(client, "Accept: application/problem+json")
        assert (429, "2") == (refused.status, refused.one("retry-after"))
        assert "application/problem+json" == refused.one("content-type")
        assert '"r0";r=0;t=4' == refused.one("ratelimit")
        rig.clock.advance(2.0)
        assert 200 == (await ask(client)).status
        assert {"rate_limited": 1} == rig.counters.refusals
        assert idle(rig)


async def test_who_is_over_its_rate_may_wait_for_its_time() -> None:
    shaping = rules({"requests_per_second": 20, "burst": 1}, expose=False)
    async with Origin() as origin, proxy(origin, time_runs=True, shaping=shaping) as rig:
        client = await rig.client()
        client.send(b"".join(get(f"/{number}") for number in range(4)))
        answers = [await client.answer() for _ in range(4)]
        assert [200] * 4 == [each.status for each in answers]
        assert not answers[0].all("ratelimit")
        (_, tally), *_ = shaper(rig).tallies()
        assert 4 == tally.passed and tally.delayed >= 2 and tally.delay > 0
        assert 8 <= tally.sent and idle(rig)


async def test_a_client_that_leaves_while_it_waits_gives_its_place_back() -> None:
    shaping = rules({"requests_per_second": 0.1, "burst": 1, "delay_seconds": 60})
    async with Origin() as origin, proxy(origin, shaping=shaping) as rig:
        first, second = await rig.client(), await rig.client()
        assert 200 == (await ask(first)).status
        second.send(get("/never"))
        await rig.holds(lambda: not idle(rig), "it waits")
        second.abort()
        await rig.holds(lambda: idle(rig), "it has left")
        assert ["/"] == [each.target for each in origin.requests]


async def test_requests_in_flight_wait_for_each_other() -> None:
    shaping = rules({"in_flight": 1, "delay_seconds": 60})
    async with Held() as origin, proxy(origin, shaping=shaping) as rig:
        clients = [await rig.client() for _ in range(3)]
        for number, client in enumerate(clients):
            client.send(get(f"/{number}"))
            await rig.holds(
                lambda number=number: (
                    sum(len(each.line) + each.in_flight for each in shaper(rig).clients)
                    == number + 1
                ),
                "it has come",
            )
        assert 1 == rig.node.routed
        clients[1].abort()
        await rig.holds(lambda: len(next(iter(shaper(rig).clients)).line) == 1, "one has left")
        origin.release(1)
        assert b"/0" == (await clients[0].answer()).body
        await origin.asked(2)
        origin.release(1)
        assert b"/2" == (await clients[2].answer()).body
        await rig.holds(lambda: idle(rig), "all is over")


async def test_who_waits_in_line_for_too_long_is_refused() -> None:
    shaping = rules({"in_flight": 1, "delay_seconds": 0.02})
    async with Held() as origin, proxy(origin, shaping=shaping) as rig:
        first, second = await rig.client(), await rig.client()
        first.send(get())
        await origin.asked(1)
        assert 429 == (await ask(second)).status
        origin.release(1)
        assert 200 == (await first.answer()).status
        assert {"in_flight_limited": 1} == rig.counters.refusals


async def test_clients_are_told_apart_by_what_they_prove() -> None:
    shaping = rules(
        {
            "match": {"api_key_sha256": [DIGEST]},
            "client_by": "api_key",
            "requests_per_second": 1000,
        },
        {"match": {"paths": ["/slow"]}, "requests_per_second": 0.01, "mode": "police"},
    )
    async with Origin() as origin, proxy(origin, shaping=shaping) as rig:
        client = await rig.client()
        assert '"r0"' in (await ask(client, f"X-API-Key: {KEY}")).one("ratelimit")
        assert not (await ask(client, "X-API-Key: other")).all("ratelimit")
        for expected in (200, 429, 429):
            assert expected == (await ask(client, target="/slow/1")).status
        assert 200 == (await ask(client, target="/quick")).status
        assert [f"r0/key:{DIGEST[:16]}", "r1/127.0.0.1"] == [
            each.name for each in shaper(rig).clients
        ]


async def test_bodies_are_counted_both_ways() -> None:
    async with Origin() as origin, proxy(origin, shaping=rules({})) as rig:
        client = await rig.client()
        client.send(post(bytes(1000)))
        assert 200 == (await client.answer()).status
        await rig.holds(lambda: idle(rig), "it is over")
        (_, tally), *_ = shaper(rig).tallies()
        assert (1000, rig.counters.sent_bytes) == (tally.received, tally.sent)


async def test_a_pool_restricts_whom_a_request_may_go_to() -> None:
    shaping = rules({"match": {"paths": ["/batch"]}, "pool": "batch"})
    tagged: list[dict[str, Any]] = [{}, {"tags": ["batch"]}]
    async with (
        Origin() as first,
        Origin() as second,
        proxy(first, second, endpoints=tagged, shaping=shaping) as rig,
    ):
        client = await rig.client()
        for target in ("/batch/1", "/other", "/batch/2"):
            assert 200 == (await ask(client, target=target)).status
        assert ["/other"] == [each.target for each in first.requests]
        assert ["/batch/1", "/batch/2"] == [each.target for each in second.requests]


async def test_a_pool_that_nobody_is_in_is_said() -> None:
    shaping = rules({"pool": "nobody"})
    async with Origin() as origin, proxy(origin, shaping=shaping) as rig:
        assert 503 == (await rig.ask(get())).status
        assert {"no_candidate": 1} == rig.counters.refusals


async def test_a_pool_that_is_full_holds_up_nobody_else() -> None:
    shaping = rules({"match": {"paths": ["/batch"]}, "pool": "batch"})
    tagged: list[dict[str, Any]] = [{}, {"tags": ["batch"]}]
    admission = {"requests_per_endpoint": 1, "queue_seconds": 30}
    async with (
        Held() as first,
        Held() as second,
        proxy(first, second, endpoints=tagged, shaping=shaping, admission=admission) as rig,
    ):
        clients = [await rig.client() for _ in range(4)]
        queue = rig.listener.placer.queue
        for number, target in enumerate(("/batch/1", "/a", "/batch/2", "/b")):
            clients[number].send(get(target))
            await rig.holds(
                lambda number=number: rig.node.routed + queue.length == number + 1, "it came"
            )
        assert (2, 2) == (rig.node.routed, queue.length)
        first.release(2)
        assert b"/a" == (await clients[1].answer()).body
        assert b"/b" == (await clients[3].answer()).body
        second.release(2)
        assert b"/batch/2" == (await clients[2].answer()).body
        assert b"/batch/1" == (await clients[0].answer()).body


async def test_the_urgent_get_the_next_place() -> None:
    shaping = rules(
        {"match": {"paths": ["/slow"]}, "urgency": 6},
        {"match": {"paths": ["/quick"]}, "urgency": 1, "client_by": "rule"},
    )
    admission = {"requests_per_endpoint": 1, "queue_seconds": 30}
    async with Held() as origin, proxy(origin, shaping=shaping, admission=admission) as rig:
        targets = ("/first", "/slow/1", "/slow/2", "/quick")
        clients = [await rig.client() for _ in targets]
        queue = rig.listener.placer.queue
        assert isinstance(queue, FairQueue)
        for number, target in enumerate(targets):
            clients[number].send(get(target))
            await rig.holds(
                lambda number=number: rig.node.routed + queue.length == number + 1, "it came"
            )
        origin.release(4)
        for client in clients:
            await client.answer()
        assert ["/first", "/quick", "/slow/1", "/slow/2"] == [
            each.target for each in origin.requests
        ]


async def test_in_a_full_queue_the_urgent_take_the_place_of_who_is_not() -> None:
    shaping = rules(
        {"match": {"paths": ["/slow"]}, "urgency": 6},
        {"match": {"paths": ["/quick"]}, "urgency": 1, "client_by": "rule"},
    )
    admission = {"requests_per_endpoint": 1, "queue_length": 2, "queue_seconds": 30}
    async with Held() as origin, proxy(origin, shaping=shaping, admission=admission) as rig:
        first, slow, slower, late = [await rig.client() for _ in range(4)]
        queue = rig.listener.placer.queue
        for number, (client, target) in enumerate(
            ((first, "/first"), (slow, "/slow/1"), (slower, "/slow/2"))
        ):
            client.send(get(target) + (get("/slow/3") if number == 2 else b""))
            await rig.holds(
                lambda number=number: rig.node.routed + queue.length == number + 1, "it came"
            )
        late.send(get("/quick"))
        # The one that came last; and what it asks next, at once, displaces nobody.
        assert [503, 503] == [(await slower.answer()).status for _ in range(2)]
        assert 2 == queue.length
        assert {"displaced": 1, "full": 1} == rig.counters.queue_refusals
        origin.release(3)
        for client in (first, slow, late):
            assert 200 == (await client.answer()).status
        assert ["/first", "/quick", "/slow/1"] == [each.target for each in origin.requests]
        assert 0 == rig.counters.waiting


async def test_what_is_not_urgent_is_shed_under_load() -> None:
    drop = {"probability": 1.0, "urgency": 4, "pressure": 0.5}
    shaping = rules({"match": {"paths": ["/bulk"]}, "urgency": 5, "drop": drop})
    async with Held() as origin, proxy(origin, shaping=shaping, capacity=2) as rig:
        first, second = await rig.client(), await rig.client()
        first.send(get())
        await origin.asked(1)
        refused = await ask(second, target="/bulk")
        assert (429, "2") == (refused.status, refused.one("retry-after"))
        origin.release(2)
        assert 200 == (await first.answer()).status
        assert 200 == (await ask(second, target="/bulk")).status
        assert {"shed": 1} == rig.counters.refusals


async def test_stored_answers_count_and_tell() -> None:
    async def fresh(visit: Visit) -> None:
        while True:
            await visit.request()
            visit.send(answer(b"ok", "Cache-Control: max-age=60"))

    shaping = rules({"requests_per_second": 0.01, "burst": 3, "mode": "police"})
    async with (
        Origin(fresh) as origin,
        proxy(origin, shaping=shaping, cache={"enabled": True}) as rig,
    ):
        client = await rig.client()
        for left in (2, 1, 0):
            told = await ask(client)
            assert 200 == told.status
            assert told.one("ratelimit").startswith(f'"r0";r={left};')
        assert 429 == (await ask(client)).status
        assert 1 == len(origin.requests)


async def test_rules_come_and_go_while_it_runs() -> None:
    """Connections that were held are as others are, and who waits for a place goes on waiting."""
    shaping = rules({"download_bytes_per_second": 1e9, "dscp": 10})
    admission = {"requests_per_endpoint": 1, "queue_seconds": 30}
    async with Held() as origin, proxy(origin, shaping=shaping, admission=admission) as rig:
        clients = [await rig.client() for _ in range(2)]
        for number, client in enumerate(clients):
            client.send(get(f"/{number}"))
            await rig.holds(
                lambda number=number: (
                    rig.node.routed + rig.listener.placer.queue.length == number + 1
                ),
                "it came",
            )
        undo = take_up(rig.listener, settings_for(origin.port).load_balancer)
        assert rig.listener.shaping is None
        assert not isinstance(rig.listener.placer.queue, FairQueue)
        for connection in rig.listener.connections:
            assert connection.peer.dscp is None
            assert isinstance(connection.transport, Paced) and connection.transport.held is None
        undo()
        assert isinstance(rig.listener.placer.queue, FairQueue)
        other = settings_for(origin.port, shaping=rules({"weight": 3})).load_balancer
        undo = take_up(rig.listener, other)
        assert 3 == shaper(rig).rules[0].weight
        undo()
        assert 1 == shaper(rig).rules[0].weight
        origin.release(2)
        for number, client in enumerate(clients):
            assert f"/{number}".encode() == (await client.answer()).body
        assert 1 == rig.counters.queued
        assert idle(rig)


async def test_the_idle_are_forgotten_by_the_sweep() -> None:
    async with Origin() as origin, proxy(origin, shaping=rules({}, idle_seconds=10)) as rig:
        await rig.ask(get())
        await rig.holds(lambda: idle(rig), "it is over")
        await rig.pass_time(11)
        assert 0 == len(shaper(rig).clients)
        await asyncio.sleep(0)


async def test_a_certificate_tells_who_a_client_is_and_tls_is_paced_as_well(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    front = authority.issue("front.test")
    tls = {
        "certificates": [front.served()],
        "client_certificates": "optional",
        "client_ca_file": authority.file,
    }
    issuer = f"O=trustme v{version('trustme')}"
    shaping = rules(
        {
            "match": {"certificates": [issuer]},
            "client_by": "certificate",
            "download_bytes_per_second": 100_000,
            "upload_bytes_per_second": 100_000,
        }
    )
    async with (
        Origin(serve_echo) as origin,
        proxy(origin, tls=tls, time_runs=True, shaping=shaping) as rig,
    ):
        known = await connect(rig.port, authority.client(authority.issue("client.test")))
        for number in range(2):
            known.send(post(bytes(20_000), f"/{number}"))
            assert b"POST /%d " % number + bytes(20_000) == (await known.answer()).body
        unknown = await connect(rig.port, authority.client())
        unknown.send(get())
        assert 200 == (await unknown.answer()).status
        (client,) = shaper(rig).clients
        assert client.name.startswith(f"r0/{issuer},OU=")
        assert 2 == client.tally.passed
        await known.leave()
        await unknown.leave()
