"""The proxy that one writes first: FastAPI in front, one shared httpx client behind, round robin.

A fair one: connections are kept on both sides, and nothing is logged. ``ORIGINS`` in the
environment has the backends' URLs, separated by commas.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response

HOP_BY_HOP = {"connection", "keep-alive", "te", "transfer-encoding", "upgrade"}
DECODED = {"content-encoding", "content-length"}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(timeout=30.0) as app.state.client:
        yield


async def forward(request: Request) -> Response:
    headers = [pair for pair in request.headers.items() if pair[0] not in HOP_BY_HOP]
    answer = await request.app.state.client.request(
        request.method,
        next(request.app.state.origins) + request.url.path,
        params=request.query_params.multi_items(),
        headers=headers,
        content=await request.body(),
    )
    dropped = HOP_BY_HOP | DECODED
    kept = {name: value for name, value in answer.headers.items() if name not in dropped}
    return Response(answer.content, answer.status_code, kept)


def make_app() -> FastAPI:
    app = FastAPI(lifespan=lifespan)
    app.state.origins = itertools.cycle(os.environ["ORIGINS"].split(","))
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    app.add_api_route("/{path:path}", forward, methods=methods)
    return app
