"""Conditions and ranges, held against a stored response."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.conditions import Range, not_modified, part
from load_balancer.caching.vocabulary import Stored
from tests.load_balancer.caching.rig import FRESH, NOW, Rig, asking, date

pytestmark = pytest.mark.unit

BODY = b"0123456789"
MODIFIED = "Last-Modified: {-1000}"


def stored(*fields: str, body: bytes = BODY) -> Stored:
    found = Rig().keep(FRESH, *fields, body=body)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("tag", "wanted", "expected"),
    [
        ('"a"', '"a"', True),
        ('"a"', 'W/"a"', True),
        ('W/"a"', '"a"', True),
        ('W/"a"', 'W/"a"', True),
        ('"a"', '"b", "a" , "c"', True),
        ('"a, b"', '"a, b"', True),
        ('"a"', "*", True),
        ('"a"', '"b"', False),
        ('"a"', "a", False),
        ('"a"', '"A"', False),
        ('"a"', "", False),
        ("", '"a"', False),
        ("", "*", True),
    ],
)
def test_entity_tags_are_compared_weakly(tag: str, wanted: str, expected: bool) -> None:
    """RFC 9110 section 13.1.2."""
    found = stored(*([f"ETag: {tag}"] if tag else []))

    assert not_modified(asking(f"If-None-Match: {wanted}"), found, NOW) is expected


@pytest.mark.parametrize(
    ("fields", "since", "expected"),
    [
        ((MODIFIED,), date(-1000), True),
        ((MODIFIED,), date(-900), True),
        ((MODIFIED,), date(-1001), False),
        ((MODIFIED,), "yesterday", False),
        ((MODIFIED,), "", False),
        (("Date: {-5}",), date(-5), True),
        (("Date: {-5}",), date(-6), False),
        (("Date: nonsense",), date(100), False),
    ],
)
def test_dates_tell_whether_it_is_newer(
    fields: tuple[str, ...], since: str, expected: bool
) -> None:
    found = stored(*fields)

    assert not_modified(asking(f"If-Modified-Since: {since}"), found, NOW) is expected


def test_a_tag_makes_the_date_count_for_nothing() -> None:
    """RFC 9110 section 13.1.3."""
    found = stored('ETag: "a"', MODIFIED)

    later = f"If-Modified-Since: {date()}"
    assert not not_modified(asking('If-None-Match: "b"', later), found, NOW)
    earlier = f"If-Modified-Since: {date(-9999)}"
    assert not_modified(asking('If-None-Match: "a"', earlier), found, NOW)
    assert not not_modified(asking(), found, NOW)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("Bytes = 2-4 ", (2, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=5-99", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=0-" + "9" * 5000, (0, 10)),
        ("bytes=10-", Range.UNSATISFIABLE),
        ("bytes=99-100", Range.UNSATISFIABLE),
        ("bytes=-0", Range.UNSATISFIABLE),
        ("bytes=" + "9" * 5000 + "-", Range.UNSATISFIABLE),
        ("bytes=4-2", Range.WHOLE),
        ("bytes=-", Range.WHOLE),
        ("bytes=0-1,3-4", Range.WHOLE),
        ("bytes=a-b", Range.WHOLE),
        ("lines=0-1", Range.WHOLE),
        ("", Range.WHOLE),
    ],
)
def test_one_range_is_a_part(asked: str, expected: object) -> None:
    """RFC 9110 section 14.1.2; what is no range is ignored."""
    assert part(asking(f"Range: {asked}"), stored(), NOW) == expected


def test_only_get_has_parts() -> None:
    assert part(asking("Range: bytes=0-1", method="HEAD"), stored(), NOW) is Range.WHOLE
    assert part(asking(), stored(), NOW) is Range.WHOLE
    assert part(asking("Range: bytes=0-1"), stored(body=b""), NOW) is Range.UNSATISFIABLE


@pytest.mark.parametrize(
    ("fields", "validator", "expected"),
    [
        (('ETag: "a"',), '"a"', True),
        (('ETag: "a"',), '"b"', False),
        (('ETag: W/"a"',), 'W/"a"', False),
        (('ETag: "a"',), 'W/"a"', False),
        ((MODIFIED, "Date: {-5}"), date(-1000), True),
        ((MODIFIED, "Date: {-5}"), date(-999), False),
        ((MODIFIED, "Date: {-1000}"), date(-1000), False),
        ((MODIFIED, "Date: x"), date(-1000), False),
        ((), date(-1000), False),
        ((), "x", False),
    ],
)
def test_if_range_needs_a_strong_validator(
    fields: tuple[str, ...], validator: str, expected: bool
) -> None:
    """RFC 9110 section 13.1.5: a date is one if it was not the second of the answer."""
    found = part(asking("Range: bytes=0-1", f"If-Range: {validator}"), stored(*fields), NOW)

    assert (found == (0, 2)) is expected


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_nothing_raises(value: str) -> None:
    found = stored('ETag: "a"', MODIFIED)

    for name in ("If-None-Match", "If-Modified-Since"):
        assert not_modified(asking(f"{name}: x{value}"), found, NOW) in (True, False)
    ranged = part(asking(f"Range: bytes={value}", f"If-Range: {value}"), found, NOW)
    assert isinstance(ranged, Range | tuple)
