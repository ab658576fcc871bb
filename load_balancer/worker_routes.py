"""What a supervisor asks its workers beyond what an operator may: settings and learned state.

Only on the unix socket in the supervisor's private directory; part of no published interface.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from config.schema import Settings
from load_balancer.reloading import Applied, ReloadError
from load_balancer.repertoire import Repertoire

SETTINGS = "/private/settings"
LEARNED = "/private/learned"


def add_worker_routes(
    app: FastAPI, apply: Callable[[Settings], Applied], repertoire: Repertoire
) -> None:
    """Add them."""

    @app.post(SETTINGS, include_in_schema=False)
    async def take_settings(request: Request) -> JSONResponse:
        try:
            applied = apply(Settings(**json.loads(await request.body())))
        except ReloadError as error:
            return JSONResponse({"detail": str(error)}, 422)
        except ValidationError as error:
            return JSONResponse({"detail": error.errors()[0]["msg"]}, 422)
        return JSONResponse({"changed": applied.changed, "restart": applied.restart})

    @app.get(LEARNED, include_in_schema=False)
    async def tell() -> JSONResponse:
        return JSONResponse(repertoire.tell())

    @app.post(LEARNED, include_in_schema=False)
    async def take(request: Request) -> JSONResponse:
        try:
            repertoire.take(json.loads(await request.body()))
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 422)
        return JSONResponse({})
