"""The REST interface, without a socket."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from backend import fog_app
from backend import fog_models as models
from backend.fog_app import create_app
from tests.backend.fogs import THREE, three

pytestmark = pytest.mark.unit

STAY = {"type": "basic", "neighbourIndex": 0, "controllerId": 0}


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return create_app(three(), most_simulations=3)


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to a fog at its first decision, and the only one."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fog") as made:
        await made.post("/reset", json={"seed": three().seed})
        yield made
        for each in (await made.get("/simulations")).json():
            await made.delete(f"/simulations/{each['id']}")


async def test_a_run_as_the_originals_client_does_it(client: httpx.AsyncClient) -> None:
    """GET with a JSON body, POST of a JSON text, and the fields that it reads."""
    headers = {"Accept": "application/json", "Connection": "keep-alive"}
    for path in ("/up", "/stopped"):
        answer = await client.request("GET", path, json={}, headers=headers)
        assert answer.content == b"true"
    data = (await client.request("GET", "/NeighbourData", json={}, headers=headers)).json()
    assert data["neighbourMatrix"] == [[0, 1, 2], [1, 0], [2, 0]]
    assert (data["min"], data["max"], data["average"]) == (2, 3, 1)
    done, steps = False, 0
    while not done:
        information = (await client.get("/state", headers=headers)).json()
        assert information["info"]["currentCycle"] == steps
        done = information["done"]
        assert (await client.get("/done")).json() is done
        if done:
            break
        body = '[{"type": "basic", "neighbourIndex": 1, "controllerId": 0}]'
        answer = await client.post(
            "/action", content=body, headers={"content-type": "application/json"}
        )
        (result,) = answer.json()
        assert (result["type"], result["srcId"]) == ("basicSD", 0)
        steps += 1
    assert steps == 29


async def test_forward_and_the_end(client: httpx.AsyncClient) -> None:
    for _ in range(30):
        assert (await client.post("/forward", json=[])).json() == []
    over = await client.post("/action", json=[])
    assert (over.status_code, over.json()["detail"]) == (
        409,
        "the episode is over; POST /reset begins another",
    )
    assert (await client.get("/up")).json() is False
    assert (await client.get("/state")).json()["done"] is True
    again = (await client.post("/reset", json={"seed": 3})).json()
    assert (again["info"]["currentCycle"], again["done"]) == (0, False)
    assert (await client.post("/forward")).json() == []


async def test_reset_repeats_a_seed(client: httpx.AsyncClient) -> None:
    first = (await client.post("/reset", json={"seed": 3})).json()
    other = (await client.post("/reset", json={"seed": 4})).json()
    assert first != other
    assert (await client.post("/reset", json={"seed": 3})).json() == first
    assert (await client.post("/reset")).json() == first


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/action", [{**STAY, "neighbourIndex": "x"}], ["body", 0, "basic", "neighbourIndex"]),
        ("/action", [{**STAY, "controllerId": 2}], ["body", 0, "controllerId"]),
        ("/action", [STAY, STAY], ["body", 1, "controllerId"]),
        ("/action", [{**STAY, "type": "fast"}], ["body", 0, "type"]),
        ("/action", [{"neighbourIndex": 0, "controllerId": 0}], ["body", 0, "type"]),
        ("/action", {}, ["body"]),
        ("/forward", [1], ["body"]),
        ("/fl/update", [{"uuid": "a", "src": 0, "dst": 9, "size": 1}], ["body", 0, "dst"]),
        ("/fl/update", [{"uuid": "a", "src": 0, "dst": 1}], ["body", 0, "size"]),
        (
            "/fl/update",
            [{"uuid": "a", "src": 0, "dst": 1, "size": False}],
            ["body", 0, "size"],
        ),
        ("/reset", {"seed": "x"}, ["body", "seed"]),
        ("/simulations", {"SIZ": 3}, ["body", "SIZ"]),
        ("/simulations", {"SIZE": 0}, ["body", "SIZE"]),
        ("/simulations", {"topology_path": "/etc/passwd"}, ["body", "topology_path"]),
        ("/simulations", {"CYCLE": 10_001}, ["body", "decision_ticks"]),
        ("/simulations", {"Q_MAX": 1_000_000}, ["body", "queue_limits"]),
    ],
)
async def test_bad_requests_are_422_with_the_field(
    client: httpx.AsyncClient, path: str, body: Any, place: list[Any]
) -> None:
    before = (await client.get("/state")).json()
    answer = await client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place
    assert (await client.get("/state")).json() == before


@pytest.mark.parametrize("content", [b"{", b"[NaN]", b"[\xff]", b""])
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.post("/action", content=content, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


async def test_indexes_out_of_range_fail_in_the_originals_words(client: httpx.AsyncClient) -> None:
    answer = await client.post("/action", json=[{**STAY, "neighbourIndex": 9}])
    assert answer.json() == [
        {"type": "failledActionSD", "srcId": 0, "tasksCompleted": None, "success": False}
    ]


async def test_updates(client: httpx.AsyncClient) -> None:
    body = [{"uuid": "a", "src": 0, "dst": 1, "size": 0.001}]
    assert (await client.post("/fl/update", json=body)).json() is True
    await client.post("/forward", json=[])
    assert (await client.get("/fl/done")).json() == ["a"]
    assert (await client.get("/fl/done")).json() == []


async def test_several_simulations(client: httpx.AsyncClient) -> None:
    made = await client.post("/simulations", json={**THREE, "SIZE": 2, "init.Net1.TOPOLOGY": "0;1"})
    assert made.status_code == 201
    id = made.json()["id"]
    other = (await client.post("/simulations")).json()["id"]
    assert (await client.post("/simulations")).status_code == 409
    await client.post(f"/simulations/{id}/forward", json=[])
    listed = (await client.get("/simulations")).json()
    assert [(each["id"], each["nodes"], each["tick"]) for each in listed] == [
        ("0", 3, 0),
        (id, 2, 1),
        (other, 3, 0),
    ]
    for path in ("state", "up", "stopped", "done", "NeighbourData", "fl/done"):
        assert (await client.get(f"/simulations/{id}/{path}")).status_code == 200
    assert (await client.delete(f"/simulations/{id}")).status_code == 204
    for answer in (
        await client.get(f"/simulations/{id}/state"),
        await client.delete(f"/simulations/{id}"),
    ):
        assert (answer.status_code, answer.json()) == (
            404,
            {"detail": f"there is no simulation '{id}'"},
        )
    assert (await client.delete("/simulations/0")).status_code == 409


async def test_long_bodies_are_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fog_app, "LARGEST_BODY_BYTES", 100)
    assert (await client.post("/action", json=[STAY] * 10)).status_code == 413


async def test_openapi_documents_the_shapes(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    for path in ("/state", "/action", "/forward", "/fl/update", "/reset", "/NeighbourData"):
        assert path in document["paths"]
        assert f"/simulations/{{id}}{path}" in document["paths"]
    assert {"Information", "BasicAction", "BatchAction"} <= set(document["components"]["schemas"])


async def test_answers_have_the_documented_shapes(client: httpx.AsyncClient) -> None:
    await client.post("/action", json=[STAY])
    state = (await client.get("/state")).json()
    assert models.Information.model_validate(state).model_dump() == state
    data = (await client.get("/NeighbourData")).json()
    assert models.NetworkData.model_validate(data).model_dump() == data
