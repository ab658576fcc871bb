"""A proxy with a cache, wall-clock time that a test puts forward, origins that are told when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

from load_balancer.forwarding.live_cache import LiveCache
from tests.live.origin import Origin, Script, Visit, answer, done
from tests.live.rig import Rig, proxy
from tests.live.wire import Message

NOW = 1_790_000_000.0
"""Unix seconds at which these tests begin."""


class Wall:
    """Wall-clock time that stands still."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def cache_of(rig: Rig) -> LiveCache:
    assert rig.listener.cache is not None
    return rig.listener.cache


@asynccontextmanager
async def caching(
    *origins: Origin | int, cache: dict[str, Any] | None = None, **load_balancer: Any
) -> AsyncIterator[tuple[Rig, Wall]]:
    """A proxy whose cache is on, and its wall-clock time."""
    settings = {"enabled": True, **(cache or {})}
    async with proxy(*origins, cache=settings, **load_balancer) as rig:
        wall = Wall()
        cache_of(rig).clock = wall
        yield rig, wall


def dated(body: bytes, *lines: str, status: str = "200 OK", at: float = NOW) -> bytes:
    """An answer made at this time."""
    return answer(body, f"Date: {formatdate(at, usegmt=True)}", *lines, status=status)


def did(answer: Message) -> str:
    """What the cache says that it did, without its name and its numbers."""
    said = answer.all("cache-status")[-1].split("; ")
    return " ".join(each for each in said[1:] if not each.startswith("ttl"))


class Held:
    """Keeps every request until it is told the answer.

    Attributes:
        script: for the origin.
        asked: requests with the connections that they came on, in order.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Message, Visit]] = []
        self._news = asyncio.Event()

    async def script(self, visit: Visit) -> None:
        while not await done(visit):
            self.asked.append((await visit.request(), visit))
            self._news.set()

    async def request(self, number: int) -> tuple[Message, Visit]:
        """The request with this number, from 1."""
        async with asyncio.timeout(20):
            while len(self.asked) < number:
                self._news.clear()
                await self._news.wait()
        return self.asked[number - 1]

    async def answer(self, number: int, data: bytes) -> Message:
        """Send this to the request with this number."""
        request, visit = await self.request(number)
        visit.send(data)
        return request


def counted(*answers: bytes) -> Script:
    """One answer after the other, whoever asks; the last one again and again."""
    left = list(answers)

    async def script(visit: Visit) -> None:
        while not await done(visit):
            await visit.request()
            visit.send(left.pop(0) if len(left) > 1 else left[0])

    return script
