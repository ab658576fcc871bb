"""The judge, judged: each kind of failure is seen for what it is, whatever proxy it is."""

import pytest

from tests.conformance.judge import ACCEPTED, DESYNC, HANG, PASS, REFUSED, WRONG, judge
from tests.conformance.play import PROBE, Record, Talk
from tests.conformance.reading import read_answers, read_requests
from tests.conformance.rows.model import Row, Way, passed, refused
from tests.live.asking import get
from tests.live.wire import EOF

pytestmark = pytest.mark.unit

BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


def answer(what: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nX-Answers: {what}\r\nContent-Length: 0\r\n\r\n".encode()


PROBED = answer("GET /probe")


def row(way: Way) -> Row:
    return Row("x", "x", "MUST", "9112 1", "", (get("/a"),), (way,))


def kind(way: Way, asked: bytes, *given: bytes, hung: str = "") -> str:
    record = Record(
        [Talk(each, EOF) for each in given], [Talk(asked, EOF)], probe=len(given) - 1, hung=hung
    )
    return judge(row(way), record).kind


A = get("/a")


@pytest.mark.parametrize(
    ("expected", "way", "asked", "given"),
    [
        (PASS, passed("GET /a"), A + PROBE, [answer("GET /a") + PROBED]),
        (PASS, passed("GET /a", stays=False), A + PROBE, [answer("GET /a"), PROBED]),
        (PASS, refused(400), PROBE, [BAD, PROBED]),
        (WRONG, refused(414), PROBE, [BAD, PROBED]),
        (WRONG, passed("GET /a", stays=True), A + PROBE, [answer("GET /a"), PROBED]),
        (WRONG, passed("GET /a", has=(("x-a", "1"),)), A + PROBE, [answer("GET /a") + PROBED]),
        (WRONG, passed("GET /a", lacks=("host",)), A + PROBE, [answer("GET /a") + PROBED]),
        (WRONG, passed("GET /a"), A + PROBE, [answer("GET /a")[:-9], PROBED]),
        (ACCEPTED, refused(400), A + PROBE, [answer("GET /a") + PROBED]),
        (REFUSED, passed("GET /a"), PROBE, [BAD, PROBED]),
        (DESYNC, passed("GET /a"), A + get("/smuggled") + PROBE, [answer("GET /a") + PROBED]),
        (DESYNC, passed("GET /a"), A.replace(b"\r\n", b"\n") + PROBE, [answer("GET /a") + PROBED]),
        (DESYNC, passed("GET /a"), A + PROBE, [answer("GET /b") + PROBED]),
        (DESYNC, passed("GET /a"), A + PROBE, [answer("GET /a") + answer("GET /a")]),
        (DESYNC, passed("GET /a"), A + PROBE, [answer("GET /a") + b"\0garbage\r\n\r\n"]),
        (
            DESYNC,
            refused(400),
            get("/a", "Content-Length: 0", "Transfer-Encoding: chunked") + PROBE,
            [BAD, PROBED],
        ),
    ],
)
def test_each_kind_of_failure_is_seen(
    expected: str, way: Way, asked: bytes, given: list[bytes]
) -> None:
    """By the bytes alone."""
    assert expected == kind(way, asked, *given)


def test_silence_is_a_hang() -> None:
    """Whatever else did not happen."""
    assert HANG == kind(passed("GET /a"), A, b"", hung="1 answers")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /a HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: b\0\r\n\r\n",
        b"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n",
    ],
)
def test_the_reader_is_strict(head: bytes) -> None:
    """What RFC 9112 does not allow is a fault, for some server reads it in another way."""
    assert read_requests(head).fault


def test_the_reader_reads_answers() -> None:
    """Interim answers belong to the final one; an end delimits what nothing else does."""
    reading = read_answers(b"HTTP/1.1 103 X\r\n\r\n" + BAD + b"HTTP/1.1 200 OK\r\n\r\nhi", [], True)

    assert [(each.status, each.whole) for each in reading.messages] == [(400, True), (200, True)]
    assert [each.status for each in reading.messages[0].interim] == [103]
    assert b"hi" == reading.messages[1].body
    assert not read_answers(b"HTTP/1.1 200 OK\r\n\r\nhi", [], False).messages[0].whole
