"""Dates of HTTP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.dates import read_date, write_date

pytestmark = pytest.mark.unit

MOMENT = 784_111_777.0
NOW = 1_800_000_000.0  # in January 2027


@pytest.mark.parametrize(
    "text",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"sun, 06 NOV 1994 08:49:37 gmt",
    ],
)
def test_there_are_three_forms(text: bytes) -> None:
    """RFC 9110 section 5.6.7, in any case."""
    assert read_date(text, NOW) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"0",
        b"-1",
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sun 06 Nov 1994 08:49:37 GMT",
        b"Sun, 06  Nov  1994 08:49:37 GMT",
        b"Sun, 06-Nov-1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08.49.37 GMT",
        b"Sun, 06 Nov 1994 8:49:37 GMT",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 25:49:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT\n",
        b"Thursday, 29-Feb-00 00:00:00 UTC",
    ],
)
def test_there_are_no_others(text: bytes) -> None:
    assert read_date(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "year"),
    [
        (b"Friday, 01-Jan-50 00:00:00 GMT", 2050),
        (b"Friday, 01-Jan-77 00:00:00 GMT", 2077),
        (b"Friday, 01-Jan-78 00:00:00 GMT", 1978),
        (b"Friday, 01-Jan-99 00:00:00 GMT", 1999),
    ],
)
def test_a_year_of_two_digits_lies_at_most_fifty_years_ahead(text: bytes, year: int) -> None:
    assert read_date(text, NOW) == read_date(b"Fri, 01 Jan %d 00:00:00 GMT" % year, NOW)


def test_a_leap_second_is_the_last_of_its_minute() -> None:
    assert read_date(b"Sat, 31 Dec 2016 23:59:60 GMT", NOW) == 1_483_228_799.0


def test_a_leap_day_of_two_digits_may_be_none() -> None:
    """2000 had one, 2100 would not; in 2060 the year 00 is the latter."""
    assert read_date(b"Tuesday, 29-Feb-00 00:00:00 GMT", NOW) == 951_782_400.0
    assert read_date(b"Tuesday, 29-Feb-00 00:00:00 GMT", 4_102_444_800.0) is None


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_what_is_written_is_read(seconds: int) -> None:
    assert read_date(write_date(float(seconds)), NOW) == seconds


@given(st.binary(max_size=60))
def test_nothing_raises(text: bytes) -> None:
    assert read_date(text, NOW) is None or len(text) >= 24
