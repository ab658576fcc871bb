"""The admin port of a network: the graph, who joins and leaves, and every node's own routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Protocol

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from config.endpoints import Domain, HostName
from config.layout import Address
from config.network import Address as AddressText
from config.section import Name, Port
from load_balancer.admin import GUARDED, Detail, Operator, Probe
from load_balancer.network.links import Link
from load_balancer.workers import NoAnswer
from rl.vocabulary import JSON


class Change(Exception):
    """A change of the network cannot be made; the message says why.

    Attributes:
        status: to answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Joining(BaseModel):
    """The body of ``POST /nodes``.

    ``parents`` may be asked by it, ``children`` may ask it. ``domains`` says where the origin of
    each domain that it knows listens; null is the one that was started with the network. Port 0
    lets the system choose.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    parents: tuple[Name, ...] = ()
    children: tuple[Name, ...] = ()
    domains: dict[Domain, AddressText | None] = Field(default_factory=dict)
    host: HostName | None = None
    port: Port = 0
    level: Annotated[int, Field(ge=0, le=1000)] = 0


class Joined(BaseModel):
    """A node that joined."""

    name: str
    url: str


class Left(BaseModel):
    """A node that left.

    ``connections_cut`` are those that did not end in time.
    """

    name: str
    connections_cut: int = 0


class Changeable(Protocol):
    """The network, as far as its admin port may ask."""

    async def view(self, domain: str | None) -> dict[str, JSON]:
        """The graph as it is now."""
        ...

    def link(self, name: str) -> Link:
        """Who answers for a node. Raises Change."""
        ...

    async def join(self, joining: Joining) -> Address:
        """A node more. Raises Change."""
        ...

    async def leave(self, name: str) -> int:
        """A node less. Raises Change."""
        ...

    async def fail(self, name: str) -> None:
        """As a crash would. Raises Change."""
        ...


MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Detail, "description": "There is no such node here."}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"model": Detail, "description": "Its name or its port is taken."},
    422: {"description": "The body is wrong, or names a node that there is not."},
}


def create_network_admin(
    network: Changeable, operator: Operator, ready: Callable[[], bool]
) -> FastAPI:
    """The admin application of a network.

    Args:
        operator: ends it.
        ready: whether it takes requests.
    """
    app = FastAPI(
        title="Proxy network",
        description="The operator's view of a network of proxy nodes.",
        responses=GUARDED,
    )

    @app.exception_handler(Change)
    async def refused(request: Request, error: Change) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status)

    @app.get("/livez")
    def livez() -> Probe:
        """The process runs."""
        return Probe(status="alive")

    @app.get("/readyz", responses={503: {"model": Probe}})
    def readyz(response: Response) -> Probe:
        """The network takes requests."""
        if ready():
            return Probe(status="ready")
        response.status_code = 503
        return Probe(status="not ready")

    @app.get("/network")
    async def graph(domain: str | None = None) -> JSONResponse:
        """Nodes, and links with the Q learned for each domain, or for one."""
        return JSONResponse(await network.view(None if domain is None else domain.lower()))

    @app.post("/nodes", status_code=201, responses=REFUSED)
    async def join(joining: Joining) -> Joined:
        """A new node, known to its children from now on."""
        address = await network.join(joining)
        return Joined(name=joining.name, url=f"http://{address}")

    @app.post("/nodes/{name}/leave", responses=MISSING)
    async def leave(name: str) -> Left:
        """Let a node go: those before it are told, and it finishes what runs."""
        return Left(name=name, connections_cut=await network.leave(name))

    @app.post("/nodes/{name}/fail", responses=MISSING)
    async def fail(name: str) -> Left:
        """End a node as a crash would, to see its neighbours learn of it."""
        await network.fail(name)
        return Left(name=name)

    @app.post("/drain", status_code=202)
    async def drain() -> Probe:
        """End as SIGTERM does."""
        operator.drain()
        return Probe(status="draining")

    async def of_node(request: Request, name: str, rest: str) -> Response:
        target = f"/nodes/{name}/{rest}" if rest else f"/nodes/{name}"
        if request.url.query:
            target += f"?{request.url.query}"
        kept = {"accept", "content-type"}
        fields = {key: value for key, value in request.headers.items() if key in kept}
        link = network.link(name)
        try:
            answer = await link.ask(request.method, target, await request.body(), fields)
        except NoAnswer as error:
            raise HTTPException(502, str(error)) from None
        shown = Response(answer.content, answer.status_code)
        for key in ("content-type", "allow"):
            if key in answer.headers:
                shown.headers[key] = answer.headers[key]
        return shown

    @app.get("/nodes/{name}", responses=MISSING)
    async def node(request: Request, name: str) -> Response:
        """One node in a few numbers, and all that it has learned."""
        return await of_node(request, name, "")

    @app.get("/nodes/{name}/{rest:path}", responses=MISSING)
    async def read_of_node(request: Request, name: str, rest: str) -> Response:
        """What the node's own admin port would answer: ``q``, ``stats``, ``metrics``, ``health``,
        ``endpoints``."""
        return await of_node(request, name, rest)

    @app.post("/nodes/{name}/{rest:path}", responses=MISSING)
    async def change_node(request: Request, name: str, rest: str) -> Response:
        """The same for its changes: ``endpoints``, ``endpoints/ID/drain``, ``strategy``."""
        return await of_node(request, name, rest)

    return app
