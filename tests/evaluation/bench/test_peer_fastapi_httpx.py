"""evaluation.bench.peer_fastapi_httpx: naive, but a proxy that forwards rightly."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from evaluation.bench.peer_fastapi_httpx import lifespan, make_app

pytestmark = pytest.mark.integration


def backend(name: str) -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def answer(request: Request, path: str) -> Response:
        said = f"{name} {request.method} {request.url.path}?{request.url.query} "
        return Response(said.encode() + await request.body(), 203, {"X-Backend": name})

    return app


async def test_it_forwards_everything_to_each_backend_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORIGINS", "http://one,http://two")
    app = make_app()
    routes: dict[str, httpx.AsyncBaseTransport] = {
        f"http://{name}": httpx.ASGITransport(backend(name)) for name in ("one", "two")
    }
    async with lifespan(app), httpx.AsyncClient(mounts=routes) as behind:
        real, app.state.client = app.state.client, behind
        front = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy")
        async with front:
            first = await front.get("/a/b", params=[("q", "1"), ("q", "2")])
            second = await front.post("/c", content=b"body")
        app.state.client = real
    assert (first.text, second.text) == ("one GET /a/b?q=1&q=2 ", "two POST /c? body")
    assert (first.status_code, first.headers["x-backend"]) == (203, "one")
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_its_client_is_closed_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGINS", "http://one")
    app = make_app()
    async with lifespan(app):
        client = app.state.client
        assert not client.is_closed
    assert client.is_closed
