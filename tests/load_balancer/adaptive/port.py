"""The routes of adaptive shaping behind the guard, without a port."""

from __future__ import annotations

import hashlib
import random
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI

from config.shaping import Shaping
from load_balancer.adaptive.asking import Asking
from load_balancer.adaptive.provider_routes import add_adaptive_provider
from load_balancer.adaptive.routes import add_adaptive
from load_balancer.adaptive.settings import settings_of
from load_balancer.api_keys import ApiKeys
from load_balancer.guard import Guard
from load_balancer.problems import PROBLEM
from load_balancer.shaping.adaptive import Adaptive
from load_balancer.shaping.shaper import Shaper
from rl.shaping.reading import Reading

KEY, OTHER_KEY = "opensesame", "opensesame too"
DIGEST, OTHER_DIGEST = (hashlib.sha256(key.encode()).hexdigest() for key in (KEY, OTHER_KEY))
KEYED, OTHER = f"keyed/key:{DIGEST[:16]}", "others/10.0.0.1"
TOKEN = "the-operator"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
BY_KEY = {"X-API-Key": KEY}
BASE = "/shaping/adaptive"

SHAPING: dict[str, Any] = {
    "enabled": True,
    "rules": [
        {
            "name": "keyed",
            "match": {"api_key_sha256": [DIGEST, OTHER_DIGEST]},
            "client_by": "api_key",
            "requests_per_second": 100,
        },
        {"name": "bare", "client_by": "rule", "match": {"paths": ["/bare"]}},
        {"name": "others", "requests_per_second": 100},
    ],
    "adaptive": {
        "enabled": True,
        "clients": 2,
        "guard": {"enabled": False},
        "envelopes": [
            {"rule": name, "requests_per_second": {"least": 10, "most": 200, "step": 2}}
            for name in ("keyed", "others")
        ],
    },
}


class Port:
    """The admin port's routes of adaptive shaping.

    Attributes:
        now: what they take for the time.
    """

    def __init__(self, token: str | None = TOKEN, on: bool = True, **adaptive: Any) -> None:
        wanted = {**SHAPING, "adaptive": {**SHAPING["adaptive"], **adaptive}}
        shaping = Shaping.model_validate(wanted)
        self.now = 10.0
        self.shaper = Shaper(shaping, random.Random(0))
        self.agents = Adaptive(self.shaper, settings_of(shaping.adaptive), random.Random(0))
        self.on = on
        self.app = Guard(_routes(), token, 1000, ApiKeys(lambda: self.shaper))

    def come(self, address: str = "10.0.0.1", path: str = "/", key: str = "") -> str:
        """A client asks for something; its name."""
        fields = [(b"x-api-key", key.encode())] if key else []
        found = self.shaper.recogniser.find(address, path, fields, "")
        assert found is not None
        self.shaper.over(self.shaper.admit(found, self.now, fields), self.now)
        return found[1]

    def step(self, **figures: Any) -> None:
        """An interval ends, the same for all."""
        self.now += 1.0
        readings = {name: Reading(**figures) for name in self.agents.watched()}
        self.agents.step(self.now, readings)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """As the operator, unless other fields are given."""
        more.setdefault("headers", OPERATOR)
        _asked.clear()
        _asked.append(self)
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, BASE + path, **more)


_asked: list[Port] = []
"""Whose routes they are at the moment: building them takes longer than a whole test."""


@cache
def _routes() -> FastAPI:
    app = FastAPI()
    asking = Asking(app, lambda: _asked[0].agents if _asked[0].on else None, lambda: _asked[0].now)
    add_adaptive(app, asking)
    add_adaptive_provider(app, asking)
    return app


def is_problem(answer: httpx.Response, status: int, words: str = "") -> bool:
    """Whether it is an error as RFC 9457 has them, with these words in it."""
    body = answer.json()
    kind = answer.headers["content-type"]
    return (status, PROBLEM, status) == (answer.status_code, kind, body["status"]) and (
        words in body["detail"] and bool(body["title"])
    )
