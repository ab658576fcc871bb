"""The operator's port: FastAPI, apart from the forwarded traffic. Changes are POST only.

``guard.py`` stands before it and says who may ask."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Protocol

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, WithJsonSchema
from starlette.routing import Match

from config.loading import ConfigError
from load_balancer import strategies
from load_balancer.guard import Application
from load_balancer.problems import BELOW, problem
from load_balancer.reloading import Applied, ReloadError
from load_balancer.status import Status, as_text
from metrics import life_cycle
from metrics.exposition import CONTENT_TYPE, Sources, render


class StrategyChange(BaseModel):
    """The body of ``POST /strategy``."""

    model_config = ConfigDict(extra="forbid")

    strategy: Annotated[str, WithJsonSchema({"type": "string", "enum": list(strategies.names())})]


class StrategyState(BaseModel):
    """The strategy that decides now."""

    routing_strategy: str


class Probe(BaseModel):
    """The answer to a liveness or readiness probe."""

    status: str


class Detail(BaseModel):
    """Why a request was refused."""

    detail: str


class Reloaded(BaseModel):
    """What a reload did."""

    changed: list[str]
    """Keys whose new value is in force."""
    restart: list[str]
    """Keys whose new value needs a restart; the old one is in force."""


class Operator(Protocol):
    """Who starts and ends the node, as far as the admin port may ask for it."""

    @property
    def counts(self) -> life_cycle.LifeCycle: ...

    async def reload(self) -> Applied:
        """Read the configuration again and take it up.

        Raises:
            ConfigError: it is not valid; nothing has changed.
            ReloadError: it cannot be taken up; nothing has changed.
        """
        ...

    def drain(self) -> None:
        """Begin to end, as SIGTERM does."""
        ...


# What ``guard.py`` answers before any route is asked.
GUARDED: dict[int | str, dict[str, Any]] = {
    401: {"model": Detail, "description": "The admin token is missing or wrong."},
    403: {"model": Detail, "description": "Without a token: another Host or Origin than ours."},
    413: {"model": Detail, "description": "The body is too large."},
}
TICK_SECONDS = 1.0
TEXT = {"text/plain": {"schema": {"type": "string"}}}


def create_admin(
    status: Status,
    sources: Sources,
    switch_strategy: Callable[[str], None],
    ready: Callable[[], bool],
    operator: Operator | None = None,
) -> FastAPI:
    """The admin application.

    Args:
        switch_strategy: raises ValueError for a name that there is not.
        ready: whether the node takes requests.
        operator: reloads and drains; without one there are no routes for it.
    """
    app = FastAPI(
        title="Smart Load Balancer",
        description="The operator's view of one node.",
        responses=GUARDED,
    )

    @app.exception_handler(405)
    async def not_allowed(request: Request, error: Exception) -> Response:
        """With every method of the resource; a router names those of its first route only."""
        matching = (each for each in app.routes if each.matches(request.scope)[0] is not Match.NONE)
        allowed = {method for each in matching for method in getattr(each, "methods", ())}
        headers = {"Allow": ", ".join(sorted(allowed))}
        if request.url.path.startswith(BELOW):
            return problem(405, f"allowed are {headers['Allow']}", headers)
        return JSONResponse({"detail": "Method Not Allowed"}, 405, headers)

    @app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Response:
        """As everywhere, but in the words of where it is."""
        detail = str(getattr(error, "detail", HTTPStatus.NOT_FOUND.phrase))
        if request.url.path.startswith(BELOW):
            return problem(404, detail)
        return JSONResponse({"detail": detail}, 404)

    @app.get("/livez")
    def livez() -> Probe:
        """The process runs."""
        return Probe(status="alive")

    @app.get("/readyz", responses={503: {"model": Probe}})
    def readyz(response: Response) -> Probe:
        """The node takes requests; 503 while it drains."""
        if ready():
            return Probe(status="ready")
        response.status_code = 503
        return Probe(status="draining")

    @app.get("/health")
    async def health() -> JSONResponse:
        """The same as on the proxy port."""
        return JSONResponse(status.health())

    @app.get("/stats")
    async def stats() -> JSONResponse:
        """Everything that is known and counted, in seconds."""
        return JSONResponse(status.stats())

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """The same for Prometheus."""
        counted = render(sources)
        if operator is not None:
            counted += life_cycle.render(operator.counts)
        return Response(counted, media_type=CONTENT_TYPE)

    @app.get("/q", responses={200: {"content": {**TEXT, "application/json": {}}}})
    async def q(request: Request, format: str = "") -> Response:
        """What the learner knows: a table for a person, JSON for who asks for it."""
        rows = status.table()
        wants_json = format == "json" or "application/json" in request.headers.get("accept", "")
        if wants_json:
            return JSONResponse({"routing_strategy": status.strategy, "rows": rows})
        if rows is None:
            return PlainTextResponse(f"{status.strategy} has no table to show\n")
        return PlainTextResponse(as_text(rows))

    @app.post(
        "/strategy",
        responses={
            400: {"model": Detail, "description": "The body cannot be read."},
            422: {"description": "There is no such strategy, or the body names none."},
        },
    )
    async def strategy(change: StrategyChange) -> StrategyState:
        """Switch the strategy; requests under way finish under the old one."""
        try:
            switch_strategy(change.strategy)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return StrategyState(routing_strategy=status.strategy)

    if operator is not None:
        add_operator(app, operator)
    return app


def add_operator(app: FastAPI, operator: Operator) -> None:
    """Add the routes that reload and drain."""

    @app.post(
        "/reload",
        responses={
            422: {"model": Detail, "description": "Nothing has changed; why."},
        },
    )
    async def reload() -> Reloaded:
        """Read the configuration again, as SIGHUP does: all of it is taken up, or nothing."""
        try:
            applied = await operator.reload()
        except (ConfigError, ReloadError) as error:
            raise HTTPException(422, str(error)) from None
        return Reloaded(changed=list(applied.changed), restart=list(applied.restart))

    @app.post("/drain", status_code=202)
    async def drain() -> Probe:
        """End as SIGTERM does: unready, then no new connection, then finish what runs."""
        operator.drain()
        return Probe(status="draining")


class _Server(uvicorn.Server):
    """Leaves signals to the process that it is a guest in, and wakes once a second, for the Date
    field, instead of ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._exit = asyncio.Event()

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self._exit.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._exit.wait()
            except TimeoutError:
                pass

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class AdminServer:
    """Runs an application on a port of its own, or on a unix socket, in the running loop."""

    def __init__(self, app: Application, host: str, port: int, path: Path | None = None) -> None:
        """
        Args:
            path: of a unix socket, instead of host and port.
        """
        self._host = host
        self._port = port
        self._path = path
        self._server = _Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; the port, or 0 for a unix socket.

        Raises:
            OSError: it is taken.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.socket(
            family if self._path is None else socket.AF_UNIX, socket.SOCK_STREAM
        )
        try:
            if self._path is None:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.bind((self._host, self._port))
            else:
                listening.bind(str(self._path))
            listening.listen(128)
        except OSError:
            listening.close()
            raise
        self._task = asyncio.create_task(self._server.serve([listening]))
        return 0 if self._path else int(listening.getsockname()[1])

    async def stop(self) -> None:
        """Stop and release the port."""
        self._server.end()
        if self._task is not None:
            await self._task
