"""Answers made of a stored response."""

import pytest

from load_balancer.caching.answers import age_of, answer
from load_balancer.caching.vocabulary import Answer, Stored, joined
from tests.load_balancer.caching.rig import FRESH, NOW, Rig, asking

pytestmark = pytest.mark.unit

FIELDS = (FRESH, 'ETag: "a"', "Content-Type: text/plain", "Vary: B", "Content-Location: /c", "X: 1")


def stored(*fields: str, status: int = 200, body: bytes = b"0123456789") -> Stored:
    found = Rig().keep(*FIELDS, *fields, status=status, body=body)
    assert found is not None
    return found


def get(*texts: str, method: str = "GET", after: float = 0.0, status: int = 200) -> Answer:
    return answer(asking(*texts, method=method), stored(status=status), NOW + after)


def test_the_whole_is_answered_with_its_length_and_age() -> None:
    found = get(after=7.9)

    assert (found.status, found.reason, found.body, found.age) == (200, b"OK", b"0123456789", 7)
    fields = joined(found.fields)
    assert fields[b"content-length"] == b"10"
    assert b"age" not in fields
    assert found.head.startswith(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n")
    assert found.head.endswith(b"Content-Length: 10\r\nAge: 7\r\n")


def test_the_age_it_came_with_goes_on() -> None:
    found = stored("Age: 30")

    assert age_of(found, NOW + 2.5) == 32.5
    assert age_of(found, NOW - 99.0) == 30.0
    assert answer(asking(), found, NOW + 2.5).head.count(b"Age:") == 1


def test_head_gets_the_same_without_the_body() -> None:
    found = get(method="HEAD")

    assert found.body == b""
    assert joined(found.fields)[b"content-length"] == b"10"


def test_without_a_body_there_is_no_length() -> None:
    found = answer(asking(), stored(status=204, body=b""), NOW)

    assert b"content-length" not in joined(found.fields)


def test_who_has_it_is_told_so_with_what_may_be_new() -> None:
    """RFC 9110 section 15.4.5."""
    found = get('If-None-Match: "a"', "Range: bytes=0-1")

    assert (found.status, found.body) == (304, b"")
    assert joined(found.fields).keys() == {
        *(b"cache-control", b"etag", b"vary", b"content-location", b"x", b"date")
    }
    assert b"Age: 0\r\n" in found.head


def test_one_part() -> None:
    found = get("Range: bytes=2-4", 'If-None-Match: "b"')

    assert (found.status, found.body) == (206, b"234")
    fields = joined(found.fields)
    assert fields[b"content-range"] == b"bytes 2-4/10"
    assert fields[b"content-length"] == b"3"
    assert fields[b"x"] == b"1"


def test_a_part_that_there_is_not() -> None:
    found = get("Range: bytes=10-")

    assert (found.status, found.body) == (416, b"")
    assert joined(found.fields).keys() == {b"date", b"content-range", b"content-length"}
    assert b"Content-Range: bytes */10\r\n" in found.head


@pytest.mark.parametrize("field", ["Range: bytes=0-1", 'If-None-Match: "a"'])
def test_conditions_and_ranges_are_for_200_only(field: str) -> None:
    """RFC 9110 sections 13.2.1 and 14.2."""
    found = get(field, status=404)

    assert (found.status, found.body) == (404, b"0123456789")
