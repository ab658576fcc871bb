"""The operator's routes to rules and clients."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from config.shaping import MOST_RULES, Shaping
from load_balancer.problems import PROBLEM
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping_routes import add_shaping

pytestmark = pytest.mark.unit


class Port:
    """The routes over rules."""

    def __init__(self, *rules: dict[str, Any], on: bool = True) -> None:
        wanted = Shaping.model_validate({"enabled": True, "rules": list(rules)})
        self.shaper = Shaper(wanted, random.Random(0))
        self.app = FastAPI()
        add_shaping(self.app, lambda: self.shaper if on else None, lambda: 10.0)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    async def names(self) -> list[str]:
        return [rule["name"] for rule in (await self.ask("GET", "/shaping/rules")).json()]


async def test_rules_are_shown_as_they_are_given() -> None:
    given = {"name": "a", "requests_per_second": 5.0, "match": {"networks": ["10.0.0.0/8"]}}
    port = Port(given)

    (shown,) = (await port.ask("GET", "/shaping/rules")).json()

    assert (5.0, ["10.0.0.0/8"]) == (shown["requests_per_second"], shown["match"]["networks"])
    assert 200 == (await port.ask("POST", "/shaping/rules", json=shown)).status_code
    assert port.shaper.rules == Shaping.model_validate({"rules": [given]}).rules


async def test_a_new_rule_stands_first_and_a_known_one_is_replaced_where_it_is() -> None:
    port = Port({"name": "a"}, {"name": "b"})

    answer = await port.ask(
        "POST", "/shaping/rules", json=[{"name": "c"}, {"name": "b", "weight": 2}]
    )

    assert 200 == answer.status_code
    assert ["c", "a", "b"] == await port.names()
    assert 2 == port.shaper.rules[2].weight


async def test_a_rule_is_removed_with_its_clients() -> None:
    port = Port({"name": "a", "requests_per_second": 1})
    found = port.shaper.recogniser.find("10.0.0.1", "/", [], "")
    assert found is not None
    port.shaper.over(port.shaper.admit(found, 9.0, []), 9.5, 0.25, 3, 4)

    (row,) = (await port.ask("GET", "/shaping/clients")).json()
    assert ("a/10.0.0.1", "a", 1, 3, 4) == (
        row["name"],
        row["rule"],
        row["passed"],
        row["received_bytes"],
        row["sent_bytes"],
    )
    assert (1.0, None, 0.5, 0.25) == (
        row["requests_left"],
        row["upload_bytes_left"],
        row["idle_seconds"],
        row["seconds_per_request"],
    )

    assert 200 == (await port.ask("POST", "/shaping/rules/a/remove")).status_code
    assert [] == await port.names()
    assert [] == (await port.ask("GET", "/shaping/clients")).json()


async def test_the_latest_clients_come_first_and_only_so_many() -> None:
    port = Port({"name": "a"})
    for number in range(5):
        found = port.shaper.recogniser.find(f"10.0.0.{number}", "/", [], "")
        assert found is not None
        port.shaper.admit(found, 1.0, [])

    rows = (await port.ask("GET", "/shaping/clients?limit=2")).json()

    assert ["a/10.0.0.4", "a/10.0.0.3"] == [row["name"] for row in rows]
    assert 422 == (await port.ask("GET", "/shaping/clients?limit=0")).status_code


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ('{"name": "a b"}', "name"),
        ("{}", "name"),
        ('{"name": "a", "requests_per_second": NaN}', "requests_per_second"),
        ('{"name": "a", "match": {"paths": ["x"]}}', "match.paths.0"),
        ('{"name": "a", "unheard_of": 1}', "unheard_of"),
        ('{"name": "a", "burst": 2}', "burst"),
        ('[{"name": "a"}, {"name": ""}]', "[1].name"),
        ('[{"name": "a"}, {"name": "a"}]', "name"),
        ("7", "body"),
        ("[7]", "[0]"),
        ("{", "body"),
        ("[" * 5000, "body"),
        (str([{"name": f"n{n}"} for n in range(MOST_RULES + 1)]).replace("'", '"'), "body"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(body: str, at: str) -> None:
    port = Port({"name": "z"})

    answer = await port.ask(
        "POST", "/shaping/rules", content=body, headers={"Content-Type": "application/json"}
    )

    assert (422, PROBLEM) == (answer.status_code, answer.headers["content-type"])
    assert answer.json()["detail"].startswith(f"{at}:")
    assert ["z"] == await port.names()


async def test_a_body_must_say_that_it_is_json() -> None:
    answer = await Port().ask("POST", "/shaping/rules", content='{"name": "a"}')

    assert 422 == answer.status_code and "Content-Type" in answer.json()["detail"]


async def test_what_is_not_there_is_said() -> None:
    assert 404 == (await Port().ask("POST", "/shaping/rules/a/remove")).status_code
    off = Port(on=False)
    for method, path in (
        ("GET", "/shaping/rules"),
        ("POST", "/shaping/rules"),
        ("POST", "/shaping/rules/a/remove"),
        ("GET", "/shaping/clients"),
    ):
        answer = await off.ask(method, path)
        assert (404, "Not Found") == (answer.status_code, answer.json()["title"])


def test_the_routes_are_described() -> None:
    paths = Port().app.openapi()["paths"]

    assert {"/shaping/rules", "/shaping/rules/{name}/remove", "/shaping/clients"} == set(paths)
    assert PROBLEM in paths["/shaping/rules"]["post"]["responses"]["422"]["content"]
