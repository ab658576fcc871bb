"""The proxy port: who is let in, what is swept, how it ends."""

import asyncio
import errno
import socket
from email.utils import formatdate, parsedate_to_datetime

import pytest

from load_balancer.forwarding import listener as listener_module
from load_balancer.forwarding.listener import Listener
from rl.vocabulary import Verdict
from tests.live.asking import forever, get, post
from tests.live.origin import Held, Origin, Visit, answer, replies
from tests.live.rig import proxy
from tests.live.wire import EOF, RESET, Wire, turns

pytestmark = pytest.mark.integration


# Listening.


async def test_a_name_with_two_addresses_listens_on_both_with_one_port() -> None:
    """``localhost``: curl may try either first."""
    async with Origin() as origin, proxy(origin, host="localhost") as rig:
        found = socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
        for address in {str(each[4][0]) for each in found}:
            client = await rig.clients.connect(rig.port, address)
            client.send(get("/health"))
            assert (await client.answer()).status == 200


async def test_a_name_may_have_an_address_that_this_machine_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It listens where it can; if that is nowhere, it says so."""
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    elsewhere = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))
    async with Origin() as origin:
        for found in ([elsewhere, here], [here, elsewhere]):
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
            async with proxy(origin) as rig:
                monkeypatch.undo()
                assert (await rig.ask(get("/health"))).status == 200
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [elsewhere])
        with pytest.raises(OSError) as raised:
            async with proxy(origin):
                pass
        assert raised.value.errno == errno.EADDRNOTAVAIL


async def test_a_chosen_port_that_another_address_has_not_free_is_chosen_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With port 0 the system chooses for the first address of a name only."""
    ports: list[int] = []
    listen = Listener._listen

    async def listen_to_busy(self: Listener, port: int) -> int:
        chosen = await listen(self, port)
        ports.append(chosen)
        if len(ports) == 1:
            raise OSError(errno.EADDRINUSE, "in use at the second address")
        return chosen

    monkeypatch.setattr(Listener, "_listen", listen_to_busy)
    async with Origin() as origin, proxy(origin) as rig:
        assert len(ports) == 2
        assert (await rig.ask(get("/health"))).status == 200


async def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        with pytest.raises(OSError) as raised:
            async with proxy(origin, port=rig.port):
                pass
        assert raised.value.errno == errno.EADDRINUSE


async def test_more_clients_than_allowed_are_told_so() -> None:
    """503 with Retry-After, at once, with nobody idle; and room again when one has gone."""
    async with Held() as origin, proxy(origin, limits={"connections": 2}) as rig:
        clients = [await rig.client() for _ in range(2)]
        for number, client in enumerate(clients):
            client.send(get())
            await origin.asked(number + 1)
        third = await rig.client()
        refused = await third.answer()
        assert (refused.status, refused.one("retry-after")) == (503, "1")
        assert await third.end() == EOF
        assert rig.counters.refusals == {"connections": 1}
        clients[0].close()
        third.close()
        await rig.holds(lambda: len(rig.listener.connections) == 1, "they are gone")
        origin.release(3)
        assert (await rig.ask(get())).status == 200
        assert (await clients[1].answer()).status == 200


# What is told on.


async def test_a_trusted_proxy_is_believed() -> None:
    async with Origin() as origin, proxy(origin, trusted_proxies=["127.0.0.0/8"]) as rig:
        await rig.ask(get("/", "X-Forwarded-For: 10.0.0.1"))
        assert origin.requests[0].one("x-forwarded-for") == "10.0.0.1, 127.0.0.1"
        assert not rig.listener.peer("10.0.0.1").trusted
        assert not rig.listener.peer("unknown").trusted


async def test_every_request_has_an_id_and_no_two_the_same() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get() * 20)
        for _ in range(20):
            await client.answer()
        ids = {request.one("x-request-id") for request in origin.requests}
        assert len(ids) == 20
        assert {attempt.request_id for attempt in rig.log.attempts} == ids


async def test_an_answer_without_a_date_is_given_one() -> None:
    dated = answer(b"ok", "Date: Tue, 01 Jan 2019 00:00:00 GMT")
    async with Origin(replies(dated, answer())) as origin, proxy(origin) as rig:
        assert (await rig.ask(get())).one("date") == "Tue, 01 Jan 2019 00:00:00 GMT"
        assert parsedate_to_datetime((await rig.ask(get())).one("date")).year > 2019


async def test_load_reports_are_read_and_not_too_often() -> None:
    """And not shown to the client."""
    reports = [
        answer(b"", f"endpoint-load-metrics: TEXT cpu_utilization={cpu}") for cpu in (0.1, 0.2, 0.3)
    ]
    async with Origin(replies(*reports)) as origin, proxy(origin) as rig:
        first = await rig.ask(get())
        assert rig.stats("a").cpu == 0.1
        assert not first.all("endpoint-load-metrics")
        await rig.ask(get())
        rig.clock.advance(1)
        await rig.ask(get())
        assert rig.stats("a").cpu == 0.3


# The sweep.


async def test_deadlines_are_looked_at_without_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener_module, "SWEEP_SECONDS", 0.01)
    async with (
        Origin() as origin,
        proxy(origin, time_runs=True, deadlines={"idle_seconds": 0.05}) as rig,
    ):
        client = await rig.client()
        client.send(get())
        await client.answer()
        assert await client.end() == EOF


async def test_one_bad_sweep_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault while one deadline is handled must not end all deadlines for ever."""
    monkeypatch.setattr(listener_module, "SWEEP_SECONDS", 0.01)
    async with (
        Origin() as origin,
        proxy(origin, time_runs=True, deadlines={"idle_seconds": 0.05}) as rig,
    ):
        faults = 0

        def fail() -> bytes:
            nonlocal faults
            faults += 1
            monkeypatch.setattr(listener_module, "formatdate", formatdate)
            raise ValueError("a fault")

        monkeypatch.setattr(listener_module, "formatdate", lambda usegmt: fail())
        await rig.holds(lambda: faults, "the fault was met")
        client = await rig.client()
        client.send(get())
        await client.answer()
        assert await client.end() == EOF
        assert len(rig.problems) == 1
        rig.problems.clear()


# The end.


async def test_draining_finishes_what_runs_and_takes_nothing_more() -> None:
    """The request under way is answered, idle connections close at once, nobody new gets in."""
    gate = asyncio.Event()

    async def slow(visit: Visit) -> None:
        await visit.request()
        await gate.wait()
        visit.send(answer(b"late"))
        await visit.end()

    async with Origin(slow) as origin, proxy(origin) as rig:
        idle, busy = await rig.client(), await rig.client()
        idle.send(get("/health"))
        await idle.answer()
        busy.send(get("/slow"))
        await origin.asked(1)
        draining = asyncio.create_task(rig.listener.drain())
        assert await idle.end() == EOF
        with pytest.raises(OSError):
            await rig.client()
        assert not draining.done()
        gate.set()
        got = await busy.answer()
        assert (got.body, got.one("connection")) == (b"late", "close")
        busy.close()
        await draining
        assert rig.log.completed == [("a", Verdict.SUCCESS, 200)]


async def test_draining_does_not_wait_for_a_connection_to_be_used_again() -> None:
    """Its answer had begun before, and so did not say that it was the last."""
    gate = asyncio.Event()

    async def slow(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla")
        await gate.wait()
        visit.send(b"te")
        await visit.end()

    async with Origin(slow) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1"))
        await client.until(lambda: client.received.endswith(b"la"), "begin")
        draining = asyncio.create_task(rig.listener.drain())
        await turns()
        client.send(get("/2"))
        gate.set()
        assert (await client.answer()).body == b"late"
        assert await client.end() == EOF
        assert rig.listener.connections, "a client may be sending, so it is listened to"
        client.close()
        await draining
        assert len(origin.requests) == 1


async def test_a_request_that_was_on_its_way_when_a_drain_began_is_answered() -> None:
    """On each connection that was idle then, with the word that it is the last."""
    async with Origin() as origin, proxy(origin) as rig:
        clients = [await rig.client() for _ in range(3)]
        for client in clients[:2]:
            client.send(get("/before"))
            await client.answer()
        draining = asyncio.create_task(rig.listener.drain())
        await turns(20)
        for client in clients:
            client.send(get("/before"))
            got = await client.answer()
            assert (b"/before", "close") == (got.body, got.one("connection"))
            assert EOF == await client.end()
            client.close()
        assert 0 == await draining


async def test_draining_ends_at_its_deadline() -> None:
    """What never finishes is cut; it teaches nothing."""

    async def never(visit: Visit) -> None:
        await visit.request()
        await forever()

    async with Origin(never) as origin, proxy(origin, deadlines={"drain_seconds": 0.1}) as rig:
        client = await rig.client()
        client.send(get())
        await origin.asked(1)
        await rig.listener.drain()
        assert rig.log.completed == [("a", Verdict.IGNORED, 0)]
        assert not rig.listener.connections
        await client.end()
        await origin.visits[0].end()


async def test_connections_of_the_pool_are_not_left_open() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        await rig.ask(get())
        await rig.listener.drain()
        await origin.visits[0].end()


async def test_no_endpoint_is_503_with_retry_after() -> None:
    async with proxy(1) as rig:
        rig.table.all = []
        rig.node.refresh()
        client = await rig.client()
        client.send(get("/1") + get("/health") + post(b"abc"))
        refused = await client.answer()
        assert (refused.status, refused.one("retry-after")) == (503, "1")
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 503
        assert rig.counters.refusals == {"no_candidate": 2}


@pytest.mark.parametrize("before", range(5))
async def test_who_connects_while_a_drain_begins_is_answered_or_turned_away(before: int) -> None:
    """In whichever turn of the loop: nobody is accepted and then forgotten."""
    async with Origin() as origin, proxy(origin, deadlines={"drain_seconds": 0.1}) as rig:
        connecting = [asyncio.create_task(rig.client()) for _ in range(20)]
        await turns(before)
        draining = asyncio.create_task(rig.listener.drain())
        clients = await asyncio.gather(*connecting, return_exceptions=True)
        for client in clients:
            if isinstance(client, Wire):
                client.send(get())
                assert await client.end() in (EOF, RESET)
            else:
                assert isinstance(client, OSError)
        await draining
