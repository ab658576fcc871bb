"""A site's way to the coordinator: two requests to its admin port.

What comes back is believed no more than what any other node sends: bounded, finite, of the form
that is asked for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from config.federation import Federation
from rl import stored
from rl.vocabulary import JSON

MODEL = "/federation/model"
OFFERS = "/federation/offers"
TAKEN, REFUSED, STALE = 200, 422, 409
LONGEST_WORDS = 300
MOST_SECONDS = 86_400.0


class Unreached(Exception):
    """The coordinator does not answer as it should."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the coordinator says.

    Attributes:
        parameters: what all know together; None if the round is the one that the site is in.
        included: by learner, the id of the site's offer that is in it.
        seconds: that a round lasts.
    """

    run: str
    round: int
    closes_in_seconds: float
    seconds: float
    parameters: Mapping[str, JSON] | None = None
    included: Mapping[str, str] = field(default_factory=dict)


class Link:
    """The way to one coordinator."""

    def __init__(
        self, settings: Federation, token: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        assert settings.coordinator is not None
        self.address = settings.coordinator
        self._most_bytes = settings.body_bytes
        self._seconds = settings.timeout_seconds
        self._client = httpx.AsyncClient(
            transport=transport,
            base_url=settings.coordinator,
            headers={"Authorization": f"Bearer {token}"},
            timeout=settings.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    async def model(self, run: str, round: int) -> Told:
        """The open round, and what all know if this is not ``round`` of ``run``.

        Raises:
            Unreached: nothing that can be used.
        """
        status, content = await self._ask("GET", MODEL, params={"run": run, "round": round})
        if status != TAKEN:
            raise Unreached(self._words(status, content))
        try:
            return _told(await asyncio.to_thread(parsed, content))
        except ValueError as error:
            raise Unreached(f"{self.address} answers what cannot be used: {error}") from None

    async def offer(self, body: bytes, wait: float) -> tuple[float, bool]:
        """Offer; the seconds until the round is closed, and whether anything was taken.

        Args:
            wait: the same where the answer does not say it.

        Raises:
            Unreached: nobody knows whether it was.
        """
        status, content = await self._ask("POST", OFFERS, content=body)
        if status == STALE:
            return 0.0, False
        if status == REFUSED:
            return wait, False
        if status != TAKEN:
            raise Unreached(self._words(status, content))
        try:
            said = parsed(content)
            closes_in = stored.number(stored.member(said, "closes_in_seconds"), "closes_in_seconds")
            taken = stored.items(stored.member(said, "taken"), "taken")
        except ValueError as error:
            raise Unreached(f"{self.address} answers what cannot be used: {error}") from None
        return min(max(closes_in, 0.0), MOST_SECONDS), bool(taken)

    async def close(self) -> None:
        """Leave nothing open."""
        await self._client.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
    ) -> tuple[int, bytes]:
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            async with asyncio.timeout(self._seconds):
                async with self._client.stream(
                    method, path, params=params, content=content, headers=headers
                ) as answer:
                    pieces: list[bytes] = []
                    size = 0
                    async for piece in answer.aiter_bytes(1 << 16):
                        size += len(piece)
                        if size > self._most_bytes:
                            raise Unreached(
                                f"{self.address} answers more than {self._most_bytes} bytes"
                            )
                        pieces.append(piece)
                    return answer.status_code, b"".join(pieces)
        except TimeoutError:
            raise Unreached(f"{self.address}: no answer in {self._seconds:g} s") from None
        except httpx.HTTPError as error:
            words = str(error) or type(error).__name__
            raise Unreached(f"{self.address}: {words[:LONGEST_WORDS]}") from None

    def _words(self, status: int, content: bytes) -> str:
        try:
            detail = stored.text(stored.member(parsed(content), "detail"), "detail")
        except ValueError:
            detail = "no reason given"
        return f"{self.address} answers {status}: {detail[:LONGEST_WORDS]}"


def parsed(content: bytes) -> JSON:
    """JSON as its standard has it: without NaN and infinity.

    Raises:
        ValueError: it is none.
    """

    def refuse(name: str) -> JSON:
        raise ValueError(f"{name} is no number in it")

    try:
        data: JSON = json.loads(content, parse_constant=refuse)
    except RecursionError:
        raise ValueError("body: is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"body: is not JSON: {error}") from None
    return data


def _told(data: JSON) -> Told:
    parameters = stored.member(data, "parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise ValueError("parameters: must hold learners by name")
    included = stored.member(data, "included")
    if not isinstance(included, Mapping):
        raise ValueError("included: must hold ids by learner")
    seconds = [
        stored.number(stored.member(data, name), name) for name in ("closes_in_seconds", "seconds")
    ]
    closes_in, period = (min(max(each, 0.0), MOST_SECONDS) for each in seconds)
    return Told(
        stored.text(stored.member(data, "run"), "run"),
        stored.count(stored.member(data, "round"), "round"),
        closes_in,
        period,
        parameters,
        {name: stored.text(id, f"included.{name}") for name, id in included.items()},
    )
