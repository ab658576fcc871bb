"""The operator's routes to the endpoints."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from load_balancer.endpoint_routes import add_endpoints
from load_balancer.membership import Membership
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, Outcome, Verdict

pytestmark = pytest.mark.integration

NEW = {"id": "new", "host": "10.0.0.9", "port": 8009}


class Rig:
    """The routes over a membership of three servers."""

    def __init__(self) -> None:
        servers = [Endpoint(id, "localhost", 8000 + n, 1.0, ("x",)) for n, id in enumerate("abc")]
        self.table = EndpointTable(servers)
        self.membership = Membership(
            self.table, (), lambda: None, lambda line: None, 5, ("servers",)
        )
        self.membership.apply("servers", servers)
        self.app = FastAPI()
        add_endpoints(self.app, self.membership)

    async def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1"
        ) as client:
            return await client.request(method, path, **rest)

    async def states(self) -> dict[str, str]:
        rows = (await self.ask("GET", "/endpoints")).json()
        return {row["id"]: row["state"] for row in rows}


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_every_endpoint_is_shown_as_it_is(rig: Rig) -> None:
    rig.table.set_healthy(rig.table["b"], False, 0.0)
    rig.table.set_ejected(rig.table["c"], True)
    rig.table.sent(rig.table["a"])
    rig.membership.drain("a")
    rows = (await rig.ask("GET", "/endpoints")).json()

    assert {"b": "unhealthy", "c": "ejected", "a": "draining"} == await rig.states()
    assert {
        "id": "a",
        "host": "localhost",
        "port": 8000,
        "weight": 1.0,
        "tags": ["x"],
        "domains": [],
        "proxy_node": False,
        "source": "",
        "state": "draining",
        "in_flight": 1,
        "completed": 0,
        "latency": 0.0,
    } == rows[-1]
    assert "servers" == rows[0]["source"]


@pytest.mark.parametrize("shape", [NEW, [NEW], {"endpoints": [NEW]}])
async def test_one_endpoint_or_a_list_can_be_added(rig: Rig, shape: object) -> None:
    answer = await rig.ask("POST", "/endpoints", json=shape)

    assert (200, {"joined": ["new"], "left": [], "changed": []}) == (
        answer.status_code,
        answer.json(),
    )
    assert ("10.0.0.9", "admin") == (rig.table["new"].endpoint.host, rig.membership.source("new"))


async def test_who_has_the_same_id_is_replaced(rig: Rig) -> None:
    answer = await rig.ask("POST", "/endpoints", json={**NEW, "id": "b", "weight": 3})

    assert {"joined": [], "left": [], "changed": ["b"]} == answer.json()
    assert ("10.0.0.9", 3.0) == (rig.table["b"].endpoint.host, rig.table["b"].endpoint.weight)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "body: is not JSON"),
        (b"{", "body: is not JSON"),
        (b"\xff", "body: is not JSON"),
        (b"[" * 10_000, "body: is not JSON"),
        (b"null", "endpoints: must be a list"),
        (b"5", "endpoints: must be a list"),
        (b"{}", "id: Field required; host: Field required; port: Field required"),
        (b'{"id": "a", "host": "h", "port": "x"}', "port: Input should be a valid integer"),
        (b'{"id": "a", "host": "h", "port": 1, "wait": 1}', "wait: Extra inputs"),
        (b'[{"id": "a", "host": "h", "port": 1}, 7]', "endpoints[1]: Input should be a valid"),
        (b'{"endpoints": [], "x": 1}', "x: only the key endpoints"),
        (b'[{"id": "n", "host": "h", "port": 1, "weight": -1}]', "endpoints[0].weight: "),
        (b'[{"id": "n", "host": "h", "port": 1, "weight": NaN}]', "endpoints[0].weight: "),
        (
            b'[{"id": "n", "host": "h", "port": 1}, {"id": "n", "host": "h", "port": 2}]',
            "'n' stands twice",
        ),
    ],
)
async def test_a_bad_body_is_refused_by_its_key_and_changes_nothing(
    rig: Rig, body: bytes, words: str
) -> None:
    answer = await rig.ask(
        "POST", "/endpoints", content=body, headers={"Content-Type": "application/json"}
    )

    assert 422 == answer.status_code
    assert words in answer.json()["detail"]
    assert ["a", "b", "c"] == list(await rig.states())


async def test_too_many_are_refused_by_the_key_that_bounds_them(rig: Rig) -> None:
    more = [{**NEW, "id": f"n{number}"} for number in range(3)]
    answer = await rig.ask("POST", "/endpoints", json=more)

    assert 422 == answer.status_code
    assert "6 endpoints are more than the 5 of discovery.max_endpoints" == answer.json()["detail"]


@pytest.mark.parametrize("path", ["/endpoints", "/endpoints/a/weight"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_any_web_page_may_send_changes_nothing(rig: Rig, path: str, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await rig.ask("POST", path, content=b'{"weight": 2}', headers=headers)

    assert (422, "body: must be sent as Content-Type: application/json") == (
        answer.status_code,
        answer.json()["detail"],
    )


async def test_an_endpoint_is_drained(rig: Rig) -> None:
    """It is shown until its last request is over."""
    stats = rig.table["b"]
    rig.table.sent(stats)
    answer = await rig.ask("POST", "/endpoints/b/drain")
    assert (200, "draining", 1) == (
        answer.status_code,
        answer.json()["state"],
        answer.json()["in_flight"],
    )
    assert "draining" == (await rig.states())["b"]
    rig.table.completed(stats, Outcome(Verdict.SUCCESS, 0.1, 200), 1.0)
    rig.membership.settle()

    assert {"a", "c"} == set(await rig.states())


async def test_an_idle_one_is_gone_when_it_is_drained(rig: Rig) -> None:
    answer = await rig.ask("POST", "/endpoints/b/drain")

    assert "draining" == answer.json()["state"]
    assert {"a", "c"} == set(await rig.states())


async def test_an_endpoint_is_removed_whatever_it_does(rig: Rig) -> None:
    rig.table.sent(rig.table["b"])
    answer = await rig.ask("POST", "/endpoints/b/remove")

    assert (200, "removed") == (answer.status_code, answer.json()["state"])
    assert {"a", "c"} == set(await rig.states())


async def test_a_weight_is_changed(rig: Rig) -> None:
    answer = await rig.ask("POST", "/endpoints/b/weight", json={"weight": 2.5})

    assert (200, 2.5) == (answer.status_code, answer.json()["weight"])
    assert 2.5 == rig.table["b"].endpoint.weight


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "weight: Field required"),
        ({"weight": 0}, "weight: Input should be greater than 0"),
        ({"weight": "x"}, "weight: Input should be a valid number"),
        ({"weight": 1, "id": "b"}, "id: Extra inputs"),
        ([1], "body: Input should be a valid dictionary"),
    ],
)
async def test_a_bad_weight_is_refused_by_its_key(rig: Rig, body: object, words: str) -> None:
    answer = await rig.ask("POST", "/endpoints/b/weight", json=body)

    assert 422 == answer.status_code
    assert answer.json()["detail"].startswith(words)
    assert 1.0 == rig.table["b"].endpoint.weight


@pytest.mark.parametrize("change", ["drain", "remove", "weight"])
async def test_who_is_not_there_is_told_so(rig: Rig, change: str) -> None:
    answer = await rig.ask("POST", f"/endpoints/x/{change}", json={"weight": 1})

    assert (404, "there is no endpoint 'x'") == (answer.status_code, answer.json()["detail"])


@pytest.mark.parametrize("change", ["drain", "remove", "weight"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_what_changes_is_for_post_only(rig: Rig, change: str, method: str) -> None:
    """A link, a prefetch or a crawler must not change anything."""
    answer = await rig.ask(method, f"/endpoints/b/{change}")

    assert 405 == answer.status_code
    assert ["a", "b", "c"] == list(await rig.states())


async def test_the_routes_say_what_they_take(rig: Rig) -> None:
    paths = (await rig.ask("GET", "/openapi.json")).json()["paths"]
    schema = paths["/endpoints"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    keys = {"id", "host", "port", "weight", "tags", "domains", "proxy_node", "tls"}
    assert keys == set(schema["anyOf"][0]["properties"])


def test_the_schema_of_a_body_refers_to_nothing(rig: Rig) -> None:
    """A reference inside of it would be looked for in the whole document, where it is not."""
    bodies = [
        operation["requestBody"]
        for path in rig.app.openapi()["paths"].values()
        for operation in path.values()
        if "requestBody" in operation
    ]
    assert 2 == len(bodies)
    assert "$ref" not in str(bodies) and "$defs" not in str(bodies)
