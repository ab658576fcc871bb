"""Requests and answers as the cache sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.vocabulary import Answer, CacheRequest, joined
from tests.load_balancer.caching.rig import asking, lines

pytestmark = pytest.mark.unit


def test_the_key_tells_scheme_authority_and_target() -> None:
    request = CacheRequest("GET", "example.com:8080", "/a?b", [], "https")

    assert request.key == "https://example.com:8080/a?b"
    assert asking(method="HEAD").key == asking().key


@pytest.mark.parametrize(
    ("fields", "plain", "ordinary"),
    [
        ((), True, True),
        (("Accept: */*", "Cookie: a=b"), True, True),
        (("Cache-Control: max-stale",), False, True),
        (("Cache-Control: nothing",), False, True),
        (("cache-control: no-cache",), False, False),
        (("Cache-Control: max-age=9",), False, False),
        (("Cache-Control: min-fresh=9",), False, False),
        (("Pragma: no-cache",), False, False),
        (("Range: bytes=0-1",), False, False),
        (("Authorization: a",), False, False),
        (('If-None-Match: "a"',), False, False),
    ],
)
def test_requests_are_classed_once(fields: tuple[str, ...], plain: bool, ordinary: bool) -> None:
    request = asking(*fields)

    assert (request.plain, request.ordinary) == (plain, ordinary)


def test_only_a_get_without_a_body_is_plain() -> None:
    assert not asking(method="HEAD").plain
    assert not asking(has_body=True).plain


def test_lines_of_one_field_are_joined() -> None:
    """RFC 9110 section 5.3."""
    fields = lines("A:  1 ", "b: 2", "a: 3", "Cache-Control: a", "cache-control: b")
    request = CacheRequest("GET", "example.com", "/", fields)

    assert joined(fields) == {b"a": b"1, 3", b"b": b"2", b"cache-control": b"a, b"}
    assert request.value(b"a") == b"1, 3"
    assert request.value(b"c") is None
    assert request.judged == {b"cache-control": b"a, b"}


def test_an_answer_has_its_head_up_to_the_age() -> None:
    answer = Answer(404, b"Not Found", [(b"A", b"1"), (b"B", b"2")], b"body", 7)

    assert answer.head == b"HTTP/1.1 404 Not Found\r\nA: 1\r\nB: 2\r\nAge: 7\r\n"
    made = Answer(200, b"OK", (), b"", 0, b"HTTP/1.1 200 OK\r\n")
    assert made.head == b"HTTP/1.1 200 OK\r\nAge: 0\r\n"


@given(st.lists(st.tuples(st.binary(max_size=15), st.binary(max_size=40)), max_size=8))
def test_nothing_raises(fields: list[tuple[bytes, bytes]]) -> None:
    request = CacheRequest("GET", "example.com", "/", fields)

    assert all(request.value(name.lower()) is not None for name, _ in fields)
