"""The admin port over several workers: reading shows all together, changes go to all.

An ASGI application. Routes that it does not know itself are the workers': so what a node learns to
answer is answered here as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from load_balancer.admin import GUARDED, Operator, add_operator
from load_balancer.combined import combined
from load_balancer.explaining import EXPLAIN
from load_balancer.fleet import Fleet
from load_balancer.guard import Receive, Scope, Send
from load_balancer.status import as_text
from metrics import life_cycle, merging
from metrics.exposition import CONTENT_TYPE
from rl.vocabulary import JSON

NOBODY = "no worker answers"


class FleetAdmin:
    """One answer for all workers."""

    def __init__(
        self,
        fleet: Fleet,
        operator: Operator,
        ready: Callable[[], bool],
        switched: Callable[[str], None],
    ) -> None:
        """
        Args:
            ready: whether requests are wanted.
            switched: is told the strategy that all workers have switched to.
        """
        self._fleet = fleet
        self._operator = operator
        self._ready = ready
        self._switched = switched
        self._own = FastAPI(responses=GUARDED, openapi_url=None, docs_url=None, redoc_url=None)
        add_operator(self._own, operator)
        self._reading = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/stats": self._stats,
            "/metrics": self._metrics,
            "/q": self._q,
            EXPLAIN: self._explain,
            "/openapi.json": self._openapi,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in ("/reload", "/drain"):
            await self._own(scope, receive, send)
            return
        request = Request(scope, receive)
        if request.method == "GET":
            answer = await self._reading.get(request.url.path, self._any)(request)
        elif request.url.path.startswith("/private/"):
            answer = JSONResponse({"detail": "Not Found"}, 404)
        else:
            answer = await self._tell(request)
        await answer(scope, receive, send)

    async def _livez(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _readyz(self, request: Request) -> Response:
        if not self._ready():
            return JSONResponse({"status": "draining"}, 503)
        if not self._fleet.workers:
            return JSONResponse({"status": "no worker serves"}, 503)
        return JSONResponse({"status": "ready"})

    async def _stats(self, request: Request) -> Response:
        answers = await self._fleet.ask("/stats")
        if not answers:
            return JSONResponse({"detail": NOBODY}, 503)
        parts: dict[str, JSON] = {str(n): answer.json() for n, answer in answers.items()}
        whole = combined(list(parts.values()))
        assert isinstance(whole, dict)
        return JSONResponse({**whole, "workers": parts})

    async def _metrics(self, request: Request) -> Response:
        answers = await self._fleet.ask("/metrics")
        text = merging.merged([(str(n), answer.text) for n, answer in answers.items()])
        text += life_cycle.render(self._operator.counts)
        return Response(text, media_type=CONTENT_TYPE)

    async def _q(self, request: Request) -> Response:
        await self._fleet.merge()
        name, rows = await self._fleet.table()
        accept = request.headers.get("accept", "")
        if request.query_params.get("format") == "json" or "application/json" in accept:
            return JSONResponse({"routing_strategy": name, "rows": rows})
        if rows is None:
            return PlainTextResponse(f"{name} has no table to show\n")
        return PlainTextResponse(as_text(rows))

    async def _explain(self, request: Request) -> Response:
        """Each decides by its own knowledge and what it has in flight itself."""
        answers = await self._fleet.ask(_target(request))
        if not answers:
            return JSONResponse({"detail": NOBODY}, 503)
        for answer in answers.values():
            if answer.status_code != 200:
                return _as_given(answer.status_code, answer.content, "application/json", None)
        return JSONResponse({"workers": {str(n): each.json() for n, each in answers.items()}})

    async def _openapi(self, request: Request) -> Response:
        answers = await self._fleet.ask("/openapi.json")
        if not answers:
            return JSONResponse({"detail": NOBODY}, 503)
        whole: dict[str, Any] = next(iter(answers.values())).json()
        own = self._own.openapi()
        # What is answered here because there are several.
        for path, methods in whole["paths"].items():
            for method, operation in methods.items():
                if path != "/livez":
                    operation["responses"].setdefault("503", {"description": NOBODY})
                if method == "post":
                    operation["responses"]["502"] = {"description": "Not all workers took it."}
        whole["paths"] |= own["paths"]
        schemas = whole.setdefault("components", {}).setdefault("schemas", {})
        schemas |= own.get("components", {}).get("schemas", {})
        return JSONResponse(whole)

    async def _any(self, request: Request) -> Response:
        if request.url.path.startswith("/private/"):
            return JSONResponse({"detail": "Not Found"}, 404)
        accept = request.headers.get("accept")
        answers = await self._fleet.ask(_target(request), {"Accept": accept} if accept else None)
        if not answers:
            return JSONResponse({"detail": NOBODY}, 503)
        first = next(iter(answers.values()))
        kind = first.headers.get("content-type", "")
        alike = all(answer.status_code == first.status_code for answer in answers.values())
        if alike and first.status_code == 200 and kind.startswith("application/json"):
            return JSONResponse(combined([answer.json() for answer in answers.values()]))
        return _as_given(first.status_code, first.content, kind, first.headers.get("allow"))

    async def _tell(self, request: Request) -> Response:
        content = await request.body()
        kind = request.headers.get("content-type", "")
        told = await self._fleet.tell(request.method, _target(request), content, kind)
        if told.everywhere and request.url.path == "/strategy":
            self._switched(str(json.loads(told.content)["routing_strategy"]))
        return _as_given(told.status, told.content, told.content_type, told.allow)


def _target(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _as_given(status: int, content: bytes, kind: str, allow: str | None) -> Response:
    answer = Response(content, status)
    if kind:
        answer.headers["content-type"] = kind
    if allow:
        answer.headers["allow"] = allow
    return answer
