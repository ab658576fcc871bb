"""The application of one backend: ``/health``, ``/behaviour``, and work on every other path.

Knows neither its address nor its process. Health is what the server sees of itself: ``degraded``
while requests wait for a slot, ``unhealthy`` while the next one would be refused. A fail or hang
phase does not show: that is the failure that polls do not see and answers do.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import random
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationError

from backend.vitals import Usage, Vitals, own_usage
from backend.work import LiveService, WorkApp
from config.section import Section
from rl.simulation.service import ServiceBehaviour, ServiceProfile

BEHAVIOUR_BYTES = 64 * 1024
"""Longest body of ``POST /behaviour``."""

# A proxy on this machine is a loopback peer too. These fields say that it asks for somebody else.
_FORWARDED = ("via", "forwarded", "x-forwarded-for")


class BehaviourChange(Section):
    """What ``POST /behaviour`` may say. What it leaves out stays; ``service`` is a whole profile.

    Attributes:
        seed: throws the dice anew from there; without it they go on, and noisy neighbours begin
            anew with seed 0.
        reset: forgets the response times and counts so far.
        reset_share: of the good answers, how many are cut in their middle by a TCP reset.
        paired_sizes: whether requests may say how large they are, in ``X-Work-Quantile``.
        refuse_seconds: for so long every connection is refused, and those that there are are cut.
    """

    base_delay_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None
    service: ServiceProfile | None = None
    seed: int | None = None
    reset: bool = False
    reset_share: Annotated[float, Field(ge=0, le=1)] | None = None
    paired_sizes: bool | None = None
    refuse_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None


def dice(server_id: str, seed: int | None) -> random.Random:
    """This server's dice: with one seed for all, each server still throws its own."""
    return random.Random(None if seed is None else f"{server_id}/{seed}")


def create_app(
    server_id: str,
    behaviour: ServiceBehaviour,
    clock: Callable[[], float] = time.monotonic,
    usage: Callable[[], Usage] = own_usage,
    reset: Callable[[tuple[str, int]], None] | None = None,
    refuse: Callable[[float], None] | None = None,
) -> FastAPI:
    """The application of one server. Its behaviour's schedule starts now.

    Args:
        clock: monotonic seconds.
        usage: what the process has used.
        reset: cuts the connection of a client's address; without it there is no ``reset_share``.
        refuse: refuses connections for so many seconds; without it there is no ``refuse_seconds``.
    """
    vitals = Vitals(clock, usage)
    work = WorkApp(server_id, LiveService(behaviour, clock), vitals, clock, reset)
    vitals.meter.slots = behaviour.profile.slots
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.router.default = work

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        vitals.sample()
        slots = work.service.slots
        return JSONResponse(
            {
                "server_id": server_id,
                "timestamp": time.time(),
                "cpu_utilization": round(vitals.cpu * 100.0, 2),
                "memory": round(vitals.memory * 100.0, 2),
                "active_requests": vitals.active,
                "queued_requests": slots.waiting,
                "avg_response_time": round(vitals.mean_seconds * 1000.0, 3),
                "next_response_time": round(vitals.next_seconds * 1000.0, 3),
                "health_status": (
                    "unhealthy" if slots.full else "degraded" if slots.waiting else "healthy"
                ),
            }
        )

    @app.post("/behaviour")
    async def change_behaviour(request: Request) -> JSONResponse:
        if not _is_from_here(request):
            return JSONResponse(
                {"detail": "only a direct request from this machine may change the behaviour"}, 403
            )
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BEHAVIOUR_BYTES:
                return JSONResponse({"detail": f"at most {BEHAVIOUR_BYTES} bytes"}, 413)
        try:
            change = BehaviourChange.model_validate_json(body)
        except ValidationError as error:
            problems = [
                {"loc": ["body", *detail["loc"]], "msg": detail["msg"]}
                for detail in error.errors(include_url=False, include_context=False)
            ]
            return JSONResponse({"detail": problems}, 422)
        if (change.reset_share and reset is None) or (change.refuse_seconds and refuse is None):
            return JSONResponse({"detail": "this process cannot cut connections"}, 422)
        old = work.service.behaviour
        new = ServiceBehaviour(
            old.profile if change.service is None else change.service,
            old.base_delay if change.base_delay_ms is None else change.base_delay_ms / 1000.0,
            old.rng if change.seed is None else dice(server_id, change.seed),
            # Servers that share a noisy neighbour are given one seed.
            change.seed or 0,
        )
        work.service = LiveService(new, clock)
        vitals.meter.slots = new.profile.slots
        if change.reset:
            vitals.reset()
        if change.reset_share is not None:
            work.reset_share = change.reset_share
        if change.paired_sizes is not None:
            work.paired_sizes = change.paired_sizes
        if change.refuse_seconds is not None and refuse is not None:
            refuse(change.refuse_seconds)
        return JSONResponse(
            {
                "server_id": server_id,
                "base_delay_ms": new.base_delay * 1000.0,
                "service": dataclasses.asdict(new.profile),
            }
        )

    return app


def _is_from_here(request: Request) -> bool:
    if request.client is None or any(field in request.headers for field in _FORWARDED):
        return False
    address = ipaddress.ip_address(request.client.host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
