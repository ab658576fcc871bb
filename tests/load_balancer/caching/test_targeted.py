"""CDN-Cache-Control: structured fields, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.directives import LONGEST_SECONDS
from load_balancer.caching.targeted import read_targeted

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"max-age=60", 60.0),
        (b"  max-age=60  ", 60.0),
        (b"other, max-age=60;by=us", 60.0),
        (b"max-age=1, max-age=60", 60.0),
        (b'a=(1 "b";c d), e=:YQ==:, f=1.5, g=?0, max-age=60', 60.0),
        (b"max-age=99999999999", LONGEST_SECONDS),
        (b"max-age=-1", 0.0),
        (b"other", None),
    ],
)
def test_a_dictionary_gives_directives(value: bytes, seconds: float | None) -> None:
    said = read_targeted(value)

    assert said is not None
    assert said.max_age == seconds


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"max-age=60, &&&",
        b"max-age=60,",
        b", max-age=60",
        b'max-age="60"',
        b"max-age=60.0",
        b"max-age",
        b"max-age =60",
        b"max-age= 60",
        b"MaX-aGe=60",
        b"max-age=1234567890123456",
        b"no-store=1",
        b"private=a",
        b"max-age=(1 2)",
        b"max-age=60 no-store",
    ],
)
def test_one_mistake_voids_it(value: bytes) -> None:
    """RFC 9213 section 2.1: Cache-Control counts then."""
    assert read_targeted(value) is None


def test_flags_and_lists_of_fields() -> None:
    said = read_targeted(b'no-store, public=?1, must-revalidate=?0, private="a", no-cache="B"')

    assert said is not None
    assert said.no_store and said.public and not said.must_revalidate
    assert not said.private and said.private_fields == {b"a"}
    assert not said.no_cache and said.no_cache_fields == {b"b"}


def test_private_and_no_cache_of_everything() -> None:
    said = read_targeted(b"private, no-cache")

    assert said is not None
    assert said.private and said.no_cache


@given(st.one_of(st.binary(max_size=200), st.text('max-age=1,;?"() .:', max_size=60)))
def test_nothing_raises(value: bytes | str) -> None:
    data = value if isinstance(value, bytes) else value.encode()
    said = read_targeted(data)

    assert said is None or said.max_age is None or said.max_age >= 0
