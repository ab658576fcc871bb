"""Who may ask the admin port: a token, a client's API key, the Host field, where a browser's page
came from, and how large a body may be. An ASGI application around another one; knows nothing of
what that answers.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import SecretStr

from config.balancer import LoadBalancer
from load_balancer.api_keys import CALLER, ApiKeys
from load_balancer.problems import BELOW, PROBLEM, details

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/livez", "/readyz")
"""Probes of orchestrators carry no token and name the host as they like."""

AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@]+)(?::\d{1,5})?\Z")

TOKEN_FILE_BYTES = 4096

LARGE = re.compile(r"/shaping/adaptive/clients/.*/import\Z", re.DOTALL)
LARGE_BYTES = 4 << 20
"""Where all that an agent has learned is brought in one body."""


class Guard:
    """Lets pass what may.

    Attributes:
        token: to be shown by ``Authorization: Bearer``; None asks for none.
        body_bytes: the largest body.
    """

    def __init__(
        self,
        application: Application,
        token: str | None,
        body_bytes: int,
        keys: ApiKeys | None = None,
    ) -> None:
        self._application = application
        self.token = token
        self.body_bytes = body_bytes
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        fields = _fields(scope)
        path = scope["path"]
        as_problem = path.startswith(BELOW)
        if path not in OPEN:
            key = self._key(path, fields)
            refused = self._refused(fields, key)
            if refused is not None:
                await _answer(send, *refused, as_problem=as_problem)
                return
            if key:
                scope[CALLER] = key
        most = max(self.body_bytes, LARGE_BYTES) if LARGE.match(path) else self.body_bytes
        words = f"the body may have {most} bytes"
        if _announced(fields) > most:
            await _answer(send, 413, words, close=True, as_problem=as_problem)
            return
        body = _Body(receive, send, most, words, as_problem)
        try:
            await self._application(scope, body.receive, body.send)
        except _TooLarge:
            await body.refuse()

    def _key(self, path: str, fields: dict[str, list[str]]) -> str | None:
        """As ``ApiKeys.shown``. Who shows a token as well is judged by that."""
        if self._keys is None:
            return None
        by_token = self._keys.header != "authorization" or self._is_operator(fields)
        if self.token is not None and "authorization" in fields and by_token:
            return None
        return self._keys.shown(path, fields)

    def _is_operator(self, fields: dict[str, list[str]]) -> bool:
        if self.token is None:
            return False
        shown = fields.get("authorization", [""])[0]
        kind, _, token = shown.partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self.token.encode())
        return kind.lower() == "bearer" and right

    def _refused(self, fields: dict[str, list[str]], key: str | None) -> tuple[int, str] | None:
        if self.token is not None:
            if self._is_operator(fields) or key:
                return None
            if key is not None:
                return 401, "no rule names this API key"
            return 401, "show the admin token: Authorization: Bearer …"
        if key == "":
            return 401, "no rule names this API key"
        hosts = fields.get("host", [])
        if len(hosts) != 1 or not is_local_name(hosts[0]):
            # A page whose name its owner makes point here (DNS rebinding) comes with that name.
            return 403, "without an admin token only localhost and its addresses are answered"
        for origin in fields.get("origin", []):
            # A browser sends some POSTs for any page without asking first.
            if origin.partition("://")[2].lower() != hosts[0].lower():
                return 403, "without an admin token no page of another origin is answered"
        return None


class _TooLarge(Exception):
    """More came than was announced or is taken."""


class _Body:
    """A request body, counted while it is read."""

    def __init__(
        self, receive: Receive, send: Send, most: int, words: str, as_problem: bool
    ) -> None:
        self._as_problem = as_problem
        self._receive = receive
        self._send = send
        self._left = most
        self._words = words
        self._begun = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        self._begun = True
        await self._send(message)

    async def refuse(self) -> None:
        if not self._begun:
            await _answer(self._send, 413, self._words, close=True, as_problem=self._as_problem)


def is_local_name(authority: str) -> bool:
    """Whether a Host field names this machine and no other: localhost or a loopback address."""
    found = AUTHORITY.match(authority)
    if found is None:
        return False
    return is_loopback(found[1].strip("[]"))


def is_loopback(host: str) -> bool:
    """Whether a literal address is a loopback one, or the name is localhost."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def needs_token(host: str) -> bool:
    """Whether others than this machine reach what listens there. Asks the resolver for a name; one
    that means nothing is left for the listening to complain about."""
    if is_loopback(host):
        return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return not all(is_loopback(str(address[0])) for *_, address in found)


def admin_token(settings: LoadBalancer) -> str | None:
    """The token that is asked for, or None if none is needed.

    Raises:
        ValueError: the file cannot be read, holds no token, or there is none and must be.
    """
    token = configured_token(settings)
    if token is None and needs_token(settings.admin_host):
        raise ValueError(
            f"load_balancer.admin_host: {settings.admin_host} can be reached from other machines; "
            "set load_balancer.admin_token or admin_token_file, or use 127.0.0.1"
        )
    return token


def configured_token(settings: LoadBalancer) -> str | None:
    """The token in the settings or in the file that they name.

    Raises:
        ValueError: the file cannot be read or holds no token.
    """
    if settings.admin_token_file is not None:
        return _from_file(settings.admin_token_file)
    return None if settings.admin_token is None else settings.admin_token.get_secret_value()


def _from_file(path: str) -> str:
    key = f"load_balancer.admin_token_file: {path}"
    try:
        with Path(path).open("rb") as file:
            line = file.read(TOKEN_FILE_BYTES).partition(b"\n")[0].strip()
    except OSError as error:
        raise ValueError(f"{key} cannot be read: {error.strerror}") from None
    try:
        text = line.decode("ascii")
        checked = LoadBalancer(admin_token=SecretStr(text)).admin_token
    except ValueError:
        raise ValueError(
            f"{key} must begin with a line of 8 or more printable ASCII characters"
        ) from None
    assert checked is not None
    return checked.get_secret_value()


def _fields(scope: Scope) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return fields


def _announced(fields: dict[str, list[str]]) -> int:
    length = fields.get("content-length", ["0"])[0]
    return int(length) if length.isdigit() else 0


async def _answer(
    send: Send, status: int, words: str, close: bool = False, as_problem: bool = False
) -> None:
    body = json.dumps(details(status, words) if as_problem else {"detail": words}).encode()
    kind = PROBLEM.encode() if as_problem else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="admin"'))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
