"""Why a request would go where it would go now: ``GET /explain`` asks the policy for its reasons,
about a request that nobody sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Protocol

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from load_balancer.forwarding.affinity import Affinity
from load_balancer.forwarding.fields import Fields
from load_balancer.limits import with_room
from load_balancer.node import Node
from rl.vocabulary import JSON, Explaining, Observation, RequestContext

EXPLAIN = "/explain"
MOST_HEADERS = 32

Header = Annotated[
    str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}:[ \t]*[!-~\u0080-\u00ff \t]{0,4096}$")
]


class Asked(BaseModel):
    """The request that is asked about, as its head would tell of it."""

    model_config = ConfigDict(extra="forbid")

    method: Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$")] = "GET"
    path: Annotated[str, Field(pattern=r"^(/[!-~]*|\*)$", max_length=8192)] = "/"
    """Path and query."""
    domain: Annotated[str, Field(max_length=253)] = ""
    """The Host field without its port."""
    client: Annotated[str, Field(max_length=64)] = ""
    """The address of who asks."""
    size: Annotated[int, Field(ge=0, le=1 << 50)] = 0
    """Bytes of the body."""
    header: Annotated[list[Header], Field(max_length=MOST_HEADERS)] = []
    """``Name: value``, as often as wanted."""
    affinity_key: Annotated[str, Field(max_length=8192)] | None = None
    """Instead of what the fields say."""

    @field_validator("domain")
    @classmethod
    def _lower(cls, domain: str) -> str:
        return domain.lower()


class Reasons(BaseModel):
    """A decision, and what spoke for and against each candidate."""

    routing_strategy: str
    endpoint: str | None
    """Where the request would go."""
    affinity_key: str
    rows: list[dict[str, Any]]


class NoReasons(BaseModel):
    """Why there are none."""

    detail: str


class Reading(Protocol):
    """What the data path reads of a head's fields: the listener does."""

    @property
    def affinity(self) -> Affinity | None: ...

    @property
    def class_values(self) -> Callable[[Fields], tuple[str, ...]] | None: ...


def context_of(asked: Asked, reading: Reading) -> RequestContext:
    """The request as the policy would see it."""
    fields: Fields = []
    for line in asked.header:
        name, _, value = line.partition(":")
        fields.append((name.encode("ascii"), value.strip(" \t").encode("latin-1")))
    key = asked.affinity_key
    if key is None and reading.affinity is not None:
        key = reading.affinity.key(fields)
    values = () if reading.class_values is None else reading.class_values(fields)
    return RequestContext(
        asked.method, asked.path, asked.domain, asked.client, 0, asked.size, key, values
    )


def reasons(node: Node, context: RequestContext, now: float) -> Reasons | str:
    """What the policy has to say about a request now; why it says nothing, if it does not.

    Endpoints on probation are candidates here, though the dice hide them from most requests.
    """
    strategy = node.strategy
    if not isinstance(strategy.policy, Explaining):
        return f"{strategy.name} has no reasons to show"
    candidates = with_room(node.domains.group(context.domain).candidates)
    if not candidates:
        return "there is no endpoint that could take this request now"
    rows = strategy.policy.explain(Observation(context, candidates, now))
    chosen = next((row.get("endpoint") for row in rows if row.get("chosen")), None)
    return Reasons(
        routing_strategy=strategy.name,
        endpoint=chosen if isinstance(chosen, str) else None,
        affinity_key=context.affinity_key,
        rows=rows,
    )


def add_explain(app: FastAPI, node: Node, reading: Reading, clock: Callable[[], float]) -> None:
    """Add the route."""

    @app.get(
        EXPLAIN,
        response_model=Reasons,
        responses={
            404: {
                "model": NoReasons,
                "description": "The strategy has no reasons, or there is nowhere to go.",
            }
        },
    )
    async def explain(asked: Annotated[Asked, Query()]) -> JSONResponse:
        """Where the current strategy would send this request now, and why. Nothing is sent."""
        found = reasons(node, context_of(asked, reading), clock())
        if isinstance(found, str):
            raise HTTPException(404, found)
        content: dict[str, JSON] = found.model_dump()
        return JSONResponse(content)
