"""Adaptive shaping through a whole node: a client that enables it for itself over the admin port,
agents that act by the timer, what they know across a restart."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from load_balancer.app import App
from load_balancer.serving import StartError
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration

KEY = "opensesame"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
NAME = f"keyed/key:{DIGEST[:16]}"
BASE = "/shaping/adaptive/clients/self"
LEAST, MOST = 50, 400
PAGE = Path(__file__).resolve().parents[2] / "docs" / "adaptive_shaping.md"


def shaping(**adaptive: Any) -> dict[str, Any]:
    bounds = {"least": LEAST, "most": MOST, "step": 2}
    return {
        "enabled": True,
        "rules": [
            {
                "name": "keyed",
                "match": {"api_key_sha256": [DIGEST]},
                "client_by": "api_key",
                "requests_per_second": 200,
            }
        ],
        "adaptive": {
            "enabled": True,
            "interval_seconds": 0.05,
            "explore_most": 1.0,
            "guard": {"enabled": False},
            "envelopes": [{"rule": "keyed", "requests_per_second": bounds}],
            **adaptive,
        },
    }


async def backend(visit: Visit) -> None:
    while not await done(visit):
        request = await visit.request()
        health = b'{"health_status": "healthy", "cpu_utilization": 25.0, "memory_usage": 50.0}'
        visit.send(answer(health if request.target == "/health" else b"ok"))


@asynccontextmanager
async def running(origin: Origin, **adaptive: Any) -> AsyncIterator[tuple[App, httpx.AsyncClient]]:
    """A node, and its client at the admin port."""
    settings = settings_for(origin, shaping=shaping(**adaptive), admin_token="the-operator")
    app = App(settings, asyncio.get_running_loop())
    await app.start()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{app.admin_port}",
            headers={"X-API-Key": KEY},
            trust_env=False,
        ) as client:
            yield app, client
    finally:
        await app.stop()


async def keep_asking(app: App, steps: int) -> None:
    """Requests on one connection until the agent has seen so many intervals."""
    agents = app.assembly.agents()
    assert agents is not None
    async with Clients() as clients:
        client = await clients.connect(app.port)
        async with asyncio.timeout(20):
            while agents.state(NAME).intervals < steps:
                client.send(get("/", f"X-API-Key: {KEY}"))
                assert 200 == (await client.answer()).status


async def test_a_client_enables_it_and_reads_what_its_agent_does() -> None:
    async with Origin(backend) as origin, running(origin) as (app, client):
        told = await client.post(f"{BASE}/adaptive", json={"enabled": True})
        assert {"client": NAME, "enabled": True} == told.json()
        wanted = {"p95_seconds": 5.0, "application_target": {"fps": 24}}
        assert 200 == (await client.put(f"{BASE}/targets", json=wanted)).status_code
        assert 200 == (await client.post(f"{BASE}/metrics", json={"fps": 12})).status_code
        await keep_asking(app, 12)
        asking = asyncio.create_task(keep_asking(app, 1_000_000))
        shown = (await client.get(f"{BASE}/agent")).json()
        while not shown["reading"]["completed"]:  # the last interval may have been a pause
            shown = (await client.get(f"{BASE}/agent")).json()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        assert ["application_target"] == shown["missed"]
        seen = shown["reading"]
        assert seen["completed"] > 0 and seen["sent_bytes"] > 0 and seen["p95_seconds"] > 0
        assert seen["application"] == 0.5 and seen["round_trip_seconds"] > 0
        rates = [step["after"]["requests_per_second"] for step in shown["history"]]
        assert all(LEAST <= rate <= MOST for rate in rates) and len(set(rates)) > 1
        assert all(step["reason"].endswith(".") for step in shown["history"])

        operator = {"Authorization": "Bearer the-operator"}
        metrics = (await client.get("/metrics", headers=operator)).text
        assert f'slb_adaptive_intervals_total{{client="{NAME}",rule="keyed"}}' in metrics
        assert 401 == (await client.get("/metrics")).status_code
        assert 401 == (await client.get("/shaping/adaptive")).status_code
        seen = (await client.get("/shaping/adaptive", headers=operator)).json()
        assert [NAME] == [row["client"] for row in seen["clients"]]


async def test_what_was_learned_and_wanted_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "agents.json"
    async with Origin(backend) as origin:
        async with running(origin, checkpoint=str(path), save_interval_seconds=0.1) as parts:
            app, client = parts
            await client.post(f"{BASE}/adaptive", json={"enabled": True})
            await client.put(f"{BASE}/targets", json={"p95_seconds": 5.0})
            await keep_asking(app, 5)
            await until(path.exists)
        learned = json.loads(path.read_text())
        assert learned["agents"][f"client:{NAME}"]["experience"] > 0

        async with running(origin, checkpoint=str(path)) as (app, client):
            shown = (await client.get(f"{BASE}/agent")).json()
            assert shown["enabled"] and 5.0 == shown["targets"]["p95_seconds"]
            assert shown["experience"] == learned["agents"][f"client:{NAME}"]["experience"]


async def test_every_step_is_written_down_and_none_leaves_the_envelope(tmp_path: Path) -> None:
    path = tmp_path / "agents.jsonl"
    async with Origin(backend) as origin, running(origin, log=str(path)) as (app, client):
        await client.post(f"{BASE}/adaptive", json={"enabled": True})
        await keep_asking(app, 10)
        agents = app.assembly.agents()
        assert agents is not None
        intervals = agents.state(NAME).intervals
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert intervals <= len(lines)
    for before, after in pairwise(lines):
        assert before["after"] == after["before"] and before["time"] < after["time"]
    assert all(LEAST <= line["after"]["requests_per_second"] <= MOST for line in lines)
    assert {NAME} == {line["client"] for line in lines}


async def test_a_stale_checkpoint_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "agents.json"
    stale = {"version": 1, "agents": {"rule:keyed": {"kind": "tabular", "encoder": 0}}}
    path.write_text(json.dumps(stale))
    async with Origin(backend) as origin:
        with pytest.raises(StartError, match=r"adaptive\.checkpoint: .*rule:keyed.*encoder"):
            async with running(origin, checkpoint=str(path)):
                pass
    assert stale == json.loads(path.read_text())


async def test_the_page_s_configuration_and_commands_work(tmp_path: Path) -> None:
    """docs/adaptive_shaping.md: each curl command is asked as it stands, and answered with 200."""
    blocks = re.findall(r"(?:^    .*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    settings = yaml.safe_load(next(each for each in blocks if "load_balancer:" in each))
    shaping = settings["load_balancer"]["shaping"]
    shaping["adaptive"]["checkpoint"] = str(tmp_path / "agents.json")
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    commands = [shlex.split(line) for line in lines if line.strip().startswith("curl ")]
    assert len(commands) == 9
    async with Origin(backend) as origin:
        app = App(settings_for(origin, shaping=shaping), asyncio.get_running_loop())
        await app.start()
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                for command in commands:
                    await _run(command, client, app.admin_port, tmp_path)
        finally:
            await app.stop()


async def _run(command: list[str], client: httpx.AsyncClient, port: int, folder: Path) -> None:
    """One curl command, without curl."""
    method, headers, data, url = "GET", {}, None, ""
    arguments = iter(command[1:])
    for each in arguments:
        if each == ">":
            break
        if each == "-X":
            method = next(arguments)
        elif each == "-H":
            name, _, value = next(arguments).partition(": ")
            headers[name] = value
        elif each == "-d":
            data = next(arguments)
        else:
            url = each.replace(":8081", f":{port}")
    if data is not None and data.startswith("@"):
        data = (folder / data[1:]).read_text()
    answer = await client.request(method, url, headers=headers, content=data)
    assert 200 == answer.status_code, (command, answer.text)
    if ">" in command:
        (folder / command[-1]).write_bytes(answer.content)


async def test_who_does_not_ask_for_it_is_as_before() -> None:
    async with Origin(backend) as origin, running(origin) as (app, client):
        async with Clients() as clients:
            wire = await clients.connect(app.port)
            for fields in ([], [f"X-API-Key: {KEY}"]):
                wire.send(get("/", *fields))
                assert 200 == (await wire.answer()).status
        shaper = app.node.shaper
        assert shaper is not None
        (held,) = shaper.clients
        assert held.meter is None
        assert 404 == (await client.get(f"{BASE}/agent")).status_code
