"""Cache-Control as peers write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.directives import (
    LONGEST_SECONDS,
    UNBOUNDED,
    members,
    read_directives,
    read_request_directives,
    read_seconds,
    unquoted,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"max-age=60", 60.0),
        (b"MaX-aGe=60", 60.0),
        (b" , max-age=60 ,", 60.0),
        (b'max-age="60"', 60.0),
        (b"max-age=0060", 60.0),
        (b"unheard-of, max-age=60", 60.0),
        (b'other="max-age=9", max-age=60', 60.0),
        (b'max-age=60, other="max-age=90"', 60.0),
        (b"max-age=60, max-age=90", 60.0),
        (b"max-age=90, max-age=60", 60.0),
        (b"max-age=99999999999", LONGEST_SECONDS),
        (b"max-age=" + b"9" * 5000, LONGEST_SECONDS),
        (b"max-age=-60", 0.0),
        (b"max-age=60.5", 0.0),
        (b"max-age='60'", 0.0),
        (b"max-age=a60", 0.0),
        (b"max-age=60a", 0.0),
        (b"max-age =60", 0.0),
        (b"max-age= 60", 0.0),
        (b"max-age=", 0.0),
        (b"max-age", 0.0),
        (b"", None),
        (b'other="max-age=60', None),
        (b"s-maxage=60", None),
    ],
)
def test_a_lifetime_is_whole_seconds_or_none(value: bytes, seconds: float | None) -> None:
    """RFC 9111 section 4.2.1: what is invalid or said twice restricts."""
    assert read_directives(value).max_age == seconds


def test_each_directive_is_told_apart() -> None:
    said = read_directives(
        b"public, no-store, must-revalidate, proxy-revalidate, must-understand, only-if-cached,"
        b" s-maxage=1, stale-while-revalidate=2, stale-if-error=3, min-fresh=4, max-stale=5"
    )

    assert (said.public, said.no_store, said.must_revalidate) == (True, True, True)
    assert (said.proxy_revalidate, said.must_understand, said.only_if_cached) == (True, True, True)
    assert (said.s_maxage, said.stale_while_revalidate, said.stale_if_error) == (1, 2, 3)
    assert (said.min_fresh, said.max_stale) == (4, 5)
    assert not said.private and not said.no_cache


@pytest.mark.parametrize("name", ["no_cache", "private"])
@pytest.mark.parametrize(
    ("argument", "whole", "fields"),
    [
        ("", True, set()),
        ('="a, B"', False, {b"a", b"b"}),
        ("=a", False, {b"a"}),
        ('=""', True, set()),
        ('="a b"', True, set()),
        ('="a, @"', True, set()),
    ],
)
def test_some_are_said_of_the_whole_or_of_some_fields(
    name: str, argument: str, whole: bool, fields: set[bytes]
) -> None:
    said = read_directives(f"{name.replace('_', '-')}{argument}".encode())

    assert getattr(said, name) is whole
    assert getattr(said, f"{name}_fields") == fields


@pytest.mark.parametrize(
    ("value", "bound"),
    [(b"max-stale", UNBOUNDED), (b"max-stale=9", 9.0), (b"max-stale=x", None), (b"", None)],
)
def test_max_stale_may_go_without_a_number(value: bytes, bound: float | None) -> None:
    assert read_directives(value).max_stale == bound


def test_an_invalid_min_fresh_asks_for_nothing() -> None:
    assert read_directives(b"min-fresh=soon").min_fresh is None


@pytest.mark.parametrize(
    ("value", "forbidden"),
    [
        (b"max-age=1", False),
        (b"must-revalidate", True),
        (b"proxy-revalidate", True),
        (b"s-maxage=1", True),
        (b"no-cache", True),
    ],
)
def test_some_forbid_a_stale_answer(value: bytes, forbidden: bool) -> None:
    assert read_directives(value).forbids_stale is forbidden


def test_pragma_counts_without_cache_control_only() -> None:
    """RFC 9111 section 5.4."""
    pragma = {b"pragma": b"x, No-Cache"}

    assert read_request_directives(pragma).no_cache
    assert not read_request_directives(pragma | {b"cache-control": b"x"}).no_cache
    assert not read_request_directives({b"pragma": b"x"}).no_cache


def test_commas_in_quoted_strings_separate_nothing() -> None:
    assert members(rb'a="1, 2", b="\", c", , d') == [b'a="1, 2"', rb'b="\", c"', b"d"]
    assert unquoted(rb'"a\"b\\"') == rb'a"b' + b"\\"
    assert unquoted(b'"a') == b'"a'


@given(st.binary(max_size=300))
def test_nothing_raises(value: bytes) -> None:
    said = read_directives(value)

    assert said.max_age is None or 0 <= said.max_age <= LONGEST_SECONDS
    assert read_request_directives({b"pragma": value}).max_age is None


@given(st.integers(min_value=0, max_value=2**31))
def test_seconds_are_read_as_they_are_written(number: int) -> None:
    assert read_seconds(b"%d" % number) == number
