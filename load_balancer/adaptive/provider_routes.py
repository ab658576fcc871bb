"""The operator's routes to adaptive shaping: all clients and their agents, the bounds that these
stay within, what they are rewarded for; and single agents frozen, forgotten, taken out and put in.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from fastapi import FastAPI, Request

from config.adaptive import EnvelopeBounds
from load_balancer.adaptive.asking import (
    ADAPTIVE,
    CLIENT,
    GUARDED,
    INVALID,
    OPERATOR,
    SWITCHED_OFF,
    UNKNOWN,
    Asking,
    Refused,
    refusing,
)
from load_balancer.adaptive.settings import envelope_of, section_of
from load_balancer.adaptive.view import (
    ModeState,
    Overview,
    ParametersBody,
    WeightsBody,
    client_row,
    weights_of,
)
from load_balancer.endpoint_routes import body_of, schema_of
from load_balancer.problems import described, read
from load_balancer.shaping.adaptive import Adaptive
from rl.shaping.reward import Weights

TAGS: list[str | Enum] = ["adaptive shaping: provider"]
WHO = [OPERATOR]
NO_RULE = described(404, "There is no such rule, or adaptive shaping is not switched on.")


def add_adaptive_provider(app: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @app.get(ADAPTIVE, tags=TAGS, dependencies=WHO, responses={**GUARDED, **SWITCHED_OFF})
    async def overview() -> Overview:
        """All clients in the adaptive mode or with targets, the envelopes and the weights."""
        return _overview(asking.agents())

    @app.get(
        ADAPTIVE + "/envelopes",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **SWITCHED_OFF},
    )
    async def envelopes() -> dict[str, EnvelopeBounds]:
        """By the name of the rule."""
        return _envelopes(asking.agents())

    @app.put(
        ADAPTIVE + "/envelopes/{rule}",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **NO_RULE, **INVALID},
        openapi_extra=body_of(schema_of(EnvelopeBounds)),
    )
    async def put_envelope(rule: str, request: Request) -> EnvelopeBounds:
        """Let agents move the clients of a rule within other bounds from now on. Who stands outside
        is moved inside at once. In force until the section ``shaping`` changes or the node ends."""
        agents = asking.agents()
        if rule not in {each.name for each in agents.shaper.rules}:
            raise Refused(404, f"there is no rule {rule!r}")
        with refusing():
            wanted = envelope_of(await read(request, EnvelopeBounds))
            return section_of(agents.envelope(rule, wanted, asking.clock()))

    @app.get(
        ADAPTIVE + "/weights", tags=TAGS, dependencies=WHO, responses={**GUARDED, **SWITCHED_OFF}
    )
    async def weights() -> WeightsBody:
        """Of the parts of a reward."""
        return weights_of(asking.agents().weights)

    @app.put(
        ADAPTIVE + "/weights",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **SWITCHED_OFF, **INVALID},
        openapi_extra=body_of(schema_of(WeightsBody)),
    )
    async def put_weights(request: Request) -> WeightsBody:
        """Reward agents by other weights from now on."""
        agents = asking.agents()
        with refusing():
            wanted = await read(request, WeightsBody)
            agents.weights = Weights(**wanted.model_dump())
        return wanted

    _add_order(app, asking, "freeze", Adaptive.freeze, "Let its agent neither learn nor explore.")
    _add_order(app, asking, "unfreeze", Adaptive.unfreeze, "Let it learn and explore again.")
    _add_order(
        app,
        asking,
        "reset",
        Adaptive.reset,
        "Let its agent forget what it has learned; a shared one, for all who share it.",
    )

    @app.get(
        CLIENT + "/export",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **INVALID},
    )
    async def export(id: str, request: Request) -> ParametersBody:
        """All that its agent has learned."""
        agents, name = asking.client(request, id)
        with refusing():
            return ParametersBody.model_validate(agents.export(name))

    @app.put(
        CLIENT + "/import",
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **INVALID},
        openapi_extra=body_of(schema_of(ParametersBody)),
    )
    async def put_parameters(id: str, request: Request) -> ModeState:
        """Give its agent what ``export`` gave, here or elsewhere, instead of what it knows. What is
        of another kind, or of another version of what agents see, is refused."""
        agents, name = asking.client(request, id)
        with refusing():
            enabled = agents.state(name).enabled
            agents.load(name, (await read(request, ParametersBody)).root)
        return ModeState(client=name, enabled=enabled)


def _add_order(
    app: FastAPI, asking: Asking, verb: str, act: Callable[[Adaptive, str], None], text: str
) -> None:
    """Add a route that has one agent do something."""

    async def order(id: str, request: Request) -> ModeState:
        agents, name = asking.client(request, id)
        with refusing():
            act(agents, name)
            return ModeState(client=name, enabled=agents.state(name).enabled)

    app.post(
        f"{CLIENT}/{verb}",
        name=verb,
        description=text,
        tags=TAGS,
        dependencies=WHO,
        responses={**GUARDED, **UNKNOWN, **INVALID},
    )(order)


def _overview(agents: Adaptive) -> Overview:
    settings = agents.settings
    rows = [client_row(agents.state(name)) for name in sorted(agents.watched())]
    return Overview(
        agent=settings.agent,
        share=settings.share,
        cooperative=settings.cooperative,
        weights=weights_of(agents.weights),
        envelopes=_envelopes(agents),
        clients=rows,
    )


def _envelopes(agents: Adaptive) -> dict[str, EnvelopeBounds]:
    found = {}
    for rule in agents.shaper.rules:
        try:
            found[rule.name] = section_of(agents.envelope(rule.name))
        except LookupError:
            continue
    return found
