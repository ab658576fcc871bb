"""The operator's port: FastAPI, apart from the forwarded traffic. Changes are POST only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict

from load_balancer.status import Status, as_text
from metrics.exposition import CONTENT_TYPE, Sources, render


class StrategyChange(BaseModel):
    """The body of ``POST /strategy``."""

    model_config = ConfigDict(extra="forbid")

    strategy: str


class StrategyState(BaseModel):
    """The strategy that decides now."""

    routing_strategy: str


class Probe(BaseModel):
    """The answer to a liveness or readiness probe."""

    status: str


def create_admin(
    status: Status,
    sources: Sources,
    switch_strategy: Callable[[str], None],
    ready: Callable[[], bool],
) -> FastAPI:
    """The admin application.

    Args:
        switch_strategy: raises ValueError for a name that there is not.
        ready: whether the node takes requests.
    """
    app = FastAPI(title="Smart Load Balancer", description="The operator's view of one node.")

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

    @app.get("/metrics")
    async def metrics() -> Response:
        """The same for Prometheus."""
        return Response(render(sources), media_type=CONTENT_TYPE)

    @app.get("/q")
    async def q(request: Request, format: str = "") -> Response:
        """What the learner knows: a table for a person, JSON for who asks for it."""
        rows = status.table()
        wants_json = format == "json" or "application/json" in request.headers.get("accept", "")
        if wants_json:
            return JSONResponse({"routing_strategy": status.strategy, "rows": rows})
        if rows is None:
            return PlainTextResponse(f"{status.strategy} has no table to show\n")
        return PlainTextResponse(as_text(rows))

    @app.post("/strategy", responses={422: {"description": "There is no such strategy."}})
    async def strategy(change: StrategyChange) -> StrategyState:
        """Switch the strategy; requests under way finish under the old one."""
        try:
            switch_strategy(change.strategy)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return StrategyState(routing_strategy=status.strategy)

    return app


class _Server(uvicorn.Server):
    """Leaves signals to the process that it is a guest in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class AdminServer:
    """Runs an application on a port of its own, in the running loop."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._host = host
        self._port = port
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
        """Listen; the port.

        Raises:
            OSError: it is taken.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._host, self._port))
            listening.listen(128)
        except OSError:
            listening.close()
            raise
        self._task = asyncio.create_task(self._server.serve([listening]))
        port: int = listening.getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop and release the port."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
