"""Reading stored parameters: a value, or an error that names its place."""

import math
import re

import pytest

from rl import stored
from rl.vocabulary import JSON

pytestmark = pytest.mark.unit


def refuses(message: str) -> "pytest.RaisesExc[ValueError]":
    return pytest.raises(ValueError, match=re.escape(message))


def test_a_member_is_found_or_named() -> None:
    assert 1 == stored.member({"a": 1}, "a")
    with refuses("rows[2].b: is missing"):
        stored.member({"a": 1}, "b", "rows[2].")
    with refuses("rows[2]: must hold keys and values, not [1]"):
        stored.member([1], "b", "rows[2].")


def test_the_version_must_be_exactly_ours() -> None:
    """``True == 1`` in Python, but it is no version."""
    stored.version({"version": 1}, 1)
    with refuses("version: must be 1, not 2"):
        stored.version({"version": 2}, 1)
    with refuses("version: must be 1, not True"):
        stored.version({"version": True}, 1)
    with refuses("version: is missing"):
        stored.version({}, 1)


def test_a_list_has_the_length_that_was_asked_for() -> None:
    assert [1, 2] == stored.items([1, 2], "x")
    assert [1, 2] == stored.items([1, 2], "x", 2)
    with refuses("x: must hold 3 items, not 2"):
        stored.items([1, 2], "x", 3)
    with refuses("x: must be a list, not 'ab'"):
        stored.items("ab", "x", 2)


def test_a_number_is_finite() -> None:
    assert 2.5 == stored.number(2.5, "x")
    found = stored.number(2, "x")
    assert isinstance(found, float)
    wrongs: list[JSON] = [math.nan, math.inf, -math.inf, True, "2", None, [2.0]]
    for wrong in wrongs:
        with refuses("x: must be a finite number"):
            stored.number(wrong, "x")


def test_a_number_beyond_every_float_is_refused_in_one_short_line() -> None:
    """JSON allows whole numbers of any length; Python neither converts nor prints them all."""
    for digits in (400, 5000):
        with pytest.raises(ValueError) as caught:
            stored.number(10**digits, "x")
        assert str(caught.value).startswith("x: must be a finite number, not ")
        assert len(str(caught.value)) < 100


def test_a_share_lies_between_zero_and_one() -> None:
    assert 0.0 == stored.share(0, "x")
    assert 1.0 == stored.share(1, "x")
    with refuses("x: must lie between 0 and 1, not at 1.5"):
        stored.share(1.5, "x")
    with refuses("x: must lie between 0 and 1, not at -0.1"):
        stored.share(-0.1, "x")


def test_a_count_is_whole_and_not_negative() -> None:
    assert 0 == stored.count(0, "x")
    wrongs: list[JSON] = [-1, 1.0, True, "1", None]
    for wrong in wrongs:
        with refuses("x: must be a whole number, 0 or more"):
            stored.count(wrong, "x")


def test_a_text_is_a_string() -> None:
    assert "a" == stored.text("a", "x")
    with refuses("x: must be a string, not 1"):
        stored.text(1, "x")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ValueError) as caught:
        stored.count("a" * 1000, "x")
    assert str(caught.value).endswith("aaa...")
    assert len(str(caught.value)) < 100
