"""A site's way to the coordinator, which may answer anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.federation import Federation
from load_balancer.federation.link import Link, Unreached, parsed

pytestmark = pytest.mark.unit

TOLD: dict[str, Any] = {
    "run": "r",
    "round": 3,
    "seconds": 60.0,
    "closes_in_seconds": 5.0,
    "included": {"x": "id"},
    "refused": {},
    "parameters": {"x": {"a": 1}},
}


def link(answer: Callable[[httpx.Request], httpx.Response]) -> Link:
    wanted = Federation(enabled=True, coordinator="http://far:81/", token_file="f", body_bytes=1024)
    return Link(wanted, "token-of-north", httpx.MockTransport(answer))


async def test_the_token_is_shown_and_the_answer_read() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=TOLD)

    found = await link(answer).model("r", 2)

    assert "http://far:81/federation/model?run=r&round=2" == str(asked[0].url)
    assert "Bearer token-of-north" == asked[0].headers["authorization"]
    assert (3, 5.0, {"x": {"a": 1}}, {"x": "id"}) == (
        found.round,
        found.closes_in_seconds,
        found.parameters,
        found.included,
    )


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (401, b'{"detail": "no site has this token"}', "answers 401: no site has this token"),
        (404, b"<html>", "answers 404: no reason given"),
        (302, b"", "answers 302"),
        (200, b"<html>", "answers what cannot be used: body: is not JSON"),
        (200, b"[" * 900, "answers what cannot be used"),
        (200, b" " * 2000, "answers more than 1024 bytes"),
        (200, b'{"run": NaN}', "NaN is no number"),
        (200, b'{"parameters": 3}', "parameters: must hold learners"),
        (200, b'{"parameters": null}', "included: is missing"),
        (200, b'{"parameters": null, "included": []}', "included: must hold ids"),
    ],
)
async def test_what_cannot_be_used_is_named(status: int, content: bytes, words: str) -> None:
    with pytest.raises(Unreached, match=words):
        await link(lambda request: httpx.Response(status, content=content)).model("", 0)


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (200, b'{"closes_in_seconds": 4.0, "taken": ["x"]}', (4.0, True)),
        (200, b'{"closes_in_seconds": 4.0, "taken": []}', (4.0, False)),
        (200, b'{"closes_in_seconds": 1e300, "taken": ["x"]}', (86_400.0, True)),
        (409, b"", (0.0, False)),
        (422, b'{"detail": "poisoned"}', (7.0, False)),
    ],
)
async def test_what_became_of_an_offer(
    status: int, content: bytes, expected: tuple[float, bool]
) -> None:
    way = link(lambda request: httpx.Response(status, content=content))

    assert expected == await way.offer(b"{}", 7.0)


async def test_an_offer_whose_answer_says_nothing_is_unknown() -> None:
    bodies = (b"{}", b'{"closes_in_seconds": 1}', b'{"closes_in_seconds": 1, "taken": 3}')
    answers = iter([*(httpx.Response(200, content=body) for body in bodies), httpx.Response(500)])
    for _ in range(4):
        way = link(lambda request: next(answers))
        with pytest.raises(Unreached):
            await way.offer(b"{}", 7.0)
        await way.close()


async def test_silence_is_named() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        raise TimeoutError

    with pytest.raises(Unreached, match="no answer in 10 s"):
        await link(slow).model("", 0)


def test_json_is_as_its_standard_has_it() -> None:
    assert {"a": [1.5]} == parsed(b'{"a": [1.5]}')
    for content in (b"NaN", b"-Infinity", b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):
            parsed(content)


@settings(max_examples=40)
@given(st.data())
async def test_whatever_the_coordinator_answers_is_used_or_named(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(TOLD)))
    plain = st.none() | st.integers() | st.floats() | st.text()
    value = data.draw(plain | st.lists(st.none()) | st.just({"x": 1}))
    content = json.dumps({**TOLD, key: value}).encode()
    try:
        found = await link(lambda request: httpx.Response(200, content=content)).model("", 0)
    except Unreached:
        return
    assert 0 <= found.closes_in_seconds <= 86_400
