"""How old a response is, and how long it is fresh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.caching import CacheSettings
from load_balancer.caching.freshness import Said, explicit_lifetime, initial_age, lifetime
from load_balancer.caching.vocabulary import joined
from tests.load_balancer.caching.rig import NOW, date, lines

pytestmark = pytest.mark.unit

SETTINGS = CacheSettings(enabled=True)
HEURISTIC = CacheSettings(enabled=True, heuristic=True)


def said(*fields: str) -> Said:
    return Said(joined(lines(*fields)))


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ((), None),
        (("Cache-Control: max-age=60",), 60),
        (("Cache-Control: max-age=60, s-maxage=5",), 5),
        (("Cache-Control: s-maxage=90", "Cache-Control: max-age=0"), 90),
        (("Cache-Control: max-age=60", "Expires: {-50}"), 60),
        (("Cache-Control: max-age=0", "Expires: {50}"), 0),
        (("Cache-Control: public", "Expires: {50}", "Date: {10}"), 40),
        (("Expires: {50}",), 50),
        (("Expires: {50}", "Date: nonsense"), 50),
        (("Expires: {50}", "Date: {50}"), 0),
        (("Expires: {50}", "Date: {60}"), 0),
        (("Expires: 0",), 0),
        (("Expires: {50}", "Expires: {50}"), 0),
        (("CDN-Cache-Control: max-age=7", "Cache-Control: max-age=60", "Expires: {50}"), 7),
        (("CDN-Cache-Control: public", "Cache-Control: max-age=60", "Expires: {50}"), None),
        (("CDN-Cache-Control: &", "Cache-Control: max-age=60"), 60),
        (("CDN-Cache-Control: ", "Cache-Control: max-age=60"), 60),
    ],
)
def test_the_origin_says_how_long(fields: tuple[str, ...], seconds: float | None) -> None:
    """RFC 9111 section 4.2.1."""
    assert explicit_lifetime(said(*fields), NOW) == seconds


@pytest.mark.parametrize(
    ("fields", "status", "seconds"),
    [
        (("Last-Modified: {-1000}",), 200, 100),
        (("Last-Modified: {-1000}", "Date: {-500}"), 404, 50),
        (("Last-Modified: {-1000}",), 599, 0),
        (("Last-Modified: {-1000}", "Cache-Control: public"), 599, 100),
        (("Last-Modified: {-1000}", "Cache-Control: max-age=3"), 200, 3),
        (("Last-Modified: {-90000000}",), 200, 86_400),
        (("Last-Modified: {1000}",), 200, 0),
        (("Last-Modified: nonsense",), 200, 0),
        ((), 200, 0),
    ],
)
def test_a_guess_is_made_only_if_asked_for(
    fields: tuple[str, ...], status: int, seconds: float
) -> None:
    """RFC 9111 section 4.2.2."""
    assert lifetime(said(*fields), status, NOW, HEURISTIC) == seconds
    explicit = explicit_lifetime(said(*fields), NOW) or 0
    assert lifetime(said(*fields), status, NOW, SETTINGS) == explicit


@pytest.mark.parametrize(
    ("fields", "delay", "seconds"),
    [
        ((), 0, 0),
        (("Age: 30",), 0, 30),
        (("Age: 30",), 5, 35),
        ((), 5, 5),
        (("Date: {-40}", "Age: 30"), 5, 40),
        (("Date: {-40}", "Age: 50"), 5, 55),
        (("Date: {40}",), 0, 0),
        (("Age: abc",), 0, 0),
        (("Age: -30",), 0, 0),
        (("Age: 30.0",), 0, 0),
        (("Age: 30;a=b",), 0, 0),
        (("Age: 30, 0",), 0, 30),
        (("Age: 0, 30",), 0, 0),
        (("Age: 30", "Age: 0"), 0, 30),
        (("Age: 2147483649",), 0, 2**31),
        (("Age: " + "9" * 500,), 0, 2**31),
        (("Age: 1",), -9, 1),
    ],
)
def test_a_response_may_be_old_when_it_comes(
    fields: tuple[str, ...], delay: float, seconds: float
) -> None:
    """RFC 9111 section 4.2.3; a clock that was set back makes nothing younger."""
    assert initial_age(joined(lines(*fields)), NOW - delay, NOW) == seconds


def test_dates_are_taken_at_the_time_of_the_answer() -> None:
    assert explicit_lifetime(said(f"Expires: {date(50)}"), NOW + 20) == 30


@given(st.dictionaries(st.sampled_from([b"age", b"date", b"expires"]), st.binary(max_size=40)))
def test_nothing_raises(values: dict[bytes, bytes]) -> None:
    assert initial_age(values, NOW, NOW) >= 0
    assert lifetime(Said(values), 200, NOW, HEURISTIC) >= 0
