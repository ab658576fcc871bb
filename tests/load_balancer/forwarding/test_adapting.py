"""Adaptive shaping over real connections: what is measured, and what comes of it."""

import hashlib
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from config.shaping import Shaping
from load_balancer.forwarding.adapting import MOST_ASKED, LiveAdaptive
from load_balancer.forwarding.admitting import take_up
from load_balancer.shaping.adaptive import ClientState
from load_balancer.shaping.clients import Client
from rl.shaping.reading import Reading, Targets
from tests.live.asking import get, post
from tests.live.origin import Held, Origin, Visit, answer, serve_echo
from tests.live.rig import Rig, proxy, settings_for
from tests.live.wire import Wire, turns

pytestmark = pytest.mark.integration

KEY = "opensesame"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
KEYED = f"keyed/key:{DIGEST[:16]}"
OTHER = "others/127.0.0.1"
RATE = {"least": 5, "most": 500, "step": 2}


def shaping(**adaptive: Any) -> dict[str, Any]:
    return {
        "enabled": True,
        "rules": [
            {
                "name": "keyed",
                "match": {"api_key_sha256": [DIGEST]},
                "client_by": "api_key",
                "requests_per_second": 100,
            },
            {"name": "others", "requests_per_second": 100},
        ],
        "adaptive": {
            "enabled": True,
            "guard": {"enabled": False},
            "envelopes": [
                {"rule": name, "requests_per_second": RATE} for name in ("keyed", "others")
            ],
            **adaptive,
        },
    }


def live(rig: Rig) -> LiveAdaptive:
    assert rig.listener.shaping is not None and rig.listener.shaping.adaptive is not None
    return rig.listener.shaping.adaptive


def held(rig: Rig, name: str) -> Client:
    assert rig.listener.shaping is not None
    client = rig.listener.shaping.shaper.clients.get(name)
    assert client is not None
    return client


def enable(rig: Rig, name: str) -> None:
    live(rig).agents.enable(name, rig.clock(), expected=True)
    live(rig).look_at()


def state(rig: Rig, name: str) -> ClientState:
    return live(rig).agents.state(name)


def step(rig: Rig, name: str = OTHER, seconds: float = 1.0) -> Reading:
    """An interval ends; what was seen in it."""
    rig.clock.advance(seconds)
    live(rig).step()
    found = state(rig, name).reading
    assert found is not None
    return found


async def ask(client: Wire, *lines: str, target: str = "/") -> Any:
    client.send(get(target, *lines))
    return await client.answer()


async def test_nobody_is_measured_who_has_not_asked_for_it() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        client = await rig.client()
        assert 200 == (await ask(client)).status
        live(rig).step()
        rig.clock.advance(1.0)
        live(rig).step()
        assert held(rig, OTHER).meter is None

        enable(rig, KEYED)
        assert 200 == (await ask(client)).status
        assert held(rig, OTHER).meter is None


async def instructions(shaping: dict[str, Any], in_mode: str = "") -> float:
    """Of the data path, for each request of a client without an API key; counted, not timed."""
    count = 0
    places = tuple(f"{Path(__file__).parents[3]}/{room}/" for room in ("load_balancer", "metrics"))

    def within(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "opcode"
        return within

    def entered(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(places):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return within

    async with Origin() as origin, proxy(origin, shaping=shaping) as rig:
        assert rig.listener._timer is not None
        rig.listener._timer.cancel()  # what is done from time to time is not the request's
        client = await rig.client()
        await ask(client)
        if in_mode:
            enable(rig, in_mode)
        for _ in range(5):
            await ask(client)
        before = sys.gettrace()
        sys.settrace(entered)
        try:
            for _ in range(20):
                await ask(client)
        finally:
            sys.settrace(before)
    return count / 20


async def test_who_has_no_agent_pays_for_none() -> None:
    """Not one instruction, with a rule or without one."""
    keyed, others = shaping()["rules"]
    others["requests_per_second"] = 1e6  # so that none of them has to wait
    for rules in ([keyed], [keyed, others]):
        plain = {"enabled": True, "rules": rules}
        names = [rule["name"] for rule in rules]
        envelopes = [each for each in shaping()["adaptive"]["envelopes"] if each["rule"] in names]
        adaptive = {"enabled": True, "envelopes": envelopes}
        beside = await instructions({**plain, "adaptive": adaptive}, KEYED)
        assert beside == await instructions(plain) > 0
    assert beside < await instructions({**plain, "adaptive": adaptive}, OTHER)


async def test_an_interval_is_seen_as_it_was() -> None:
    async with Origin(serve_echo) as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        client = await rig.client()
        client.send(post(b"hello"))
        assert 200 == (await client.answer()).status
        live(rig).look_at()  # the client was not known before its first request
        rig.stats("a").cpu, rig.stats("a").memory = 0.25, 0.5
        client.send(post(b"hello"))
        told = await client.answer()
        seen = step(rig)

        assert (1, 1, 0, 0) == (seen.arrivals, seen.completed, seen.failed, seen.refused)
        assert (5, 1.0) == (seen.received_bytes, seen.seconds)
        assert seen.sent_bytes > len(told.body)
        assert (0.25, 0.5) == (seen.cpu, seen.memory)
        assert 0 < seen.round_trip_seconds < 5 and 0 < seen.endpoint_round_trip_seconds < 5
        assert seen.segments > 0 and 0 <= seen.pressure <= 1
        assert 0 == step(rig).completed


async def test_what_goes_wrong_is_told_apart() -> None:
    async def script(visit: Visit) -> None:
        while True:
            request = await visit.request()
            if request.target == "/half":
                visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                visit.abort()
                return
            if request.target == "/bad":
                visit.send(answer(b"", status="500 Oh"))
            if request.target == "/":
                visit.send(answer())

    wanted = shaping()
    wanted["rules"][1] |= {"mode": "police", "requests_per_second": 5, "burst": 5}
    async with Origin(script) as origin, proxy(origin, shaping=wanted) as rig:
        enable(rig, OTHER)
        client = await rig.client()
        assert 200 == (await ask(client)).status
        step(rig)
        assert 500 == (await ask(client, target="/bad")).status
        broken, leaving = await rig.client(), await rig.client()
        broken.send(get("/half"))
        await rig.holds(lambda: len(origin.requests) == 3, "it is asked")
        await rig.holds(lambda: held(rig, OTHER).in_flight == 0, "it is broken off")
        leaving.send(get("/never"))
        await rig.holds(lambda: held(rig, OTHER).in_flight == 1, "it is asked")
        leaving.abort()
        await rig.holds(lambda: held(rig, OTHER).in_flight == 0, "it has left")
        statuses = [(await ask(client)).status for _ in range(4)]
        assert 429 in statuses
        seen = step(rig)

        assert 2 == seen.failed == seen.resets
        assert statuses.count(200) == seen.completed
        assert statuses.count(429) == seen.refused
        origin.failures.clear()


async def test_what_is_under_way_is_seen_while_it_lasts() -> None:
    async with Held() as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        live(rig).agents.targets(OTHER, Targets(deadline_seconds=2.5))
        client = await rig.client()
        client.send(get("/1"))
        await origin.asked(1)
        step(rig)
        seen = step(rig)
        assert (0, 1, 2.0) == (seen.completed, seen.in_flight, seen.p95_seconds)
        assert 0 == seen.deadline_missed
        assert 1 == step(rig).deadline_missed
        origin.release(1)
        await client.answer()
        seen = step(rig)
        assert (1, 0, 3.0) == (seen.completed, seen.deadline_missed, seen.p95_seconds)


async def test_an_agent_moves_its_clients_rule_and_no_other_and_stays_in_the_envelope() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping(explore_most=1.0)) as rig:
        enable(rig, OTHER)
        client, keyed = await rig.client(), await rig.client()
        rates = set()
        for _ in range(60):
            assert 200 == (await ask(client)).status
            assert 200 == (await ask(keyed, f"X-API-Key: {KEY}")).status
            step(rig)
            rates.add(held(rig, OTHER).rule.requests_per_second)
            assert 100 == held(rig, KEYED).rule.requests_per_second
        assert len(rates) > 2
        assert all(rate is not None and 5 <= rate <= 500 for rate in rates)
        records = state(rig, OTHER).history
        for record in records:
            rate = record.after.requests_per_second
            assert rate is not None and 5 <= rate <= 500 and record.reason

        live(rig).agents.disable(OTHER, rig.clock())
        live(rig).look_at()
        assert 100 == held(rig, OTHER).rule.requests_per_second
        assert held(rig, OTHER).meter is None


async def test_a_client_that_was_forgotten_is_measured_again() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        client = await rig.client()
        await ask(client)
        step(rig)
        live(rig).agents.shaper.clients.remove(OTHER)
        step(rig)
        await ask(client)
        step(rig)
        await ask(client)
        assert 1 == step(rig).completed


async def test_targets_alone_are_measured_for_others() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        client = await rig.client()
        await ask(client)
        live(rig).agents.targets(OTHER, Targets(p95_seconds=0.1))
        live(rig).look_at()
        await ask(client)
        assert 1 == step(rig).completed
        assert 100 == held(rig, OTHER).rule.requests_per_second
        assert not state(rig, OTHER).enabled


async def test_only_so_many_connections_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load_balancer.forwarding.adapting.MOST_ASKED", 1)
    assert MOST_ASKED == 1024
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        clients = [await rig.client() for _ in range(3)]
        for client in clients:
            await ask(client)
        step(rig)
        seen = step(rig)
        assert seen.round_trip_seconds > 0


async def test_many_agents_act_in_several_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """And all of them, also when the next interval ends before."""
    monkeypatch.setattr("load_balancer.forwarding.adapting.AGENTS_A_TURN", 1)
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        enable(rig, KEYED)
        client = await rig.client()
        for _ in range(2):
            await ask(client)
            await ask(client, f"X-API-Key: {KEY}")
            step(rig)
        assert (1, 0) == (state(rig, OTHER).intervals, state(rig, KEYED).intervals)
        await rig.holds(lambda: state(rig, KEYED).intervals == 1, "the second one acts as well")
        for _ in range(2):
            await ask(client, f"X-API-Key: {KEY}")
            rig.clock.advance(1.0)
            live(rig).step()
            live(rig).step()
        assert 2 == state(rig, KEYED).intervals
        live(rig).end()


async def test_a_step_without_time_or_clients_does_nothing() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        live(rig).step()
        step_seconds = live(rig).seconds
        assert 0.0 == step_seconds
        live(rig).end()


async def test_a_reload_moves_envelopes_and_switches_agents_off_and_on() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        client = await rig.client()
        await ask(client)
        step(rig)
        agents = live(rig).agents

        narrow = shaping(
            envelopes=[{"rule": "others", "requests_per_second": {**RATE, "most": 50}}]
        )
        undo = take_up(rig.listener, settings_for(origin, shaping=narrow).load_balancer)
        assert live(rig).agents is agents
        assert 50 == held(rig, OTHER).rule.requests_per_second
        undo()
        assert 500 == agents.envelope("others").envelope.bounds["requests_per_second"].most

        off = shaping(enabled=False)
        undo = take_up(rig.listener, settings_for(origin, shaping=off).load_balancer)
        assert rig.listener.shaping is not None and rig.listener.shaping.adaptive is None
        assert held(rig, OTHER).meter is None
        undo()
        assert live(rig).agents is agents
        take_up(rig.listener, settings_for(origin, shaping=off).load_balancer)
        take_up(rig.listener, settings_for(origin, shaping=shaping()).load_balancer)
        assert live(rig).agents is not agents
        await turns()


async def test_switched_off_as_a_whole_nobody_is_measured() -> None:
    async with Origin() as origin, proxy(origin, shaping=shaping()) as rig:
        enable(rig, OTHER)
        client = await rig.client()
        await ask(client)
        step(rig)
        before = held(rig, OTHER)
        plain = Shaping().model_dump()
        take_up(rig.listener, settings_for(origin, shaping=plain).load_balancer)
        assert rig.listener.shaping is None and before.meter is None
