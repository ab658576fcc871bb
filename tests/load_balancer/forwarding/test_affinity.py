"""Reading the key of stickiness, and naming the endpoint by a token."""

import re
from http.cookies import SimpleCookie
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.endpoints import Stickiness
from load_balancer.forwarding.affinity import (
    MOST_TOKENS,
    Affinity,
    Tokens,
    affinity,
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
    key = place.key([(b"Cookie", line.removeprefix(b"Set-Cookie: ").partition(b";")[0])])

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
