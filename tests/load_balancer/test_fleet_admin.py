"""The admin port over several workers."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request, Response

from load_balancer.fleet import Fleet
from load_balancer.fleet_admin import FleetAdmin
from load_balancer.repertoire import Repertoire
from tests.load_balancer.fakes import PROBLEMS, FakeOperator, FakeWorker
from tests.load_balancer.test_repertoire import settings, teach

pytestmark = pytest.mark.integration

BEFORE = settings()


def application(number: int) -> FastAPI:
    """What a node's admin port answers, as far as it matters here."""
    app = FastAPI(title="node")

    @app.get("/stats")
    async def stats() -> Any:
        return {"retries": number, "endpoints": [{"id": "a", "in_flight": number}]}

    @app.get("/health")
    async def health() -> Any:
        return {"status": "healthy" if number == 1 else "degraded"}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(f"# TYPE slb_retries_total counter\nslb_retries_total {number}.0\n")

    @app.get("/q")
    async def q() -> Any:
        return {"routing_strategy": "q_learning", "rows": []}

    @app.get("/explain")
    async def explain(path: str) -> Any:
        if path != "/":
            raise HTTPException(422, "path")
        return {"endpoint": f"server{number}"}

    @app.post("/strategy")
    async def strategy(request: Request) -> Any:
        name = (await request.json())["strategy"]
        if name == "nope":
            raise HTTPException(422, "unknown strategy")
        return {"routing_strategy": name}

    return app


class Rig:
    """Two workers, and their admin port."""

    def __init__(self) -> None:
        self.ready = True
        self.operator = FakeOperator()
        self.switched: list[str] = []
        self.workers = [FakeWorker(number, application(number)) for number in (1, 2)]
        known = Repertoire(settings(), random.Random(0), lambda name, learner: None)
        self.fleet = Fleet(known, 10)
        self.admin = FleetAdmin(self.fleet, self.operator, lambda: self.ready, self.switched.append)

    async def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        if not self.fleet.workers:
            for worker in self.workers:
                await self.fleet.join(worker, BEFORE, lambda: BEFORE)
        transport = httpx.ASGITransport(self.admin)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **rest)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_stats_are_those_of_all_and_of_each(rig: Rig) -> None:
    told = (await rig.ask("GET", "/stats")).json()
    assert (3, [{"id": "a", "in_flight": 3}]) == (told["retries"], told["endpoints"])
    assert [1, 2] == [told["workers"][number]["retries"] for number in "12"]


async def test_what_else_can_be_read_is_combined(rig: Rig) -> None:
    assert {"status": "degraded"} == (await rig.ask("GET", "/health")).json()


async def test_metrics_are_summed_and_the_services_own_are_there_once(rig: Rig) -> None:
    rig.operator.counts.workers = 2
    text = (await rig.ask("GET", "/metrics")).text
    assert "slb_retries_total 3.0" in text
    assert "slb_workers 2.0" in text
    assert 1 == text.count("slb_config_last_reload_success 1.0")


async def test_q_shows_what_all_learned_just_now(rig: Rig) -> None:
    await rig.ask("GET", "/livez")
    for worker in rig.workers:
        teach(worker.repertoire, 4)
    rows = (await rig.ask("GET", "/q?format=json")).json()["rows"]
    assert 8 == sum(sum(row["visits"].values()) for row in rows)
    assert "visits.a" in (await rig.ask("GET", "/q")).text


async def test_each_explains_its_own_decision(rig: Rig) -> None:
    answer = await rig.ask("GET", "/explain?path=/")
    assert {"1": {"endpoint": "server1"}, "2": {"endpoint": "server2"}} == answer.json()["workers"]
    assert 422 == (await rig.ask("GET", "/explain?path=x")).status_code


async def test_it_lives_and_is_ready_as_long_as_one_serves(rig: Rig) -> None:
    assert 200 == (await rig.ask("GET", "/livez")).status_code
    assert 200 == (await rig.ask("GET", "/readyz")).status_code
    rig.ready = False
    draining = await rig.ask("GET", "/readyz")
    assert (503, "draining") == (draining.status_code, draining.json()["status"])
    assert 200 == (await rig.ask("GET", "/livez")).status_code


async def test_without_a_worker_it_is_not_ready_but_lives() -> None:
    rig = Rig()
    rig.workers = []
    for path, status in (("/readyz", 503), ("/livez", 200), ("/stats", 503), ("/q", 200)):
        assert status == (await rig.ask("GET", path)).status_code
    assert 503 == (await rig.ask("GET", "/openapi.json")).status_code
    assert 503 == (await rig.ask("GET", "/explain")).status_code
    assert 503 == (await rig.ask("GET", "/health")).status_code
    assert 503 == (await rig.ask("POST", "/strategy", json={"strategy": "x"})).status_code


async def test_a_change_is_for_all_and_is_remembered(rig: Rig) -> None:
    answer = await rig.ask("POST", "/strategy", json={"strategy": "random"})
    assert (200, {"routing_strategy": "random"}) == (answer.status_code, answer.json())
    assert ["random"] == rig.switched


async def test_a_refused_change_is_answered_as_a_worker_did(rig: Rig) -> None:
    answer = await rig.ask("POST", "/strategy", json={"strategy": "nope"})
    assert (422, {"detail": "unknown strategy"}) == (answer.status_code, answer.json())
    assert [] == rig.switched


async def test_reload_and_drain_are_the_supervisors(rig: Rig) -> None:
    assert {"changed": ["a"], "restart": ["b"]} == (await rig.ask("POST", "/reload")).json()
    assert 202 == (await rig.ask("POST", "/drain")).status_code
    assert 1 == rig.operator.drained


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_a_reload_that_fails_says_why(rig: Rig, problem: Exception) -> None:
    rig.operator.problem = problem
    answer = await rig.ask("POST", "/reload")
    assert (422, str(problem)) == (answer.status_code, answer.json()["detail"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/reload"), ("GET", "/drain"), ("GET", "/strategy"), ("POST", "/stats"),
     ("DELETE", "/strategy")],
)  # fmt: skip
async def test_other_methods_are_refused(rig: Rig, method: str, path: str) -> None:
    answer = await rig.ask(method, path)
    assert 405 == answer.status_code
    assert answer.headers["allow"] in ("GET", "POST")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/private/learned", "/private/settings", "/secrets"])
async def test_there_is_nothing_else(rig: Rig, method: str, path: str) -> None:
    """What is between a supervisor and its workers least of all."""
    assert 404 == (await rig.ask(method, path)).status_code


async def test_the_interface_is_described_as_a_whole(rig: Rig) -> None:
    told = (await rig.ask("GET", "/openapi.json")).json()
    assert {"/stats", "/strategy", "/reload", "/drain"} <= set(told["paths"])
    text = json.dumps(told["paths"])
    for name in ("Reloaded", "Detail", "Probe"):
        assert name in told["components"]["schemas"]
        assert f"#/components/schemas/{name}" in text
