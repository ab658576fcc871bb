"""The affinity key of a request as its policy sees it, over real sockets; bodies are unchanged."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from config.affinity import AffinityKey
from config.endpoints import Stickiness
from load_balancer.forwarding.affinity import Tokens, affinity
from rl.vocabulary import Decision, Observation, RequestContext, Transition, Verdict
from tests.live.asking import chunked, get, post
from tests.live.origin import Origin, serve_echo
from tests.live.rig import Rig, proxy

pytestmark = pytest.mark.integration

JSON = "Content-Type: application/json"


class Seeing:
    """Always the first; keeps what it was asked about."""

    def __init__(self) -> None:
        self.requests: list[RequestContext] = []

    def select(self, observation: Observation) -> Decision:
        self.requests.append(observation.request)
        return Decision(0)

    def observe(self, transition: Transition) -> None:
        pass

    @property
    def keys(self) -> list[str]:
        return [each.affinity_key for each in self.requests]


def keyed(
    origin: Origin, policy: Seeing, settings: dict[str, Any], **more: Any
) -> AbstractAsyncContextManager[Rig]:
    reader = affinity(Stickiness(), Tokens(b"a secret of sixteen"), AffinityKey(**settings))
    return proxy(origin, policy=policy, affinity=reader, **more)


async def test_a_field_or_cookie_is_the_key_and_the_path_is_without() -> None:
    for kind, line in (("header", "X-Session-ID: 7"), ("cookie", "Cookie: session=7; a=b")):
        policy = Seeing()
        async with Origin() as origin, keyed(origin, policy, {"kind": kind}) as rig:
            await rig.ask(get("/a", line))
            await rig.ask(get("/b?x=1"))
        assert ["7", "/b?x=1"] == policy.keys


async def waits(rig: Rig) -> None:
    """A request's head has come, and it waits for its body."""
    await rig.holds(
        lambda: any(each.exchange and each.exchange.awaited for each in rig.listener.connections),
        "a request that waits",
    )


BODY = {"kind": "body_field", "prefix_characters": 8, "wait_seconds": 20.0}


def prompt(text: str, **more: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": text, **more}).encode()


async def test_the_beginning_of_the_prompt_is_the_key() -> None:
    """In one segment or in many, by length or in chunks; the endpoint gets every byte of it."""
    policy = Seeing()
    body = prompt("Translate: x", rest="y" * 3000)
    async with Origin(serve_echo) as origin, keyed(origin, policy, BODY) as rig:
        client = await rig.client()
        client.send(post(body, "/v1", JSON))
        assert b"POST /v1 " + body == (await client.answer()).body
        for piece in (post(body, "/v1", JSON)[at : at + 40] for at in range(0, 4000, 40)):
            client.send(piece)
            await asyncio.sleep(0)
        assert b"POST /v1 " + body == (await client.answer()).body
        parts = [body[:30], body[30:31], body[31:]]
        request = chunked(*parts, target="/v1").replace(b"\r\n", f"\r\n{JSON}\r\n".encode(), 1)
        client.send(request)
        assert b"POST /v1 " + body == (await client.answer()).body
    assert ["Translat"] * 3 == policy.keys


async def test_the_decision_comes_with_the_prompt_and_before_the_end_of_the_body() -> None:
    policy = Seeing()
    body = prompt("Translate: x", rest="y" * 30_000)
    async with Origin(serve_echo) as origin, keyed(origin, policy, BODY) as rig:
        client = await rig.client()
        whole = post(body, "/v1", JSON)
        client.send(whole[:-28_000])
        await rig.holds(lambda: policy.requests, "a decision")
        client.send(whole[-28_000:])
        assert b"POST /v1 " + body == (await client.answer()).body
    assert ["Translat"] == policy.keys


@pytest.mark.parametrize(
    "request_",
    [
        post(b'{"other": 1}', "/v1", JSON),
        post(b"not json", "/v1", JSON),
        post(b"", "/v1", JSON),
        post(prompt("Translate"), "/v1", "Content-Type: text/plain"),
        post(prompt("Translate"), "/v1", JSON, "Content-Encoding: gzip"),
        post(b'{"x": "' + b"x" * 200 + b'", "prompt": "late"}', "/v1", JSON),
        get("/v1"),
    ],
)
async def test_without_a_prompt_within_the_bound_the_path_is_the_key(request_: bytes) -> None:
    policy = Seeing()
    settings = BODY | {"read_bytes": 128}
    async with Origin() as origin, keyed(origin, policy, settings) as rig:
        assert 200 == (await rig.ask(request_)).status
    assert ["/v1"] == policy.keys


async def test_a_body_that_does_not_come_is_not_waited_for_long() -> None:
    """Then the path is the key, and the body follows when it comes."""
    policy = Seeing()
    body = prompt("Translate")
    settings = BODY | {"wait_seconds": 0.01}
    async with Origin(serve_echo) as origin, keyed(origin, policy, settings) as rig:
        client = await rig.client()
        whole = post(body, "/v1", JSON)
        client.send(whole[: -len(body)])
        await rig.holds(lambda: policy.requests, "a decision")
        client.send(body)
        assert b"POST /v1 " + body == (await client.answer()).body
    assert ["/v1"] == policy.keys


async def test_who_waits_to_be_told_to_go_on_is_not_waited_for() -> None:
    """Its 100 comes from the endpoint, which has to be known first."""
    policy = Seeing()
    body = prompt("Translate")

    async with Origin(serve_echo) as origin, keyed(origin, policy, BODY) as rig:
        client = await rig.client()
        client.send(post(body, "/v1", JSON, "Expect: 100-continue")[: -len(body)])
        await rig.holds(lambda: policy.requests, "a decision")
        client.send(body)
        assert b"POST /v1 " + body == (await client.answer()).body
    assert ["/v1"] == policy.keys


async def test_a_client_that_leaves_before_its_prompt_has_come_reaches_nobody() -> None:
    policy = Seeing()
    async with Origin() as origin, keyed(origin, policy, BODY) as rig:
        client = await rig.client()
        client.send(post(prompt("Translate"), "/v1", JSON)[:-30])
        await waits(rig)
        client.close()
        await rig.holds(lambda: not rig.listener.connections, "no connection")
    assert [] == policy.requests


async def test_a_body_that_turns_out_malformed_reaches_nobody() -> None:
    policy = Seeing()
    async with Origin() as origin, keyed(origin, policy, BODY) as rig:
        client = await rig.client()
        client.send(get("/v1", "Transfer-Encoding: chunked", JSON, method="POST") + b'3\r\n{"a\r\n')
        await waits(rig)
        client.send(b"zz\r\n")
        assert 400 == (await client.answer()).status
    assert [] == policy.requests


async def test_with_nobody_to_go_to_it_is_refused_when_the_prompt_has_come() -> None:
    policy = Seeing()
    async with Origin() as origin, keyed(origin, policy, BODY) as rig:
        rig.node.left(rig.stats("a"))
        rig.table.remove("a")
        rig.node.refresh()
        client = await rig.client()
        whole = post(prompt("Translate"), "/v1", JSON)
        client.send(whole[:-15])
        await waits(rig)
        client.send(whole[-15:])
        assert 503 == (await client.answer()).status


async def test_requests_in_a_row_wait_for_their_own_prompts() -> None:
    policy = Seeing()
    async with Origin(serve_echo) as origin, keyed(origin, policy, BODY) as rig:
        client = await rig.client()
        both = post(prompt("Alpha"), "/v1", JSON) + post(prompt("Beta"), "/v2", JSON)
        client.send(both[:-20])
        client.send(both[-20:])
        assert b"POST /v1 " + prompt("Alpha") == (await client.answer()).body
        assert b"POST /v2 " + prompt("Beta") == (await client.answer()).body
    assert ["Alpha", "Beta"] == policy.keys
    assert [("a", Verdict.SUCCESS, 200)] * 2 == rig.log.completed


async def test_fields_that_tell_classes_reach_the_policy() -> None:
    policy = Seeing()
    settings: dict[str, Any] = {"request_classes": {"headers": ["X-Tenant", "Accept"]}}
    async with Origin() as origin, proxy(origin, policy=policy, **settings) as rig:
        client = await rig.client()
        for _ in range(3):
            client.send(get("/", "x-tenant: acme"))
            await client.answer()
        client.send(get("/", "Accept: text/html"))
        await client.answer()
    assert [("acme", "")] * 3 + [("", "text/html")] == [
        each.header_values for each in policy.requests
    ]


async def test_without_such_fields_there_is_nothing_to_read() -> None:
    policy = Seeing()
    async with Origin() as origin, proxy(origin, policy=policy) as rig:
        await rig.ask(get("/", "x-tenant: acme"))
    assert [()] == [each.header_values for each in policy.requests]
