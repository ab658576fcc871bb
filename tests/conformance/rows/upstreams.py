"""Rows about origins that lie about their length, add bytes, or send what is no answer."""

from __future__ import annotations

from tests.conformance.rows.model import (
    AT_ONCE,
    CLOSE,
    CUT,
    GET_A,
    MUST,
    NOTHING,
    OK,
    PLAIN,
    RESET,
    SHOULD,
    TURN,
    WHOLE,
    Answers,
    Asked,
    Given,
    Row,
    Step,
    Turn,
    Way,
    gave,
)
from tests.live.asking import get

AB = (Asked("GET /a"), Asked("GET /b"))
EVIL = b"HTTP/1.1 200 OK\r\nX-Answers: GET /evil\r\nContent-Length: 4\r\n\r\nevil"
BAD = (gave(Given((502,))), NOTHING)
TWO = (get("/a"), Answers(1), TURN, get("/b"))


def row(
    id: str,
    rfc: str,
    law: str,
    turn: Turn,
    *ways: Way,
    client: tuple[Step, ...] = (get("/a"),),
    level: str = MUST,
) -> Row:
    """One row whose first request meets ``turn``."""
    return Row(f"upstream-{id}", "upstream", level, rfc, law, client, ways, (turn, PLAIN))


def head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", body: bytes = b"") -> bytes:
    """An answer of these very lines."""
    return b"\r\n".join((status, *lines)) + b"\r\n\r\n" + body


_STATUS_LINES = {
    "status-2-digits": b"HTTP/1.1 20 OK",
    "status-4-digits": b"HTTP/1.1 2000 OK",
    "status-word": b"HTTP/1.1 OK",
    "status-negative": b"HTTP/1.1 -20 OK",
    "status-zero": b"HTTP/1.1 000 OK",
    "status-099": b"HTTP/1.1 099 OK",
    "status-none": b"HTTP/1.1",
    "status-0x": b"HTTP/1.1 0xc8 OK",
    "version-2.0": b"HTTP/2.0 200 OK",
    "version-2": b"HTTP/2 200 OK",
    "version-lower": b"http/1.1 200 OK",
    "version-other": b"ICY 200 OK",
    "version-none": b"200 OK",
    "version-1": b"HTTP/1 200 OK",
    "space-first": b" HTTP/1.1 200 OK",
    "tab": b"HTTP/1.1\t200\tOK",
    "nul": b"HTTP/1.1 200 O\x00K",
    "garbage": b"\x00\x01\x02\x03",
}
_LINES = {
    "folded": b"X-A: b\r\n c",
    "nul": b"X-A: b\x00c",
    "no-colon": b"X-A",
    "no-name": b": b",
    "space-colon": b"X-A : b",
    "bare-cr": b"X-A: b\rc",
    "bare-cr-split": b"X-A: b\rSet-Cookie: evil=1",
    "name-space": b"X A: b",
    "space-first": b" X-A: b",
}
_LENGTHS = {
    "plus": b"Content-Length: +4",
    "minus": b"Content-Length: -4",
    "hex": b"Content-Length: 0x4",
    "list": b"Content-Length: 4, 5",
    "overflow": b"Content-Length: 18446744073709551620",
    "word": b"Content-Length: four",
    "empty": b"Content-Length:",
    "twice": b"Content-Length: 4\r\nContent-Length: 5",
    "space-colon": b"Content-Length : 4",
    "5000-digits": b"Content-Length: " + b"9" * 5000,
}
_CODINGS = {
    "both": b"Content-Length: 4\r\nTransfer-Encoding: chunked",
    "both-other-way": b"Transfer-Encoding: chunked\r\nContent-Length: 4",
    "gzip-chunked": b"Transfer-Encoding: gzip, chunked",
    "chunked-gzip": b"Transfer-Encoding: chunked, gzip",
    "identity": b"Transfer-Encoding: identity",
    "x": b"Transfer-Encoding: xchunked",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "empty": b"Transfer-Encoding:",
}
_CHUNKS = {
    "letter": b"g\r\nhello\r\n0\r\n\r\n",
    "minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "overflow-long": b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "too-long": b"4\r\nhello\r\n0\r\n\r\n",
    "too-short": b"6\r\nhello\r\n0\r\n\r\n",
    "bare-lf": b"5\nhello\n0\n\n",
    "no-end": b"5\r\nhello0\r\n\r\n",
    "empty": b"\r\nhello\r\n0\r\n\r\n",
    "space": b" 5\r\nhello\r\n0\r\n\r\n",
    "extension-lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "trailer-folded": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailer-no-colon": b"5\r\nhello\r\n0\r\nX\r\n\r\n",
}

ROWS = [
    *[
        row(
            id,
            "9112 4",
            "what has no status line of HTTP/1 is no answer",
            (WHOLE, head(b"Content-Length: 4", status=line, body=b"evil"), TURN, CLOSE),
            *BAD,
            level=SHOULD
            if id in ("space-first", "tab", "version-2.0", "version-2", "version-1")
            else MUST,
        )
        for id, line in _STATUS_LINES.items()
    ],
    *[
        row(
            f"field-{id}",
            "9112 5",
            "a malformed field line goes nowhere as it is",
            (WHOLE, head(b"Content-Length: 2", line, body=b"ok"), TURN, CLOSE),
            *BAD,
            gave(Given(lacks=("set-cookie",))),
        )
        for id, line in _LINES.items()
    ],
    *[
        row(
            f"length-{id}",
            "9112 6.3",
            "an invalid length of an answer is a bad gateway",
            (WHOLE, head(lines, body=b"evil"), TURN, CLOSE),
            *BAD,
            CUT,
        )
        for id, lines in _LENGTHS.items()
    ],
    *[
        row(
            f"coding-{id}",
            "9112 6.3",
            "an answer whose end is a guess goes nowhere, or in one framing",
            (WHOLE, head(lines, body=b"4\r\ntext\r\n0\r\n\r\n"), TURN, CLOSE),
            *BAD,
            CUT,
            gave(Given()),
        )
        for id, lines in _CODINGS.items()
    ],
    *[
        row(
            f"chunk-{id}",
            "9112 7.1",
            "a broken chunk cuts the answer, which never looks whole",
            (WHOLE, head(b"Transfer-Encoding: chunked", body=data), TURN, CLOSE),
            CUT,
            *BAD,
        )
        for id, data in _CHUNKS.items()
    ],
    row(
        "length-same",
        "9112 6.3",
        "the same length twice is one, or is refused",
        (WHOLE, head(b"Content-Length: 2", b"Content-Length: 2", body=b"ok")),
        gave(Given(body=b"ok")),
        *BAD,
    ),
    row(
        "te-1.0",
        "9112 6.1",
        "Transfer-Encoding from HTTP/1.0 is faulty",
        (
            WHOLE,
            head(
                b"Transfer-Encoding: chunked",
                status=b"HTTP/1.0 200 OK",
                body=b"2\r\nok\r\n0\r\n\r\n",
            ),
            CLOSE,
        ),
        *BAD,
        gave(Given(body=b"ok")),
        CUT,
    ),
    row(
        "short",
        "9112 8",
        "a body shorter than announced is not whole",
        (WHOLE, head(b"Content-Length: 10", body=b"hello"), CLOSE),
        CUT,
        *BAD,
    ),
    row(
        "short-reset",
        "9112 8",
        "nor one that ends by a reset",
        (WHOLE, head(b"Content-Length: 10", body=b"hello"), RESET),
        CUT,
        *BAD,
    ),
    row(
        "short-chunked",
        "9112 8",
        "chunks without the last are not whole",
        (WHOLE, head(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"), CLOSE),
        CUT,
        *BAD,
    ),
    row(
        "short-chunk",
        "9112 8",
        "nor is half a chunk",
        (WHOLE, head(b"Transfer-Encoding: chunked", body=b"5\r\nhel"), CLOSE),
        CUT,
        *BAD,
    ),
    row(
        "short-trailers",
        "9112 8",
        "nor are half the trailers",
        (WHOLE, head(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\nX: "), CLOSE),
        CUT,
        *BAD,
    ),
    row(
        "until-close",
        "9112 6.3",
        "a body that the end delimits is whole at the end",
        (WHOLE, head(body=b"hello"), CLOSE),
        gave(Given(body=b"hello")),
    ),
    row(
        "until-close-reset",
        "9112 8",
        "a reset is no good end",
        (WHOLE, head(body=b"hello"), RESET),
        CUT,
        *BAD,
        level=SHOULD,
    ),
    row(
        "1.0",
        "9112 9.3",
        "an HTTP/1.0 origin is an origin",
        (WHOLE, head(b"Content-Length: 2", status=b"HTTP/1.0 200 OK", body=b"ok"), CLOSE),
        gave(Given(body=b"ok"), stays=True),
    ),
    row(
        "no-reason",
        "9112 4",
        "a reason phrase may be empty",
        (WHOLE, head(b"Content-Length: 2", status=b"HTTP/1.1 200 ", body=b"ok")),
        gave(Given(body=b"ok"), stays=True),
    ),
    row(
        "no-reason-space",
        "9112 4",
        "even the space before it may be missing",
        (WHOLE, head(b"Content-Length: 2", status=b"HTTP/1.1 200", body=b"ok")),
        gave(Given(body=b"ok")),
        *BAD,
        level=SHOULD,
    ),
    row(
        "status-599",
        "9110 15",
        "an unknown status goes down",
        (WHOLE, head(b"Content-Length: 2", status=b"HTTP/1.1 299 Odd", body=b"ok")),
        gave(Given((299,), body=b"ok"), stays=True),
    ),
    row(
        "status-600",
        "9110 15",
        "one above 599 goes down or is bad",
        (WHOLE, head(b"Content-Length: 2", status=b"HTTP/1.1 600 Odd", body=b"ok")),
        gave(Given((600, 502))),
        level=SHOULD,
    ),
    row(
        "http-0.9",
        "9112 2.3",
        "an answer without a head is none",
        (WHOLE, b"<html>evil</html>\r\n", CLOSE),
        *BAD,
    ),
    row(
        "empty",
        "9110 15.6.3",
        "an origin that closes without an answer is a bad gateway",
        (WHOLE, CLOSE),
        *BAD,
    ),
    row("reset", "9110 15.6.3", "so is one that resets", (WHOLE, RESET), *BAD),
    row(
        "half-head",
        "9112 8",
        "half a head is no answer",
        (WHOLE, b"HTTP/1.1 200 OK\r\nContent-Le", CLOSE),
        *BAD,
    ),
    row(
        "bare-lf",
        "9112 2.2",
        "bare LFs in an answer are refused or written right",
        (WHOLE, b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", CLOSE),
        *BAD,
        gave(Given(body=b"ok")),
        level=SHOULD,
    ),
    row(
        "giant-value",
        "6585 5",
        "a giant head of an answer is refused",
        (WHOLE, head(b"X-A: " + b"v" * 2_000_000, b"Content-Length: 2", body=b"ok")),
        *BAD,
        level=SHOULD,
    ),
    row(
        "giant-unended",
        "6585 5",
        "so is one without end",
        (WHOLE, b"HTTP/1.1 200 OK\r\nX-A: " + b"v" * 2_000_000, CLOSE),
        *BAD,
    ),
    row(
        "many-fields",
        "6585 5",
        "and one of very many fields",
        (
            WHOLE,
            head(
                *(b"X-%d: v" % number for number in range(20_000)), b"Content-Length: 2", body=b"ok"
            ),
        ),
        *BAD,
        level=SHOULD,
    ),
    row(
        "extra-bytes",
        "9112 9.3",
        "bytes behind an answer are nobody's answer",
        (WHOLE, head(b"Content-Length: 2", body=b"ok" + EVIL)),
        Way(AB, OK * 2),
        gave(Given((502,)), Given(), asked=AB),
        CUT,
        *BAD,
        client=TWO,
    ),
    row(
        "extra-later",
        "9112 9.3",
        "nor are bytes that come while the connection is idle",
        (WHOLE, head(b"Content-Length: 2", body=b"ok"), TURN, EVIL),
        Way(AB, OK * 2),
        client=TWO,
    ),
    row(
        "extra-chunked",
        "9112 9.3",
        "nor behind a last chunk",
        (WHOLE, head(b"Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n" + EVIL)),
        Way(AB, OK * 2),
        CUT,
        *BAD,
        client=TWO,
    ),
    row(
        "extra-garbage",
        "9112 9.3",
        "whatever they are",
        (WHOLE, head(b"Content-Length: 2", body=b"okgarbage")),
        Way(AB, OK * 2),
        CUT,
        *BAD,
        client=TWO,
    ),
    row(
        "extra-empty-line",
        "9112 9.3",
        "even an empty line",
        (WHOLE, head(b"Content-Length: 2", body=b"ok\r\n")),
        Way(AB, OK * 2),
        *BAD,
        client=TWO,
    ),
    row(
        "two-answers-pipelined",
        "9112 9.3.2",
        "two answers to one request: the second is not the answer to the next",
        (WHOLE, head(b"Content-Length: 2", body=b"ok" + EVIL)),
        Way(AB, OK * 2),
        CUT,
        *BAD,
        client=(get("/a") + get("/b"),),
    ),
    # Nobody can tell when bytes were sent; only that they are one answer's and not two requests'.
    row(
        "before-request",
        "9112 9.3",
        "an answer before the request answers no more than one request",
        (AT_ONCE, EVIL.replace(b"X-Answers", b"X-A"), TURN),
        Way(GET_A, OK),
        Way(GET_A, (Given((502,)),)),
        Way((), (Given((502,)),)),
        Way(GET_A, (), False),
        level=SHOULD,
    ),
    row(
        "close-at-once",
        "9110 15.6.3",
        "an origin that closes at once is a bad gateway, or asked again",
        (AT_ONCE, CLOSE),
        Way((), (Given((502,)),)),
        Way(GET_A, OK),
        Way(GET_A, (Given((502,)),)),
    ),
    row(
        "kept-then-closed",
        "9112 9.3.1",
        "a kept connection that closes is replaced without a word",
        (WHOLE, head(b"Content-Length: 2", body=b"ok"), TURN, CLOSE),
        Way(AB, OK * 2),
        client=(get("/a"), Answers(1), TURN, TURN, get("/b")),
    ),
    row(
        "pieces",
        "9112 2.2",
        "an answer in pieces is the answer",
        (
            WHOLE,
            b"HTTP/1.",
            TURN,
            b"1 200 OK\r\nCont",
            TURN,
            b"ent-Length: 5\r",
            TURN,
            b"\n\r",
            TURN,
            b"\nhel",
            TURN,
            b"lo",
        ),
        gave(Given(body=b"hello"), stays=True),
    ),
    row(
        "chunk-pieces",
        "9112 7.1",
        "so are chunks in pieces",
        (
            WHOLE,
            head(b"Transfer-Encoding: chunked"),
            b"5",
            TURN,
            b"\r",
            TURN,
            b"\nhe",
            TURN,
            b"llo\r",
            TURN,
            b"\n0\r\n",
            TURN,
            b"\r\n",
        ),
        gave(Given(body=b"hello"), stays=True),
    ),
    row(
        "chunk-extension",
        "9112 7.1.1",
        "extensions are ignored",
        (WHOLE, head(b"Transfer-Encoding: chunked", body=b"5;a=b\r\nhello\r\n0;c\r\n\r\n")),
        gave(Given(body=b"hello"), stays=True),
    ),
    row(
        "to-1.0-chunked",
        "9112 6.1",
        "an HTTP/1.0 client gets no chunks",
        (WHOLE, head(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")),
        gave(Given(body=b"hello", lacks=("transfer-encoding",)), stays=False),
        client=(get("/a", version="1.0"),),
    ),
    row(
        "connection-close",
        "9112 9.6",
        "the endpoint's close is not the client's",
        (WHOLE, head(b"Content-Length: 2", b"Connection: close", body=b"ok"), CLOSE),
        gave(Given(body=b"ok"), stays=True),
        gave(Given(body=b"ok")),
    ),
    row(
        "close-ignored",
        "9112 9.6",
        "behind its close nothing is believed",
        (WHOLE, head(b"Content-Length: 2", b"Connection: close", body=b"ok" + EVIL)),
        Way(AB, OK * 2),
        CUT,
        *BAD,
        client=TWO,
    ),
]
