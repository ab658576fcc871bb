"""Stored request classes: believed in nothing, and several made one."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.request_classes.state import bounded, merge_classes, read_classes, stored_state
from rl.vocabulary import JSON, Parameters

pytestmark = pytest.mark.unit

ITEM, REPORT, USER = ("GET", "", "item"), ("GET", "", "report", "{n}"), ("GET", "", "user")


def state(*kinds: tuple[tuple[str, ...], int, int]) -> Parameters:
    """With the classes that the kinds belong to, each of a variance of its number."""
    numbers = sorted({0, *(number for _, number, _ in kinds)})
    return stored_state([(at, float(at), {"a": (-3.0, 10)}) for at in numbers], kinds)


def test_what_is_stored_can_be_read() -> None:
    stored = json.loads(json.dumps(state((ITEM, 0, 7), (REPORT, 2, 9))))

    assert (
        [(0, 0.0, {"a": (-3.0, 10)}), (2, 2.0, {"a": (-3.0, 10)})],
        [(REPORT, 2, 9), (ITEM, 0, 7)],
    ) == read_classes(stored)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version: must be 1"),
        ({"classes": {}}, "classes: must be a list"),
        ({"classes": [{"number": -1, "variance": 0.1, "levels": {}}]}, r"classes\[0\].number"),
        ({"classes": [{"number": 0, "variance": -1, "levels": {}}]}, r"classes\[0\].variance"),
        ({"classes": [{"number": 0, "variance": 1, "levels": []}]}, r"classes\[0\].levels"),
        ({"classes": [{"number": 0, "variance": 1, "levels": {"a": [1]}}]}, r"levels\.a"),
        ({"kinds": [{"words": [], "number": 0, "seen": 0}]}, r"kinds\[0\].words"),
        ({"kinds": [{"words": ["GET"], "number": 0}]}, r"kinds\[0\].seen: is missing"),
        ({"kinds": [{"words": [1], "number": 0, "seen": 1}]}, r"kinds\[0\].words"),
    ],
)
def test_what_is_malformed_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_classes({**state((ITEM, 0, 1)), **change})


json_values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(["version", "classes", "kinds"]), json_values)
@settings(max_examples=40)
def test_nothing_but_a_value_error_comes_of_it(key: str, value: JSON) -> None:
    try:
        read_classes({**state((ITEM, 0, 1)), key: value})
    except ValueError:
        pass


def test_numbers_that_mean_the_same_kinds_become_the_same() -> None:
    merged, (one, two) = merge_classes(
        [state((ITEM, 0, 100), (REPORT, 1, 100)), state((ITEM, 3, 40), (REPORT, 0, 50))], 16
    )

    assert ({0: 0, 1: 1}, {3: 0, 0: 1}) == (one, two)
    assert [(REPORT, 1, 150), (ITEM, 0, 140)] == read_classes(merged)[1]


def test_a_class_that_the_others_do_not_know_gets_a_number_of_its_own_while_there_is_one() -> None:
    first = state((ITEM, 0, 100), (REPORT, 1, 100))
    second = state((ITEM, 0, 10), (USER, 1, 10))

    merged, mappings = merge_classes([first, second], 3)
    assert {0: 0, 1: 2} == mappings[1]
    assert {ITEM: 0, REPORT: 1, USER: 2} == {kind[0]: kind[1] for kind in read_classes(merged)[1]}
    merged, mappings = merge_classes([first, second], 2)
    assert {0: 0, 1: 0} == mappings[1]
    assert {ITEM: 0, REPORT: 1, USER: 0} == {kind[0]: kind[1] for kind in read_classes(merged)[1]}


def test_one_state_merged_with_nothing_is_itself() -> None:
    only = state((ITEM, 0, 100), (REPORT, 5, 100))

    assert (only, [{0: 0, 5: 5}]) == merge_classes([only], 16)


def test_a_level_has_an_exponential() -> None:
    assert (30.0, -30.0, 1.0) == (bounded(1e9), bounded(-1e9), bounded(1.0))
