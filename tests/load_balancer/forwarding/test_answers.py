"""The balancer's own answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding.answers import answer, problem
from tests.load_balancer.forwarding.parsing import h11_response, responses

pytestmark = pytest.mark.unit

DATE = b"Thu, 01 Jan 2026 00:00:00 GMT"


def test_a_page_is_a_complete_response() -> None:
    assert (
        b"HTTP/1.1 200 OK\r\n"
        b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: 3\r\n"
        b"\r\n"
        b"{}\n"
    ) == answer(200, "application/json", b"{}\n", DATE, close=False)


@pytest.mark.parametrize(
    ("close", "modern", "connection"),
    [
        (False, True, []),
        (True, True, [b"close"]),
        (True, False, [b"close"]),
        (False, False, [b"keep-alive"]),
    ],
)
def test_what_the_client_is_told_of_its_connection(
    close: bool, modern: bool, connection: list[bytes]
) -> None:
    """HTTP/1.0 must be told that it stays, HTTP/1.1 that it ends."""
    (message,) = responses(answer(200, "a/b", b"x", DATE, close=close, modern=modern)).messages

    assert connection == message.values(b"connection")


def test_head_gets_the_head_alone_with_the_length_of_get() -> None:
    whole = answer(200, "a/b", b"12345", DATE, close=False)
    head = answer(200, "a/b", b"12345", DATE, close=False, head_only=True)

    assert whole == head + b"12345"
    assert b"Content-Length: 5\r\n" in head


def test_further_fields_stand_in_the_head() -> None:
    (message,) = responses(
        answer(200, "a/b", b"", DATE, close=True, extra=b"X-A: 1\r\nX-B: 2\r\n")
    ).messages

    assert [(b"X-A", b"1"), (b"X-B", b"2"), (b"Connection", b"close")] == message.fields[-3:]


@pytest.mark.parametrize(
    ("status", "reason"), [(404, b"Not Found"), (502, b"Bad Gateway"), (599, b"Unknown")]
)
def test_a_status_has_its_phrase(status: int, reason: bytes) -> None:
    (message,) = responses(answer(status, "a/b", b"", DATE, close=False)).messages

    assert (status, reason) == (message.status, message.reason)


def test_a_problem_is_a_line_that_a_person_can_read() -> None:
    raw = problem(502, "server1 refused", "id-1", DATE, close=False)
    (message,) = responses(raw).messages

    assert b"502 Bad Gateway: server1 refused (request id-1)\n" == message.body
    assert [b"text/plain; charset=utf-8"] == message.values(b"content-type")
    assert [b"id-1"] == message.values(b"x-request-id")
    assert [] == message.values(b"retry-after")


def test_a_problem_is_json_for_who_accepts_it() -> None:
    """RFC 9457."""
    raw = problem(503, "no endpoint", "id-1", DATE, close=True, accepts_json=True, retry_after=1)
    (message,) = responses(raw).messages

    assert {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "no endpoint",
        "request_id": "id-1",
    } == json.loads(message.body)
    assert [b"application/problem+json"] == message.values(b"content-type")
    assert ([b"1"], [b"close"]) == (message.values(b"retry-after"), message.values(b"connection"))


@given(
    st.integers(min_value=400, max_value=599),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(min_value=0, max_value=9999),
)
def test_any_problem_is_one_response_that_others_can_read(
    status: int,
    detail: str,
    accepts_json: bool,
    close: bool,
    modern: bool,
    head_only: bool,
    retry_after: int | None,
) -> None:
    """Whatever the detail says, and it may quote what came from outside, it stays in the body."""
    raw = problem(
        status,
        detail,
        "id",
        DATE,
        close=close,
        accepts_json=accepts_json,
        modern=modern,
        head_only=head_only,
        retry_after=retry_after,
    )
    head, body, _ = h11_response(raw, b"HEAD" if head_only else b"GET", close)
    names = [bytes(name) for name, _ in head.headers]

    assert status == head.status_code
    assert len(names) == len(set(names))
    assert (retry_after is not None) == (b"retry-after" in names)
    if head_only:
        assert b"" == body
    elif accepts_json:
        assert detail == json.loads(body)["detail"]
    else:
        assert detail in body.decode()
