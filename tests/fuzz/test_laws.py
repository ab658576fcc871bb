"""Whatever bytes stand in an endpoint's answer, what goes down has one reading."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.reading import read_answers
from tests.fuzz import laws
from tests.fuzz.desk import Desk

pytestmark = pytest.mark.unit

CONTROLS = frozenset(range(0x20)) - {0x09} | {0x7F}

text = st.one_of(
    st.binary(max_size=20),
    # What a head is made of, so that more of it is nearly right.
    st.lists(
        st.sampled_from(
            [
                *(b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b"\0", b"a", b"\x7f", b"\x80", b"\xff"),
                *(b"Content-Length: 3", b"Transfer-Encoding: chunked", b"HTTP/1.1 200 OK", b"X: y"),
            ]
        ),
        max_size=6,
    ).map(b"".join),
)
names = st.one_of(st.sampled_from([b"X-A", b"Content-Length", b"Connection", b"Set-Cookie"]), text)
fields = st.lists(st.tuples(names, text), max_size=3)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def lines(these: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in these)


def holds(desk: Desk, asked: bytes, stream: bytes, cuts: list[int]) -> laws.Answered:
    """What comes of it; besides the laws, no control character stands in any line."""
    edges = [0, *sorted(each % (len(stream) + 1) for each in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    seen = laws.play_answers(desk, asked, [piece for piece in pieces if piece], clean=True)
    reading = read_answers(seen.raw, [asked.startswith(b"HEAD ")], ended=True)
    assert not reading.fault
    for message in reading.messages:
        for each in (message, *message.interim):
            heads = [each.line, *(part for field in each.fields + each.trailers for part in field)]
            assert not CONTROLS & set(b"".join(heads))
    return seen


asked = st.sampled_from([each for each in laws.ASKED if b"Upgrade" not in each])
cuts = st.lists(st.integers(0, 300), max_size=3)


@given(asked, text, cuts)
@settings(max_examples=150)
def test_a_reason_phrase(desk: Desk, asked: bytes, reason: bytes, cuts: list[int]) -> None:
    """It is passed on as it is, or not at all."""
    stream = b"HTTP/1.1 200 " + reason + b"\r\nContent-Length: 2\r\n\r\nok"
    seen = holds(desk, asked, stream, cuts)
    assert seen.given is not None
    assert seen.given.status in (200, 502)


@given(asked, fields, cuts)
@settings(max_examples=200)
def test_fields(
    desk: Desk, asked: bytes, fields: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    """Of a final answer."""
    stream = b"HTTP/1.1 200 OK\r\n" + lines(fields) + b"Content-Length: 2\r\n\r\nok"
    holds(desk, asked, stream, cuts)


@given(asked, text, fields, cuts)
@settings(max_examples=100)
def test_an_interim_head(
    desk: Desk, asked: bytes, reason: bytes, fields: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    """Its reason and fields, with a final answer behind it."""
    stream = b"HTTP/1.1 103 " + reason + b"\r\n" + lines(fields) + b"\r\n"
    holds(desk, asked, stream + laws.ANSWER % (b"a", 2, b"ok"), cuts)


@given(asked, fields, cuts)
@settings(max_examples=200)
def test_trailers(
    desk: Desk, asked: bytes, fields: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    """Behind a body in chunks; what frames a message is not among those that go on."""
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
    seen = holds(desk, asked, stream + lines(fields) + b"\r\n", cuts)
    if seen.given is not None:
        sent = {name.lower() for name, _ in seen.given.trailers}
        assert not sent & {b"content-length", b"connection", b"set-cookie"}


def test_what_is_well_formed_comes_through(desk: Desk) -> None:
    """Otherwise the laws above would hold for a proxy that answers 502 to all."""
    stream = (
        b"HTTP/1.1 200 Na\xefve\tthing\r\nX-A: \xe9\tb\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    seen = holds(desk, laws.ASKED[0], stream, [])
    assert seen.given is not None
    assert seen.given.line == b"HTTP/1.1 200 Na\xefve\tthing"
    assert seen.given.values("x-a") == ["\xe9\tb"]
    assert (seen.given.body, seen.given.trailers) == (b"ok", [(b"X-Sum", b"1")])
