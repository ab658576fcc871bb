"""A request body on its way."""

import pytest

from load_balancer.forwarding.body import RequestBody
from load_balancer.forwarding.json_field import JsonField

pytestmark = pytest.mark.unit


def test_a_body_of_known_length_goes_on_as_it_came() -> None:
    body = RequestBody(chunked=False, uninvited=False)
    body.add(b"ab")
    body.add(b"c")

    assert body.buffered == 3
    assert body.waits(whole=False)
    assert body.take(whole=False) == b"abc"
    assert body.buffered == 0
    assert not body.waits(whole=True)


def test_what_came_together_goes_on_as_one_chunk() -> None:
    body = RequestBody(chunked=True, uninvited=False)
    body.add(b"a" * 10)
    body.add(b"b" * 10)

    assert body.take(whole=False) == b"14\r\n" + b"a" * 10 + b"b" * 10 + b"\r\n"


def test_the_end_of_a_chunked_body_goes_on_exactly_once_and_with_its_trailers() -> None:
    body = RequestBody(chunked=True, uninvited=False)
    body.add(b"a")
    assert body.take(whole=False) == b"1\r\na\r\n"
    assert not body.waits(whole=False)
    body.trailers.append((b"X-Sum", b"7"))

    assert body.waits(whole=True)
    assert body.take(whole=True) == b"0\r\nX-Sum: 7\r\n\r\n"
    assert not body.waits(whole=True)
    assert body.take(whole=True) == b""


def test_an_empty_chunked_body_is_its_end_alone() -> None:
    assert RequestBody(chunked=True, uninvited=False).take(whole=True) == b"0\r\n\r\n"


def test_what_nobody_wants_is_dropped() -> None:
    body = RequestBody(chunked=False, uninvited=False)
    body.add(b"abc")
    body.drop()

    assert (body.buffered, body.take(whole=True)) == (0, b"")


def test_the_first_bytes_need_no_invitation_any_more() -> None:
    """A client may send its body without having been told to continue."""
    body = RequestBody(chunked=False, uninvited=True)
    assert body.uninvited
    body.add(b"a")
    assert not body.uninvited


def test_what_looks_for_the_key_sees_every_byte_and_takes_none() -> None:
    body = RequestBody(chunked=True, uninvited=False)
    body.scan = JsonField(("prompt",), 8, 1024)
    for piece in (b'{"pro', b'mpt": "he', b'llo"}'):
        body.add(piece)
    body.scan.ended()

    assert "hello" == body.scan.key
    assert b'13\r\n{"prompt": "hello"}\r\n' == body.take(whole=False)
