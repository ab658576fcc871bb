"""The operator's routes to the cache: what it holds and did, and what is to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from load_balancer.forwarding.live_cache import LiveCache
from metrics.cache_exposition import CacheSeen

PURGE = "/cache/purge"

Url = Annotated[str, Field(min_length=1, max_length=8192)]


class PurgeOrder(BaseModel):
    """The body of ``POST /cache/purge``: one URL, or all that begin so."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    prefix: Url | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> PurgeOrder:
        if (self.url is None) == (self.prefix is None):
            raise ValueError("url, prefix: one of them says what is to go")
        parts = urlsplit(self.url or self.prefix or "")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("url, prefix: must begin with http:// or https:// and a host")
        return self


class Purged(BaseModel):
    """What a purge did."""

    purged: int
    """Responses that were removed."""


class NoCache(BaseModel):
    """Why nothing was done."""

    detail: str


MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": NoCache, "description": "The cache is not switched on."}
}


def add_cache(
    app: FastAPI, live: Callable[[], LiveCache | None], seen: Callable[[], CacheSeen | None]
) -> None:
    """Add the routes.

    Args:
        live: the cache as it is now, if there is one.
        seen: its numbers.
    """

    @app.get("/cache", responses=MISSING)
    async def cache() -> JSONResponse:
        """What is held and what became of requests, in responses and bytes."""
        numbers = seen()
        if numbers is None:
            raise _missing()
        return JSONResponse(asdict(numbers))

    @app.post(PURGE, responses=MISSING)
    async def purge(order: PurgeOrder) -> Purged:
        """Remove the responses of one URL, or of all that begin with a prefix."""
        found = live()
        if found is None:
            raise _missing()
        if order.url is not None:
            return Purged(purged=sum(found.purge(key) for key in _keys(order.url)))
        assert order.prefix is not None
        keys = _keys(order.prefix, whole=False)
        return Purged(purged=sum(found.purge_prefix(key) for key in keys))


def _missing() -> HTTPException:
    return HTTPException(404, "the cache is not switched on: load_balancer.cache.enabled")


def _keys(url: str, whole: bool = True) -> list[str]:
    """As the cache names it: whatever scheme it is written with, a proxy in front of us may have
    said the other one."""
    authority, slash, target = url.partition("://")[2].partition("/")
    if whole and not slash:
        authority, mark, query = authority.partition("?")
        slash, target = "/", mark + query
    rest = f"{authority.lower()}{slash}{target.partition('#')[0]}"
    return [f"http://{rest}", f"https://{rest}"]
