"""Rows about exchanges: what several messages, both sides and time have to do with each other."""

from __future__ import annotations

from tests.conformance.rows.model import (
    ANSWER,
    CLOSE,
    GET_A,
    GONE,
    MUST,
    NEW,
    NOTHING,
    OK,
    PLAIN,
    RESET,
    SHOULD,
    SWALLOW,
    TUNNEL,
    TURN,
    WHOLE,
    Answers,
    Asked,
    Came,
    Given,
    Longer,
    Row,
    Step,
    Turn,
    Way,
    gave,
    passed,
    refused,
)
from tests.live.asking import get

HELLO = (Asked("POST /a", body=b"hello"),)
AB = (Asked("GET /a"), Asked("GET /b"))


def post(*lines: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """``POST /a`` with these field lines and whatever behind them."""
    return get("/a", *lines, method="POST", version=version) + body


def row(
    id: str,
    rfc: str,
    law: str,
    client: bytes | tuple[Step, ...],
    *ways: Way,
    origin: tuple[Turn, ...] = (PLAIN,),
    level: str = MUST,
) -> Row:
    """One row, whose area is the first word of its id."""
    steps = client if isinstance(client, tuple) else (client,)
    return Row(id, id.partition("-")[0], level, rfc, law, steps, ways, origin)


POST_5 = post("Content-Length: 5", body=b"hello")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTING = post("Content-Length: 5", "Expect: 100-continue")

EXPECT = [
    row(
        "expect-continue",
        "9110 10.1.1",
        "Expect goes on, the origin's 100 comes back, then the body goes",
        (EXPECTING, Came(CONTINUE[:20]), b"hello"),
        Way(
            (Asked("POST /a", b"hello", has=(("expect", "100-continue"),)),),
            (Given(interim=(100,)),),
        ),
        Way(HELLO, OK),
        origin=((CONTINUE, WHOLE, ANSWER),),
    ),
    row(
        "expect-at-once",
        "9110 10.1.1",
        "the body may come without waiting",
        EXPECTING + b"hello",
        passed(*HELLO),
    ),
    row(
        "expect-refused-by-origin",
        "9110 10.1.1",
        "a final answer in the place of 100 goes down, and the connection's next request is right",
        (EXPECTING, Answers(1)),
        Way((Asked("POST /a", partial=True),), (Given((417,)),), False),
        Way((Asked("POST /a", partial=True),), (Given((417,), interim=(100,)),), False),
        Way((Asked("POST /a", partial=True),), (Given((417,)),)),
        origin=((b"HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", CLOSE),),
    ),
    row(
        "expect-case",
        "9110 10.1.1",
        "100-Continue has no case",
        post("Content-Length: 5", "Expect: 100-CONTINUE", body=b"hello"),
        passed(*HELLO),
    ),
    row(
        "expect-unknown",
        "9110 10.1.1",
        "an unknown expectation is answered with 417, or goes on",
        post("Content-Length: 0", "Expect: the-unexpected"),
        refused(417),
        refused(417, stays=True),
        passed("POST /a"),
        level=SHOULD,
    ),
    row(
        "expect-no-body",
        "9110 10.1.1",
        "an expectation without a body holds nothing up",
        get("/a", "Expect: 100-continue"),
        passed("GET /a"),
        refused(400, 417),
    ),
    row(
        "expect-1.0",
        "9110 10.1.1",
        "an HTTP/1.0 client gets no 100",
        post("Content-Length: 5", "Expect: 100-continue", body=b"hello", version="1.0"),
        Way(HELLO, (Given(interim=()),)),
        origin=((CONTINUE, WHOLE, ANSWER),),
    ),
    row(
        "expect-chunked",
        "9110 10.1.1",
        "a chunked body waits as well",
        (
            post("Transfer-Encoding: chunked", "Expect: 100-continue"),
            Came(CONTINUE[:20]),
            b"5\r\nhello\r\n0\r\n\r\n",
        ),
        passed(*HELLO),
        origin=((CONTINUE, WHOLE, ANSWER),),
    ),
    row(
        "expect-twice",
        "9110 10.1.1",
        "two expecting requests in turn",
        (EXPECTING, Came(CONTINUE[:20]), b"hello", Answers(1), EXPECTING, TURN, b"hello"),
        passed(*HELLO * 2, stays=True),
        origin=((CONTINUE, WHOLE, ANSWER),),
    ),
]

_WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
HANDSHAKE = get("/a", *_WEBSOCKET)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
_ASKS_UPGRADE = (Asked("GET /a", has=(("upgrade", "websocket"),)),)
_SWITCHED = Given((101,), has=(("upgrade", "websocket"),))
FRAME = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"

UPGRADE = [
    row(
        "upgrade-echo",
        "9110 7.8",
        "after 101 bytes pass both ways as they are",
        (HANDSHAKE, Came(b"\r\n\r\n"), FRAME, TURN),
        Way(_ASKS_UPGRADE, (_SWITCHED,), up=FRAME, down=FRAME),
        origin=((WHOLE, SWITCH, TUNNEL),),
    ),
    row(
        "upgrade-looks-like-http",
        "9110 7.8",
        "in a tunnel a request is no request",
        (HANDSHAKE, Came(b"\r\n\r\n"), get("/b"), TURN),
        Way(_ASKS_UPGRADE, (_SWITCHED,), up=get("/b"), down=get("/b")),
        origin=((WHOLE, SWITCH, TUNNEL),),
    ),
    row(
        "upgrade-server-first",
        "9110 7.8",
        "bytes right behind the 101 are the new protocol's",
        (HANDSHAKE, Came(FRAME)),
        Way(_ASKS_UPGRADE, (_SWITCHED,), down=FRAME),
        origin=((WHOLE, SWITCH + FRAME, SWALLOW),),
    ),
    row(
        "upgrade-refused-200",
        "9110 7.8",
        "an origin may overlook the wish, and HTTP goes on",
        HANDSHAKE,
        passed("GET /a", stays=True),
        passed("GET /a"),
    ),
    row(
        "upgrade-refused-next",
        "9110 7.8",
        "after a declined wish the next request on the connection is one",
        (HANDSHAKE, Answers(1), get("/b")),
        passed("GET /a", "GET /b", stays=True),
    ),
    row(
        "upgrade-refused-426",
        "9110 15.5.22",
        "426 goes down with its Upgrade or without",
        HANDSHAKE,
        gave(Given((426,))),
        origin=(
            (
                WHOLE,
                b"HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: TLS/1.2\r\n"
                b"Content-Length: 0\r\n\r\n",
            ),
        ),
    ),
    row(
        "upgrade-unasked",
        "9110 15.2.2",
        "101 to who did not ask for it opens no tunnel",
        get("/a"),
        gave(Given((502,))),
        origin=((WHOLE, SWITCH + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", SWALLOW),),
    ),
    row(
        "upgrade-unasked-post",
        "9110 15.2.2",
        "nor to a POST",
        POST_5,
        gave(Given((502,)), asked=HELLO),
        origin=((WHOLE, SWITCH, SWALLOW),),
    ),
    row(
        "upgrade-other-protocol",
        "9110 15.2.2",
        "101 to a protocol that was not asked for opens no tunnel",
        HANDSHAKE,
        gave(Given((502,))),
        origin=((WHOLE, SWITCH.replace(b"websocket", b"evil"), SWALLOW),),
    ),
    row(
        "upgrade-101-without-upgrade",
        "9110 15.2.2",
        "101 must say to what",
        HANDSHAKE,
        gave(Given((502,))),
        origin=((WHOLE, b"HTTP/1.1 101 Switching Protocols\r\n\r\n", SWALLOW),),
        level=SHOULD,
    ),
    row(
        "upgrade-bytes-before-101",
        "9110 7.8",
        "bytes behind the asking request are kept for the tunnel or are the next request, not both",
        (HANDSHAKE + FRAME,),
        Way(_ASKS_UPGRADE, (_SWITCHED,), up=FRAME, down=FRAME),
        refused(),
        Way(_ASKS_UPGRADE, (Given(()),), False),
        Way(_ASKS_UPGRADE, (), False),
        origin=((WHOLE, TURN, SWITCH, TUNNEL),),
        level=SHOULD,
    ),
    row(
        "upgrade-request-before-answer",
        "9110 7.8",
        "a request behind a wish that is declined is a request",
        HANDSHAKE + get("/b"),
        passed("GET /a", "GET /b", stays=True),
        passed("GET /a", stays=False),
        level=SHOULD,
    ),
    row(
        "upgrade-h2c",
        "9113 3.1",
        "h2c is not passed on",
        get(
            "/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
        ),
        passed("GET /a", lacks=("http2-settings", "upgrade"), stays=True),
        refused(),
        level=SHOULD,
    ),
    row(
        "upgrade-no-connection",
        "9110 7.8",
        "Upgrade that Connection does not list is not passed on",
        get("/a", "Upgrade: websocket"),
        passed("GET /a", lacks=("upgrade",), stays=True),
    ),
    row(
        "upgrade-body",
        "9110 7.8",
        "a wish with a body: the body is no tunnel and no request",
        post(
            *_WEBSOCKET,
            "Content-Length: 33",
            body=b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"[:33],
        ),
        passed("POST /a", body=b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"[:33]),
        refused(),
        Way((), (Given(()),), True),
    ),
    row(
        "upgrade-1.0",
        "9110 7.8",
        "Upgrade in HTTP/1.0 is overlooked",
        get("/a", *_WEBSOCKET, version="1.0"),
        passed("GET /a", lacks=("upgrade",)),
        refused(),
    ),
    row(
        "upgrade-many",
        "9110 7.8",
        "of several protocols the origin takes one",
        get("/a", "Connection: upgrade", "Upgrade: foo/2, websocket"),
        Way((Asked("GET /a"),), (_SWITCHED,)),
        passed("GET /a"),
        refused(),
        origin=((WHOLE, SWITCH, SWALLOW),),
        level=SHOULD,
    ),
    row(
        "upgrade-client-leaves",
        "9110 7.8",
        "when the client leaves the tunnel, the origin hears of it",
        (HANDSHAKE, Came(b"\r\n\r\n"), FRAME, TURN, CLOSE),
        Way(_ASKS_UPGRADE, (Given((101,)),), up=FRAME),
        origin=((WHOLE, SWITCH, SWALLOW, GONE),),
    ),
    row(
        "upgrade-origin-leaves",
        "9110 7.8",
        "when the origin leaves the tunnel, so does the client",
        (HANDSHAKE, GONE),
        Way(_ASKS_UPGRADE, (_SWITCHED,), down=FRAME),
        origin=((WHOLE, SWITCH + FRAME, TURN, CLOSE),),
    ),
]

_TRAILED = "5\r\nhello\r\n0\r\n{}\r\n"
CHUNKED = post("Transfer-Encoding: chunked")


def _trailed(*lines: str) -> bytes:
    return CHUNKED + _TRAILED.format("".join(f"{line}\r\n" for line in lines)).encode()


TRAILERS = [
    row(
        "trailers-pass",
        "9110 6.5",
        "a harmless trailer goes on as one, or is dropped",
        _trailed("X-Sum: 1", "X-Sum: 2"),
        passed(*HELLO, stays=True),
    ),
    *[
        row(
            f"trailers-{name.lower()}",
            "9110 6.5.1",
            "what frames, routes or authorises a message is no trailer",
            _trailed(f"{name}: {value}") + get("/b"),
            passed(
                Asked(
                    "POST /a",
                    b"hello",
                    trailers=(),
                    lacks=() if name in ("Host", "X-Forwarded-For") else (name,),
                ),
                "GET /b",
                stays=True,
            ),
            refused(),
            Way((Asked("POST /a", partial=True),), (Given(()),), False),
            Way((Asked("POST /a", partial=True),), (), False),
        )
        for name, value in (
            ("Content-Length", "50"),
            ("Transfer-Encoding", "chunked"),
            ("Host", "smuggled"),
            ("Authorization", "x"),
            ("Connection", "x-a"),
            ("X-Forwarded-For", "203.0.113.1"),
            ("Content-Type", "text/evil"),
            ("Cookie", "a=b"),
            ("Expect", "100-continue"),
            ("Upgrade", "h2c"),
        )
    ],
    row(
        "trailers-giant",
        "6585 5",
        "trailers are bounded",
        CHUNKED + b"5\r\nhello\r\n0\r\nX-A: " + b"v" * 200_000,
        Way((Asked("POST /a", partial=True),), (Given((431, 413, 400)),), False),
        refused(),
        Way((Asked("POST /a", partial=True),), (), False),
        level=SHOULD,
    ),
    row(
        "trailers-do-not-leak",
        "9110 6.5.1",
        "a trailer of one request is no field of the next",
        _trailed("X-A: leaked") + get("/b"),
        passed(
            Asked("POST /a", b"hello", lacks=("x-a",)), Asked("GET /b", lacks=("x-a",)), stays=True
        ),
    ),
    row(
        "trailers-answer",
        "9110 6.5",
        "trailers of an answer go down, or are dropped",
        get("/a", "TE: trailers"),
        gave(Given(body=b"hello"), stays=True),
        origin=(
            (
                WHOLE,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n",
            ),
        ),
    ),
    row(
        "trailers-answer-framing",
        "9110 6.5.1",
        "a length among an answer's trailers goes nowhere",
        get("/a"),
        gave(Given(body=b"hello", trailers=()), stays=True),
        gave(Given((502,))),
        gave(Given(whole=False), stays=False),
        NOTHING,
        origin=(
            (
                WHOLE,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
                b"Content-Length: 50\r\nSet-Cookie: a=b\r\n\r\n",
            ),
        ),
    ),
]

HEAD = [
    row(
        "head-plain",
        "9110 9.3.2",
        "an answer to HEAD has no body, and keeps the length of the GET",
        get("/a", method="HEAD"),
        Way((Asked("HEAD /a"),), (Given(to_head=True, has=(("content-length", "7"),)),), True),
    ),
    row(
        "head-then-get",
        "9110 9.3.2",
        "the length of a HEAD's answer eats nothing of the next one",
        (get("/a", method="HEAD"), Answers(1), get("/b")),
        Way((Asked("HEAD /a"), Asked("GET /b")), (Given(to_head=True), Given()), True),
    ),
    row(
        "head-pipelined",
        "9110 9.3.2",
        "nor in a pipeline",
        get("/a", method="HEAD") + get("/b") + get("/c", method="HEAD") + get("/d"),
        Way(
            (Asked("HEAD /a"), Asked("GET /b"), Asked("HEAD /c"), Asked("GET /d")),
            (Given(to_head=True), Given(), Given(to_head=True), Given()),
            True,
        ),
    ),
    row(
        "head-chunked",
        "9112 6.3",
        "an answer to HEAD that speaks of chunks has none",
        (get("/a", method="HEAD"), Answers(1), get("/b")),
        Way((Asked("HEAD /a"), Asked("GET /b")), (Given(to_head=True), Given())),
        origin=((WHOLE, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), PLAIN),
    ),
    row(
        "head-no-framing",
        "9112 6.3",
        "an answer to HEAD without framing ends with its head",
        (get("/a", method="HEAD"), Answers(1), get("/b")),
        Way((Asked("HEAD /a"), Asked("GET /b")), (Given(to_head=True), Given())),
        origin=((WHOLE, b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n"), PLAIN),
    ),
    row(
        "head-with-body",
        "9112 6.3",
        "an origin that sends a body to HEAD does not spoil the next answer",
        (get("/a", method="HEAD"), Answers(1), TURN, get("/b")),
        Way((Asked("HEAD /a"), Asked("GET /b")), (Given(to_head=True), Given())),
        origin=(
            (
                WHOLE,
                b"HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n"
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ),
            PLAIN,
        ),
    ),
    row(
        "head-error",
        "9110 9.3.2",
        "an error of the proxy's own to HEAD has no body either",
        get("/a", method="HEAD"),
        Way((Asked("HEAD /a"),), (Given((502,), to_head=True),)),
        origin=((WHOLE, b"garbage\r\n\r\n"),),
    ),
]


def _answered(*data: bytes, end: str = "") -> tuple[Turn, ...]:
    return ((WHOLE, *data, *((end,) if end else ())), PLAIN)


FINAL = b"HTTP/1.1 200 OK\r\nX-Answers: <what>\r\nContent-Length: 2\r\n\r\nok"
INTERIM = [
    row(
        "interim-103",
        "8297 2",
        "103 goes down before the answer",
        get("/a"),
        gave(Given(interim=(103,)), stays=True),
        gave(Given(interim=()), stays=True),
        origin=_answered(b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n", FINAL),
    ),
    row(
        "interim-103-one-segment",
        "9110 15.2",
        "an interim answer and the final one in one segment are two",
        get("/a"),
        gave(Given(body=b"ok"), stays=True),
        origin=_answered(b"HTTP/1.1 103 Early Hints\r\n\r\n" + FINAL),
    ),
    row(
        "interim-100-unasked",
        "9110 15.2",
        "an unasked 100 is no final answer",
        get("/a"),
        gave(Given(body=b"ok"), stays=True),
        origin=_answered(CONTINUE, FINAL),
    ),
    row(
        "interim-several",
        "9110 15.2",
        "several interim answers come before one final",
        get("/a"),
        gave(Given(body=b"ok"), stays=True),
        origin=_answered(CONTINUE * 2 + b"HTTP/1.1 102 Processing\r\n\r\n", FINAL),
    ),
    row(
        "interim-unknown",
        "9110 15",
        "an unknown 1xx is an interim answer",
        get("/a"),
        gave(Given(body=b"ok"), stays=True),
        origin=_answered(b"HTTP/1.1 199 Odd\r\nX-A: b\r\n\r\n", FINAL),
    ),
    row(
        "interim-1.0",
        "9110 15.2",
        "an HTTP/1.0 client gets none",
        get("/a", version="1.0"),
        gave(Given(interim=()), stays=False),
        origin=_answered(b"HTTP/1.1 103 Early Hints\r\n\r\n", FINAL),
    ),
    row(
        "interim-storm",
        "9110 15.2",
        "a storm of interim answers ends",
        get("/a"),
        gave(Given((502,))),
        gave(Given((502,)), stays=False),
        gave(Given(body=b"ok")),
        NOTHING,
        origin=_answered(b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n" * 5000, FINAL),
        level=SHOULD,
    ),
    row(
        "interim-with-length",
        "9112 6.3",
        "an interim answer has no body, whatever it says",
        get("/a"),
        gave(Given(body=b"ok")),
        gave(Given((502,))),
        NOTHING,
        origin=_answered(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n", FINAL),
    ),
    row(
        "interim-unknown-with-body",
        "9110 15.2",
        "no interim answer has a body, and what stands in its place is no answer",
        get("/a"),
        gave(Given((502,))),
        NOTHING,
        origin=_answered(
            b"HTTP/1.1 199 Odd\r\nContent-Length: 99\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX-Answers: GET /evil\r\nContent-Length: 0\r\n\r\n",
        ),
    ),
    row(
        "interim-only",
        "9110 15.2",
        "an interim answer and the end is no answer",
        get("/a"),
        gave(Given((502,))),
        NOTHING,
        origin=((WHOLE, CONTINUE, CLOSE),),
    ),
]
NO_CONTENT = [
    *[
        row(
            f"empty-{status}{name}",
            "9112 6.3",
            f"{status} has no body, and what its origin sends as one goes nowhere",
            (get("/a"), Answers(1), TURN, get("/b")),
            Way(AB, (Given((status,), body=b""), Given())),
            origin=((WHOLE, b"HTTP/1.1 %d X\r\n%b\r\n%b" % (status, lines, body)), PLAIN),
        )
        for status in (204, 304)
        for name, lines, body in (
            ("", b"", b""),
            ("-length-0", b"Content-Length: 0\r\n", b""),
            ("-length", b"Content-Length: 5\r\n", b""),
            ("-body", b"Content-Length: 5\r\n", b"hello"),
            ("-answer", b"Content-Length: 38\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            ("-chunked", b"Transfer-Encoding: chunked\r\n", b""),
            ("-chunks", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        )
    ],
    row(
        "empty-205",
        "9110 15.3.6",
        "205 with a length of 0",
        get("/a"),
        gave(Given((205,), body=b""), stays=True),
        origin=((WHOLE, b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),),
    ),
    row(
        "empty-200",
        "9112 6.3",
        "200 with a length of 0",
        get("/a"),
        gave(Given(body=b""), stays=True),
        origin=((WHOLE, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),),
    ),
]

CLOSED = b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
EARLY = [
    row(
        "early-refusal",
        "9112 9.5",
        "an answer before the whole body goes down; the rest is nobody's request",
        (post("Content-Length: 1000", body=b"hello"), Answers(1)),
        Way((Asked("POST /a", partial=True),), (Given((413,)),), False),
        origin=((b"", CLOSED, CLOSE),),
    ),
    row(
        "early-keep",
        "9112 9.3",
        "an early answer on a connection that is kept: the rest of the body is no request",
        (
            post("Content-Length: 55", body=b"hello"),
            Answers(1),
            b"GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n".ljust(50, b"x"),
        ),
        Way((Asked("POST /a", partial=True),), OK),
        origin=((ANSWER,),),
    ),
    row(
        "early-chunked",
        "9112 9.3",
        "nor is the rest of a chunked one",
        (
            CHUNKED + b"5\r\nhello\r\n",
            Answers(1),
            b"26\r\nGET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n",
        ),
        Way((Asked("POST /a", partial=True),), OK),
        origin=((ANSWER,),),
    ),
    row(
        "early-client-leaves",
        "9112 9.6",
        "a client that leaves within its body leaves no request behind",
        (post("Content-Length: 1000", body=b"hello"), TURN, CLOSE),
        Way((Asked("POST /a", partial=True),), ()),
        Way((), ()),
    ),
    row(
        "early-client-resets",
        "9112 9.6",
        "nor one that resets",
        (CHUNKED + b"5\r\nhello\r\n", TURN, RESET),
        Way((Asked("POST /a", partial=True),), ()),
        Way((), ()),
    ),
    row(
        "early-client-leaves-head",
        "9112 9.6",
        "half a head is no request",
        (b"GET /smuggled HTTP/1.1\r\nHost: h\r\n", TURN, CLOSE),
        Way((), ()),
    ),
    row(
        "early-client-leaves-answer",
        "9112 9.6",
        "a client that does not wait spoils nothing for the next",
        (get("/a"), TURN, CLOSE, NEW, get("/b")),
        Way(AB, OK),
        Way((Asked("GET /a"),) * 2 + (Asked("GET /b"),), OK),
        origin=((WHOLE, TURN, TURN, ANSWER), PLAIN),
    ),
]

PIPELINE = [
    row(
        "pipeline-3",
        "9112 9.3.2",
        "answers come in the order of the requests",
        get("/a") + get("/b") + get("/c"),
        passed("GET /a", "GET /b", "GET /c", stays=True),
    ),
    row(
        "pipeline-slow-first",
        "9112 9.3.2",
        "also when the first takes longer",
        get("/a") + get("/b"),
        passed(*AB, stays=True),
        origin=((WHOLE, TURN, TURN, ANSWER), PLAIN),
    ),
    row(
        "pipeline-40",
        "9112 9.3.2",
        "and when there are many",
        b"".join(get(f"/{number}") for number in range(40)),
        passed(*(f"GET /{number}" for number in range(40)), stays=True),
    ),
    row(
        "pipeline-bodies",
        "9112 9.3.2",
        "bodies between them stay whose they are",
        POST_5 + CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + get("/b") + POST_5,
        passed(*HELLO, Asked("POST /a", b"abc"), "GET /b", *HELLO, stays=True),
    ),
    row(
        "pipeline-then-bad",
        "9112 9.3.2",
        "what is before a malformed request is answered, what is behind it is not",
        get("/a") + b"BAD\r\n\r\n" + get("/smuggled"),
        refused(before=1),
        Way(GET_A, OK, False),
    ),
    row(
        "pipeline-bad-post",
        "9112 9.3.2",
        "a bad length in the second request refuses only that one",
        get("/a") + post("Content-Length: +5", body=b"hello") + get("/smuggled"),
        refused(before=1),
        Way(GET_A, OK, False),
    ),
    row(
        "pipeline-close",
        "9112 9.6",
        "behind Connection: close nothing is read",
        get("/a", "Connection: close") + get("/smuggled"),
        Way((Asked("GET /a"),), OK, False),
    ),
    row(
        "pipeline-split",
        "9112 2.2",
        "requests cut anywhere are the same requests",
        tuple(
            step
            for piece in (
                b"GET /a HTT",
                b"P/1.1\r",
                b"\nHost: h\r\n\r",
                b"\nGET /b HTTP/1.1\r\nHos",
                b"t: h\r\n\r\n",
            )
            for step in (piece, TURN)
        ),
        passed(*AB, stays=True),
    ),
    row(
        "pipeline-origin-closes",
        "9112 9.3.2",
        "an origin that closes after each answer does not break a pipeline",
        get("/a") + get("/b") + get("/c"),
        passed("GET /a", "GET /b", "GET /c", stays=True),
        origin=(
            (WHOLE, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", CLOSE),
        ),
    ),
]

BODY_SAME = post("Content-Length: 5", body=b"hello")
REPEATS = [
    row(
        "repeat-same",
        "9112 9.3",
        "the same request again is another request",
        (get("/a"), Answers(1), get("/a"), Answers(2), get("/a")),
        passed("GET /a", "GET /a", "GET /a", stays=True),
    ),
    row(
        "repeat-same-one-segment",
        "9112 9.3.2",
        "in one segment too",
        get("/a") * 5,
        passed(*["GET /a"] * 5, stays=True),
    ),
    row(
        "repeat-alternating",
        "9112 9.3",
        "two requests that take turns are not taken for each other",
        (get("/a"), Answers(1), get("/b"), Answers(2), get("/a"), Answers(3), get("/b")),
        passed("GET /a", "GET /b", "GET /a", "GET /b", stays=True),
    ),
    row(
        "repeat-one-field-more",
        "9112 9.3",
        "a field more makes it another one",
        (get("/a"), Answers(1), get("/a", "X-A: b"), Answers(2), get("/a")),
        passed(
            Asked("GET /a", lacks=("x-a",)),
            Asked("GET /a", has=(("x-a", "b"),)),
            Asked("GET /a", lacks=("x-a",)),
            stays=True,
        ),
    ),
    row(
        "repeat-same-length",
        "9112 9.3",
        "so does another value of the same length",
        (get("/a", "X-A: 1"), Answers(1), get("/a", "X-A: 2"), Answers(2), get("/a", "X-A: 1")),
        passed(*(Asked("GET /a", has=(("x-a", value),)) for value in "121"), stays=True),
    ),
    row(
        "repeat-head-and-get",
        "9110 9.3.2",
        "HEAD is no GET",
        (get("/a", method="HEAD"), Answers(1), get("/a"), Answers(2), get("/a", method="HEAD")),
        Way(
            (Asked("HEAD /a"), Asked("GET /a"), Asked("HEAD /a")),
            (Given(to_head=True), Given(), Given(to_head=True)),
            True,
        ),
    ),
    row(
        "repeat-head",
        "9110 9.3.2",
        "HEAD after HEAD",
        (get("/a", method="HEAD"), Answers(1), get("/a", method="HEAD"), Answers(2), get("/b")),
        Way(
            (Asked("HEAD /a"), Asked("HEAD /a"), Asked("GET /b")),
            (Given(to_head=True), Given(to_head=True), Given()),
            True,
        ),
    ),
    row(
        "repeat-then-close",
        "9112 9.6",
        "the same but for Connection: close closes",
        (get("/a"), Answers(1), get("/a", "Connection: close")),
        passed("GET /a", "GET /a", stays=False),
    ),
    row(
        "repeat-pieces",
        "9112 2.2",
        "the same in pieces is the same",
        (get("/a"), Answers(1), get("/a")[:9], TURN, get("/a")[9:], Answers(2), get("/a")),
        passed("GET /a", "GET /a", "GET /a", stays=True),
    ),
    row(
        "repeat-prefix",
        "9112 2.2",
        "a segment that begins with it and holds the beginning of another",
        (get("/a"), Answers(1), get("/a") + get("/b")[:12], TURN, get("/b")[12:]),
        passed("GET /a", "GET /a", "GET /b", stays=True),
    ),
    row(
        "repeat-within-body",
        "9112 6",
        "its bytes as a body are a body",
        (get("/a"), Answers(1), post(f"Content-Length: {len(get('/a'))}"), TURN, get("/a")),
        passed("GET /a", Asked("POST /a", get("/a")), stays=True),
    ),
    row(
        "repeat-within-chunk",
        "9112 6",
        "and within a chunk",
        (
            get("/a"),
            Answers(1),
            CHUNKED + b"%x\r\n" % len(get("/a")),
            TURN,
            get("/a"),
            TURN,
            b"\r\n0\r\n\r\n",
        ),
        passed("GET /a", Asked("POST /a", get("/a")), stays=True),
    ),
    row(
        "repeat-within-head",
        "9112 5",
        "its bytes behind the beginning of another head are a malformed head",
        (get("/a"), Answers(1), b"GET /b HTTP/1.1\r\nX-A: b\r\n", TURN, get("/a")),
        refused(before=1),
    ),
    row(
        "repeat-bad-between",
        "9112 9.3",
        "behind a malformed one nothing is read, not even what was read before",
        (get("/a"), Answers(1), b"BAD\r\n\r\n" + get("/a")),
        refused(before=1),
    ),
    row(
        "repeat-bad-after-pieces",
        "9112 9.3",
        "nor behind half a line",
        (get("/a"), Answers(1), b"X", TURN, get("/a")),
        refused(before=1),
        Way((*GET_A, Asked("XGET /a")), OK * 2),
    ),
    row(
        "repeat-post",
        "9112 6",
        "the same head with another body",
        (BODY_SAME, Answers(1), post("Content-Length: 5", body=b"world"), Answers(2), BODY_SAME),
        passed(*HELLO, Asked("POST /a", b"world"), *HELLO, stays=True),
    ),
    row(
        "repeat-empty-post",
        "9112 6",
        "a POST without a body twice",
        (post("Content-Length: 0"), Answers(1), post("Content-Length: 0")),
        passed("POST /a", "POST /a", stays=True),
    ),
    row(
        "repeat-1.0",
        "9112 9.3",
        "the same in another version",
        (
            get("/a"),
            Answers(1),
            get("/a", "Connection: keep-alive", version="1.0"),
            Answers(2),
            get("/a"),
        ),
        passed("GET /a", "GET /a", "GET /a", stays=True),
        passed("GET /a", "GET /a", stays=False),
    ),
    row(
        "repeat-empty-line-first",
        "9112 2.2",
        "an empty line before the same",
        (get("/a"), Answers(1), b"\r\n" + get("/a"), Answers(2), get("/a")),
        passed("GET /a", "GET /a", "GET /a", stays=True),
        refused(before=1),
        level=SHOULD,
    ),
    row(
        "repeat-upgrade",
        "9110 7.8",
        "a declined wish twice",
        (HANDSHAKE, Answers(1), HANDSHAKE, Answers(2), get("/b")),
        passed("GET /a", "GET /a", "GET /b", stays=True),
    ),
    row(
        "repeat-other-answer",
        "9112 9.3",
        "the same request is answered by what the origin says this time",
        (get("/a"), Answers(1), get("/a"), Answers(2), get("/a")),
        Way(
            GET_A * 3,
            (Given(body=b"one"), Given((404,), body=b"three!"), Given(body=b"GET /a")),
            True,
        ),
        origin=(
            (WHOLE, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"),
            (WHOLE, b"HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\nthree!"),
            PLAIN,
        ),
    ),
    row(
        "repeat-trailers",
        "9110 6.5.1",
        "a chunked request between the same ones leaves nothing behind",
        (get("/a"), Answers(1), _trailed("X-A: b"), Answers(2), get("/a")),
        passed("GET /a", *HELLO, Asked("GET /a", lacks=("x-a",)), stays=True),
    ),
    row(
        "repeat-early-answer",
        "9112 9.3",
        "its bytes within an unwanted body are no request",
        (get("/a"), Answers(1), post("Content-Length: 500"), Answers(2), get("/a") * 2),
        Way((*GET_A, Asked("POST /a", partial=True)), OK * 2),
        origin=(PLAIN, (ANSWER,)),
    ),
]

_HOP = {
    "keep-alive": "timeout=5",
    "proxy-connection": "keep-alive",
    "te": "gzip",
    "upgrade": "x",
    "connection": "keep-alive",
}
HOP_BY_HOP = [
    *[
        row(
            f"hop-{name}",
            "9110 7.6.1",
            "what is for this hop does not go on",
            get("/a", f"{name}: {value}"),
            passed(
                "GET /a",
                lacks=(name,) if name != "connection" else ("keep-alive",),
                stays=True,
            ),
            level=SHOULD if name in ("te", "proxy-connection") else MUST,
        )
        for name, value in _HOP.items()
    ],
    *[
        row(
            f"hop-listed-{id}",
            "9110 7.6.1",
            "fields that Connection lists do not go on",
            get("/a", *lines),
            passed("GET /a", lacks=("x-a",), has=(("x-b", "2"),), stays=stays),
        )
        for id, lines, stays in (
            ("plain", ("Connection: X-A", "X-A: 1", "X-B: 2"), True),
            ("behind", ("X-A: 1", "X-B: 2", "Connection: x-a"), True),
            ("spaces", ("Connection: close ,\tx-A", "X-A: 1", "X-B: 2"), False),
            ("two-fields", ("Connection: x-c", "X-A: 1", "Connection: X-A", "X-B: 2"), True),
            ("empty-elements", ("Connection: ,, x-a,,", "X-A: 1", "X-B: 2"), True),
            ("repeated", ("X-A: 1", "Connection: x-a", "X-A: 3", "X-B: 2"), True),
        )
    ],
    *[
        row(
            f"hop-listed-{name.lower()}",
            "9110 7.6.1",
            "Connection cannot take away what the message means",
            (post(f"Connection: {name}", "Content-Length: 5", body=b"hello"),),
            passed(Asked("POST /a", b"hello", has=(("host", "origin.test"),)), stays=True),
            refused(),
        )
        for name in ("Host", "Content-Length")
    ],
    row(
        "hop-listed-transfer-encoding",
        "9110 7.6.1",
        "not the coding either",
        post(
            "Connection: Transfer-Encoding",
            "Transfer-Encoding: chunked",
            body=b"5\r\nhello\r\n0\r\n\r\n",
        ),
        passed(*HELLO, stays=True),
        refused(),
    ),
    row(
        "hop-close",
        "9112 9.6",
        "close is answered and closes",
        get("/a", "Connection: close"),
        Way((Asked("GET /a"),), (Given(has=(("connection", "close"),)),), False),
        level=SHOULD,
    ),
    row(
        "hop-close-case",
        "9112 9.6",
        "CLOSE is close",
        get("/a", "Connection: CLOSE"),
        passed("GET /a", stays=False),
    ),
    row(
        "hop-via",
        "9110 7.6.3",
        "a proxy says that it was on the way",
        get("/a", "Via: 1.0 x"),
        Way((Asked("GET /a"),), (Given(),), True),
    ),
    *[
        row(
            f"hop-answer-{id}",
            "9110 7.6.1",
            "fields of the endpoint's hop do not go down",
            get("/a"),
            gave(Given(lacks=lacks), stays=True),
            origin=((WHOLE, f"HTTP/1.1 200 OK\r\n{lines}\r\nContent-Length: 0\r\n\r\n".encode()),),
        )
        for id, lines, lacks in (
            ("listed", "Connection: x-a\r\nX-A: 1", ("x-a",)),
            ("keep-alive", "Keep-Alive: timeout=1\r\nConnection: keep-alive", ("keep-alive",)),
            ("close", "Connection: close", ()),
        )
    ],
    row(
        "hop-set-cookie",
        "9110 5.3",
        "two Set-Cookie stay two",
        get("/a"),
        gave(Given(has=(("set-cookie", "a=1", "b=2"),)), stays=True),
        origin=(
            (
                WHOLE,
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                b"Content-Length: 0\r\n\r\n",
            ),
        ),
    ),
]

SLOW = [
    row(
        "slow-head",
        "9110 15.5.9",
        "a head that does not end is given up",
        (b"GET /a HTTP/1.1\r\nHost: h\r\n", Longer("head"), GONE),
        Way((), (Given((408,)),), False),
        Way((), (), False),
    ),
    row(
        "slow-nothing",
        "9112 9.5",
        "a connection without a request is closed",
        (Longer("idle"), GONE),
        Way((), (), False),
        Way((), (Given((408,)),), False),
    ),
    row(
        "slow-body",
        "9110 15.5.9",
        "a body that does not end is given up, and never looks whole",
        (post("Content-Length: 10", body=b"hello"), TURN, Longer("body"), GONE),
        Way((Asked("POST /a", partial=True),), (Given((408,)),), False),
        Way((Asked("POST /a", partial=True),), (), False),
    ),
    row(
        "slow-chunk",
        "9110 15.5.9",
        "nor does a chunked one",
        (CHUNKED + b"5\r\nhello\r\n", TURN, Longer("body"), GONE),
        Way((Asked("POST /a", partial=True),), (Given((408,)),), False),
        Way((Asked("POST /a", partial=True),), (), False),
    ),
    row(
        "slow-idle",
        "9112 9.5",
        "an idle connection is closed without a word",
        (get("/a"), Answers(1), Longer("idle"), GONE),
        passed("GET /a", stays=False),
    ),
    row(
        "slow-second-head",
        "9110 15.5.9",
        "the second head has its deadline as well",
        (get("/a"), Answers(1), get("/b")[:20], Longer("idle"), GONE),
        Way(GET_A, (Given(), Given((408,))), False),
        Way(GET_A, OK, False),
    ),
    row(
        "slow-answer",
        "9110 15.6.5",
        "an endpoint that does not answer is given up with 504",
        (get("/a"), TURN, Longer("answer")),
        gave(Given((504,))),
        origin=((WHOLE, GONE), PLAIN),
    ),
    row(
        "slow-answer-body",
        "9112 8",
        "an answer that stops within its body is cut, not ended",
        (get("/a"), Came(b"hel"), Longer("body"), GONE),
        gave(Given(whole=False), stays=False),
        origin=((WHOLE, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", GONE), PLAIN),
    ),
    row(
        "slow-bytes",
        "9112 2.2",
        "a request byte by byte is a request",
        tuple(step for byte in get("/a") for step in (bytes([byte]), TURN)),
        passed("GET /a", stays=True),
    ),
]

ROWS = [
    *EXPECT,
    *UPGRADE,
    *TRAILERS,
    *HEAD,
    *INTERIM,
    *NO_CONTENT,
    *EARLY,
    *PIPELINE,
    *REPEATS,
    *HOP_BY_HOP,
    *SLOW,
]
