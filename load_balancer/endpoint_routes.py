"""The operator's routes to the endpoints: who is there, and who comes, drains and goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from config.endpoints import EndpointEntry, WeightChange, read_entries
from load_balancer.membership import Membership
from rl.vocabulary import EndpointStats


class EndpointState(BaseModel):
    """One endpoint, as it is now."""

    id: str
    host: str
    port: int
    weight: float
    tags: list[str]
    domains: list[str]
    """It serves requests for these only; empty for any."""
    proxy_node: bool
    """A next node, whose Q and QReward are believed."""
    source: str
    """Who wants it: servers, file, dns:… or admin; empty while it drains for good."""
    state: str
    """healthy, unhealthy, ejected or draining."""
    in_flight: int
    completed: int
    latency: float
    """Seconds to the first byte, a weighted mean; of a newcomer the fleet's."""


class Changed(BaseModel):
    """Ids of endpoints, by what became of them."""

    joined: list[str]
    left: list[str]
    changed: list[str]


class Problem(BaseModel):
    """Why nothing was changed."""

    detail: str


MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such endpoint."}
}
INVALID: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "The body is wrong; the key at fault is named."}
}


def body_of(schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a route that reads its body itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _whole(schema: Any, definitions: dict[str, Any]) -> Any:
    """Without references, which would mean the document that it is put into."""
    if isinstance(schema, list):
        return [_whole(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _whole(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _whole(each, definitions) for key, each in schema.items() if key != "$defs"}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's, in one piece."""
    schema = model.model_json_schema()
    whole: dict[str, Any] = _whole(schema, schema.get("$defs", {}))
    return whole


_ENTRY = schema_of(EndpointEntry)


def add_endpoints(app: FastAPI, membership: Membership) -> None:
    """Add the routes."""

    def row(stats: EndpointStats) -> EndpointState:
        return state_of(stats, membership)

    def changed(id: str, change: Callable[[str], None]) -> EndpointStats:
        """The endpoint, after a change of it."""
        try:
            stats = membership.table[id]
            change(id)
        except KeyError:
            raise HTTPException(404, f"there is no endpoint {id!r}") from None
        return stats

    @app.get("/endpoints")
    async def endpoints() -> list[EndpointState]:
        """Every endpoint, those that drain last."""
        table = membership.table
        return [row(stats) for stats in (*table.all, *table.draining.values())]

    @app.post(
        "/endpoints",
        responses=INVALID,
        openapi_extra=body_of({"anyOf": [_ENTRY, {"type": "array", "items": _ENTRY}]}),
    )
    async def add(request: Request) -> Changed:
        """Add one endpoint or a list; who has the id of one is replaced by it."""
        data = await _json(request)
        try:
            single = isinstance(data, dict) and "endpoints" not in data
            entries = read_entries([data], "body") if single else read_entries(data)
            change = membership.add(entries)
        except ValueError as error:
            raise HTTPException(422, str(error).replace("body[0].", "")) from None
        return Changed(joined=change.joined, left=change.left, changed=change.changed)

    @app.post("/endpoints/{id}/drain", responses=MISSING)
    async def drain(id: str) -> EndpointState:
        """Give it no more requests; it leaves when its last one is over."""
        state = row(changed(id, membership.drain))
        return state.model_copy(update={"state": "draining"})

    @app.post("/endpoints/{id}/remove", responses=MISSING)
    async def remove(id: str) -> EndpointState:
        """Let it leave at once. Requests in flight to it go on."""
        state = row(changed(id, membership.remove))
        return state.model_copy(update={"state": "removed"})

    @app.post(
        "/endpoints/{id}/weight",
        responses={**MISSING, **INVALID},
        openapi_extra=body_of(schema_of(WeightChange)),
    )
    async def weight(id: str, request: Request) -> EndpointState:
        """Give it another weight, until its source stops wanting it."""
        data = await _json(request)
        try:
            wanted = WeightChange.read(data).weight
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return row(changed(id, lambda each: membership.weigh(each, wanted)))


def state_of(stats: EndpointStats, membership: Membership) -> EndpointState:
    """An endpoint as the operator sees it."""
    endpoint = stats.endpoint
    if stats.id in membership.table.draining:
        state = "draining"
    else:
        state = "ejected" if stats.ejected else "healthy" if stats.healthy else "unhealthy"
    return EndpointState(
        id=stats.id,
        host=endpoint.host,
        port=endpoint.port,
        weight=endpoint.weight,
        tags=list(endpoint.tags),
        domains=list(endpoint.domains),
        proxy_node=endpoint.proxy_node,
        source=membership.source(stats.id),
        state=state,
        in_flight=stats.in_flight,
        completed=stats.completed,
        latency=stats.latency,
    )


async def _json(request: Request) -> object:
    """The body. Only what says that it is JSON: any web page may send other kinds anywhere."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(422, "body: must be sent as Content-Type: application/json")
    try:
        data: object = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"body: is not JSON: {error}") from None
    return data
