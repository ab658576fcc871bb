"""The operator's routes to the rules for clients, and to the clients. Errors are RFC 9457's."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

from config.shaping import MOST_RULES, Rule
from load_balancer.endpoint_routes import body_of, schema_of
from load_balancer.problems import described, first_of, is_json, problem
from load_balancer.shaping.clients import Client
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping_view import waits

RULES = "/shaping/rules"
CLIENTS = "/shaping/clients"


class ClientState(BaseModel):
    """One client, as it is now; counts are since it was last forgotten."""

    name: str
    rule: str
    in_flight: int
    waiting: int
    passed: int
    delayed: int
    delay_seconds: float
    """That requests which have passed had to wait, in all."""
    refused: dict[str, int]
    received_bytes: int
    sent_bytes: int
    requests_left: float | None
    """Of its burst; below 0 so many wait. null where the rule bounds no rate."""
    upload_bytes_left: float | None
    download_bytes_left: float | None
    seconds_per_request: float
    """Of an endpoint's time, a moving mean."""
    idle_seconds: float


OFF = described(404, "Shaping is not switched on.")
MISSING = described(404, "Shaping is not switched on, or there is no such rule.")
INVALID = described(422, "The body is wrong; the key at fault is named.")


def add_shaping(
    app: FastAPI, shaper: Callable[[], Shaper | None], clock: Callable[[], float]
) -> None:
    """Add the routes.

    Args:
        shaper: as it is now, if there is one.
    """
    one = schema_of(Rule)

    @app.get(RULES, responses=OFF, response_model=list[Rule])
    async def rules() -> Response:
        """The rules in force, in their order."""
        found = shaper()
        return _off() if found is None else _rules(found)

    @app.post(
        RULES,
        responses={**OFF, **INVALID},
        response_model=list[Rule],
        openapi_extra=body_of({"anyOf": [one, {"type": "array", "items": one}]}),
    )
    async def put(request: Request) -> Response:
        """Put one rule in, or several: in the place of the one with its name, or before all others.
        They are in force until the section ``shaping`` of the configuration changes."""
        found = shaper()
        if found is None:
            return _off()
        try:
            given = _read(request.headers.get("content-type", ""), await request.body())
            wanted = _placed(found.rules, given)
        except ValueError as error:
            return problem(422, str(error))
        found.hold(wanted, clock())
        return _rules(found)

    @app.post(RULES + "/{name}/remove", responses=MISSING, response_model=list[Rule])
    async def remove(name: str) -> Response:
        """Take a rule out; its clients pass untouched, or by the next rule that is for them."""
        found = shaper()
        if found is None:
            return _off()
        rest = tuple(rule for rule in found.rules if rule.name != name)
        if len(rest) == len(found.rules):
            return problem(404, f"there is no rule {name!r}")
        found.hold(rest, clock())
        return _rules(found)

    @app.get(CLIENTS, responses=OFF, response_model=list[ClientState])
    async def clients(limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
        """The clients that were seen last, the latest first."""
        found = shaper()
        if found is None:
            return _off()
        now = clock()
        latest = islice(reversed(list(found.clients)), limit)
        return JSONResponse([_row(client, now).model_dump() for client in latest])


def _row(client: Client, now: float) -> ClientState:
    tally = client.tally
    left = [
        None if bucket is None else bucket.left(now)
        for bucket in (client.requests, client.up, client.down)
    ]
    return ClientState(
        name=client.name,
        rule=client.rule.name,
        in_flight=client.in_flight,
        waiting=waits(client),
        passed=tally.passed,
        delayed=tally.delayed,
        delay_seconds=tally.delay,
        refused=tally.refused,
        received_bytes=tally.received,
        sent_bytes=tally.sent,
        requests_left=left[0],
        upload_bytes_left=left[1],
        download_bytes_left=left[2],
        seconds_per_request=client.share.cost,
        idle_seconds=max(0.0, now - client.seen),
    )


def _read(kind: str, content: bytes) -> list[Rule]:
    """The rules of a body. Only what says that it is JSON: any web page may send other kinds
    anywhere.

    Raises:
        ValueError: it names the key.
    """
    if not is_json(kind):
        raise ValueError("body: must be sent as Content-Type: application/json")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"body: is not JSON: {error}") from None
    several = data if isinstance(data, list) else [data]
    found = []
    for number, each in enumerate(several):
        try:
            found.append(Rule.model_validate(each))
        except ValidationError as error:
            at = (f"[{number}]",) if isinstance(data, list) else ()
            raise ValueError(first_of(error, at)) from None
    names = [rule.name for rule in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"name: two rules have the name {name!r}")
    return found


def _placed(present: tuple[Rule, ...], given: list[Rule]) -> list[Rule]:
    named = {rule.name: rule for rule in given}
    known = {rule.name for rule in present}
    wanted = [rule for rule in given if rule.name not in known]
    wanted += [named.get(rule.name, rule) for rule in present]
    if len(wanted) > MOST_RULES:
        raise ValueError(f"body: there can be {MOST_RULES} rules")
    return wanted


def _rules(found: Shaper) -> Response:
    return JSONResponse([rule.model_dump(mode="json") for rule in found.rules])


def _off() -> Response:
    return problem(404, "shaping is not switched on: load_balancer.shaping.enabled")
