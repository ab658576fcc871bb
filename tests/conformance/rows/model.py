"""What a row of the table says: what is sent, what the origin does, and what may come of it.

Rows know nothing of the proxy under test: only bytes that go in on one side and come out on the
other. Whatever is not said to be allowed is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass

MUST = "MUST"
SHOULD = "SHOULD"

# What a client or an origin does besides sending bytes.
TURN = "turn"
"""Lets what was sent arrive on its own."""
CLOSE = "close"
HALF_CLOSE = "half-close"
RESET = "reset"
NEW = "new"
"""The client opens another connection and goes on there."""
GONE = "gone"
"""Waits until the other side has ended the connection."""

# What only an origin does. A turn begins when a request's head has come, or else says AT_ONCE.
AT_ONCE = "at once"
WHOLE = "whole"
"""Waits for the whole request."""
ANSWER = "answer"
"""A plain answer that tells what it answers."""
TUNNEL = "tunnel"
"""From here on what comes is no HTTP; it is sent back as it comes."""
SWALLOW = "swallow"
"""From here on what comes is no HTTP; it is only kept."""


@dataclass(frozen=True)
class Longer:
    """Does nothing for longer than a deadline: of the ``head``, the ``body``, an ``idle``
    connection, or the ``answer``."""

    than: str


@dataclass(frozen=True)
class Answers:
    """Waits for so many answers on this connection."""

    count: int


@dataclass(frozen=True)
class Came:
    """Waits until these bytes have come on this connection."""

    data: bytes


Step = bytes | str | Longer | Answers | Came
Turn = tuple[Step, ...]

PLAIN: Turn = (WHOLE, ANSWER)


@dataclass(frozen=True)
class Asked:
    """A request as the origin gets it.

    Attributes:
        what: method and target.
        has: field names with exactly those values, in order; ``lacks`` names that must not be.
        trailers: names and values, or None for whatever.
        partial: it need not be whole.
    """

    what: str
    body: bytes = b""
    has: tuple[tuple[str, ...], ...] = ()
    lacks: tuple[str, ...] = ()
    trailers: tuple[tuple[str, str], ...] | None = None
    partial: bool = False


@dataclass(frozen=True)
class Given:
    """An answer as the client gets it.

    Attributes:
        statuses: one of these; none: any error, of 400 and above.
        body: None for whatever.
        interim: statuses of 1xx answers before it; None for whatever.
        whole: False if the client must see that it is not, None for either.
        to_head: it answers a HEAD.
    """

    statuses: tuple[int, ...] = (200,)
    body: bytes | None = None
    has: tuple[tuple[str, ...], ...] = ()
    lacks: tuple[str, ...] = ()
    trailers: tuple[tuple[str, str], ...] | None = None
    interim: tuple[int, ...] | None = None
    whole: bool | None = True
    to_head: bool = False


@dataclass(frozen=True)
class Way:
    """One allowed outcome.

    Attributes:
        asked: exactly these requests reach the origin, in order.
        given: exactly these answers reach the client, in order.
        stays: the client's connection can be used again afterwards; None for either.
        up, down: bytes of a tunnel as the origin and the client got them.
    """

    asked: tuple[Asked, ...] = ()
    given: tuple[Given, ...] = ()
    stays: bool | None = None
    up: bytes = b""
    down: bytes = b""


@dataclass(frozen=True)
class Row:
    """One exchange.

    Attributes:
        law: what it holds the proxy to.
        rfc: where that is said, number and section.
        client: what the client does.
        origin: what the origin does, one turn a request; the last one goes on.
        ways: the outcomes that are allowed; the first is the usual one.
    """

    id: str
    area: str
    level: str
    rfc: str
    law: str
    client: tuple[Step, ...]
    ways: tuple[Way, ...]
    origin: tuple[Turn, ...] = (PLAIN,)


# Shorthands.

GET_A = (Asked("GET /a"),)
OK = (Given(),)


def refused(*statuses: int, before: int = 0, stays: bool | None = False, head: bool = False) -> Way:
    """Nothing of it goes on, and the client is told; ``before`` it, so many ``GET /a`` did."""
    return Way(GET_A * before, OK * before + (Given(statuses, to_head=head),), stays)


def passed(*asked: Asked | str, stays: bool | None = None, **rest: object) -> Way:
    """These go on, and each is answered with 200; ``rest`` is said of the last one asked."""
    requests = [Asked(each) if isinstance(each, str) else each for each in asked]
    if rest:
        requests[-1] = Asked(requests[-1].what, **rest)  # type: ignore[arg-type]
    return Way(tuple(requests), OK * len(requests), stays)


def gave(*given: Given, asked: tuple[Asked, ...] = GET_A, stays: bool | None = None) -> Way:
    """``GET /a`` goes on, and this comes back."""
    return Way(asked, given, stays)


BAD_GATEWAY = gave(Given((502,)))
CUT = gave(Given(whole=False), stays=False)
"""The client has got a part, and sees that it is one."""
NOTHING = Way(GET_A, (), stays=False)
"""The connection ended without an answer."""
