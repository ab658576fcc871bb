"""Judges a row by the bytes that the origin and the client got. Knows no proxy.

Five kinds of failure:

    DESYNC    ambiguous bytes went on, a smuggled request arrived, or an answer went to the wrong
              request
    ACCEPTED  went on, and should have been refused
    REFUSED   is legal, and was refused
    HANG      nothing came, for ever
    WRONG     anything else that the row does not allow
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.play import PROBED, Record
from tests.conformance.reading import Message, read_answers, read_requests
from tests.conformance.rows.model import Asked, Given, Row, Way
from tests.live.wire import EOF

PASS = "pass"
DESYNC = "DESYNC"
ACCEPTED = "ACCEPTED"
REFUSED = "REFUSED"
HANG = "HANG"
WRONG = "WRONG"
KINDS = (DESYNC, ACCEPTED, REFUSED, HANG, WRONG)

_TELLS = "x-answers"


@dataclass(frozen=True)
class Verdict:
    """What became of a row: PASS or a kind of failure, and why."""

    kind: str
    why: str = ""


@dataclass
class _Seen:
    """A record, read.

    Attributes:
        asked, given: without the probe's.
        probed: the probe was answered, and on a connection that had been used before.
    """

    asked: list[Message]
    given: list[Message]
    up: bytes
    down: bytes
    stayed: bool
    probed: bool


def judge(row: Row, record: Record) -> Verdict:
    """Which of the allowed ways it went, or what kind of failure it is."""
    asked: list[Message] = []
    up = b""
    for talk in record.origins:
        data = talk.got if talk.raw_from is None else talk.got[: talk.raw_from]
        reading = read_requests(data)
        if reading.fault:
            return Verdict(DESYNC, f"the origin got {reading.fault}")
        asked += reading.messages
        if talk.raw_from is not None:
            up += talk.got[talk.raw_from :]
    for request in asked:
        if "smuggled" in request.what or "smuggled" in repr(request.fields):
            return Verdict(DESYNC, f"smuggled: {request.what} {request.fields}")
    seen = _read(row, record, asked, up)
    if isinstance(seen, Verdict):
        return seen
    if record.hung:
        return Verdict(HANG, f"no {record.hung}; {_summary(seen)}")
    complaints = [_complaint(way, seen) for way in row.ways]
    if "" in complaints:
        return Verdict(PASS)
    return Verdict(_kind(row.ways[0], seen), f"{complaints[0]}; {_summary(seen)}")


def _read(row: Row, record: Record, asked: list[Message], up: bytes) -> _Seen | Verdict:
    given: list[Message] = []
    down = b""
    to_head = [each.to_head for each in row.ways[0].given]
    for talk in record.clients:
        reading = read_answers(talk.got, to_head[len(given) :], talk.ended == EOF)
        if reading.fault:
            return Verdict(DESYNC, f"the client got {reading.fault}: {talk.got[-300:]!r}")
        given += reading.messages
        if reading.messages and reading.messages[-1].status == 101:
            down += talk.got[reading.end :]
        elif reading.end < len(talk.got) and b"\r\n\r\n" in talk.got[reading.end :]:
            return Verdict(DESYNC, f"bytes behind the answers: {talk.got[reading.end :][:200]!r}")
    probe = [request for request in asked if request.what == PROBED]
    asked = [request for request in asked if request.what != PROBED]
    probed = bool(given and probe and given[-1].values(_TELLS) == [PROBED])
    stayed = probed and len(read_answers(record.clients[-1].got, to_head, True).messages) > 1
    for number, answer in enumerate(given[:-1] if probed else given):
        tells = answer.values(_TELLS)
        # Some answers are of the proxy's own making, so the n-th need not answer the n-th asked.
        if tells and tells[0] not in [
            request.what for request in asked[: number + len(record.clients)]
        ]:
            return Verdict(DESYNC, f"answer {number + 1} is to {tells}; {_lines(asked)}")
    if not record.hung and len(probe) > probed:
        return Verdict(DESYNC, f"the probe got no answer of its own: {_lines(given)}")
    if probed:
        given = given[:-1]
    return _Seen(asked, given, up, down, stayed, probed)


def _complaint(way: Way, seen: _Seen) -> str:
    """Why it is not this way that it went, or ""."""
    wanted = [each.what for each in way.asked]
    if wanted != (got := [request.what for request in seen.asked]):
        return f"asked {got}, not {wanted}"
    if len(way.given) != len(seen.given):
        return f"{len(seen.given)} answers, not {len(way.given)}"
    for asked, request in zip(way.asked, seen.asked, strict=True):
        if why := _asked(asked, request):
            return f"{asked.what}: {why}"
    for number, (given, answer) in enumerate(zip(way.given, seen.given, strict=True), 1):
        if why := _given(given, answer):
            return f"answer {number}: {why}"
    if way.stays is not None and way.stays != seen.stayed:
        return "the connection stayed open" if seen.stayed else "the connection was closed"
    if not seen.probed:
        return "the probe was not answered as it should be"
    if way.up != seen.up:
        return f"up went {seen.up[:200]!r}, not {way.up!r}"
    if way.down != seen.down:
        return f"down came {seen.down[:200]!r}, not {way.down!r}"
    return ""


def _asked(asked: Asked, request: Message) -> str:
    if not asked.partial and not request.whole:
        return "not whole"
    if not asked.partial and asked.body != request.body:
        return f"body {request.body[:80]!r}"
    if why := _fields(asked.has, asked.lacks, request):
        return why
    if asked.trailers is not None and asked.trailers != _trailers(request):
        return f"trailers {_trailers(request)}"
    return ""


def _given(given: Given, answer: Message) -> str:
    status = answer.status
    if given.statuses and status not in given.statuses:
        return f"status {status}"
    if not given.statuses and not 400 <= status <= 599:
        return f"status {status}, no error"
    if given.whole is not None and given.whole != answer.whole:
        return "whole" if answer.whole else "not whole"
    if given.body is not None and given.body != answer.body:
        return f"body {answer.body[:80]!r}"
    if given.interim is not None:
        interim = tuple(each.status for each in answer.interim)
        if interim != given.interim:
            return f"interim answers {interim}"
    if given.trailers is not None and given.trailers != _trailers(answer):
        return f"trailers {_trailers(answer)}"
    return _fields(given.has, given.lacks, answer)


def _fields(has: tuple[tuple[str, ...], ...], lacks: tuple[str, ...], message: Message) -> str:
    for name, *values in has:
        if values != message.values(name):
            return f"{name} is {message.values(name)}, not {values}"
    for name in lacks:
        if message.values(name):
            return f"{name} is there: {message.values(name)}"
    return ""


def _trailers(message: Message) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in message.trailers
    )


def _kind(way: Way, seen: _Seen) -> str:
    """Of the failure to go the usual way."""
    own_error = any(answer.status >= 400 and not answer.values(_TELLS) for answer in seen.given)
    if len(seen.asked) > len(way.asked):
        return ACCEPTED
    if len(seen.asked) < len(way.asked) and own_error:
        return REFUSED
    return WRONG


def _lines(messages: list[Message]) -> str:
    return ", ".join(message.line.decode("latin-1") for message in messages)


def _summary(seen: _Seen) -> str:
    return f"origin: [{_lines(seen.asked)}] client: [{_lines(seen.given)}]"
