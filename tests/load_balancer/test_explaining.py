"""Why a request would go where it would go now."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from config.affinity import AffinityKey
from config.balancer import Ejection
from config.endpoints import Stickiness
from load_balancer.explaining import EXPLAIN, add_explain
from load_balancer.forwarding.affinity import Tokens, affinity, class_values
from load_balancer.health import Health
from load_balancer.node import Node, Strategy
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl import reward
from rl.reward import RewardParameters
from rl.vocabulary import JSON, Decision, Endpoint, Observation, RequestContext, Transition

pytestmark = pytest.mark.integration


class Plain:
    """Without reasons."""

    def select(self, observation: Observation) -> Decision:
        raise AssertionError("nobody is to be sent")

    def observe(self, transition: Transition) -> None:
        pass


class Reasoning(Plain):
    """The last candidate, by its number; keeps what it was asked about."""

    def __init__(self) -> None:
        self.asked: list[Observation] = []

    def explain(self, observation: Observation) -> list[dict[str, JSON]]:
        self.asked.append(observation)
        last = len(observation.candidates) - 1
        return [
            {"endpoint": each.id, "chosen": index == last, "cost": float(last - index)}
            for index, each in enumerate(observation.candidates)
        ]


class Rig:
    """A node over a, b (for one.test only) and c, and the application that explains it."""

    def __init__(self, key: AffinityKey | None = None) -> None:
        self.policy = Reasoning()
        self.table = EndpointTable(
            [
                Endpoint("a", "h", 1),
                Endpoint("b", "h", 2, domains=("one.test",)),
                Endpoint("c", "h", 3),
            ]
        )
        self.node = Node(
            self.table,
            Health(Ejection(), self.table),
            Strategy("reasoning", self.policy),
            reward.build(RewardParameters()),
            Counters(),
        )
        self.affinity = affinity(Stickiness(), Tokens(b"secret"), key)
        self.class_values = class_values(("X-Tenant",))
        self.app = FastAPI()
        add_explain(self.app, self.node, self, lambda: 7.0)

    async def ask(self, *values: tuple[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(EXPLAIN, params=list(values))

    @property
    def seen(self) -> RequestContext:
        return self.policy.asked[-1].request


async def test_it_shows_the_decision_and_its_reasons() -> None:
    rig = Rig()
    answer = await rig.ask(("method", "POST"), ("path", "/report/7?x=1"), ("size", "12"))

    assert {
        "routing_strategy": "reasoning",
        "endpoint": "c",
        "affinity_key": "/report/7?x=1",
        "rows": [
            {"endpoint": "a", "chosen": False, "cost": 1.0},
            {"endpoint": "c", "chosen": True, "cost": 0.0},
        ],
    } == answer.json()
    assert ("POST", 12, ("",)) == (rig.seen.method, rig.seen.size, rig.seen.header_values)
    assert 7.0 == rig.policy.asked[-1].now


async def test_without_anything_it_is_about_the_root() -> None:
    rig = Rig()
    assert 200 == (await rig.ask()).status_code
    assert ("GET", "/") == (rig.seen.method, rig.seen.path)


async def test_candidates_are_those_of_the_domain_that_are_able_and_have_room() -> None:
    rig = Rig()
    assert "b" == (await rig.ask(("domain", "ONE.test"))).json()["endpoint"]
    rig.table.set_limit(rig.table["c"], 1.0)
    rig.table.sent(rig.table["c"])
    assert "a" == (await rig.ask()).json()["endpoint"]
    rig.node.set_healthy(rig.table["c"], False, 0.0)
    rig.table.set_limit(rig.table["a"], 0.0)
    answer = await rig.ask()
    assert 404 == answer.status_code
    assert "there is no endpoint that could take this request now" == answer.json()["detail"]


async def test_fields_say_what_they_say_to_the_data_path() -> None:
    rig = Rig(AffinityKey(kind="header", header="X-Session-ID"))
    fields = ("header", "x-session-id: 7"), ("header", "X-Tenant:acme")
    answer = await rig.ask(*fields)
    assert "7" == answer.json()["affinity_key"]
    assert ("7", ("acme",)) == (rig.seen.affinity_key, rig.seen.header_values)
    await rig.ask(("affinity_key", "9"), *fields)
    assert "9" == rig.seen.affinity_key
    await rig.ask(("path", "/x"))
    assert "/x" == rig.seen.affinity_key


async def test_a_strategy_without_reasons_says_so() -> None:
    rig = Rig()
    rig.node.strategy = Strategy("plain", Plain())
    answer = await rig.ask()
    assert (404, "plain has no reasons to show") == (answer.status_code, answer.json()["detail"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "GE T"),
        ("path", "report"),
        ("path", "/a b"),
        ("path", "/" + "a" * 9000),
        ("size", "-1"),
        ("size", "many"),
        ("header", "no colon"),
        ("header", "a: b\r\nc: d"),
        ("domain", "a" * 300),
        ("pth", "/"),
    ],
)
async def test_what_cannot_be_asked_about_is_named(name: str, value: str) -> None:
    answer = await Rig().ask((name, value))
    assert 422 == answer.status_code
    (problem,) = answer.json()["detail"]
    assert name in problem["loc"]


async def test_it_is_described() -> None:
    operation: dict[str, Any] = Rig().app.openapi()["paths"][EXPLAIN]["get"]
    assert {"method", "path", "domain", "client", "size", "header", "affinity_key"} == {
        each["name"] for each in operation["parameters"]
    }
    assert {"200", "404", "422"} == set(operation["responses"])
