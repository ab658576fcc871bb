"""The pages of origin servers: one application for several domains, each on its own port.

Cacheable: ``Cache-Control: max-age``, ``ETag``, ``Last-Modified`` (RFC 9110 section 8.8), and 304
to who has the same already (section 13). Knows neither arguments nor processes.
"""

from __future__ import annotations

import hashlib
import html
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate, parsedate_to_datetime

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from backend.work import LiveService, Undone
from rl.simulation.service import ServiceBehaviour

RETRY_AFTER_SECONDS = 1


class Site:
    """The pages of one domain.

    Attributes:
        bodies: by path, with their ETags.
        answered: requests for it so far.
    """

    def __init__(self, domain: str, paths: Sequence[str], service: LiveService) -> None:
        self.domain = domain
        self.service = service
        self.answered = 0
        self.bodies: dict[str, tuple[bytes, bytes]] = {}
        padding = b"x" * service.behaviour.profile.response_bytes
        for path in paths:
            body = _page(domain, path, padding)
            self.bodies[path] = body, b'"%s"' % hashlib.sha256(body).hexdigest()[:16].encode()


class Pages:
    """The ASGI application behind every path of every domain.

    A port answers for its own domain only: a request for another one is misdirected (421, RFC 9110
    section 15.5.20).
    """

    def __init__(
        self, sites: Mapping[int, Site], max_age_seconds: int, wall_clock: Callable[[], float]
    ) -> None:
        """
        Args:
            sites: by port.
            wall_clock: Unix time in seconds.
        """
        self._sites = sites
        self._fresh = b"public, max-age=%d" % max_age_seconds
        # Whole seconds: Last-Modified has no more.
        self._modified = float(int(wall_clock()))
        self._last_modified = formatdate(self._modified, usegmt=True).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = dict(scope["headers"])
        site = self._sites.get(scope["server"][1])
        if site is None or _domain(fields.get(b"host", b"")) != site.domain:
            await self._answer(scope, send, 421, b"this origin serves another domain\n")
            return
        if scope["method"] not in ("GET", "HEAD"):
            await self._answer(
                scope, send, 405, b"pages can only be read\n", [(b"allow", b"GET, HEAD")]
            )
            return
        while (message := await receive()).get("more_body", False):
            pass
        if message["type"] == "http.disconnect":
            return
        done = await site.service.do(scope["path"], receive)
        if done is Undone.CLIENT_LEFT:
            return
        if done is Undone.REFUSED:
            await self._answer(scope, send, 503, b"every slot is taken\n", _LATER)
            return
        if done.status >= 400:
            await self._answer(scope, send, done.status, b"a scheduled failure\n")
            return
        site.answered += 1
        found = site.bodies.get(scope["path"])
        if found is None:
            await self._answer(scope, send, 404, b"there is no such page\n")
            return
        body, tag = found
        told = [
            (b"cache-control", self._fresh),
            (b"etag", tag),
            (b"last-modified", self._last_modified),
        ]
        if self._has_it(fields, tag):
            await send({"type": "http.response.start", "status": 304, "headers": told})
            await send({"type": "http.response.body"})
            return
        await self._answer(scope, send, 200, body, told, b"text/html; charset=utf-8")

    def _has_it(self, fields: Mapping[bytes, bytes], tag: bytes) -> bool:
        """RFC 9110 section 13.2.2: the tag, and the date only where there is no tag."""
        given = fields.get(b"if-none-match")
        if given is not None:
            tags = [each.strip().removeprefix(b"W/") for each in given.split(b",")]
            return b"*" in tags or tag in tags
        since = fields.get(b"if-modified-since")
        if since is None:
            return False
        try:
            return self._modified <= parsedate_to_datetime(since.decode("latin-1")).timestamp()
        except (ValueError, OverflowError):
            return False

    async def _answer(
        self,
        scope: Scope,
        send: Send,
        status: int,
        body: bytes,
        fields: Sequence[tuple[bytes, bytes]] = (),
        kind: bytes = b"text/plain; charset=utf-8",
    ) -> None:
        headers = [
            (b"content-type", kind),
            (b"content-length", b"%d" % len(body)),
            *fields,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown})


def create_pages(
    ports: Mapping[str, int],
    paths: Sequence[str],
    max_age_seconds: int,
    behaviour: Callable[[str], ServiceBehaviour],
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> FastAPI:
    """The application of the origins of these domains, each on its port.

    Args:
        behaviour: how a domain's origin serves; its schedule starts now.
        clock: monotonic seconds.
        wall_clock: Unix time in seconds.
    """
    sites = {
        port: Site(domain, paths, LiveService(behaviour(domain), clock))
        for domain, port in ports.items()
    }
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.router.default = Pages(sites, max_age_seconds, wall_clock)

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        """Every domain, and how many requests for it were answered."""
        served = {site.domain: site.answered for site in sites.values()}
        return JSONResponse({"health_status": "healthy", "domains": served})

    return app


_LATER = [(b"retry-after", b"%d" % RETRY_AFTER_SECONDS)]


def _page(domain: str, path: str, padding: bytes) -> bytes:
    """Document 000's content, in HTML."""
    url = html.escape(f"{domain}{path}")
    text = (
        f'<!doctype html>\n<html lang="en"><head><title>{url}</title></head>\n'
        f"<body><p>A page from {url}</p>"
    )
    hidden = b"<!-- %b -->" % padding if padding else b""
    return text.encode() + hidden + b"</body></html>\n"


def _domain(host: bytes) -> str:
    """A Host field's name, lower case, without its port."""
    name = host.decode("latin-1").lower()
    bare, colon, port = name.rpartition(":")
    return bare if colon and port.isdigit() else name
