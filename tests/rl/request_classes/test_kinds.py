"""What can be told apart of requests, and its bounds."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.request_classes.kinds import KEPT_SHARE, LONGEST_PATH, MOST_WORDS, Kind, Kinds
from rl.vocabulary import RequestContext

pytestmark = pytest.mark.unit


def ask(kinds: Kinds, path: str, method: str = "GET", size: int = 0, *values: str) -> Kind:
    kind = kinds.of(RequestContext(method, path, size=size, header_values=values))
    kind.seen += 1
    return kind


@pytest.mark.parametrize(
    ("path", "method", "size", "values", "label"),
    [
        ("/", "GET", 0, (), "GET /"),
        ("/report/8841?x=1", "GET", 0, (), "GET /report/{n}"),
        ("/a/3f2504e0-4f89-11d3-9a0c-0305e82c3301/b", "PUT", 0, (), "PUT /a/{uuid}/b"),
        ("/blob/9f86d081884c7d65", "GET", 0, (), "GET /blob/{hash}"),
        ("/up", "POST", 100, (), "POST /up body<4k"),
        ("/up", "POST", 5000, (), "POST /up body<64k"),
        ("/up", "POST", 100_000, (), "POST /up body<1M"),
        ("/up", "POST", 1 << 40, (), "POST /up body>=1M"),
        ("/x", "GET", 0, ("acme", ""), "GET /x [acme] []"),
        ("*", "OPTIONS", 0, (), "OPTIONS *"),
        ("/1/2/3/4/5/6/7/8/9/10", "GET", 0, (), "GET /{n}/{n}/{n}/{n}/{n}/{n}/{n}/{n}/*"),
        ("", "GET", 0, (), "GET "),
    ],
)
def test_a_kind_is_method_route_size_and_header_values(
    path: str, method: str, size: int, values: tuple[str, ...], label: str
) -> None:
    kinds = Kinds()
    kind = ask(kinds, path, method, size, *values)

    assert label == kind.label
    assert kind is ask(kinds, path, method, size, *values)
    assert (2, 1) == (kind.seen, len(kinds))


def test_words_of_a_place_with_too_many_of_them_are_one() -> None:
    kinds = Kinds()
    for number in range(2000):
        last = ask(kinds, f"/user/name{number}x")
    assert "GET /user/{word}" == last.label
    assert MOST_WORDS + 1 == len(kinds)
    assert "GET /user/{word}/orders/{n}" == ask(kinds, "/user/somebody/orders/7").label


def test_a_word_that_is_asked_for_gets_the_room_of_one_that_is_not() -> None:
    """Scanners may have filled the place before a route was first asked for."""
    kinds = Kinds()
    for number in range(500):
        ask(kinds, f"/scan{number}x")
    assert "GET /{word}" == ask(kinds, "/orders").label
    for _ in range(1000):
        ask(kinds, "/orders")
    kinds.tidy()
    assert "GET /orders" == ask(kinds, "/orders").label
    for number in range(1000):
        ask(kinds, "/orders")
        ask(kinds, f"/scan{number}y")
    kinds.tidy()
    assert "GET /orders" == ask(kinds, "/orders").label


def test_a_word_in_a_class_of_its_own_keeps_its_room_while_it_is_asked_for() -> None:
    kinds = Kinds()
    for number in range(MOST_WORDS):
        ask(kinds, f"/api/word{number}x")
    rare = ask(kinds, "/api/word1x")
    rare.number = 3
    ask(kinds, "/api/more")
    for _ in range(int(4 / KEPT_SHARE)):
        ask(kinds, "/api/word2x")
    kinds.tidy()
    assert ask(kinds, "/api/word1x") is rare
    assert "GET /api/word5x" == ask(kinds, "/api/word5x").label, "there is room again"


def test_a_new_kind_begins_in_the_class_of_its_kin() -> None:
    kinds = Kinds()
    ask(kinds, "/up", "POST", 100).number = 2
    assert 2 == ask(kinds, "/up", "POST", 100_000).number
    assert 0 == ask(kinds, "/down", "POST", 100).number
    for number in range(MOST_WORDS):
        ask(kinds, f"/user/name{number}x")
    folded = ask(kinds, "/user/nobody")
    folded.number = 5
    kinds.tidy()
    for _ in range(300):
        folded.seen += 1
    kinds.tidy()
    assert 5 == ask(kinds, "/user/newcomer").number
    assert 0 == ask(kinds, "/other").number


def test_everything_is_bounded() -> None:
    """And what is asked for stays what it was."""
    dice = random.Random(1)
    kinds = Kinds(most_kinds=64, most_paths=100)
    mine = ask(kinds, "/mine/1")
    mine.number = 1
    for _ in range(3000):
        words = [
            f"{dice.choice('abcdefgh')}{dice.randrange(40)}z" for _ in range(dice.randrange(6))
        ]
        ask(kinds, "/" + "/".join(words), dice.choice(["GET", "PUT"]), dice.choice([0, 10]))
        if not dice.randrange(10):
            assert ask(kinds, "/mine/2") is mine
        assert len(kinds) <= 64
        assert len(kinds._young) + len(kinds._old) <= 100
    assert 1 == ask(kinds, "/mine/3").number


def test_a_path_is_looked_at_so_far() -> None:
    kinds = Kinds()
    long = "/" + "a" * LONGEST_PATH
    assert ask(kinds, long + "b") is ask(kinds, long + "c")
    assert all(len(str(key)) < 400 for key in kinds._young)


def test_what_was_known_is_put_back() -> None:
    kinds = Kinds()
    kinds.put(("GET", "", "user", "{word}"), 4, 10)
    kinds.put(("GET", "", "report", "{n}"), 2, 5)
    assert (2, 6) == (ask(kinds, "/report/7").number, ask(kinds, "/report/7").seen - 1)
    for number in range(MOST_WORDS + 1):
        last = ask(kinds, f"/user/name{number}x")
    assert ("GET /user/{word}", 4) == (last.label, last.number)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=6), st.integers(0, 1 << 30))))
@settings(max_examples=40)
def test_no_request_is_too_strange(requests: list[tuple[str, str, int]]) -> None:
    kinds = Kinds(most_kinds=8, most_paths=8)
    for path, value, size in requests:
        kind = ask(kinds, path, "GET", size, value)
        assert kind.label.startswith("GET ")
        assert len(kinds) <= 8
    kinds.tidy()
