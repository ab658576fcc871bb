"""What is written to the client, in one piece."""

import pytest

from load_balancer.forwarding.outgoing import Outgoing
from load_balancer.forwarding.responses import ResponseHead

pytestmark = pytest.mark.unit


def head(chunk_out: bool) -> ResponseHead:
    made = ResponseHead()
    made.chunk_out = chunk_out
    made.wire = b"HTTP/1.1 200 OK\r\n\r\n"
    return made


def test_nothing_is_written_of_nothing() -> None:
    assert b"" == Outgoing().take(False, [])


def test_all_that_came_goes_out_once_and_in_order() -> None:
    outgoing = Outgoing()
    outgoing.interim(b"HTTP/1.1 103 Early\r\n\r\n")
    outgoing.begin(head(False))
    outgoing.body(b"one ")
    outgoing.body(b"two")

    expected = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\none two"
    assert expected == outgoing.take(False, [])
    outgoing.body(b"three")
    assert b"three" == outgoing.take(True, [])


def test_pieces_of_one_event_make_one_chunk() -> None:
    outgoing = Outgoing()
    outgoing.begin(head(True))
    assert b"HTTP/1.1 200 OK\r\n\r\n" == outgoing.take(False, [])
    outgoing.body(b"0123456789")
    outgoing.body(b"abcdef")
    assert b"10\r\n0123456789abcdef\r\n" == outgoing.take(False, [])
    assert b"0\r\nX-End: 1\r\n\r\n" == outgoing.take(True, [(b"X-End", b"1")])


def test_field_lines_of_ours_come_last_in_the_head() -> None:
    outgoing = Outgoing()
    outgoing.begin(head(False), b"X-Ours: 1\r\n")
    assert b"HTTP/1.1 200 OK\r\nX-Ours: 1\r\n\r\n" == outgoing.take(True, [])
