"""All that can be switched on at once, among origins that misbehave and clients that leave.

Whatever happens, each request gets the answer to it or a broken connection, is told of once and
truly, and in the end nothing is left: no try, no place in the queue, no tunnel, no transport.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from config.endpoints import Stickiness
from config.schema import Settings
from load_balancer import hedging as hedging_module
from load_balancer import strategies
from load_balancer.forwarding import listener as listener_module
from load_balancer.forwarding.affinity import Tokens, affinity
from metrics.access_record import NOT_REACHED, TERMINATIONS, AccessRecord, Request
from rl.vocabulary import EndpointStats, Verdict
from tests.live.asking import chunks, get
from tests.live.origin import Origin, Script, Visit, done
from tests.live.rig import Rig, proxy, settings_for
from tests.live.wire import Ended, Message, Wire

pytestmark = pytest.mark.integration

CLIENTS = 20
SESSIONS = 12
"""Connections that each client makes, one after the other."""

DATE = "Date: Fri, 20 Nov 2026 10:00:00 GMT\r\n"
COOKIE = Stickiness(kind="cookie")

FEATURES: dict[str, Any] = {
    "node_name": "chaos",
    "half_closed": "serve",
    "deadlines": {
        "head_seconds": 2.0,
        "connect_seconds": 2.0,
        "first_byte_seconds": 0.2,
        "idle_seconds": 0.3,
        "upstream_idle_seconds": 0.05,
        "tunnel_idle_seconds": 0.3,
        "drain_seconds": 0.4,
    },
    "admission": {
        "requests_per_endpoint": 6,
        "adaptive": {"enabled": True, "initial": 4, "minimum": 2, "maximum": 6},
        "queue_length": 12,
        "queue_seconds": 0.1,
    },
    "retries": {
        "attempts": 3,
        "conditions": ["connect_failure", "reset", "invalid_answer", "try_timeout", "status"],
        "statuses": [502, 503],
        "try_seconds": 0.1,
        "replay_bytes": 5000,
        "budget_minimum_per_second": 1e5,
    },
    "hedging": {
        "enabled": True,
        "minimum_samples": 2,
        "percentile": 0.5,
        "minimum_delay_seconds": 0.001,
        "budget_minimum_per_second": 1e5,
    },
    "ejection": {"seconds": 0.02, "max_seconds": 0.05},
    "slow_start": {"seconds": 0.05},
    "tracing": {"enabled": True, "start": 0.5},
    "server_timing": {"when": "on", "endpoint": True},
    # Some bodies are larger than what is stored, and all of what is shared does not fit at once.
    "cache": {
        "enabled": True,
        "memory_bytes": 600_000,
        "entries": 10,
        "largest_body_bytes": 100_000,
        "collapse_seconds": 0.1,
        "background": 4,
    },
}
SHARED = 4
"""Targets that all clients ask for."""

PARTICULAR = ("Range: bytes=0-3", 'If-None-Match: "1"', "Cache-Control: no-cache",
              "Cache-Control: only-if-cached", "Cache-Control: max-stale")  # fmt: skip
LONG = 10**9
"""Seconds, since the origins' Date stands still."""
LIVES = (f"max-age={LONG}", "max-age=0", "no-cache", f"max-age=0, stale-while-revalidate={LONG}",
         f"max-age=0, stale-if-error={LONG}", "private", "no-store")  # fmt: skip
OTHERS: list[dict[str, Any]] = [
    {},
    {"hedging": {"enabled": False}},
    {"retries": {"attempts": 1}},
    {"admission": {"requests_per_endpoint": None}},
    {"admission": FEATURES["admission"] | {"queue_length": 0}},
    {"tracing": {"enabled": False}, "server_timing": {"when": "off"}},
    {"upgrades": []},
]


async def act(visit: Visit, head: Message, dice: random.Random) -> bool:
    """One answer, or what this origin takes for one; whether the connection goes on."""
    echo = f"X-Echo: {head.method} {head.target}\r\n"
    if head.target.startswith("/shared/"):
        life = dice.choices(LIVES, (5, 3, 1, 4, 2, 1, 1))[0]
        echo = f'X-Echo: GET {head.target}\r\nETag: "{dice.randrange(3)}"\r\n'
        echo += f"Cache-Control: {life}\r\n"
        if head.all("if-none-match") and dice.random() < 0.6:
            tag = head.all("if-none-match")[0]
            visit.send(f"HTTP/1.1 304 Same\r\nETag: {tag}\r\n\r\n".encode())
            return True
    body = f"{head.target} ".encode() + b"." * dice.choice((0, 0, 7, 7, 1000, 30_000, 400_000))
    bodiless = head.method == "HEAD"
    what = dice.choices(
        ("whole", "chunks", "slow", "hints", "status", "error", "empty", "close", "more",
         "cut", "reset", "gone", "nonsense", "hang", "interim_gone"),
        (60, 10, 12, 4, 4, 2, 2, 3, 2, 3, 2, 3, 2, 1, 2),
    )[0]  # fmt: skip
    whole = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{echo}{DATE}\r\n".encode()
    if not bodiless:
        whole += body
    if what == "slow":
        await asyncio.sleep(dice.choice((0.005, 0.02)))
    elif what in ("hints", "interim_gone"):
        visit.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * dice.randint(1, 4))
        if what == "interim_gone":
            visit.reset() if dice.random() < 0.5 else None
            return False
        await asyncio.sleep(0)
    elif what == "chunks":
        whole = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{echo}{DATE}\r\n".encode()
        if not bodiless:
            whole += chunks(body[:3], body[3:], trailers="X-Sum: 1\r\n")
    elif what in ("status", "error"):
        line = "503 Busy" if what == "status" else "500 Oh"
        more = "Retry-After: 0.01\r\n" if dice.random() < 0.5 else ""
        whole = f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n{echo}{DATE}{more}\r\n".encode()
    elif what == "empty":
        whole = f"HTTP/1.1 204 No Content\r\n{echo}\r\n".encode()
    elif what == "close":
        visit.send(f"HTTP/1.1 200 OK\r\n{echo}{DATE}\r\n".encode() + (b"" if bodiless else body))
        return False
    elif what == "more":
        # In one segment: what comes later may be taken for the next answer by anybody.
        whole = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{echo}\r\n".encode()
        visit.send(whole + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        return False
    elif what in ("cut", "reset"):
        visit.send(whole[: dice.randint(1, len(whole) - 1)])
        await asyncio.sleep(dice.choice((0, 0.002)))
        visit.reset() if what == "reset" else None
        return False
    elif what == "gone":
        visit.reset()
        return False
    elif what == "nonsense":
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nforged")
        return False
    elif what == "hang":
        await visit.end()
        return False
    if dice.random() < 0.1:
        cut = dice.randint(0, len(whole))
        await visit.send_pieces(whole[:cut], whole[cut:])
    else:
        visit.send(whole)
    return True


async def tunnel(visit: Visit, dice: random.Random) -> None:
    """Sends back what comes."""
    early = b"hello" if dice.random() < 0.5 else b""
    visit.send(
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + early
    )
    if not early:
        visit.send(b"hello")
    while dice.random() > 0.05:
        await visit.until(lambda: bool(visit.unread) or visit.ended is not None, "bytes")
        if not visit.unread:
            return
        visit.send(await visit.take(len(visit.unread)))
    visit.reset() if dice.random() < 0.5 else None


def chaotic(dice: random.Random) -> Script:
    async def script(visit: Visit) -> None:
        if dice.random() < 0.02:
            visit.reset()
            return
        while not await done(visit):
            request = await visit.head()
            sized = [int(each) for each in request.all("content-length")]
            if request.all("upgrade") and dice.random() < 0.7:
                await tunnel(visit, dice)
                return
            if request.all("expect") and dice.random() < 0.7:
                visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            early = (sized or request.all("transfer-encoding")) and dice.random() < 0.1
            if not early:
                await visit._body(request, has_body=True, until_close=False)
                if request.method == "PUT" and request.body:
                    # Whatever was sent again was sent whole.
                    assert request.body.strip(b"*") == request.target.encode(), request
            if not await act(visit, request, dice) or early:
                return

    return script


class Asker:
    """Sends requests of every kind, and checks that what comes back is the answer to them."""

    def __init__(self, rig: Rig, dice: random.Random, number: int) -> None:
        self._rig = rig
        self._dice = dice
        self._number = number
        self._sent = 0
        self._cookie = ""
        self.seen: Counter[str] = Counter()
        self.statuses: dict[str, int] = {}
        """By request id: what came of those whose answer came whole."""
        self.same: Counter[str] = Counter()
        """By target: answers to requests that were repeated byte for byte."""

    async def run(self) -> None:
        for _ in range(SESSIONS):
            try:
                client = await self._rig.client()
            except OSError:
                self.seen["refused"] += 1
                return
            try:
                session = self._dice.choices(
                    (self._repeat, self._mix, self._shared, self._tunnel, self._expect),
                    (4, 4, 4, 2, 2),
                )[0]
                await session(client)
            except Ended:
                self.seen["cut"] += 1
            client.abort() if self._dice.random() < 0.5 else client.reset()
            await asyncio.sleep(0)

    def _new(self) -> str:
        self._sent += 1
        return f"c{self._number}-{self._sent}"

    async def _repeat(self, client: Wire) -> None:
        """The same bytes again and again, now and then others in between or two at once."""
        dice = self._dice
        target = f"/same/{self._new()}"
        lines = ["Connection: keep-alive"] if dice.random() < 0.3 else []
        lines += [f"Cookie: {self._cookie}"] if self._cookie and dice.random() < 0.5 else []
        method = dice.choice(("GET", "GET", "GET", "HEAD"))
        data = get(target, *lines, method=method)
        for _ in range(dice.randint(2, 12)):
            times = dice.choice((1, 1, 1, 1, 2, 3))
            client.send(data * times)
            if dice.random() < 0.02:
                return
            if dice.random() < 0.1:
                client.stall()
                await asyncio.sleep(0.002)
                client.go_on()
            for _ in range(times):
                answer = await client.answer(method)
                self._check(answer, method, target, None)
                self.same[target] += 1
                if answer.all("connection") == ["close"]:
                    return

    async def _shared(self, client: Wire) -> None:
        """What others ask for as well, at the same time."""
        dice = self._dice
        for _ in range(dice.randint(1, 8)):
            target = f"/shared/{dice.randrange(SHARED)}"
            method = dice.choices(("GET", "HEAD"), (6, 1))[0]
            lines = [dice.choice(PARTICULAR)] if dice.random() < 0.2 else []
            times = dice.choice((1, 1, 1, 2, 5))
            client.send(get(target, *lines, method=method) * times)
            if dice.random() < 0.1:
                self.seen["left"] += 1
                return
            if dice.random() < 0.2:
                client.stall()
                await asyncio.sleep(dice.choice((0.002, 0.02)))
                client.go_on()
            for _ in range(times):
                answer = await client.answer(method)
                for said in answer.all("cache-status"):
                    self.seen.update(
                        each for each in ("hit", "collapsed") if each in said.split("; ")
                    )
                if answer.status in (206, 304, 416):
                    assert lines and (
                        answer.status != 206 or target.encode().startswith(answer.body)
                    )
                else:
                    self._check(answer, "GET" if answer.all("x-echo") else method, target, None)
                    if method == "HEAD":
                        assert not answer.body
                if answer.all("connection") == ["close"]:
                    return

    async def _mix(self, client: Wire) -> None:
        dice = self._dice
        for _ in range(dice.randint(1, 4)):
            asked = [self._request() for _ in range(dice.choice((1, 1, 1, 2, 5)))]
            data = b"".join(request for request, _, _ in asked)
            if dice.random() < 0.3:
                cut = dice.randint(0, len(data))
                await client.send_pieces(data[:cut], data[cut:])
            else:
                client.send(data)
            if dice.random() < 0.1:
                await asyncio.sleep(dice.choice((0, 0.001, 0.01)))
                self.seen["left"] += 1
                return
            last = dice.random() < 0.05
            if last:
                client.half_close()
            for _, method, id in asked:
                answer = await client.answer(method)
                self._check(answer, method, f"/{id}", id)
                if answer.all("connection") == ["close"]:
                    return
            if last:
                return

    async def _expect(self, client: Wire) -> None:
        """Waits for the word to go on, and sends its body then, or after the answer not at all."""
        id = self._new()
        body = f"/{id}".encode() + b"*" * self._dice.choice((0, 5000))
        lines = (f"X-Request-ID: {id}", "Expect: 100-continue", f"Content-Length: {len(body)}")
        client.send(get(f"/{id}", *lines, method="PUT"))
        await client.until(
            lambda: b"\r\n\r\n" in client.unread or client.ended is not None, "100 or an answer"
        )
        if client.unread.startswith(b"HTTP/1.1 1"):
            await client.send_pieces(body[:5], body[5:])
            self.seen["continued"] += 1
        self._check(await client.answer("PUT"), "PUT", f"/{id}", id)

    async def _tunnel(self, client: Wire) -> None:
        dice = self._dice
        id = self._new()
        early = b"early" if dice.random() < 0.5 else b""
        lines = (f"X-Request-ID: {id}", "Connection: Upgrade", "Upgrade: websocket")
        client.send(get(f"/{id}", *lines) + early)
        half_closed = dice.random() < 0.1
        if half_closed:
            client.half_close()
        await client.until(
            lambda: b"\r\n\r\n" in client.unread or client.ended is not None, "an answer"
        )
        if not client.unread.startswith(b"HTTP/1.1 101"):
            if not client.unread.startswith(b"HTTP/1.1 103"):
                self._check(await client.answer(), "GET", f"/{id}", id)
            return
        self.statuses[id] = (await client.head()).status
        assert b"hello" == await client.take(5)
        if early:
            assert early == await client.take(5)
        for _ in range(0 if half_closed else dice.randint(0, 4)):
            data = dice.randbytes(dice.choice((1, 1000, 200_000)))
            client.send(data)
            assert data == await client.take(len(data))
        self.seen["tunnel"] += 1
        if dice.random() < 0.5:
            client.half_close()
            await client.end()

    def _request(self) -> tuple[bytes, str, str]:
        dice = self._dice
        id = self._new()
        method = dice.choice(("GET", "GET", "HEAD", "POST", "PUT", "PUT"))
        lines = [f"X-Request-ID: {id}"]
        lines += [f"Cookie: {self._cookie}"] if self._cookie and dice.random() < 0.5 else []
        body = b""
        if method in ("POST", "PUT"):
            body = f"/{id}".encode() + b"*" * dice.choice((0, 10, 4000, 50_000))
            if dice.random() < 0.5:
                lines.append("Transfer-Encoding: chunked")
                body = chunks(body[:3], body[3:], trailers=dice.choice(("", "X-Sum: 1\r\n")))
            else:
                lines.append(f"Content-Length: {len(body)}")
        return get(f"/{id}", *lines, method=method) + body, method, id

    def _check(self, answer: Message, method: str, target: str, id: str | None) -> None:
        self.seen[str(answer.status)] += 1
        if id is not None:
            assert id not in self.statuses
            self.statuses[id] = answer.status
        assert b"forged" not in answer.body
        echo = answer.all("x-echo")
        if not echo:
            # The balancer's own words.
            assert answer.status in (408, 502, 503, 504), answer
            assert id is None or answer.one("x-request-id") == id
            return
        assert echo == [f"{method} {target}"]
        assert answer.status in (200, 204, 500, 503)
        for cookie in answer.all("set-cookie"):
            self._cookie = cookie.partition(";")[0]
        if answer.status == 200 and method != "HEAD" and answer.body:
            assert answer.body.rstrip(b".") == f"{target} ".encode()


class Told:
    """The access log, as it was handed over."""

    def __init__(self) -> None:
        self.records: list[Request] = []

    def append(self, record: AccessRecord) -> None:
        self.records.append(Request._make(record))

    def check(self, rig: Rig, askers: list[Asker]) -> None:
        """Each request once, and what is said of it can be."""
        by_id = Counter(each.request_id for each in self.records)
        assert not [id for id, count in by_id.items() if count > 1]
        statuses = {each.request_id: each.status for each in self.records}
        for asker in askers:
            for id, status in asker.statuses.items():
                assert status == statuses[id], id
            same = Counter(
                each.target for each in self.records if each.target in asker.same and each.status
            )
            assert not asker.same - same
        for each in self.records:
            assert each.started <= each.ended, each
            assert each.termination in TERMINATIONS, each
            assert (each.attempts > 0) == (each.endpoint is not None), each
            assert len(each.tries) <= max(0, each.attempts - 1), each
            assert len({tried[0] for tried in each.tries}) == len(each.tries), each
            if each.termination == "cached" or each.cache == "collapsed":
                if each.status:
                    assert each.started <= each.first_byte_at <= each.ended, each
            elif each.termination in ("complete", "tunnel", "endpoint_body"):
                assert each.attempts and each.queue >= 0.0 and each.connect >= 0.0, each
                assert each.started <= each.first_byte_at <= each.ended, each
                assert each.status and each.bytes_out, each
            elif not each.termination.startswith("client") and each.termination != "drain":
                assert each.status >= 400 and each.first_byte_at == NOT_REACHED, each
        counters = rig.counters
        assert Counter(each.status for each in self.records if each.status) == counters.answers
        counted = sum(sum(series.duration.counts) for series in counters.clients)
        assert counted == len(self.records)
        tries = sum(each.attempts for each in self.records)
        unseen = rig.listener.background.validations + rig.listener.background.inherited
        assert tries <= rig.node.routed <= tries + counters.hedges + 3 * unseen
        assert counters.sent_bytes == sum(each.bytes_out for each in self.records)
        assert counters.retries >= sum(len(each.tries) for each in self.records) - counters.hedges


async def change(rig: Rig, dice: random.Random, ports: list[int]) -> None:
    """Strategies, settings, stickiness and endpoints, all the time."""
    servers = settings_for(*ports).servers
    while True:
        name = dice.choice(strategies.names())
        rig.switch_to(name, strategies.build(name, Settings(), dice))
        settings = settings_for(*ports, **FEATURES | dice.choice(OTHERS)).load_balancer
        what = dice.randrange(6)
        if what == 0:
            rig.listener.apply(settings)
        elif what == 1:
            rig.node.apply(settings)
        elif what == 2:
            stick = affinity(COOKIE, Tokens(b"secret")) if dice.random() < 0.7 else None
            rig.listener.stick(stick)
        elif what == 3 and len(rig.table.all) > 2:
            rig.table.drain(dice.choice(rig.table.all).id)
        elif what == 4 and len(rig.table.all) > 2:
            gone: EndpointStats = dice.choice(rig.table.all)
            rig.table.remove(gone.id)
            rig.node.left(gone)
            rig.listener.pool.forget(gone)
        else:
            for server in servers:
                if server.id not in rig.table:
                    rig.node.joined(rig.table.join(server.endpoint()), rig.clock())
            for id in list(rig.table.draining):
                rig.table.resume(id)
        rig.node.refresh()
        if rig.listener.cache is not None and dice.random() < 0.5:
            rig.listener.cache.purge_prefix(f"http://origin.test/shared/{dice.randrange(SHARED)}")
        await asyncio.sleep(0.004)


async def chaos(dice: random.Random) -> Counter[str]:
    origins = [Origin(chaotic(random.Random(dice.random()))) for _ in range(4)]
    told = Told()
    async with origins[0], origins[1], origins[2], origins[3]:
        ports = [origin.port for origin in origins]
        stick = affinity(COOKIE, Tokens(b"secret"))
        async with proxy(*origins, time_runs=True, affinity=stick, **FEATURES) as rig:
            rig.listener.access_log = told
            askers = [Asker(rig, random.Random(dice.random()), n) for n in range(CLIENTS)]
            changing = asyncio.create_task(change(rig, dice, ports))
            async with asyncio.timeout(60):
                asking = [asyncio.create_task(asker.run()) for asker in askers]
                while sum(each.done() for each in asking) < CLIENTS // 2:
                    await asyncio.wait(
                        [each for each in asking if not each.done()],
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                # The others are in the middle of it.
                await rig.listener.drain()
                await asyncio.gather(*asking)
            changing.cancel()
            for stats in (*rig.table.all, *rig.table.draining.values()):
                assert 0 == stats.in_flight, stats.id
            queue = rig.listener.placer.queue
            assert (0, []) == (queue.length, list(queue.waiting()))
            assert (0, 0) == (rig.counters.waiting, rig.counters.open_tunnels)
            assert 0 == rig.listener.in_flight()
            told.check(rig, askers)
            seen = sum((asker.seen for asker in askers), Counter[str]())
            seen["retries"], seen["hedges"] = rig.counters.retries, rig.counters.hedges
            seen["won"], seen["queued"] = rig.counters.hedges_won, rig.counters.queued
            background = rig.listener.background
            seen["validations"], seen["inherited"] = background.validations, background.inherited
            seen.update(verdict.name for _, verdict, _ in rig.log.completed)
        await asyncio.gather(*(visit.end() for origin in origins for visit in origin.visits))
    return seen


@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(2, 4), marks=pytest.mark.slow)], ids=["once", "often"]
)
async def test_with_all_features_on_every_answer_is_the_right_one_and_told_of_once(
    seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "SWEEP_SECONDS", 0.02)
    monkeypatch.setattr(hedging_module, "REFRESH_SECONDS", 0.0)
    seen: Counter[str] = Counter()
    for seed in seeds:
        seen += await chaos(random.Random(seed))
    # All of it happened.
    kinds = ("204", "500", "502", "503", "cut", "left", "tunnel", "continued", "hedges")
    for kind in (*kinds, "hit", "collapsed", "validations"):
        assert seen[kind], (kind, seen)
    assert seen["200"] > CLIENTS * SESSIONS
    assert min(seen[kind] for kind in ("retries", "queued")) > 10, seen
    assert min(seen[verdict.name] for verdict in Verdict) > 5, seen
