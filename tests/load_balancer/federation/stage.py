"""Sites for the tests of federated learning: agents in miniature, ports without sockets."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from config.federation import Federation
from load_balancer.federation.members import Coordinator, Site, build
from load_balancer.federation.routes import add_federation
from rl.vocabulary import JSON

COORDINATOR = "http://localhost"
TOKENS = {"north": "token-of-north", "south": "token-of-south", "east": "token-of-east"}


def agent(*weights: float, experience: int = 0) -> dict[str, Any]:
    return {
        "kind": "dqn",
        "encoder": 1,
        "experience": experience,
        "arrays": {"weight": list(weights)},
    }


class Learner:
    """What a node would know: one agent by the name ``a``, unless it is told otherwise."""

    def __init__(self, *weights: float, experience: int = 0) -> None:
        self.knows: dict[str, Any] = {"a": agent(*weights, experience=experience)}

    def learn(self, step: float, experience: int) -> None:
        old = self.knows["a"]
        self.knows["a"] = agent(
            *(weight + step for weight in old["arrays"]["weight"]),
            experience=old["experience"] + experience,
        )

    @property
    def weights(self) -> list[float]:
        found: list[float] = self.knows["a"]["arrays"]["weight"]
        return found

    def offer(self) -> Mapping[str, JSON]:
        return dict(self.knows)

    def take(self, parameters: Mapping[str, JSON]) -> None:
        if "unwanted" in parameters:
            raise ValueError("unwanted: is not wanted here")
        self.knows.update(parameters)


class Clock:
    """Stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A coordinator and the way to it.

    Attributes:
        said: lines for the operator.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._folder = folder
        self.clock = Clock()
        self.said: list[str] = []
        file = folder / "sites"
        file.write_text("".join(f"{site} {token}\n" for site, token in TOKENS.items()))
        self.learner = Learner(0.0, experience=1)
        self.settings = Federation.model_validate(
            {"enabled": True, "token_file": str(file), "clip_ratio": None, **settings}
        )
        found = self.build(self.settings, "center", self.learner)
        assert isinstance(found, Coordinator)
        self.coordinator = found
        self.app = FastAPI()
        self.member: Coordinator | Site | None = found
        add_federation(self.app, lambda: self.member)

    def build(
        self,
        settings: Federation,
        own: str,
        learner: Learner,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Coordinator | Site:
        return build(
            settings,
            own,
            f"life of {own}",
            learner.offer,
            learner.take,
            lambda name: None,
            random.Random(1),
            self.clock,
            self.said.append,
            transport,
        )

    def site(
        self, name: str, learner: Learner, transport: httpx.AsyncBaseTransport | None = None
    ) -> Site:
        """A site whose requests go to the coordinator's application without a socket."""
        file = self._folder / f"token of {name}"
        file.write_text(TOKENS.get(name, "token-of-nobody"))
        settings = self.settings.model_copy(
            update={"coordinator": COORDINATOR, "token_file": str(file)}
        )
        found = self.build(settings, name, learner, transport or httpx.ASGITransport(self.app))
        assert isinstance(found, Site)
        return found

    async def ask(self, method: str, path: str, site: str = "", **rest: Any) -> httpx.Response:
        """As a site, or as nobody."""
        headers = {**rest.pop("headers", {})}
        if site:
            headers["Authorization"] = f"Bearer {TOKENS[site]}"
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=COORDINATOR) as client:
            return await client.request(method, path, headers=headers, **rest)
