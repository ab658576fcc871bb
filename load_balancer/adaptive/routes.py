"""What a client may say and ask of its agent: whether it wants one, what it is to reach, how its
application fares, and what the agent does. With its API key, for itself; the operator for all."""

from __future__ import annotations

from enum import Enum

from fastapi import FastAPI, Request

from load_balancer.adaptive.asking import (
    CLIENT,
    GUARDED,
    INVALID,
    KEY,
    OPERATOR,
    UNKNOWN,
    Asking,
    expected,
    refusing,
)
from load_balancer.adaptive.view import (
    AgentState,
    MetricsBody,
    Mode,
    ModeState,
    TargetsBody,
    agent_state,
)
from load_balancer.endpoint_routes import body_of, schema_of
from load_balancer.problems import described, read

TAGS: list[str | Enum] = ["adaptive shaping: client"]
WHO = [OPERATOR, KEY]
CONFLICT = described(
    409, "The client's rule has no envelope, or as many clients as there may be are in the mode."
)

TOO_MANY = described(409, "Within a minute the client has told too many different metrics.")


def add_adaptive(app: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @app.post(
        CLIENT + "/adaptive",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **CONFLICT, **INVALID},
        openapi_extra=body_of(schema_of(Mode)),
    )
    async def mode(id: str, request: Request) -> ModeState:
        """Put a client into the adaptive mode, or take it out: then its rule is in force as it
        stands, and its agent is kept for when it comes back."""
        agents, name = asking.client(request, id)
        with refusing():
            wanted = (await read(request, Mode)).enabled
        if wanted:
            with refusing(409):
                agents.enable(name, asking.clock(), expected=expected(agents, name))
        else:
            with refusing():
                agents.disable(name, asking.clock())
        return ModeState(client=name, enabled=wanted)

    @app.get(
        CLIENT + "/targets",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **INVALID},
    )
    async def targets(id: str, request: Request) -> TargetsBody:
        """What a client wants."""
        agents, name = asking.client(request, id)
        with refusing():
            return TargetsBody.of(agents.state(name).targets)

    @app.put(
        CLIENT + "/targets",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **INVALID},
        openapi_extra=body_of(schema_of(TargetsBody)),
    )
    async def put_targets(id: str, request: Request) -> TargetsBody:
        """Say what a client wants, instead of what it wanted before. It counts for the agents of
        others also while the client is not in the mode itself."""
        agents, name = asking.client(request, id)
        with refusing():
            wanted = (await read(request, TargetsBody)).targets()
            agents.targets(name, wanted, expected=expected(agents, name))
        return TargetsBody.of(wanted)

    @app.post(
        CLIENT + "/metrics",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **TOO_MANY, **INVALID},
        openapi_extra=body_of(schema_of(MetricsBody)),
    )
    async def metrics(id: str, request: Request) -> MetricsBody:
        """Tell how the application fares, as in ``{"frames_per_second": 24.5}``. What there is a
        target for counts for the reward; say it again every few seconds."""
        agents, name = asking.client(request, id)
        with refusing():
            told = (await read(request, MetricsBody)).root
        with refusing(409):
            agents.application(name, told, asking.clock(), expected=expected(agents, name))
        return MetricsBody(told)

    @app.get(
        CLIENT + "/agent",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **INVALID},
    )
    async def agent(id: str, request: Request) -> AgentState:
        """What a client's agent sees, does and why, and what came of it."""
        agents, name = asking.client(request, id)
        with refusing():
            return agent_state(agents.state(name), asking.clock())
