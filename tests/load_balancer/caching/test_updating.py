"""Stored responses made fresh by a newer head."""

import pytest

from load_balancer.caching.updating import is_head_of, is_same, updated
from load_balancer.caching.vocabulary import Stored, joined
from tests.load_balancer.caching.rig import FRESH, NOW, Rig, date, lines

pytestmark = pytest.mark.unit

MODIFIED = "Last-Modified: {-100}"


def stored(*fields: str) -> Stored:
    found = Rig().keep(FRESH, *fields)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("had", "came", "expected"),
    [
        (('ETag: "a"',), ('ETag: "a"',), True),
        (('ETag: "a"',), ('ETag: "b"',), False),
        (('ETag: "a"',), (), True),
        (('ETag: "a"',), ('ETag: W/"a"',), True),
        (('ETag: W/"a"',), ('ETag: "a"',), False),
        (('ETag: W/"a"',), ('ETag: W/"a"',), True),
        (('ETag: "a"', MODIFIED), ('ETag: "a"', "Last-Modified: {-5}"), True),
        ((MODIFIED,), (MODIFIED,), True),
        ((MODIFIED,), ("Last-Modified: {-99}",), False),
        ((MODIFIED,), (), True),
        ((MODIFIED,), ('ETag: "a"', MODIFIED), False),
    ],
)
def test_a_304_speaks_of_what_has_its_validators(
    had: tuple[str, ...], came: tuple[str, ...], expected: bool
) -> None:
    """RFC 9111 section 4.3.4."""
    assert is_same(stored(*had), lines(*came)) is expected


@pytest.mark.parametrize(
    ("had", "came", "expected"),
    [
        ((), (), True),
        ((), ("Content-Length: 5",), True),
        ((), ("Content-Length: 6",), False),
        (('ETag: "a"',), ('ETag: "a"',), True),
        (('ETag: "a"',), ('ETag: "b"',), False),
        (('ETag: "a"',), (), False),
        ((MODIFIED,), ("Last-Modified: {-5}",), False),
    ],
)
def test_an_answer_to_head_must_agree_with_what_is_stored(
    had: tuple[str, ...], came: tuple[str, ...], expected: bool
) -> None:
    """RFC 9111 section 4.3.5."""
    assert is_head_of(stored(*had), lines(*came)) is expected


def test_newer_fields_take_the_place_of_stored_ones_but_for_those_of_the_body() -> None:
    """RFC 9111 section 3.2."""
    had = stored(
        "Content-Length: 5",
        "Content-Encoding: gzip",
        "Content-Type: text/plain",
        "A: 1",
        "A: 2",
        "B: 1",
        "Age: 30",
        "Date: {-30}",
    )
    came = lines(
        "Connection: X-Hop",
        "X-Hop: 1",
        "Content-Length: 0",
        "Content-Encoding: br",
        "Content-Type: text/html",
        "a: 3",
        "C: 1",
        "Cache-Control: max-age=5",
    )

    found = joined(updated(had, came, NOW + 10))

    assert found == {
        b"content-length": b"5",
        b"content-encoding": b"gzip",
        b"content-type": b"text/html",
        b"a": b"3",
        b"b": b"1",
        b"c": b"1",
        b"cache-control": b"max-age=5",
        b"date": date(10).encode(),
    }
