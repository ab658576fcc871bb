"""What must hold for whatever bytes a client or an endpoint sends, said once for the fuzzer, for
the replayed corpus and for property tests. An independent strict reader judges what went on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tests.conformance.reading import Message, Reading, read_answers, read_requests
from tests.fuzz.desk import LIMITS, Desk, Line

MAX_CUTS = 7
PIECES = MAX_CUTS + 1
SLACK = 64 << 10
"""Bytes that may be held beyond the limits and what one segment brings: a queue of small heads."""

TOO_LARGE = (414, 431)
OWN_ERRORS = (400, 408, 501, 502, 503, 504, 505, 508)
ANSWER = b"HTTP/1.1 200 OK\r\nX-Answers: %b\r\nContent-Length: %d\r\n\r\n%b"
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe.test\r\nX-Request-ID: probe\r\n\r\n"

ASKED = (
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a HTTP/1.0\r\n\r\n",
    b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
)
"""What an endpoint's bytes may answer; an input's first byte says which."""


def cut(data: bytes) -> list[bytes]:
    """The pieces of an input that begins with how it is to be cut: a count, then two bytes for each
    cut's place, then what is cut."""
    if not data:
        return []
    count = data[0] % PIECES
    places, rest = data[1 : 1 + 2 * count], data[1 + 2 * count :]
    size = len(rest) + 1
    cuts = sorted(
        int.from_bytes(places[at : at + 2], "big") % size for at in range(0, len(places), 2)
    )
    edges = [0, *cuts, len(rest)]
    pieces = [rest[start:end] for start, end in pairwise(edges)]
    return [piece for piece in pieces if piece]


@dataclass
class Seen:
    """What came of one client's bytes.

    Attributes:
        asked: requests that the endpoint got, the last one perhaps not whole.
        given: answers that the client got.
        tunnelled: both sides were switched to another protocol.
    """

    asked: list[Message]
    given: list[Message]
    tunnelled: bool = False


def _read_asked(line: Line) -> Reading:
    data = bytes(line.written)
    reading = read_requests(data if line.raw_from is None else data[: line.raw_from])
    assert not reading.fault, f"the endpoint got {reading.fault}: {data!r}"
    assert reading.end == len(data) or line.raw_from is not None, f"half a head went on: {data!r}"
    return reading


def _read_given(line: Line, to_head: list[bool]) -> Reading:
    data = bytes(line.written)
    reading = read_answers(data, to_head, line.ended == "close")
    assert not reading.fault, f"the client got {reading.fault}: {data!r}"
    switched = bool(reading.messages) and reading.messages[-1].status == 101
    assert switched or reading.end == len(data), f"bytes behind an answer: {data!r}"
    return reading


def play_requests(desk: Desk, pieces: list[bytes]) -> Seen:
    """A client sends these, an endpoint answers each whole request."""
    client = desk.client()
    answered: dict[int, int] = {}
    bound = sum(LIMITS.values()) + SLACK
    for piece in pieces:
        if not client.take(piece):
            break
        progress = True
        while progress:
            progress = False
            for number, line in enumerate(desk.origins):
                whole = [each for each in _read_asked(line).messages if each.whole]
                at = answered.get(number, 0)
                assert len(whole) <= at + 1, "a request went on before the one before was answered"
                if len(whole) > at and not line.ended:
                    progress = True
                    answered[number] = at + 1
                    what = whole[at].what.encode("latin-1")
                    body = b"" if what.startswith(b"HEAD ") else what
                    line.take(ANSWER % (what, len(what), body))
        assert desk.held() <= bound + len(piece), "more is held than is allowed"
    stuck = client.paused and not client.ended
    assert not stuck, "the client is not read any more, and nothing is under way"
    asked = [each for line in desk.origins for each in _read_asked(line).messages]
    given = _read_given(client, [each.what.startswith("HEAD ") for each in asked]).messages
    for request, answer in zip(asked, given, strict=False):
        tells = answer.values("x-answers")
        assert not tells or tells == [request.what], f"{tells} answers {request.what}"
    tunnelled = client.raw_from is not None
    desk.leave(client)
    return Seen(asked, given, tunnelled)


def requests(desk: Desk, data: bytes) -> Seen:
    """The laws for what a client sends: see each assertion. An input begins as ``cut`` says."""
    pieces = cut(data)
    seen = play_requests(desk, pieces)
    stream = b"".join(pieces)
    strict = read_requests(stream)
    if not strict.fault:
        ours = [_meaning(each) for each in seen.asked if each.whole]
        theirs = [(each.body, each.trailers != []) for each in strict.messages]
        assert len(ours) <= len(theirs), f"more requests went on than came: {ours} {theirs}"
        for our, their in zip(ours, theirs, strict=False):
            assert our[2] == their[0], f"another body went on: {our} {their}"
    whole = play_requests(desk, [stream] if stream else [])
    one, other = _story(seen), _story(whole)
    if not any(each in one[1] + other[1] for each in TOO_LARGE):
        assert one == other, f"cut {one}, in one piece {other}"
    return seen


def _meaning(message: Message) -> tuple[object, ...]:
    fields = [each for each in message.fields if each[0].lower() != b"x-request-id"]
    return (message.line, fields, message.body, message.trailers)


def _story(seen: Seen) -> tuple[list[object], list[int]]:
    whole: list[object] = [_meaning(each) for each in seen.asked if each.whole]
    return whole, [each.status for each in seen.given]


@dataclass
class Answered:
    """What came of an endpoint's bytes.

    Attributes:
        given: the final answer that the client got, or None.
        raw: every byte that it got.
        clean: its connection was not cut.
    """

    given: Message | None
    raw: bytes
    clean: bool


def play_answers(desk: Desk, asked: bytes, pieces: list[bytes], clean: bool) -> Answered:
    """An endpoint sends these for one request, then ends its connection or stays silent.

    Another request on the same client connection, where there can be one, gets its own answer.
    """
    client = desk.client()
    assert client.take(asked)
    (origin,) = desk.origins
    to_head = asked.startswith(b"HEAD ")
    for piece in pieces:
        if not origin.take(piece):
            break
    first = _read_given(client, [to_head])
    if not first.messages or not first.messages[0].whole:
        origin.end(clean)
        first = _read_given(client, [to_head])
    assert len(first.messages) <= 1, f"two answers to one request: {bytes(client.written)!r}"
    raw = bytes(client.written)
    given = first.messages[0] if first.messages else None
    done = given is not None and given.whole and given.status != 101
    if done and not client.ended and not client.paused and client.take(PROBE) and not client.ended:
        _probe(desk, client, to_head)
    ended = client.ended
    desk.leave(client)
    return Answered(given, raw, ended != "abort")


def _probe(desk: Desk, client: Line, to_head: bool) -> None:
    asked = [line for line in desk.origins if b"GET /probe HTTP/1.1\r\n" in line.written]
    if not asked:
        return  # the request before is not whole, so this was its body
    (line,) = asked
    line.take(ANSWER % (b"probe", 5, b"probe"))
    answers = _read_given(client, [to_head]).messages
    assert len(answers) == 2, f"{len(answers)} answers to two requests"
    assert answers[1].body == b"probe", f"the next request was answered {answers[1].body!r}"


def answers(desk: Desk, data: bytes) -> Answered:
    """The laws for what an endpoint sends. An input begins with a byte that says what it answers
    and how it ends, then goes on as ``cut`` says."""
    if not data:
        return Answered(None, b"", True)
    asked, clean = ASKED[data[0] % len(ASKED)], data[0] < 128
    pieces = cut(data[1:])
    seen = play_answers(desk, asked, pieces, clean)
    stream = b"".join(pieces)
    strict = read_answers(stream, [asked.startswith(b"HEAD ")], clean)
    ours = seen.given
    foreign = ours is not None and ours.whole and not (ours.status in OWN_ERRORS and _own(ours))
    if foreign and ours is not None and strict.messages and ours.status != 101:
        theirs = strict.messages[0]
        assert ours.status == theirs.status, f"status {ours.status}, not {theirs.status}"
        assert ours.body == theirs.body, f"body {ours.body!r}, not {theirs.body!r}"
        assert theirs.whole, "half an answer was made a whole one"
    whole = play_answers(desk, asked, [stream] if stream else [], clean)
    _same(seen, whole)
    return seen


def _own(answer: Message) -> bool:
    return not answer.values("via")


def _same(one: Answered, other: Answered) -> None:
    """A good answer is the same one however its bytes were cut; a bad one may be cut off in its
    midst, or be known for bad before any of it has gone down."""
    first, second = one.given, other.given
    if first is None or second is None or not (first.whole and second.whole):
        return
    if _own(first) or _own(second):
        return
    assert (first.line, first.fields, first.body, first.trailers) == (
        second.line,
        second.fields,
        second.body,
        second.trailers,
    ), f"cut {one.raw!r}, in one piece {other.raw!r}"
