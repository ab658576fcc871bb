"""Rows about requests: their framing, chunks, lines, fields, hosts, targets, versions, methods."""

from __future__ import annotations

from tests.conformance.rows.model import (
    MUST,
    SHOULD,
    TURN,
    Answers,
    Asked,
    Given,
    Row,
    Step,
    Way,
    passed,
    refused,
)
from tests.live.asking import get

SMUGGLED = get("/smuggled")
HELLO = (Asked("POST /a", body=b"hello"),)
NAMES = ("host", "x-a", "content-length", "transfer-encoding")


def post(*lines: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """``POST /a`` with these field lines and whatever behind them."""
    return get("/a", *lines, method="POST", version=version) + body


def raw(*lines: bytes, end: bytes = b"\r\n\r\n") -> bytes:
    """A head of these very lines."""
    return b"\r\n".join(lines) + end


def row(
    area: str, id: str, rfc: str, law: str, client: bytes | tuple[Step, ...], *ways: Way, level: str
) -> Row:
    """One row, its id begun with its area."""
    steps = client if isinstance(client, tuple) else (client,)
    return Row(f"{area}-{id}", area, level, rfc, law, steps, ways)


def _refusals(
    area: str, rfc: str, law: str, cases: dict[str, bytes], *statuses: int, level: str = MUST
) -> list[Row]:
    behind = SMUGGLED if area == "framing" else get("/b")
    return [
        row(area, id, rfc, law, data + behind, refused(*statuses), level=level)
        for id, data in cases.items()
    ]


# Framing.

_LENGTHS = {
    "cl-plus": "+5",
    "cl-minus": "-5",
    "cl-hex": "0x5",
    "cl-exponent": "5e0",
    "cl-fraction": "5.0",
    "cl-list-different": "5, 6",
    "cl-empty": "",
    "cl-word": "five",
    "cl-space-inside": "5 5",
    "cl-semicolon": "5;",
    "cl-quoted": '"5"',
    "cl-underscore": "5_0",
    "cl-overflow-64": "18446744073709551621",
    "cl-overflow-32-digits": "9" * 32,
    "cl-overflow-5000-digits": "9" * 5000,
    "cl-latin-digit": "\xb2",
    "cl-trailing-comma": "5,",
    "cl-leading-comma": ",5",
    "cl-bracket": "[5]",
}
_CODINGS = {
    "te-identity": "identity",
    "te-gzip": "gzip",
    "te-chunked-gzip": "chunked, gzip",
    "te-chunked-identity": "chunked, identity",
    "te-twice-in-one": "chunked, chunked",
    "te-x": "xchunked",
    "te-space-inside": "chunk ed",
    "te-quoted": '"chunked"',
    "te-parameter": "chunked;q=1",
    "te-vertical-tab": "\x0bchunked",
    "te-form-feed": "chunked\x0c",
    "te-empty": "",
    "te-nbsp": "\xa0chunked",
    "te-dotless": "chun\u212aed".encode("utf-8").decode("latin-1"),
    "te-brackets": "[chunked]",
    "te-nul": "chunked\x00",
}
_CHUNKED_HELLO = b"5\r\nhello\r\n0\r\n\r\n"
_BOTH = {
    "both-cl-te": ("Content-Length: 5", "Transfer-Encoding: chunked"),
    "both-te-cl": ("Transfer-Encoding: chunked", "Content-Length: 5"),
    "both-cl0-te": ("Content-Length: 0", "Transfer-Encoding: chunked"),
    "both-cl-te-identity": ("Content-Length: 5", "Transfer-Encoding: identity"),
    "both-cl-te-odd-case": ("Content-Length: 5", "tRANSFER-eNCODING: cHUNKED"),
    "both-cl-te-x": ("Content-Length: 5", "Transfer-Encoding: xchunked"),
}
_TWO = {
    "cl-twice-different": ("Content-Length: 5", "Content-Length: 6"),
    "cl-twice-other-case": ("Content-Length: 5", "content-length: 0"),
    "te-twice-chunked": ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "te-twice-identity": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "te-twice-x": ("Transfer-Encoding: x", "Transfer-Encoding: chunked"),
}

FRAMING = [
    *_refusals(
        "framing",
        "9112 6.3",
        "an invalid Content-Length is refused, for nobody knows where the body ends",
        {id: post(f"Content-Length: {value}", body=b"hello") for id, value in _LENGTHS.items()},
    ),
    *_refusals(
        "framing",
        "9112 6.1",
        "a coding other than chunked is refused: where the body ends would be a guess",
        {
            id: post(f"Transfer-Encoding: {value}", body=_CHUNKED_HELLO)
            for id, value in _CODINGS.items()
        },
    ),
    *_refusals(
        "framing",
        "9112 6.3",
        "two lengths that differ, or two codings, are refused",
        {id: post(*lines, body=_CHUNKED_HELLO) for id, lines in _TWO.items()},
    ),
    *[
        row(
            "framing",
            id,
            "9112 6.1",
            "Content-Length and Transfer-Encoding together: refused, or one framing goes on",
            post(*lines, body=_CHUNKED_HELLO),
            refused(),
            passed("POST /a", body=b"hello", lacks=("content-length",)),
            passed("POST /a", body=b"hello", lacks=("transfer-encoding",)),
            level=MUST,
        )
        for id, lines in _BOTH.items()
    ],
    *[
        row(
            "framing",
            id,
            "9112 6.3",
            law,
            post(*lines, body=b"hello"),
            passed("POST /a", body=b"hello", lacks=("transfer-encoding",), stays=True),
            refused(),
            level=MUST,
        )
        for id, law, lines in (
            (
                "cl-twice-same",
                "the same length twice is one or is refused",
                ("Content-Length: 5",) * 2,
            ),
            (
                "cl-list-same",
                "a list of the same length is one or is refused",
                ("Content-Length: 5, 5",),
            ),
        )
    ],
    *[
        row("framing", id, rfc, law, data, way, level=MUST)
        for id, rfc, law, data, way in (
            (
                "cl-zeros",
                "9110 8.6",
                "zeros in front of a length are digits",
                post("Content-Length: 0005", body=b"hello"),
                passed("POST /a", body=b"hello", stays=True),
            ),
            (
                "cl-tab",
                "9110 5.5",
                "space around a value is none of it",
                post("Content-Length:\t5 \t", body=b"hello"),
                passed("POST /a", body=b"hello", stays=True),
            ),
            (
                "cl-zero",
                "9112 6.3",
                "a length of 0 is an empty body",
                post("Content-Length: 0"),
                passed("POST /a", lacks=("transfer-encoding",), stays=True),
            ),
            (
                "none",
                "9112 6.3",
                "a request without framing has no body",
                post(),
                passed("POST /a", stays=True),
            ),
            (
                "chunked",
                "9112 7.1",
                "a chunked body goes on whole",
                post("Transfer-Encoding: chunked", body=_CHUNKED_HELLO),
                passed("POST /a", body=b"hello", stays=True),
            ),
            (
                "te-case",
                "9112 7",
                "the name of a coding has no case",
                post("transfer-encoding: ChUnKeD", body=_CHUNKED_HELLO),
                passed("POST /a", body=b"hello", stays=True),
            ),
            (
                "te-space",
                "9110 5.5",
                "space around a coding is none of it",
                post("Transfer-Encoding:   chunked  ", body=_CHUNKED_HELLO),
                passed("POST /a", body=b"hello", stays=True),
            ),
            (
                "get-body",
                "9110 9.3.1",
                "a body of a GET goes on or is refused, but is never the next request",
                get("/a", "Content-Length: 26") + b"GET /smuggled HTTP/1.1\r\n\r\n",
                passed("GET /a", body=b"GET /smuggled HTTP/1.1\r\n\r\n", stays=True),
            ),
            (
                "get-chunked",
                "9112 6",
                "a chunked body of a GET is its body",
                get("/a", "Transfer-Encoding: chunked") + _CHUNKED_HELLO,
                passed("GET /a", body=b"hello", stays=True),
            ),
            (
                "delete-body",
                "9110 9.3.5",
                "a body of a DELETE is its body",
                get("/a", "Content-Length: 5", method="DELETE") + b"hello",
                passed("DELETE /a", body=b"hello", stays=True),
            ),
            (
                "big-te-pieces",
                "9112 7.1",
                "a chunked body of 200 kB in chunks of 1 kB goes on whole",
                post(
                    "Transfer-Encoding: chunked",
                    body=b"400\r\n%b\r\n" % bytes(1024) * 200 + b"0\r\n\r\n",
                ),
                passed("POST /a", body=bytes(1024 * 200), stays=True),
            ),
        )
    ],
    row(
        "framing",
        "te-1.0",
        "9112 6.1",
        "Transfer-Encoding in HTTP/1.0 is faulty framing: refused, or chunked and then closed",
        post(
            "Transfer-Encoding: chunked",
            "Connection: keep-alive",
            body=_CHUNKED_HELLO,
            version="1.0",
        )
        + SMUGGLED,
        refused(),
        passed("POST /a", body=b"hello", stays=False),
        level=MUST,
    ),
    row(
        "framing",
        "te-tab",
        "9110 5.5",
        "tabs around a coding are none of it",
        post("Transfer-Encoding: \tchunked\t", body=_CHUNKED_HELLO),
        passed("POST /a", body=b"hello", stays=True),
        level=SHOULD,
    ),
    row(
        "framing",
        "te-gzip-chunked",
        "9112 7",
        "a coding that is not understood is answered with 501, or goes on untouched",
        post("Transfer-Encoding: gzip, chunked", body=_CHUNKED_HELLO),
        refused(501, 400),
        level=SHOULD,
    ),
    row(
        "framing",
        "underscore-cl",
        "9110 5.1",
        "Content_Length is no length; where it would be taken for one it does not go on",
        get("/a", "Content_Length: 33") + get("/b"),
        Way(
            (Asked("GET /a", lacks=("content_length",)), Asked("GET /b")), (Given(), Given()), True
        ),
        Way((Asked("GET /a"), Asked("GET /b")), (Given(), Given()), True),
        refused(),
        level=MUST,
    ),
    row(
        "framing",
        "underscore-te",
        "9110 5.1",
        "Transfer_Encoding does not go on, for some servers take it for the real one",
        get("/a", "Transfer_Encoding: chunked"),
        passed("GET /a", lacks=("transfer_encoding", "transfer-encoding"), stays=True),
        refused(),
        level=SHOULD,
    ),
]

# Chunks.

_CHUNK_FAULTS = {
    "size-empty": b"\r\nhello\r\n0\r\n\r\n",
    "size-0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size-plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "size-minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "size-letter": b"g\r\nhello\r\n0\r\n\r\n",
    "size-space-before": b" 5\r\nhello\r\n0\r\n\r\n",
    "size-underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "size-comma": b"5,\r\nhello\r\n0\r\n\r\n",
    "size-quoted": b'"5"\r\nhello\r\n0\r\n\r\n',
    "size-overflow-64": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size-overflow-128": b"f" * 32 + b"5\r\nhello\r\n0\r\n\r\n",
    "size-nul": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "size-bare-lf": b"5\nhello\r\n0\r\n\r\n",
    "size-bare-cr": b"5\rhello\r\n0\r\n\r\n",
    "data-too-long": b"4\r\nhello\r\n0\r\n\r\n",
    "data-too-short": b"6\r\nhello\r\n0\r\n\r\n",
    "data-end-lf": b"5\r\nhello\n0\r\n\r\n",
    "data-end-missing": b"5\r\nhello0\r\n\r\n",
    "data-end-cr": b"5\r\nhello\r0\r\n\r\n",
    "last-bare-lf": b"5\r\nhello\r\n0\n\r\n",
    "extension-bare-lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "extension-bare-cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "extension-nul": b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
    "trailer-no-colon": b"5\r\nhello\r\n0\r\nX\r\n\r\n",
    "trailer-space-colon": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "trailer-folded": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailer-bare-lf": b"5\r\nhello\r\n0\r\nX: y\n\r\n",
    "trailer-nul": b"5\r\nhello\r\n0\r\nX: y\x00\r\n\r\n",
}


def _broken_body(what: str = "POST /a") -> tuple[Way, ...]:
    """The client is told, or cut off; of the request the origin has at the most a part."""
    partial = (Asked(what, partial=True),)
    return (
        refused(),
        Way(partial, (Given(()),), False),
        Way(partial, (), False),
        Way((), (), False),
    )


CHUNKS = [
    *[
        row(
            "chunks",
            id,
            "9112 7.1",
            "a chunk that breaks the syntax ends the message there, and never looks whole",
            post("Transfer-Encoding: chunked", body=body) + SMUGGLED,
            *_broken_body(),
            level=MUST,
        )
        for id, body in _CHUNK_FAULTS.items()
    ],
    *[
        row(
            "chunks",
            id,
            "9112 7.1.1",
            law,
            post("Transfer-Encoding: chunked", body=body),
            passed("POST /a", body=b"hello", stays=True),
            level=level,
        )
        for id, law, body, level in (
            ("extension", "extensions are ignored", b"5;a=b\r\nhello\r\n0\r\n\r\n", MUST),
            ("extension-quoted", "quoted too", b'5;a="b;c"\r\nhello\r\n0\r\n\r\n', MUST),
            ("extension-last", "on the last chunk too", b"5\r\nhello\r\n0;x\r\n\r\n", MUST),
            ("size-upper", "hexadecimal has no case", b"00005\r\nhello\r\n000\r\n\r\n", MUST),
            ("one-byte", "chunks of a byte", b"1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n", MUST),
        )
    ],
    row(
        "chunks",
        "size-hex-case",
        "9112 7.1",
        "A is ten, and so is a",
        post("Transfer-Encoding: chunked", body=b"A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n"),
        passed("POST /a", body=b"0123456789abcdefghij", stays=True),
        level=MUST,
    ),
    row(
        "chunks",
        "extension-giant",
        "9112 7.1.1",
        "extensions without end are refused",
        post("Transfer-Encoding: chunked", body=b"5;" + b"x" * 2_000_000),
        *_broken_body(),
        level=SHOULD,
    ),
    row(
        "chunks",
        "zero-sizes",
        "9112 7.1",
        "zeros without end in a size are bounded or counted right",
        post("Transfer-Encoding: chunked", body=b"0" * 500 + b"5\r\nhello\r\n0\r\n\r\n"),
        passed("POST /a", body=b"hello"),
        *_broken_body(),
        level=MUST,
    ),
    row(
        "chunks",
        "split-everywhere",
        "9112 7.1",
        "a chunked body byte by byte is the same body",
        (
            post("Transfer-Encoding: chunked"),
            TURN,
            *(step for byte in b"5;x\r\nhello\r\n0\r\n\r\n" for step in (bytes([byte]), TURN)),
        ),
        passed("POST /a", body=b"hello", stays=True),
        level=MUST,
    ),
]

# Lines.

_LINE_FAULTS = {
    "bare-lf-all": b"GET /a HTTP/1.1\nHost: h\n\n",
    "bare-lf-request-line": b"GET /a HTTP/1.1\nHost: h\r\n\r\n",
    "bare-lf-field": b"GET /a HTTP/1.1\r\nHost: h\nX-A: b\r\n\r\n",
    "bare-lf-end": b"GET /a HTTP/1.1\r\nHost: h\r\n\n",
}
_CR_FAULTS = {
    "bare-cr-field": b"GET /a HTTP/1.1\r\nHost: h\rX-A: b\r\n\r\n",
    "bare-cr-value": b"GET /a HTTP/1.1\r\nHost: h\r\nX-A: b\rc\r\n\r\n",
    "bare-cr-request-line": b"GET /a\rHTTP/1.1\r\nHost: h\r\n\r\n",
    "cr-cr-lf": b"GET /a HTTP/1.1\r\r\nHost: h\r\n\r\n",
    "bare-cr-end": b"GET /a HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n",
    "cr-cr-lf-field": b"GET /a HTTP/1.1\r\nHost: h\r\r\n\r\n",
}
_START_FAULTS = {
    "space-first": b" GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "tab": b"GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "space-end": b"GET /a HTTP/1.1 \r\nHost: h\r\n\r\n",
    "space-in-target": b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
    "word-behind": b"GET /a HTTP/1.1 x\r\nHost: h\r\n\r\n",
    "only-method": b"GET\r\nHost: h\r\n\r\n",
    "no-method": b"/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "nul": b"GET /\x00a HTTP/1.1\r\nHost: h\r\n\r\n",
    "vertical-tab": b"GET\x0b/a\x0bHTTP/1.1\r\nHost: h\r\n\r\n",
}
LINES = [
    *[
        row(
            "lines",
            id,
            "9112 2.2",
            "a bare LF is refused, or taken for a line end and written as CRLF",
            data,
            refused(),
            passed("GET /a"),
            level=SHOULD,
        )
        for id, data in _LINE_FAULTS.items()
    ],
    *_refusals("lines", "9112 2.2", "a bare CR is no line end and no space", _CR_FAULTS),
    *_refusals(
        "lines", "9112 3", "an invalid request line is refused", _START_FAULTS, level=SHOULD
    ),
    *[
        row(
            "lines",
            id,
            "9112 3",
            "more than one space is refused, or read as one and written as one",
            data + b" HTTP/1.1\r\nHost: h\r\n\r\n",
            refused(),
            passed("GET /a"),
            level=SHOULD,
        )
        for id, data in (("two-spaces", b"GET  /a"), ("two-spaces-version", b"GET /a "))
    ],
    *[
        row(
            "lines",
            f"empty-{count}",
            "9112 2.2",
            "at least one empty line before a request is overlooked",
            b"\r\n" * count + get("/a"),
            passed("GET /a", stays=True),
            *(() if count == 1 else (refused(),)),
            level=SHOULD,
        )
        for count in (1, 2)
    ],
    row(
        "lines",
        "empty-between",
        "9112 2.2",
        "an empty line behind a body is overlooked",
        post("Content-Length: 5", body=b"hello\r\n") + get("/b"),
        passed(Asked("POST /a", body=b"hello"), "GET /b", stays=True),
        level=SHOULD,
    ),
    row(
        "lines",
        "empty-endless",
        "9112 2.2",
        "empty lines without end are not waited for for ever",
        b"\r\n" * 100_000,
        Way((), (Given(()),), False),
        Way((), (), False),
        Way((), (), True),
        level=SHOULD,
    ),
]

# Fields.

_FIELD_FAULTS = {
    "space-colon": b"X-A : b",
    "space-colon-cl": b"Content-Length : 33",
    "space-colon-te": b"Transfer-Encoding : chunked",
    "tab-colon": b"X-A\t: b",
    "no-colon": b"X-A",
    "no-name": b": b",
    "space-name": b"X A: b",
    "folded": b"X-A: b\r\n c",
    "folded-tab": b"X-A: b\r\n\tc",
    "folded-te": b"Transfer-Encoding:\r\n chunked",
    "nul-value": b"X-A: b\x00c",
    "nul-name": b"X\x00A: b",
    "name-paren": b"X(A): b",
    "name-slash": b"X/A: b",
    "name-latin": b"X\xe4: b",
    "name-quote": b'X"A: b',
    "name-at": b"X@A: b",
    "name-brace": b"X{A}: b",
    "name-control": b"X\x01A: b",
}
_VALUE_CONTROLS = {
    "value-bell": b"X-A: b\x07c",
    "value-delete": b"X-A: b\x7fc",
    "value-escape": b"X-A: b\x1bc",
}
FIELDS = [
    *_refusals(
        "fields",
        "9112 5",
        "a malformed field line is refused, not repaired",
        {id: raw(b"GET /a HTTP/1.1", b"Host: h", line) for id, line in _FIELD_FAULTS.items()},
    ),
    *_refusals(
        "fields",
        "9112 2.2",
        "space before the first field line is refused",
        {
            "first-space": raw(b"GET /a HTTP/1.1", b" X-A: b", b"Host: h"),
            "first-space-host": raw(b"GET /a HTTP/1.1", b" Host: h"),
            "first-tab": raw(b"GET /a HTTP/1.1", b"\tHost: h"),
        },
    ),
    *[
        row(
            "fields",
            id,
            "9110 5.5",
            "a control character in a value is refused",
            raw(b"GET /a HTTP/1.1", b"Host: h", line),
            refused(),
            passed("GET /a"),
            level=SHOULD,
        )
        for id, line in _VALUE_CONTROLS.items()
    ],
    *[
        row(
            "fields",
            id,
            "9110 5",
            law,
            raw(b"GET /a HTTP/1.1", b"Host: h", *lines),
            passed("GET /a", has=(("x-a", *values),), stays=True),
            level=MUST,
        )
        for id, law, lines, values in (
            ("latin-value", "bytes above 127 pass", [b"X-A: \xe4\xff"], ["\xe4\xff"]),
            ("empty-value", "a value may be empty", [b"X-A:"], [""]),
            ("no-space", "space behind the colon is no must", [b"X-A:b"], ["b"]),
            ("much-space", "space around a value is none of it", [b"X-A: \t b \t "], ["b"]),
            (
                "repeated",
                "repeats keep order and number",
                [b"X-A: 1", b"X-B: 2", b"x-a: 3"],
                ["1", "3"],
            ),
            ("case", "a name has no case", [b"x-A: b"], ["b"]),
            ("colons", "a value may hold colons", [b"X-A: a:b: c"], ["a:b: c"]),
            ("inner-space", "space within a value stays", [b"X-A: a  b\tc"], ["a  b\tc"]),
            ("long-value", "8000 bytes are no matter", [b"X-A: " + b"v" * 8000], ["v" * 8000]),
            ("comma", "commas stay", [b"X-A: a,, b ,c"], ["a,, b ,c"]),
        )
    ],
    row(
        "fields",
        "odd-tokens",
        "9110 5.6.2",
        "every token character may be in a name",
        raw(b"GET /a HTTP/1.1", b"Host: h", b"!#$%&'*+-.^`|~9z: b"),
        passed("GET /a", has=(("!#$%&'*+-.^`|~9z", "b"),), stays=True),
        refused(),
        level=SHOULD,
    ),
    row(
        "fields",
        "cookies",
        "9110 5.3",
        "two Set-Cookie-like fields are never joined",
        raw(b"GET /a HTTP/1.1", b"Host: h", b"Cookie: a=1", b"Cookie: b=2"),
        passed("GET /a", has=(("cookie", "a=1", "b=2"),), stays=True),
        level=SHOULD,
    ),
    *[
        row(
            "fields",
            id,
            "6585 5",
            "what is too large is refused, and never waited for",
            data,
            refused(431, 400, 413, 414),
            level=SHOULD,
        )
        for id, data in (
            ("giant-value", get("/a", "X-A: " + "v" * 200_000)),
            ("giant-name", get("/a", "X" * 200_000 + ": v")),
            ("many", get("/a", *(f"X-{number}: v" for number in range(5000)))),
            ("giant-unended", get("/a", "X-A: " + "v" * 200_000)[:-4]),
            ("giant-method", b"A" * 100_000 + get("/a")[3:]),
        )
    ],
]

# Hosts.

_HOST_FAULTS = {
    "missing": (),
    "twice": (b"Host: h", b"Host: h"),
    "twice-different": (b"Host: h", b"Host: i"),
    "twice-case": (b"Host: h", b"hOsT: i"),
    "space-colon": (b"Host : h",),
    "folded": (b"Host: h\r\n .i",),
}
_HOST_VALUES = {
    "space": b"a b",
    "slash": b"a/b",
    "userinfo": b"u@h",
    "scheme": b"http://h",
    "comma": b"a, b",
    "port-word": b"h:x",
    "port-sign": b"h:-1",
    "port-long": b"h:80800000",
    "two-ports": b"h:80:80",
    "bracket": b"[::1",
    "bracket-behind": b"[::1]x",
    "nul": b"h\x00",
    "backslash": b"a\\b",
    "question": b"a?b",
    "hash": b"a#b",
    "percent": b"a%zz",
    "latin": b"\xfcber",
    "quote": b'"h"',
    "tab-inside": b"a\tb",
}
HOSTS = [
    *_refusals(
        "hosts",
        "9112 3.2",
        "a request without exactly one Host is answered with 400",
        {id: raw(b"GET /a HTTP/1.1", *lines) for id, lines in _HOST_FAULTS.items()},
        400,
    ),
    *_refusals(
        "hosts",
        "9112 3.2",
        "a Host that is no host and port is answered with 400",
        {id: raw(b"GET /a HTTP/1.1", b"Host: " + value) for id, value in _HOST_VALUES.items()},
        400,
    ),
    *[
        row(
            "hosts",
            id,
            "9110 7.2",
            "a valid host goes on as it is",
            raw(b"GET /a HTTP/1.1", b"Host: " + value),
            passed("GET /a", has=(("host", value.decode()),), stays=True),
            level=MUST,
        )
        for id, value in (
            ("name", b"example.com"),
            ("port", b"example.com:8080"),
            ("ipv4", b"192.0.2.1:81"),
            ("ipv6", b"[2001:db8::1]"),
            ("ipv6-port", b"[2001:db8::1]:81"),
            ("case", b"ExAmple.COM"),
        )
    ],
    row(
        "hosts",
        "empty",
        "9110 7.2",
        "an empty Host is legal where a URI has no authority",
        raw(b"GET /a HTTP/1.1", b"Host:"),
        passed("GET /a", has=(("host", ""),), stays=True),
        refused(400),
        level=SHOULD,
    ),
    row(
        "hosts",
        "missing-1.0",
        "9112 3.2",
        "HTTP/1.0 needs no Host",
        raw(b"GET /a HTTP/1.0"),
        passed("GET /a", stays=False),
        refused(400),
        level=SHOULD,
    ),
    row(
        "hosts",
        "twice-1.0",
        "9112 3.2",
        "two Hosts are refused in HTTP/1.0 as well",
        raw(b"GET /a HTTP/1.0", b"Host: a", b"Host: b"),
        refused(400),
        level=MUST,
    ),
]

# Targets.

_TARGET_FAULTS = {
    "relative": b"a",
    "empty": b"",
    "fragment": b"/a#b",
    "star-get": b"*",
    "authority-get": b"h:80",
    "absolute-userinfo": b"http://u:p@h/a",
    "absolute-no-host": b"http:///a",
    "absolute-space": b"http://a b/",
    "ftp": b"ftp://h/a",
    "non-ascii": b"/\xe4",
    "utf-8": "/ä".encode(),
    "control": b"/a\x01",
    "delete": b"/a\x7f",
    "question": b"?a",
    "backslash-first": b"\\a",
}
_SHOULD_TARGETS = {"fragment", "non-ascii", "utf-8", "ftp", "absolute-userinfo"}
TARGETS = [
    *[
        row(
            "targets",
            id,
            "9112 3.2",
            "a target of none of the four forms is refused",
            raw(b"GET " + target + b" HTTP/1.1", b"Host: h") + get("/b"),
            refused(),
            level=SHOULD if id in _SHOULD_TARGETS else MUST,
        )
        for id, target in _TARGET_FAULTS.items()
    ],
    *[
        row(
            "targets",
            id,
            "9112 3.2",
            law,
            raw(method + b" " + target + b" HTTP/1.1", b"Host: h"),
            passed(went, has=(("host", host),), stays=True),
            level=MUST,
        )
        for id, law, method, target, went, host in (
            ("query", "a query stays", b"GET", b"/a?b=c&d", "GET /a?b=c&d", "h"),
            ("encoded", "nothing is decoded", b"GET", b"/%2e%2e/%2F%00", "GET /%2e%2e/%2F%00", "h"),
            ("dots", "nothing is resolved", b"GET", b"/a/../b/./c", "GET /a/../b/./c", "h"),
            ("slashes", "nothing is merged", b"GET", b"//a//b", "GET //a//b", "h"),
            ("double-question", "a query may hold ?", b"GET", b"/a??b", "GET /a??b", "h"),
            ("absolute", "absolute form: its host counts", b"GET", b"http://i/a", "GET /a", "i"),
            ("absolute-port", "with its port", b"GET", b"http://i:81/a?b", "GET /a?b", "i:81"),
            ("absolute-bare", "an empty path is /", b"GET", b"http://i", "GET /", "i"),
            ("absolute-query", "before a query too", b"GET", b"http://i?b", "GET /?b", "i"),
            ("absolute-case", "a scheme has no case", b"GET", b"HTTP://i/a", "GET /a", "i"),
            ("options-star", "OPTIONS * goes on", b"OPTIONS", b"*", "OPTIONS *", "h"),
            ("options-bare", "without a path it is *", b"OPTIONS", b"http://i", "OPTIONS *", "i"),
            ("options-path", "OPTIONS of a path", b"OPTIONS", b"/a", "OPTIONS /a", "h"),
        )
    ],
    row(
        "targets",
        "long",
        "9112 3",
        "8000 bytes at least can be read",
        get("/" + "a" * 8000),
        passed("GET /" + "a" * 8000, stays=True),
        level=SHOULD,
    ),
    row(
        "targets",
        "too-long",
        "9112 3",
        "a longer target than can be read is answered with 414",
        get("/" + "a" * 100_000),
        refused(414),
        level=MUST,
    ),
    row(
        "targets",
        "absolute-no-host-field",
        "9112 3.2",
        "an absolute form does not replace the Host",
        raw(b"GET http://i/a HTTP/1.1"),
        refused(400),
        level=MUST,
    ),
]

# Versions.

_VERSION_FAULTS = {
    "2.0": (b"HTTP/2.0", SHOULD),
    "3.0": (b"HTTP/3.0", SHOULD),
    "1.11": (b"HTTP/1.11", SHOULD),
    "01.1": (b"HTTP/01.1", SHOULD),
    "1": (b"HTTP/1", SHOULD),
    "1.": (b"HTTP/1.", SHOULD),
    "lower": (b"http/1.1", SHOULD),
    "comma": (b"HTTP/1,1", SHOULD),
    "space": (b"HTTP/1. 1", SHOULD),
    "negative": (b"HTTP/-1.1", SHOULD),
    "word": (b"HTTP/one", SHOULD),
    "other": (b"HTTPS/1.1", SHOULD),
    "rtsp": (b"RTSP/1.0", SHOULD),
    "0.9": (b"HTTP/0.9", SHOULD),
    "1.1x": (b"HTTP/1.1x", SHOULD),
}
VERSIONS = [
    *[
        row(
            "versions",
            id,
            "9112 2.3",
            "a version that is not spoken, or none at all, is refused",
            raw(b"GET /a " + version, b"Host: h") + get("/b"),
            refused(),
            level=level,
        )
        for id, (version, level) in _VERSION_FAULTS.items()
    ],
    row(
        "versions",
        "1.2",
        "9110 2.5",
        "a higher minor version is taken for 1.1, or refused",
        raw(b"GET /a HTTP/1.2", b"Host: h"),
        refused(),
        passed("GET /a"),
        level=SHOULD,
    ),
    row(
        "versions",
        "0.9-line",
        "9112 2.3",
        "a line without a version is HTTP/0.9, and goes nowhere",
        b"GET /a\r\n" + SMUGGLED,
        refused(),
        Way((), (), False),
        level=MUST,
    ),
    row(
        "versions",
        "h2-preface",
        "9113 3.4",
        "HTTP/2 with prior knowledge is refused, not taken for a request",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" + SMUGGLED,
        refused(),
        Way((), (), False),
        level=MUST,
    ),
    row(
        "versions",
        "1.0",
        "9112 9.3",
        "HTTP/1.0 is answered, and closed",
        get("/a", version="1.0"),
        passed("GET /a", stays=False),
        level=MUST,
    ),
    row(
        "versions",
        "1.0-keep-alive",
        "9112 9.3",
        "HTTP/1.0 may keep its connection, and is told so",
        get("/a", "Connection: keep-alive", version="1.0"),
        Way((Asked("GET /a"),), (Given(has=(("connection", "keep-alive"),)),), True),
        passed("GET /a", stays=False),
        level=SHOULD,
    ),
    row(
        "versions",
        "1.0-post",
        "9112 6.3",
        "a length frames an HTTP/1.0 body",
        post("Content-Length: 5", body=b"hello", version="1.0"),
        passed("POST /a", body=b"hello", stays=False),
        level=MUST,
    ),
]

# Methods.

METHODS = [
    *[
        row(
            "methods",
            method.lower(),
            "9110 9.1",
            "a method of HTTP goes on as it came",
            get("/a", method=method),
            passed(f"{method} /a", stays=True),
            level=MUST if method in ("PUT", "DELETE", "OPTIONS", "POST") else SHOULD,
        )
        for method in ("PUT", "DELETE", "OPTIONS", "POST", "PATCH", "PROPFIND", "REPORT")
    ],
    row(
        "methods",
        "lower",
        "9110 9.1",
        "a method has a case; get is not GET",
        b"get /a HTTP/1.1\r\nHost: h\r\n\r\n",
        refused(),
        passed("get /a"),
        level=MUST,
    ),
    row(
        "methods",
        "unknown",
        "9110 9.1",
        "an unknown method goes on, or is refused",
        b"BREW /a HTTP/1.1\r\nHost: h\r\n\r\n",
        passed("BREW /a"),
        refused(),
        level=SHOULD,
    ),
    row(
        "methods",
        "connect",
        "9110 9.3.6",
        "a reverse proxy opens no tunnel to wherever it is asked to",
        b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n" + SMUGGLED,
        refused(),
        level=MUST,
    ),
    row(
        "methods",
        "connect-path",
        "9110 9.3.6",
        "CONNECT with a path is no better",
        b"CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/b"),
        refused(),
        level=MUST,
    ),
    *[
        row(
            "methods",
            id,
            "9110 5.6.2",
            "a method that is no token is refused",
            method + b" /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/b"),
            refused(),
            level=MUST,
        )
        for id, method in (
            ("colon", b"GE:T"),
            ("paren", b"GET()"),
            ("nul", b"GET\x00"),
            ("latin", b"G\xcbT"),
            ("comma", b"GET,POST"),
            ("quote", b'"GET"'),
        )
    ],
    row(
        "methods",
        "trace",
        "9110 9.3.8",
        "TRACE goes on, or is refused",
        get("/a", method="TRACE"),
        passed("TRACE /a"),
        refused(),
        level=SHOULD,
    ),
    row(
        "methods",
        "trace-max-forwards-0",
        "9110 7.6.2",
        "Max-Forwards 0 ends here",
        get("/a", "Max-Forwards: 0", method="TRACE"),
        Way((), (Given((200, *range(400, 600))),)),
        level=MUST,
    ),
    row(
        "methods",
        "options-max-forwards-1",
        "9110 7.6.2",
        "Max-Forwards goes down by one",
        get("/a", "Max-Forwards: 1", method="OPTIONS"),
        passed("OPTIONS /a", has=(("max-forwards", "0"),)),
        level=MUST,
    ),
    row(
        "methods",
        "get-max-forwards",
        "9110 7.6.2",
        "Max-Forwards on other methods may be overlooked",
        get("/a", "Max-Forwards: 1"),
        passed("GET /a", stays=True),
        level=SHOULD,
    ),
]

ROWS = [*FRAMING, *CHUNKS, *LINES, *FIELDS, *HOSTS, *TARGETS, *VERSIONS, *METHODS]
__all__ = ["ROWS", "SMUGGLED", "Answers", "post", "raw", "row"]
