"""Which requests a stored response may answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.variants import matches, normalized, vary_names, varying_of
from tests.load_balancer.caching.rig import Rig, asking, lines

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "fields",
    [
        ("Vary: *",),
        ("Vary: *, *",),
        ("Vary: a, *",),
        ("Vary: *, a",),
        ("Vary: , *",),
        ("Vary: ", "vary: *"),
        ("Vary: " + ", ".join(f"f{number}" for number in range(100)),),
    ],
)
def test_what_varies_by_everything_answers_nobody(fields: tuple[str, ...]) -> None:
    assert vary_names(lines(*fields)) is None
    assert Rig().keep("Cache-Control: max-age=60", 'ETag: "a"', *fields) is None


def test_names_are_gathered_from_all_lines() -> None:
    assert vary_names(lines("Vary: A, b", "Other: c", "VARY: B,D")) == frozenset({b"a", b"b", b"d"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("Foo: 1",), ("Foo: 1",), True),
        (("Foo: 1",), ("foo:  1 ",), True),
        (("Foo: 1, 2",), ("Foo: 1", "Foo: 2"), True),
        (("Foo: 1,2",), ("Foo: 1 ,  2",), True),
        (("Foo: a",), ("Foo: A",), False),
        (("Foo: 1, 2",), ("Foo: 2, 1",), False),
        (("Foo: 1",), (), False),
        (("Foo: ",), (), False),
        ((), (), True),
        (("Accept-Language: en, DE;q=0.5",), ("Accept-Language: EN,de; q=0.5",), True),
    ],
)
def test_a_request_matches_with_equal_fields(
    one: tuple[str, ...], other: tuple[str, ...], same: bool
) -> None:
    names = frozenset({b"foo", b"accept-language"})

    assert matches(varying_of(names, asking(*one)), asking(*other)) is same
    assert matches(varying_of(names, asking(*other)), asking(*one)) is same


def test_a_comma_in_a_string_separates_nothing() -> None:
    assert normalized(b"foo", b'"a , b" ,c') == b'"a , b",c'
    assert normalized(b"foo", b'"a,b",c') != normalized(b"foo", b'"a , b",c')


@given(st.binary(max_size=300))
def test_normalizing_twice_changes_no_more(value: bytes) -> None:
    once = normalized(b"accept-encoding", value)

    assert normalized(b"accept-encoding", once) == once
