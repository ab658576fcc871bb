"""Three nodes learn together over their admin ports; one site is missing and one is poisoned."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from load_balancer.app import App
from load_balancer.serving import StartError
from rl.shaping.agents import Agent
from rl.shaping.encoding import LEVEL_SIZES, VERSION
from rl.shaping.settings import ACTIONS
from tests.live.asking import get
from tests.live.origin import Origin, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients

pytestmark = pytest.mark.integration

TOKENS = {
    "north": "token-of-north",
    "south": "token-of-south",
    "missing": "token-of-missing",
    "poisoned": "token-of-poisoned",
}
RULE = "everybody"
SHAPING: dict[str, Any] = {"enabled": True, "rules": [{"name": RULE, "client_by": "rule"}]}


async def backend(visit: Any) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"{}"))


@asynccontextmanager
async def node(
    origin: Origin, name: str, token_file: Path, coordinator: str | None = None
) -> AsyncIterator[App]:
    federation = {
        "enabled": True,
        "coordinator": coordinator,
        "token_file": str(token_file),
        "seconds": 0.2,
    }
    adaptive = {
        "enabled": True,
        "interval_seconds": 3600.0,
        "envelopes": [{"rule": RULE, "urgency": {"least": 0, "most": 5, "step": 1}}],
        "federation": federation,
    }
    settings = settings_for(
        origin,
        node_name=name,
        strategy="q_learning",
        shaping={**SHAPING, "adaptive": adaptive},
    )
    app = App(settings, asyncio.get_running_loop())
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def agent_of(app: App) -> Agent:
    agents = app.assembly.agents()
    assert agents is not None
    agents.enable(RULE, 0.0, expected=True)
    return agents.agents()[f"client:{RULE}"]


def knowing(level: int, value: float) -> dict[str, Any]:
    """An agent's parameters that knows one state."""
    state = {
        "levels": [level] + [0] * (len(LEVEL_SIZES) - 1),
        "values": [value] * len(ACTIONS),
        "visits": [5] * len(ACTIONS),
    }
    return {
        "kind": "tabular",
        "encoder": VERSION,
        "experience": 5 * len(ACTIONS),
        "epsilon": 0.1,
        "mean": 0.0,
        "states": [state],
    }


def visits_of(app: App) -> int:
    """How many requests the node's strategy has learned from, its own and others'."""
    rows: Any = app.status.table()
    return sum(sum(row["visits"].values()) for row in rows)


def states_of(agent: Agent) -> dict[int, float]:
    """First level and first value of each."""
    states: Any = agent.parameters()["states"]
    return {state["levels"][0]: state["values"][0] for state in states}


async def ask(app: App, times: int) -> None:
    async with Clients() as clients:
        client = await clients.connect(app.port)
        for _ in range(times):
            client.send(get("/work"))
            assert (await client.answer()).status == 200


def admin(app: App, token: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{app.admin_port}"
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=20, headers=headers)


async def test_three_nodes_know_together_what_each_has_learned(tmp_path: Path) -> None:
    """Whatever a missing and a poisoned site do, and without anybody's requests being shared."""
    sites = tmp_path / "sites"
    sites.write_text("".join(f"{site} {token}\n" for site, token in TOKENS.items()))
    for site, token in TOKENS.items():
        (tmp_path / site).write_text(token)
    async with Origin(backend) as origin, node(origin, "center", sites) as center:
        agent_of(center).load(knowing(0, 1.0))
        url = f"http://127.0.0.1:{center.admin_port}"
        async with (
            node(origin, "north", tmp_path / "north", url) as north,
            node(origin, "south", tmp_path / "south", url) as south,
        ):
            agent_of(north).load(knowing(1, 2.0))
            agent_of(south).load(knowing(2, 3.0))
            await ask(north, 7)
            nodes = (center, north, south)
            wanted = {0: 1.0, 1: 2.0, 2: 3.0}
            async with (
                asyncio.timeout(20),
                admin(center, TOKENS["poisoned"]) as poison,
                admin(center) as operator,
            ):
                refused = 0

                def settled() -> bool:
                    # What is learned while a model is joined is lost: not all seven need arrive.
                    known = all(states_of(agent_of(each)) == wanted for each in nodes)
                    return known and 0 < visits_of(center) <= 7

                # An offer that comes when its round is over is not even looked at.
                while not refused or not settled():
                    open_round = (await poison.get("/federation/model")).json()
                    offer = {
                        "run": open_round["run"],
                        "round": open_round["round"],
                        "id": "x",
                        "parameters": {f"agents/rule:{RULE}": knowing(0, 1e9)},
                    }
                    said = await poison.post("/federation/offers", json=offer)
                    refused += said.status_code == 200 and not said.json()["taken"]
                    content = json.dumps(offer).replace("1000000000.0", "NaN").encode()
                    kind = {"Content-Type": "application/json"}
                    said = await poison.post("/federation/offers", content=content, headers=kind)
                    assert said.status_code == 422
                    await asyncio.sleep(0.02)
                seen = (await operator.get("/federation")).json()
            async with admin(north) as operator:
                own = (await operator.get("/federation")).json()

        rows = {row["name"]: row for row in seen["sites"]}
        assert refused
        assert rows["poisoned"]["merged"] == rows["missing"]["merged"] == 0
        assert rows["missing"]["missed"]
        assert "NaN" in rows["poisoned"]["last_refusal"][""]
        assert rows["north"]["merged"] and rows["south"]["merged"]
        assert ("site", "", url) == (own["role"], own["problem"], own["coordinator"])
        # The strategies go through the same door: the seven requests of north, above.
        assert {f"agents/rule:{RULE}", "strategies/q_learning"} == set(seen["learners"])


async def test_a_node_without_its_coordinator_goes_on(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token-of-north")
    async with (
        Origin(backend) as origin,
        node(origin, "north", tmp_path / "token", "http://127.0.0.1:9") as north,
    ):
        async with asyncio.timeout(20), admin(north) as operator:
            while not (await operator.get("/federation")).json()["failures"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await ask(north, 3)


async def test_a_node_without_tokens_does_not_start(tmp_path: Path) -> None:
    async with Origin(backend) as origin:
        with pytest.raises(StartError, match=r"federation\.token_file: .* cannot be read"):
            async with node(origin, "center", tmp_path / "none"):
                pass
