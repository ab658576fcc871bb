"""Reading the key of stickiness, and naming the endpoint by a token."""

import re
from http.cookies import SimpleCookie
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.affinity import AffinityKey
from config.endpoints import Stickiness
from load_balancer.forwarding.affinity import (
    LONGEST_VALUE,
    MOST_TOKENS,
    Affinity,
    Tokens,
    affinity,
    class_values,
    read_cookie,
    read_field,
)
from load_balancer.forwarding.fields import Fields

pytestmark = pytest.mark.unit

SECRET = b"a secret of the tests"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], ""),
        ([(b"Host", b"a"), (b"Cookie", b"slb=x")], "x"),
        ([(b"cookie", b"a=1; slb=x; b=2")], "x"),
        ([(b"COOKIE", b"a=1;slb=x;b=2")], "x"),
        ([(b"Cookie", b"a=1;\t slb \t=\t x\t;b")], "x"),
        ([(b"Cookie", b'slb="x y"')], "x y"),
        ([(b"Cookie", b'slb="')], '"'),
        ([(b"Cookie", b"slb=")], ""),
        ([(b"Cookie", b"slb")], ""),
        ([(b"Cookie", b"slb=a=b")], "a=b"),
        ([(b"Cookie", b"xslb=1; slbx=2; SLB=3; a=slb; slb=4")], "4"),
        ([(b"Cookie", b"slb=first; slb=second")], "first"),
        ([(b"Cookie", b"a=1"), (b"Cookie", b"slb=x")], "x"),
        ([(b"Cookie", b"slb=\xe9\xff")], "éÿ"),
        ([(b"Cookie2", b"slb=x"), (b"Xookie", b"slb=x")], ""),
        ([(b"Cookie", b";;; ;slb;=x;=;slb=x")], "x"),
    ],
)
def test_a_cookie_is_found_however_it_is_written(fields: Fields, expected: str) -> None:
    assert expected == read_cookie(fields, b"slb")


@given(st.lists(st.tuples(st.sampled_from([b"Cookie", b"x"]), st.binary(max_size=60)), max_size=5))
def test_no_cookie_field_is_too_broken_to_read(fields: Fields) -> None:
    assert isinstance(read_cookie(fields, b"s"), str)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], ""),
        ([(b"X-Session-Id", b"  7 ")], "7"),
        ([(b"x-session-id", b"7"), (b"X-SESSION-ID", b"8")], "7, 8"),
        ([(b"x-session-ix", b"7")], ""),
    ],
)
def test_a_field_is_read_whole(fields: Fields, expected: str) -> None:
    assert expected == read_field(fields, b"x-session-id")


# Tokens.


def test_a_token_names_its_endpoint_to_who_has_the_secret() -> None:
    """The same in every process that has it, another one with every other secret or id."""
    token = Tokens(SECRET)("server1")

    assert token == Tokens(SECRET)("server1")
    assert 3 == len({token, Tokens(SECRET)("server2"), Tokens(b"another")("server1")})
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token)
    assert "server" not in token


def test_remembered_tokens_are_bounded_and_stay_the_same() -> None:
    tokens = Tokens(SECRET)
    first = tokens("0")
    for number in range(MOST_TOKENS + 10):
        tokens(str(number))

    assert len(tokens._made) <= MOST_TOKENS
    assert first == tokens("0")


# What the data path does.


def cookies(**settings: Any) -> Affinity:
    return Affinity(Stickiness(kind="cookie", **settings), Tokens(SECRET))


def test_an_answer_names_the_endpoint_it_came_from() -> None:
    line = cookies(cookie_max_age_seconds=60).cookie("", "server1", secure=True)
    name, _, value = line.partition(b": ")
    (cookie,) = SimpleCookie(value.decode()).values()

    assert (b"Set-Cookie", "slb", Tokens(SECRET)("server1")) == (name, cookie.key, cookie.value)
    assert ("/", "Lax", True, True, "60") == (
        cookie["path"],
        cookie["samesite"],
        cookie["httponly"],
        cookie["secure"],
        cookie["max-age"],
    )


def test_without_tls_and_age_the_cookie_says_neither() -> None:
    line = cookies(cookie="sid").cookie("", "a", secure=False)

    assert line.startswith(b"Set-Cookie: sid=")
    assert line.endswith(b"; Path=/; HttpOnly; SameSite=Lax")


def test_a_client_that_has_the_right_cookie_is_given_none() -> None:
    """A cookie on every answer would keep caches from holding any."""
    place = cookies()
    line = place.cookie("", "a", secure=False)
    key = place.key([(b"Cookie", line.removeprefix(b"Set-Cookie: ").partition(b";")[0])]) or ""

    assert key == Tokens(SECRET)("a")
    assert b"" == place.cookie(key, "a", secure=False)
    assert place.cookie(key, "b", secure=False) not in (b"", line)
    assert place.cookie("forged", "a", secure=False) == line


def test_a_header_is_only_read() -> None:
    place = Affinity(Stickiness(kind="header", header="X-User"), Tokens(SECRET))

    assert "7" == place.key([(b"x-user", b"7")])
    assert not place.sets_cookie
    assert cookies().sets_cookie


def test_the_data_path_has_nothing_to_do_for_the_other_kinds() -> None:
    settings = [
        Stickiness(kind="none"),
        Stickiness(kind="uri"),
        Stickiness(kind="client"),
        Stickiness(kind="cookie"),
        Stickiness(kind="header"),
    ]
    found = [affinity(each, Tokens(SECRET)) is not None for each in settings]

    assert [False, False, False, True, True] == found


# The key of affinity, where stickiness goes by something else.


def keyed(**settings: Any) -> Affinity:
    found = affinity(Stickiness(), Tokens(SECRET), AffinityKey(**settings))
    assert found is not None
    return found


def test_a_path_needs_nothing_of_the_data_path() -> None:
    assert affinity(Stickiness(), Tokens(SECRET), AffinityKey()) is None


@pytest.mark.parametrize(
    ("settings", "fields", "expected"),
    [
        ({"kind": "header", "header": "X-Key"}, [(b"x-key", b" 7 ")], "7"),
        ({"kind": "header", "header": "X-Key"}, [(b"x-other", b"7")], None),
        ({"kind": "cookie", "cookie": "sid"}, [(b"Cookie", b"a=1; sid=7")], "7"),
        ({"kind": "cookie", "cookie": "sid"}, [(b"Cookie", b"sid=")], None),
        ({"kind": "body_field"}, [(b"x-session-id", b"7")], None),
    ],
)
def test_the_key_is_read_or_left_to_the_path(
    settings: dict[str, Any], fields: Fields, expected: str | None
) -> None:
    reader = keyed(**settings)

    assert expected == reader.key(fields)
    assert not reader.sets_cookie


@pytest.mark.parametrize(
    ("fields", "looked_into"),
    [
        ([(b"Content-Type", b"application/json")], True),
        ([(b"content-type", b"Application/JSON; charset=utf-8")], True),
        ([(b"Content-Type", b"application/vnd.x+json ;a=b")], True),
        ([(b"Content-Type", b"application/json"), (b"Content-Encoding", b"identity")], True),
        ([(b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")], False),
        ([(b"Content-Type", b"application/jsonl")], False),
        ([(b"Content-Type", b"text/plain")], False),
        ([], False),
    ],
)
def test_only_json_is_looked_into(fields: Fields, looked_into: bool) -> None:
    assert looked_into == (keyed(kind="body_field").scan(fields) is not None)


def test_no_other_kind_looks_into_bodies() -> None:
    header = keyed(kind="header")

    assert (False, True) == (header.in_body, keyed(kind="body_field").in_body)
    assert 2.0 == keyed(kind="body_field", wait_seconds=2).wait_seconds


def test_the_values_that_classes_are_told_by_are_read_in_order_and_cut() -> None:
    read = class_values(("X-Tenant", "Accept"))
    assert read is not None

    assert ("acme", "") == read([(b"x-tenant", b"acme")])
    assert ("", "a" * LONGEST_VALUE) == read([(b"ACCEPT", b"a" * 1000)])
    assert class_values(()) is None
