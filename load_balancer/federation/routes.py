"""Federated learning on the admin port: what the operator sees, and the two paths by which sites
take part. Errors are RFC 9457's.

The sites' paths are opened by a site's token and by nothing else: the operator's token does not
open them, nor they anything else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from load_balancer.endpoint_routes import body_of
from load_balancer.federation.link import MODEL, OFFERS, STALE, TAKEN, parsed
from load_balancer.federation.members import Coordinator, Site
from load_balancer.federation.rounds import LONGEST_NAME, MOST_NAMES, Stale
from load_balancer.guard import Application, Receive, Scope, Send
from load_balancer.problems import PROBLEM, described, details, is_json, problem
from rl import stored
from rl.vocabulary import JSON

FEDERATION = "/federation"
LONGEST_ID = 100


class SiteState(BaseModel):
    """One site, as the coordinator has seen it."""

    name: str
    in_open_round: bool
    offers: int
    refused: int
    """Offers of which at least a part was not taken."""
    merged: int
    """Rounds with it."""
    missed: int
    """Rounds closed without it."""
    clipped: int
    """Learners of it whose change was scaled down, so far."""
    last_round: int
    """The last one that it was merged in; 0 for none."""
    last_refusal: dict[str, str]
    """Why, by learner; the empty name stands for the whole offer."""


class FederationState(BaseModel):
    """This node's part."""

    role: str
    """coordinator or site."""
    coordinator: str | None
    """Where a site takes part."""
    round: int
    """The open one, of a coordinator; the one gone on from, of a site."""
    closes_in_seconds: float | None
    rounds: int
    """Models that this node went on from."""
    unmerged: int
    """Times that a round was not closed, for too few sites were there."""
    learners: list[str]
    """That all know something of together."""
    offers_taken: int
    offers_declined: int
    """This site's, by the coordinator."""
    failures: int
    problem: str
    """What the last attempt failed at."""
    refused: dict[str, str]
    """Why what all know could not be joined to what is learned here, by learner."""
    sites: list[SiteState]


class Shared(BaseModel):
    """The open round, for a site."""

    run: str
    round: int
    seconds: float
    """That a round lasts."""
    closes_in_seconds: float
    included: dict[str, str]
    """By learner, the id of the site's latest offer that is in ``parameters``."""
    refused: dict[str, str]
    """Why parts of the site's last offer were not taken, by learner."""
    parameters: dict[str, Any] | None
    """What all know together, by learner; null if the site has it."""


class Received(BaseModel):
    """What became of an offer."""

    round: int
    closes_in_seconds: float
    taken: list[str]
    refused: dict[str, str]
    """Why, by learner."""


OFFER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["run", "round", "id", "parameters"],
    "additionalProperties": False,
    "properties": {
        "run": {"type": "string", "maxLength": LONGEST_ID},
        "round": {"type": "integer", "minimum": 0},
        "id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
        "parameters": {
            "type": "object",
            "description": "What a learner's parameters() gives, by the learner's name.",
            "maxProperties": MOST_NAMES,
            "propertyNames": {"minLength": 1, "maxLength": LONGEST_NAME},
            "additionalProperties": {"type": "object"},
        },
    },
}
# What the routes ask for themselves; here so that the API's description says so.
SITE = Security(HTTPBearer(auto_error=False, scheme_name="site"))
OFF = described(404, "Federated learning is not switched on.")
NOT_HERE = described(404, "This node is not the coordinator of a federation.")
WHO = described(401, "No site has this token.")
CLOSED = described(STALE, "Another round is open, or this one is being closed: ask for it first.")
LARGE = described(413, "The body is too large.")
INVALID = described(422, "The body is no offer; the key at fault is named.")


class Door:
    """Lets the two paths of sites past the guard of all others; their routes ask who is there."""

    def __init__(self, application: Application, guard: Application) -> None:
        self._application = application
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in (MODEL, OFFERS):
            await self._application(scope, receive, send)
        else:
            await self._guard(scope, receive, send)


def add_federation(app: FastAPI, member: Callable[[], Coordinator | Site | None]) -> None:
    """Add the routes.

    Args:
        member: this node's part, if it has one.
    """

    def coordinator(authorization: str) -> tuple[Coordinator, str] | Response:
        found = member()
        if not isinstance(found, Coordinator):
            return problem(404, "this node is not the coordinator of a federation")
        site = found.tokens.site(authorization)
        if site is None:
            answer = problem(401, "no site has this token: Authorization: Bearer …")
            answer.headers["WWW-Authenticate"] = 'Bearer realm="federation"'
            return answer
        return found, site

    @app.get(FEDERATION, responses=OFF, response_model=FederationState)
    async def state() -> Response:
        """This node's part in federated learning, and what it has seen of others."""
        found = member()
        if found is None:
            return problem(
                404,
                "federated learning is not switched on: "
                "load_balancer.shaping.adaptive.federation.enabled",
            )
        return JSONResponse(state_of(found).model_dump())

    @app.get(MODEL, responses={**NOT_HERE, **WHO}, response_model=Shared, dependencies=[SITE])
    async def model(
        run: Annotated[str, Query(max_length=LONGEST_ID)] = "",
        round: Annotated[int, Query(ge=0)] = 0,
        authorization: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """For a site: the open round, and what all know together if the site does not have it.

        ``run`` and ``round`` are those of the model that it has.
        """
        asked = coordinator(authorization)
        if isinstance(asked, Response):
            return asked
        found, site = asked
        rounds, tally = found.state, found.tally(site)
        has_it = (run, round) == (rounds.run, rounds.round)
        head = Shared(
            run=rounds.run,
            round=rounds.round,
            seconds=found.settings.seconds,
            closes_in_seconds=found.closes_in,
            included=tally.included,
            refused=tally.refusal,
            parameters=None,
        ).model_dump(exclude={"parameters"})
        # The parameters are written once a round, not once a site.
        body = json.dumps(head)[:-1].encode() + b', "parameters": '
        return Response(
            body + (b"null" if has_it else rounds.body) + b"}", media_type="application/json"
        )

    @app.post(
        OFFERS,
        responses={**NOT_HERE, **WHO, **CLOSED, **LARGE, **INVALID},
        response_model=Received,
        dependencies=[SITE],
        openapi_extra=body_of(OFFER_SCHEMA),
    )
    async def offer(
        request: Request, authorization: Annotated[str, Header(include_in_schema=False)] = ""
    ) -> Response:
        """For a site: what it has learned, for the open round. A later offer takes the place of an
        earlier one; learners that cannot be merged are left out and named, be it all of them."""
        asked = coordinator(authorization)
        if isinstance(asked, Response):
            return asked
        found, site = asked
        rounds = found.state
        try:
            content = await _content(request, found.settings.body_bytes)
        except _TooLarge:
            words = f"the body may have {found.settings.body_bytes} bytes"
            rounds.refuse(site, words)
            return JSONResponse(
                details(413, words), 413, {"Connection": "close"}, media_type=PROBLEM
            )
        try:
            if not is_json(request.headers.get("content-type", "")):
                raise ValueError("body: must be sent as Content-Type: application/json")
            data = await asyncio.to_thread(parsed, content)
            of_run, of_round, id, parameters = _read(data)
            if (of_run, of_round) != (rounds.run, rounds.round):
                return _stale(found)
            examined = await asyncio.to_thread(rounds.examine, parameters)
        except ValueError as error:
            rounds.refuse(site, str(error))
            return problem(422, str(error))
        try:
            rounds.receive(site, of_run, of_round, id, examined)
        except Stale:
            return _stale(found)
        answer = Received(
            round=rounds.round,
            closes_in_seconds=found.closes_in,
            taken=list(examined.fitting),
            refused=examined.refused,
        )
        return JSONResponse(answer.model_dump(), TAKEN)


def state_of(found: Coordinator | Site) -> FederationState:
    """A node's part, as the operator sees it."""
    if isinstance(found, Site):
        return FederationState(
            role="site",
            coordinator=found.coordinator,
            round=found.memory.round,
            closes_in_seconds=None,
            rounds=found.rounds,
            unmerged=0,
            learners=sorted(found.memory.names),
            offers_taken=found.taken,
            offers_declined=found.declined,
            failures=found.failures,
            problem=found.problem,
            refused=found.refused,
            sites=[],
        )
    rounds = found.state
    offered = rounds.offered
    sites = [
        SiteState(
            name=name,
            in_open_round=name in offered,
            offers=tally.offers,
            refused=tally.refused,
            merged=tally.merged,
            missed=tally.missed,
            clipped=tally.clipped,
            last_round=tally.round,
            last_refusal=tally.refusal,
        )
        for name, tally in rounds.sites.items()
    ]
    own = rounds.sites[found.own]
    return FederationState(
        role="coordinator",
        coordinator=None,
        round=rounds.round,
        closes_in_seconds=found.closes_in,
        rounds=found.rounds,
        unmerged=rounds.unmerged,
        learners=sorted(rounds.names),
        offers_taken=own.offers - own.refused,
        offers_declined=own.refused,
        failures=found.failures,
        problem=found.problem,
        refused=found.refused,
        sites=sites,
    )


class _TooLarge(Exception):
    """More came than is taken."""


async def _content(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:20]) > most:
        raise _TooLarge
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise _TooLarge
        pieces.append(piece)
    return b"".join(pieces)


def _read(data: JSON) -> tuple[str, int, str, Mapping[str, JSON]]:
    if isinstance(data, Mapping):
        for key in data:
            if key not in OFFER_SCHEMA["properties"]:
                raise ValueError(f"body.{key[:40]}: is no key of an offer")
    run = stored.text(stored.member(data, "run", "body."), "run")
    given = stored.member(data, "round", "body.")
    if isinstance(given, float) and given.is_integer():
        given = int(given)  # as JSON has it, 3.0 is a whole number
    round = stored.count(given, "round")
    id = stored.text(stored.member(data, "id", "body."), "id")
    parameters = stored.member(data, "parameters", "body.")
    if not 1 <= len(id) <= LONGEST_ID:
        raise ValueError(f"id: must have 1 to {LONGEST_ID} characters")
    if len(run) > LONGEST_ID:
        raise ValueError(f"run: may have {LONGEST_ID} characters")
    if not isinstance(parameters, Mapping):
        raise ValueError("parameters: must hold learners by name")
    return run, round, id, parameters


def _stale(found: Coordinator) -> Response:
    return problem(STALE, f"round {found.state.round} is open, or about to be: ask for it first")
