"""What the routes of adaptive shaping have in common: whom a request is about, who asks, and errors
as RFC 9457 has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request, Response, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from load_balancer.api_keys import CALLER, named_by, own_names, owns
from load_balancer.problems import described, problem
from load_balancer.shaping.adaptive import Adaptive, UnknownClient

ADAPTIVE = "/shaping/adaptive"
CLIENT = ADAPTIVE + "/clients/{id:path}"
SELF = "self"

OFF = "adaptive shaping is not switched on: load_balancer.shaping.adaptive.enabled"

# What the guard asks for; here so that the API's description says so.
OPERATOR = Security(HTTPBearer(auto_error=False, scheme_name="operator"))
KEY = Security(APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="client"))

UNAUTHORIZED = described(401, "The admin token is missing or wrong, or no rule names the API key.")
FORBIDDEN = described(
    403, "The client is another one than who asks; without a token, a foreign Host or Origin."
)
TOO_LARGE = described(413, "The body is too large.")
SWITCHED_OFF = described(404, "Adaptive shaping is not switched on.")
UNKNOWN = described(404, "There is no such client, or adaptive shaping is not switched on.")
INVALID = described(422, "The body is wrong; the key at fault is named.")
GUARDED: dict[int | str, dict[str, Any]] = {**UNAUTHORIZED, **FORBIDDEN, **TOO_LARGE}


class Refused(Exception):
    """A request that cannot be answered; why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


async def _answer_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.detail)


@contextmanager
def refusing(status: int = 422) -> Iterator[None]:
    """What agents do not take is refused: an unknown client by 404, a wrong value by ``status``."""
    try:
        yield
    except UnknownClient as error:
        raise Refused(404, str(error)) from None
    except ValueError as error:
        raise Refused(status, str(error)) from None


class Asking:
    """Requests about the agents of one node."""

    def __init__(
        self, app: FastAPI, agents: Callable[[], Adaptive | None], clock: Callable[[], float]
    ) -> None:
        """
        Args:
            agents: as they are now, if there are any.
            clock: monotonic seconds.
        """
        self._agents = agents
        self.clock = clock
        app.add_exception_handler(Refused, _answer_refused)

    def agents(self) -> Adaptive:
        """
        Raises:
            Refused: there are none.
        """
        found = self._agents()
        if found is None:
            raise Refused(404, OFF)
        return found

    def client(self, request: Request, id: str) -> tuple[Adaptive, str]:
        """The agents, and the name of the client that a request is about.

        Args:
            id: the name, or ``self`` for who has shown an API key.

        Raises:
            Refused: there are no agents, or the client is none of who asks.
        """
        agents = self.agents()
        digest = request.scope.get(CALLER)
        if digest is None:
            return agents, id
        rules = agents.shaper.rules
        if id == SELF:
            own = own_names(digest, rules)
            if not own:
                raise Refused(404, "no rule makes a client of this API key alone; ask by name")
            return agents, own[0]
        if not owns(digest, id, rules):
            raise Refused(403, "an API key answers for its own client only")
        return agents, id


def expected(agents: Adaptive, name: str) -> bool:
    """Whether the rules say that there is such a client, though it was not seen yet."""
    return named_by(name, agents.shaper.rules)
