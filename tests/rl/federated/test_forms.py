"""Parameters as numbers, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.federated.forms import MOST_EXPERIENCE, check_numbers, known, read, write

pytestmark = pytest.mark.unit

NETWORK: dict[str, Any] = {
    "kind": "dqn",
    "encoder": 1,
    "experience": 7,
    "epsilon": 0.1,
    "arrays": {"weight": [[1.0, 2.0], [3.0, 4.0]], "bias": [0.5, -0.5]},
}
TABULAR: dict[str, Any] = {
    "kind": "tabular",
    "encoder": 1,
    "experience": 5,
    "epsilon": 0.1,
    "mean": -1.0,
    "states": [
        {"levels": [0, 1], "values": [1.0, -2.0], "visits": [3, 0]},
        {"levels": [2, 1], "values": [0.0, 4.0], "visits": [0, 2]},
    ],
}
Q_LEARNING: dict[str, Any] = {
    "version": 2,
    "epsilon": 0.2,
    "tables": [
        {
            "endpoints": ["a", "b"],
            "states": [{"levels": ["low", "high"], "values": [-1.0, -2.0], "visits": [4, 1]}],
        }
    ],
}
Q_ROUTING: dict[str, Any] = {
    "version": 1,
    "steps": 9,
    "domains": [{"domain": "x", "endpoints": ["a"], "values": [-3.0], "visits": [9]}],
}
FORMS = [NETWORK, TABULAR, Q_LEARNING, Q_ROUTING]


@pytest.mark.parametrize("parameters", FORMS, ids=["network", "tabular", "q_learning", "q_routing"])
def test_what_was_read_is_written_as_it_was(parameters: dict[str, Any]) -> None:
    assert known(parameters)
    assert parameters == write(read(parameters))


def test_a_network_has_the_same_experience_everywhere_and_a_table_its_visits() -> None:
    assert {7.0} == set(read(NETWORK).counts)
    # Of each state first those of its mean.
    assert [3, 3, 0, 2, 0, 2] == read(TABULAR).counts.tolist()
    assert [-0.5, 1.5, -1.5, 2, -2, 2] == read(TABULAR).values.tolist()


def test_networks_of_other_shapes_have_other_signatures() -> None:
    other = {**NETWORK, "arrays": {"weight": [[1.0, 2.0]], "bias": [0.5, -0.5]}}

    assert read(NETWORK).signature != read(other).signature


def changed(parameters: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    """A copy with one thing in it replaced."""
    whole: dict[str, Any] = json.loads(json.dumps(parameters))
    inner: Any = whole
    for each in path[:-1]:
        inner = inner[each]
    inner[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("parameters", "path", "value", "words"),
    [
        (NETWORK, ["kind"], "aimd", "kind: 'aimd' has nothing to merge"),
        (NETWORK, ["encoder"], "1", "encoder: must be a whole number"),
        (NETWORK, ["experience"], MOST_EXPERIENCE + 1, "experience: must be 1e\\+12"),
        (NETWORK, ["experience"], -1, "experience: must be a whole number"),
        (NETWORK, ["arrays"], {}, "arrays: must hold 1 to"),
        (NETWORK, ["arrays", "bias"], [0.5, float("nan")], "arrays.bias: must hold finite"),
        (NETWORK, ["arrays", "bias"], [0.5, float("inf")], "arrays.bias: must hold finite"),
        (NETWORK, ["arrays", "bias"], [0.5, 1e7], "arrays.bias: 1e\\+07 is beyond"),
        (NETWORK, ["arrays", "bias"], [0.5, "1"], "arrays.bias: must be an array of numbers"),
        (NETWORK, ["arrays", "bias"], [0.5, [1.0]], "arrays.bias: must be an array of numbers"),
        (NETWORK, ["arrays", "bias"], [True, False], "arrays.bias: must be an array of numbers"),
        (NETWORK, ["arrays", "bias"], [10**30], "arrays.bias: must be an array of numbers"),
        (NETWORK, ["epsilon"], float("inf"), "epsilon: must be a number within"),
        (TABULAR, ["states", 0, "values", 1], 1e7, r"states\[0\]\.values: 1e\+07 is beyond"),
        (TABULAR, ["states", 0, "values"], [1.0], "visits: must hold 1 items"),
        (TABULAR, ["states", 1, "values"], [1.0], r"states\[1\]\.values: must hold 2 items"),
        (TABULAR, ["states", 1, "levels"], [0, 1], "the same state stands twice"),
        (TABULAR, ["states", 1, "visits", 0], -1, r"states\[1\]\.visits: must be a whole"),
        (TABULAR, ["states", 1], 3, r"states\[1\]: must hold keys"),
        (
            TABULAR,
            ["states", 0],
            {"levels": [0], "values": [], "visits": []},
            r"states\[0\]\.values: must hold one or more",
        ),
        (Q_LEARNING, ["epsilon"], 2, "epsilon: must lie between"),
        (Q_LEARNING, ["tables", 0, "endpoints"], ["a"], "levels: must hold 1 items"),
        (Q_ROUTING, ["domains", 0, "visits"], [1, 2], "visits: must hold 1 items"),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(
    parameters: dict[str, Any], path: list[Any], value: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        read(changed(parameters, path, value))


def test_states_and_domains_stand_once() -> None:
    state = Q_LEARNING["tables"][0]["states"][0]
    with pytest.raises(ValueError, match="the same state stands twice"):
        read(changed(Q_LEARNING, ["tables", 0, "states"], [state, state]))
    row = Q_ROUTING["domains"][0]
    with pytest.raises(ValueError, match="the same value stands twice"):
        read(changed(Q_ROUTING, ["domains"], [row, row]))


def test_what_has_no_form_is_not_known() -> None:
    assert not known({"version": 1})
    with pytest.raises(ValueError, match="kind: is missing"):
        read({"version": 1})


def test_numbers_are_looked_for_everywhere() -> None:
    check_numbers({"a": [1, {"b": -5.0}], "c": "x", "d": None}, 5.0)

    with pytest.raises(ValueError, match=r"a\[1\]\.b: must be a number within 4"):
        check_numbers({"a": [1, {"b": -5.0}]}, 4.0)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.sampled_from(FORMS), st.data(), anything)
def test_whatever_is_put_into_it_is_refused_or_can_be_written(
    parameters: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    """Another node can send anything: it is a ValueError, or numbers that go on."""
    keys = data.draw(st.sampled_from(sorted(parameters)))
    given = {**parameters, keys: value}
    try:
        form = read(given)
    except ValueError:
        return
    json.dumps(write(form), allow_nan=False)
