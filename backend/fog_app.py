"""The fog's REST interface: the original's paths for the first simulation, and for others by id.

Knows neither its address nor its process. Everything runs in the event loop, one request after the
other: a step takes less time than handing it to a thread.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import fog_models as models
from backend.fog_shapes import encoded
from backend.fog_simulation import FogSimulation, FogSimulations, Move, Over, Refused, Update
from rl.fog.keys import FogConfigError
from rl.fog.settings import FogSettings

LARGEST_BODY_BYTES = 4 << 20
MEGABYTE = 1e6

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": models.Problem, "description": "There is no such simulation"}
}
_OVER: dict[int | str, dict[str, Any]] = {
    409: {"model": models.Problem, "description": "The episode is over"}
}


def create_app(settings: FogSettings, most_simulations: int = 16) -> ASGIApp:
    """The application, its first simulation at its first decision.

    Raises:
        Refused: the settings are not for stepping over HTTP.
    """
    simulations = FogSimulations(settings, most_simulations)
    first = simulations[FogSimulations.FIRST]
    app = FastAPI(
        title="Fog",
        description="Task offloading in the fog. Paths and shapes are PeersimGym's; docs/fog.md.",
        version="1",
        redirect_slashes=False,
    )

    async def the_first() -> FogSimulation:
        return first

    async def by_id(id: str) -> FogSimulation:
        try:
            return simulations[id]
        except KeyError:
            raise HTTPException(404, f"there is no simulation {id!r}") from None

    app.include_router(_routes(the_first, {}))
    app.include_router(_routes(by_id, _PROBLEMS), prefix="/simulations/{id}")

    @app.get("/simulations", response_model=list[models.Simulation])
    async def list_simulations() -> Response:
        return _json([_summary(id, each) for id, each in simulations])

    @app.post("/simulations", status_code=201, response_model=models.Simulation)
    async def create(keys: Annotated[models.Keys | None, Body()] = None) -> Response:
        """Another simulation: keys laid over all defaults, or the configured one again."""
        try:
            id = simulations.create(FogSettings.from_keys(keys) if keys else None)
        except FogConfigError as error:
            raise _invalid(("body", error.key), error.problem) from None
        except Refused as error:
            if error.place:
                raise
            raise HTTPException(409, str(error)) from None
        return _json(_summary(id, simulations[id]), 201)

    @app.delete("/simulations/{id}", status_code=204, responses=_PROBLEMS)
    async def delete(id: str) -> Response:
        try:
            simulations.delete(id)
        except KeyError:
            raise HTTPException(404, f"there is no simulation {id!r}") from None
        except Refused as error:
            raise HTTPException(409, str(error)) from None
        return Response(status_code=204)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        # What was given may be no JSON (NaN), so it is left out.
        return _json(
            {
                "detail": [
                    {"loc": _place(each), "msg": each["msg"], "type": each["type"]}
                    for each in error.errors()
                ]
            },
            422,
        )

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return _json(_problem(["body", *error.place], str(error)), 422)

    @app.exception_handler(Over)
    async def over(_: Request, error: Exception) -> Response:
        return _json({"detail": str(error)}, 409)

    return _Bounded(app)


def _routes(simulation: Any, problems: dict[int | str, dict[str, Any]]) -> APIRouter:
    """The original's paths for the simulation that the dependency gives."""
    router = APIRouter(responses=problems)
    found = Depends(simulation)

    @router.get("/state", response_model=models.Information)
    async def state(chosen: FogSimulation = found) -> Response:
        """All that there is to see at this decision. Asking changes nothing."""
        return _text(chosen.information_text())

    @router.get("/up", response_model=bool)
    async def up(chosen: FogSimulation = found) -> Response:
        return _json(not chosen.over)

    @router.get("/stopped", response_model=bool)
    async def stopped(chosen: FogSimulation = found) -> Response:
        """Whether it waits for actions. It always does, until the episode is over."""
        return _json(not chosen.over)

    @router.get("/done", response_model=bool)
    async def done(chosen: FogSimulation = found) -> Response:
        """Whether the next action is the last one, or was."""
        return _json(chosen.done)

    @router.get("/NeighbourData", response_model=models.NetworkData)
    async def neighbour_data(chosen: FogSimulation = found) -> Response:
        return _json(chosen.neighbour_data())

    @router.post("/action", response_model=list[models.Result], responses=_OVER)
    async def action(actions: models.Actions, chosen: FogSimulation = found) -> Response:
        """Acts, and goes on to the next decision. Controllers may be left out."""
        moves = [
            Move(each.controllerId, (each.neighbourIndex,), each.count)
            if isinstance(each, models.BasicAction)
            else Move(each.controllerId, tuple(each.neighbourIndex), batch=True)
            for each in actions
        ]
        return _json(chosen.act(moves))

    @router.post("/forward", response_model=list[models.Result], responses=_OVER)
    async def forward(
        actions: Annotated[list[Any] | None, Body(max_length=0)] = None,
        chosen: FogSimulation = found,
    ) -> Response:
        """Goes on to the next decision without an action."""
        return _json(chosen.forward())

    @router.post("/fl/update", response_model=bool, responses=_OVER)
    async def update(updates: models.Updates, chosen: FogSimulation = found) -> Response:
        """Sends messages that load the links; false if one of them has no way."""
        return _json(
            chosen.send(
                [Update(each.uuid, each.src, each.dst, each.size * MEGABYTE) for each in updates]
            )
        )

    @router.get("/fl/done", response_model=list[str])
    async def arrived(chosen: FogSimulation = found) -> Response:
        """Those that have arrived since the last time."""
        return _json(chosen.arrived())

    @router.post("/reset", response_model=models.Information)
    async def reset(asked: models.Reset | None = None, chosen: FogSimulation = found) -> Response:
        """A new episode, at its first decision."""
        chosen.reset(asked.seed if asked else None)
        return _text(chosen.information_text())

    return router


def _summary(id: str, simulation: FogSimulation) -> dict[str, Any]:
    settings = simulation.settings
    return {
        "id": id,
        "nodes": settings.nodes,
        "agents": list(settings.agents),
        "tick": simulation.world.now,
        "done": simulation.done,
    }


def _json(content: Any, status: int = 200) -> Response:
    return _text(encoded(content), status)


def _text(text: str, status: int = 200) -> Response:
    return Response(text, status, media_type="application/json")


def _place(problem: dict[str, Any]) -> list[str | int]:
    """Where it is; of a missing or unknown ``type`` the checks name only whose."""
    place = list(problem["loc"])
    return [*place, "type"] if problem["type"].startswith("union_tag") else place


def _problem(place: list[str | int], problem: str) -> dict[str, Any]:
    """What a 422 says, as FastAPI's own do."""
    return {"detail": [{"loc": place, "msg": problem, "type": "value_error"}]}


def _invalid(place: tuple[str | int, ...], problem: str) -> RequestValidationError:
    return RequestValidationError([{"loc": place, "msg": problem, "type": "value_error"}])


class _Bounded:
    """Refuses a body that is too long, before all of it is held, or no UTF-8."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > LARGEST_BODY_BYTES:
                answer = JSONResponse({"detail": f"at most {LARGEST_BODY_BYTES} bytes"}, 413)
                await answer(scope, receive, send)
                return
        try:
            body.decode()
        except UnicodeDecodeError as error:
            await _json(_problem(["body", error.start], "is not UTF-8"), 422)(scope, receive, send)
            return
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, whole, send)
