"""What can be asked of the nodes of one process, and each of them through its own admin routes.

An ASGI application. In one process with the network's admin port it is called directly, else over a
unix socket in a private directory.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from load_balancer.admin import create_admin
from load_balancer.assembly import Assembly
from load_balancer.cache_routes import add_cache
from load_balancer.endpoint_routes import add_endpoints, state_of
from load_balancer.guard import Application, Receive, Scope, Send
from load_balancer.hand_over import read_settings
from load_balancer.network.group import Group
from load_balancer.serving import StartError
from rl.vocabulary import JSON

MOST_ADMINS = 8
"""Applications of single nodes that are kept once built; each is some hundred KB."""


class GroupAdmin:
    """``/nodes`` of one process.

    ``GET /nodes``: how all are. ``POST /nodes`` with settings: one more. ``POST
    /nodes/NAME/leave`` and ``/fail``: one less. Anything else below ``/nodes/NAME`` is what that
    node's own admin port would answer.
    """

    def __init__(self, group: Group) -> None:
        self._group = group
        self._admins: OrderedDict[Assembly, FastAPI] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["path"].split("/", 3)
        if parts[:2] != ["", "nodes"] or len(parts) == 2:
            answer = await self._nodes(Request(scope, receive))
        else:
            name = unquote(parts[2])
            rest = parts[3] if len(parts) > 3 else ""
            node = self._group.nodes.get(name)
            if node is None:
                answer = _problem(404, f"there is no node {name!r}")
            elif scope["method"] == "POST" and rest == "leave":
                cut = await self._group.leave(name)
                answer = JSONResponse({"left": name, "connections_cut": cut})
            elif scope["method"] == "POST" and rest == "fail":
                await self._group.fail(name)
                answer = JSONResponse({"failed": name})
            elif rest:
                path = f"/{rest}"
                below = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
                await self._admin(node)(below, receive, send)
                return
            else:
                answer = JSONResponse(state(node))
        await answer(scope, receive, send)

    async def _nodes(self, request: Request) -> Response:
        if request.method == "GET":
            nodes = {name: state(node) for name, node in self._group.nodes.items()}
            return JSONResponse({"pid": os.getpid(), "nodes": nodes})
        try:
            settings = read_settings(json.loads(await request.body()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _problem(422, f"no settings of a node: {error}")
        try:
            node = await self._group.start(settings)
        except StartError as error:
            return _problem(409, str(error))
        return JSONResponse({"port": node.port}, 201)

    def _admin(self, node: Assembly) -> Application:
        """Built when it is first asked for: a hundred of them would be the larger part of what
        their nodes need."""
        admin = self._admins.get(node)
        if admin is None:
            admin = create_admin(
                node.status, node.sources, node.switch_strategy, lambda: self._group.ready
            )
            add_endpoints(admin, node.endpoints.membership)
            add_cache(admin, lambda: node.listener.cache, node.sources.cache)
            self._admins[node] = admin
            if len(self._admins) > MOST_ADMINS:
                self._admins.popitem(last=False)
        self._admins.move_to_end(node)
        return admin


def state(node: Assembly) -> dict[str, JSON]:
    """One node in a few numbers, and all that it has learned."""
    counters = node.counters
    membership = node.endpoints.membership
    table = membership.table
    endpoints: list[JSON] = [
        state_of(stats, membership).model_dump() for stats in (*table.all, *table.draining.values())
    ]
    rows = node.status.table()
    return {
        "port": node.port,
        "strategy": node.status.strategy,
        "load": node.load.current(),
        "in_flight": node.listener.in_flight(),
        "connections": len(node.listener.connections),
        "answers": {str(status): count for status, count in sorted(counters.answers.items())},
        "refusals": dict(counters.refusals),
        "retries": counters.retries,
        "learned": None if rows is None else list[JSON](rows),
        "endpoints": endpoints,
    }


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status)
