"""Federated learning on the admin port."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.federation.link import MODEL, OFFERS
from load_balancer.federation.routes import FEDERATION, Door
from load_balancer.guard import Guard
from load_balancer.problems import PROBLEM
from tests.load_balancer.federation.stage import TOKENS, Learner, Stage, agent

pytestmark = pytest.mark.unit


def offer(stage: Stage, **changed: Any) -> dict[str, Any]:
    state = stage.coordinator.state
    wanted = {"run": state.run, "round": state.round, "id": "one", "parameters": {"a": agent(1.0)}}
    return {**wanted, **changed}


def is_problem(answer: httpx.Response, status: int) -> str:
    assert (status, PROBLEM, status) == (
        answer.status_code,
        answer.headers["content-type"],
        answer.json()["status"],
    )
    detail: str = answer.json()["detail"]
    return detail


async def test_an_offer_is_taken_and_what_all_know_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    taken = await stage.ask("POST", OFFERS, "north", json=offer(stage))
    assert {"round": 1, "closes_in_seconds": 60.0, "taken": ["a"], "refused": {}} == taken.json()
    before = (await stage.ask("GET", MODEL, "north")).json()
    assert ({}, 1) == (before["parameters"], before["round"])
    await stage.coordinator.close()
    after = (await stage.ask("GET", MODEL, "north", params={"run": "", "round": 1})).json()

    assert (2, 60.0, [0.0]) == (
        after["round"],
        after["seconds"],
        after["parameters"]["a"]["arrays"]["weight"],
    )
    again = {"run": after["run"], "round": 2}
    assert (await stage.ask("GET", MODEL, "north", params=again)).json()["parameters"] is None


@pytest.mark.parametrize(("method", "path"), [("GET", MODEL), ("POST", OFFERS)])
async def test_sites_show_their_token(tmp_path: Path, method: str, path: str) -> None:
    stage = Stage(tmp_path)
    for shown in ({}, {"Authorization": "Bearer no-such-token"}):
        answer = await stage.ask(method, path, headers=shown, json={})
        assert "no site has this token" in is_problem(answer, 401)
        assert 'Bearer realm="federation"' == answer.headers["www-authenticate"]

    stage.member = None
    assert "not the coordinator" in is_problem(await stage.ask(method, path, "north"), 404)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "is not JSON"),
        (b"NaN", "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "body: must hold keys"),
        (b"{}", "body.run: is missing"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    tmp_path: Path, body: bytes, words: str
) -> None:
    stage = Stage(tmp_path)
    kind = {"Content-Type": "application/json"}

    answer = await stage.ask("POST", OFFERS, "north", content=body, headers=kind)

    assert words in is_problem(answer, 422)
    assert 1 == stage.coordinator.tally("north").refused


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"run": 3}, "run: must be a string"),
        ({"round": -1}, "round: must be a whole number"),
        ({"id": ""}, "id: must have 1 to 100"),
        ({"parameters": []}, "parameters: must hold learners"),
        ({"extra": 1}, "body.extra: is no key of an offer"),
        ({"run": "x" * 101}, "run: may have 100 characters"),
    ],
)
async def test_what_is_no_offer_is_refused_by_its_key(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    stage = Stage(tmp_path)

    answer = await stage.ask("POST", OFFERS, "north", json=offer(stage, **changed))

    assert words in is_problem(answer, 422)
    assert 1 == stage.coordinator.tally("north").refused


@pytest.mark.parametrize(
    ("learner", "words"),
    [
        (3, "must hold keys and values"),
        (agent(1e9), "arrays.weight: 1e+09 is beyond 1e+06"),
        ({"kind": "x"}, "kind: 'x' has nothing to merge"),
        ({}, "nothing here knows how to merge it"),
    ],
)
async def test_a_learner_that_cannot_be_merged_is_named(
    tmp_path: Path, learner: Any, words: str
) -> None:
    stage = Stage(tmp_path)
    wanted = offer(stage, parameters={"a": learner}, round=1.0)

    answer = await stage.ask("POST", OFFERS, "north", json=wanted)

    assert (200, [], {"a": words}) == (
        answer.status_code,
        answer.json()["taken"],
        answer.json()["refused"],
    )
    assert 1 == stage.coordinator.tally("north").refused


async def test_a_part_that_cannot_be_merged_does_not_keep_out_the_rest(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    both = {"a": agent(1.0), "b": {}}

    answer = await stage.ask("POST", OFFERS, "north", json=offer(stage, parameters=both))

    assert (200, ["a"], ["b"]) == (
        answer.status_code,
        answer.json()["taken"],
        list(answer.json()["refused"]),
    )


@pytest.mark.parametrize("changed", [{"round": 0}, {"round": 2}, {"run": "another"}])
async def test_another_round_is_a_conflict(tmp_path: Path, changed: dict[str, Any]) -> None:
    stage = Stage(tmp_path)

    answer = await stage.ask("POST", OFFERS, "north", json=offer(stage, **changed))

    assert "round 1 is open" in is_problem(answer, 409)
    assert 0 == stage.coordinator.tally("north").refused


async def test_a_body_is_bounded_and_is_json(tmp_path: Path) -> None:
    stage = Stage(tmp_path, body_bytes=1024)
    large = json.dumps(offer(stage, id="x" * 2000)).encode()
    kind = {"Content-Type": "application/json"}

    async def pieces() -> Any:
        yield large[:1000]
        yield large[1000:]

    for content in (large, pieces()):
        answer = await stage.ask("POST", OFFERS, "north", content=content, headers=kind)
        assert "the body may have 1024 bytes" == is_problem(answer, 413)
    answer = await stage.ask("POST", OFFERS, "north", content=b"{}")
    assert "must be sent as Content-Type" in is_problem(answer, 422)


async def test_the_operator_sees_who_takes_part(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.ask("POST", OFFERS, "north", json=offer(stage))
    await stage.ask("POST", OFFERS, "south", json=offer(stage, parameters={"a": agent(1e9)}))
    site = stage.site("east", Learner(1.0))
    await stage.coordinator.close()
    await site.fetch()

    seen = (await stage.ask("GET", FEDERATION)).json()
    rows = {row["name"]: row for row in seen["sites"]}

    assert ("coordinator", 2, ["a"]) == (seen["role"], seen["round"], seen["learners"])
    assert ["center", "north", "south", "east"] == list(rows)
    assert (1, 0, 1) == (rows["north"]["merged"], rows["north"]["refused"], rows["south"]["missed"])
    assert "is beyond" in rows["south"]["last_refusal"]["a"]

    stage.member = site
    seen = (await stage.ask("GET", FEDERATION)).json()
    assert ("site", "http://localhost", 2) == (seen["role"], seen["coordinator"], seen["round"])
    stage.member = None
    assert "not switched on" in is_problem(await stage.ask("GET", FEDERATION), 404)


async def test_a_sites_token_opens_its_paths_and_nothing_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    door = Door(stage.app, Guard(stage.app, "the-operators-own", 1024))
    transport = httpx.ASGITransport(door)
    found = []
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        for token in (TOKENS["north"], "the-operators-own"):
            shown = {"Authorization": f"Bearer {token}"}
            answers = [await client.get(path, headers=shown) for path in (MODEL, FEDERATION)]
            found.append([answer.status_code for answer in answers])

    assert [[200, 401], [401, 200]] == found


def test_all_answers_are_described(tmp_path: Path) -> None:
    paths = Stage(tmp_path).app.openapi()["paths"]

    assert {"200", "401", "404", "422"} == set(paths[MODEL]["get"]["responses"])
    assert {"200", "401", "404", "409", "413", "422"} == set(paths[OFFERS]["post"]["responses"])
    assert paths[OFFERS]["post"]["requestBody"]["content"]["application/json"]["schema"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@settings(max_examples=30)
@given(st.sampled_from(["run", "round", "id", "parameters"]), anything)
async def test_whatever_a_site_offers_is_answered(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    stage = Stage(tmp_path_factory.mktemp("federation"))

    answer = await stage.ask("POST", OFFERS, "north", json=offer(stage, **{key: value}))

    assert answer.status_code in (200, 409, 422)
