"""Who may ask the admin port."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from config.balancer import LoadBalancer
from config.shaping import Shaping
from load_balancer.api_keys import CALLER, ApiKeys
from load_balancer.guard import (
    Guard,
    Receive,
    Scope,
    Send,
    admin_token,
    configured_token,
    is_local_name,
    needs_token,
)
from load_balancer.shaping.shaper import Shaper

pytestmark = pytest.mark.unit

TOKEN = "correct horse".replace(" ", "-")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body."""
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


async def ask(
    guard: Guard, path: str = "/stats", method: str = "GET", **rest: object
) -> httpx.Response:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(guard), base_url="http://127.0.0.1:8081"
    )
    async with client:
        return await client.request(method, path, **rest)  # type: ignore[arg-type]


def guarded(token: str | None = None, body_bytes: int = 1024) -> Guard:
    return Guard(echo, token, body_bytes)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer  {TOKEN} ", 200),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer", 401),
        ("Bearer \xe9\xe9", 401),
        (TOKEN, 401),
        (None, 401),
    ],
)
async def test_the_token_must_be_shown(shown: str | None, expected: int) -> None:
    headers = {} if shown is None else {"Authorization": shown.encode("latin-1")}
    answer = await ask(guarded(TOKEN), headers=headers)

    assert expected == answer.status_code
    if expected == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "detail" in answer.json()


def keyed(token: str | None = TOKEN, header: str = "X-API-Key") -> Guard:
    """One that knows a client's key, and answers whom it has found."""
    digest = hashlib.sha256(b"opensesame").hexdigest()
    rule = {"name": "a", "match": {"api_key_sha256": [digest]}, "client_by": "api_key"}
    wanted = Shaping.model_validate({"enabled": True, "api_key_header": header, "rules": [rule]})
    shaper = Shaper(wanted, random.Random(0))

    async def whoever(scope: Scope, receive: Receive, send: Send) -> None:
        found = str(scope.get(CALLER, "operator")).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": found})

    return Guard(whoever, token, 10, ApiKeys(lambda: shaper))


OWN = "/shaping/adaptive/clients/self/agent"


@pytest.mark.parametrize(
    ("token", "path", "headers", "status", "operator"),
    [
        (TOKEN, OWN, {"X-API-Key": "opensesame"}, 200, False),
        (TOKEN, OWN, {"X-API-Key": "opensesamf"}, 401, False),
        (TOKEN, OWN, {"X-API-Key": "opensesame", "Authorization": f"Bearer {TOKEN}"}, 200, True),
        (TOKEN, OWN, {"X-API-Key": "opensesame", "Authorization": "Bearer guess"}, 401, False),
        (TOKEN, OWN, {"X-API-Key": "opensesame", "Authorization": "Basic guess"}, 401, False),
        (TOKEN, "/stats", {"X-API-Key": "opensesame"}, 401, False),
        (TOKEN, "/shaping/adaptive", {"X-API-Key": "opensesame"}, 401, False),
        (None, OWN, {"X-API-Key": "opensesame"}, 200, False),
        (None, OWN, {"X-API-Key": "opensesamf"}, 401, False),
        (None, OWN, {"X-API-Key": "opensesame", "Host": "balancer.example"}, 403, False),
        (None, OWN, {}, 200, True),
    ],
)
async def test_a_client_is_known_by_its_key_where_it_may_ask(
    token: str | None, path: str, headers: dict[str, str], status: int, operator: bool
) -> None:
    answer = await ask(keyed(token), path, headers=headers)
    assert status == answer.status_code
    if status == 200:
        assert operator == (answer.text == "operator")
    elif path.startswith("/shaping/adaptive"):
        assert "application/problem+json" == answer.headers["content-type"]


async def test_keys_may_be_shown_where_tokens_are() -> None:
    guard = keyed(TOKEN, "Authorization")
    by_key = await ask(guard, OWN, headers={"Authorization": "opensesame"})
    assert "operator" != by_key.text and 200 == by_key.status_code
    by_token = await ask(guard, OWN, headers={"Authorization": f"Bearer {TOKEN}"})
    assert "operator" == by_token.text
    assert 401 == (await ask(guard, OWN, headers={"Authorization": "Bearer x"})).status_code


async def test_what_an_agent_has_learned_may_be_larger() -> None:
    guard = guarded(TOKEN, 10)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for path, status in (("import", 200), ("export", 413)):
        url = f"/shaping/adaptive/clients/a/b/{path}"
        answer = await ask(guard, url, "PUT", content=b"x" * 100, headers=headers)
        assert status == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["10.1.2.3:8081", "balancer.example"])
async def test_probes_need_no_token_and_no_name(path: str, host: str) -> None:
    for guard in (guarded(TOKEN), guarded()):
        assert 200 == (await ask(guard, path, headers={"Host": host})).status_code


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8081",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.1.2.3:1",
        "[::1]:80",
    ],
)
async def test_without_a_token_this_machines_own_names_are_answered(host: str) -> None:
    assert 200 == (await ask(guarded(), headers={"Host": host})).status_code


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8081",
        "localhost.evil.example",
        "10.0.0.1",
        "[2001:db8::1]",
        "",
        "127.0.0.1@evil.example",
        "127.0.0.1.evil.example",
        "[::1",
        "::1",
        "localhost:x",
    ],
)
async def test_a_name_that_somebody_else_made_point_here_is_refused(host: str) -> None:
    """DNS rebinding: the page comes with its own name, however it resolves."""
    assert not is_local_name(host)
    assert 403 == (await ask(guarded(), headers={"Host": host})).status_code


async def test_with_a_token_every_name_is_answered() -> None:
    headers = {"Host": "balancer.example", "Authorization": f"Bearer {TOKEN}"}
    assert 200 == (await ask(guarded(TOKEN), headers=headers)).status_code


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:8081", 200),
        ("https://evil.example", 403),
        ("http://127.0.0.1:3000", 403),
        ("null", 403),
    ],
)
async def test_a_page_of_another_origin_cannot_post(origin: str, expected: int) -> None:
    """A browser sends a POST without a body for any page."""
    answer = await ask(guarded(), "/drain", "POST", headers={"Origin": origin})
    assert expected == answer.status_code


@pytest.mark.parametrize(("size", "expected"), [(1024, 200), (1025, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_is_bounded(size: int, expected: int, announced: bool) -> None:
    """Whether or not it says how long it is."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 41):
            yield bytes(41)
        yield bytes(size % 41)

    content = bytes(size) if announced else pieces()
    answer = await ask(guarded(), "/strategy", "POST", content=content)
    assert expected == answer.status_code
    if expected == 200:
        assert str(size) == answer.text
    else:
        assert "close" == answer.headers["connection"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("::1", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.0.2.1", True),
        ("no such name", False),
    ],
)
def test_what_others_can_reach_needs_a_token(host: str, expected: bool) -> None:
    assert expected is needs_token(host)


def test_a_node_that_others_can_reach_does_not_start_without_a_token() -> None:
    with pytest.raises(ValueError, match=r"load_balancer\.admin_host: 0\.0\.0\.0 .*admin_token"):
        admin_token(LoadBalancer(admin_host="0.0.0.0"))
    both = LoadBalancer.model_validate({"admin_host": "0.0.0.0", "admin_token": TOKEN})
    assert TOKEN == admin_token(both)
    assert admin_token(LoadBalancer()) is None


def test_the_token_can_stand_in_a_file(tmp_path: Path) -> None:
    """Its first line; it goes before the one in the settings."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\nand a remark\n")
    assert TOKEN == configured_token(LoadBalancer(admin_token_file=str(path)))


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n", b"with a blank\n", b"\xff" * 20])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"admin_token_file: .*token must begin"):
        configured_token(LoadBalancer(admin_token_file=str(path)))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        configured_token(LoadBalancer(admin_token_file=str(tmp_path / "none")))


@pytest.mark.parametrize("token", ["short", "has blank", "tab\tbed123", "ümläuted"])
def test_a_weak_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="8 or more printable"):
        LoadBalancer.model_validate({"admin_token": token})
