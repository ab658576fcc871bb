"""The table of values: its bound, its stored form, its face."""

import copy
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.q_table import INITIAL_VALUE, Key, QTable

pytestmark = pytest.mark.unit

LOW, MEDIUM, HIGH = range(3)

STATES = st.integers(1, 3).flatmap(
    lambda size: st.tuples(
        st.lists(st.sampled_from("abcdef"), min_size=size, max_size=size, unique=True).map(tuple),
        st.lists(st.integers(0, 2), min_size=size, max_size=size).map(tuple),
    )
)


def key(ids: str, *levels: int) -> Key:
    return tuple(ids), levels or (LOW,) * len(ids)


def filled() -> QTable:
    """Two memberships, several states, every value different."""
    table = QTable(1000)
    number = 0.0
    for levels in ((LOW, LOW), (LOW, HIGH), (MEDIUM, LOW)):
        for ids, state in (("ab", levels), ("abc", (*levels, HIGH))):
            row = table.row(key(ids, *state))
            for index in range(len(ids)):
                number += 1.0
                row.values[index] = -number / 3.0
                row.visits[index] = int(number)
    return table


def test_a_new_state_begins_at_the_initial_value() -> None:
    row = QTable(10).row(key("ab"))

    assert row.values == [INITIAL_VALUE, INITIAL_VALUE] == [0.0, 0.0]
    assert [0, 0] == row.visits


def test_a_state_is_found_again() -> None:
    """By its members in their order and their levels; each other one is another state."""
    table = QTable(100)
    row = table.row(key("ab", LOW, HIGH))

    assert table.row(key("ab", LOW, HIGH)) is row
    for other in (key("ab", HIGH, LOW), key("ba", LOW, HIGH), key("ac", LOW, HIGH), key("abc")):
        assert table.row(other) is not row


def test_looking_ahead_makes_no_state() -> None:
    table = QTable(100)

    assert INITIAL_VALUE == table.best_value(key("ab"))
    assert [] == table.shown()


def test_the_best_value_is_the_highest() -> None:
    table = QTable(100)
    table.row(key("abc")).values[:] = [-3.0, -1.0, -2.0]

    assert -1.0 == table.best_value(key("abc"))


def test_the_least_recently_used_states_are_dropped() -> None:
    """A use is a choice made from the state; looking ahead at it is none."""
    table = QTable(6)
    for ids in ("ab", "cd", "ef", "ab"):
        table.row(key(ids))
    table.best_value(key("cd"))
    table.row(key("g"))

    assert [{"e", "f"}, {"a", "b"}, {"g"}] == [set(row["state"]) for row in table.shown()]  # type: ignore[arg-type]


def test_a_state_larger_than_the_bound_is_held_alone() -> None:
    table = QTable(2)
    table.row(key("a"))
    table.row(key("abc"))

    assert [{"a": 0.0, "b": 0.0, "c": 0.0}] == [row["values"] for row in table.shown()]


@settings(deadline=None)
@given(st.lists(STATES, max_size=60), st.integers(3, 20))
def test_no_more_values_are_held_than_allowed(states: list[Key], bound: int) -> None:
    """Whatever comes in whatever order, and the newest is always there."""
    table = QTable(bound)
    for state in states:
        row = table.row(state)
        assert table.row(state) is row
        held = [row["values"] for row in table.shown()]
        assert sum(len(values) for values in held) <= bound  # type: ignore[arg-type,misc]


def test_it_comes_back_exactly_through_json() -> None:
    table = filled()
    fresh = QTable(1000)
    fresh.load(json.loads(json.dumps(table.as_json(), allow_nan=False)))

    assert fresh.as_json() == table.as_json()
    assert fresh.shown() == table.shown()


def test_what_was_handed_out_does_not_change_with_further_learning() -> None:
    table = filled()
    given = table.as_json()
    before = copy.deepcopy(given)
    table.row(key("ab", LOW, LOW)).values[0] = -500.0

    assert given == before
    assert table.as_json() != before


def test_loading_more_than_the_bound_keeps_the_last() -> None:
    small = QTable(7)
    small.load(filled().as_json())

    kept = [row["state"] for row in small.shown()]
    assert [
        {"a": "medium", "b": "low", "c": "high"},
        {"a": "low", "b": "high", "c": "high"},
    ] == kept


def test_the_bound_counts_what_was_loaded() -> None:
    table = QTable(15)
    table.load(filled().as_json())
    table.row(key("xyz"))

    assert 5 == len(table.shown())


def test_it_is_shown_to_a_person_with_the_most_learned_first() -> None:
    table = QTable(100)
    table.row(key("ab", LOW, LOW))
    busy = table.row(key("ab", HIGH, LOW))
    busy.values[:] = [-2.5, -1.5]
    busy.visits[:] = [3, 1]

    assert [
        {
            "state": {"a": "high", "b": "low"},
            "values": {"a": -2.5, "b": -1.5},
            "visits": {"a": 3, "b": 1},
            "best": "b",
        },
        {
            "state": {"a": "low", "b": "low"},
            "values": {"a": 0.0, "b": 0.0},
            "visits": {"a": 0, "b": 0},
            "best": "a",
        },
    ] == table.shown()


DELETE = object()


@pytest.mark.parametrize(
    ("path", "wrong", "message"),
    [
        ([], {}, "tables: must be a list"),
        ([1], 5, "tables[1]: must hold keys and values"),
        ([1, "endpoints"], DELETE, "tables[1].endpoints: is missing"),
        ([1, "endpoints"], [], "tables[1].endpoints: must be one or more names"),
        ([1, "endpoints"], ["a", "a"], "tables[1].endpoints: must be one or more names"),
        ([1, "endpoints", 1], 3, "tables[1].endpoints[1]: must be a string"),
        ([0, "states"], DELETE, "tables[0].states: is missing"),
        ([0, "states"], "low", "tables[0].states: must be a list"),
        ([0, "states", 2], None, "tables[0].states[2]: must hold keys and values"),
        ([0, "states", 2, "levels"], ["low"], "states[2].levels: must hold 2 items"),
        ([0, "states", 2, "levels", 0], 0, "states[2].levels[0]: must be a string"),
        ([0, "states", 2, "levels", 0], "full", "one of low, medium, high, not 'full'"),
        ([0, "states", 2, "levels"], ["low", "low"], "states[2].levels: the same state"),
        ([0, "states", 2, "values"], DELETE, "states[2].values: is missing"),
        ([0, "states", 2, "values", 1], math.nan, "states[2].values[1]: must be a finite"),
        ([0, "states", 2, "values", 1], True, "states[2].values[1]: must be a finite"),
        ([0, "states", 2, "visits"], [1], "states[2].visits: must hold 2 items"),
        ([0, "states", 2, "visits", 1], -1, "states[2].visits[1]: must be a whole"),
    ],
)
def test_malformed_tables_are_refused_by_place_and_change_nothing(
    path: list[str | int], wrong: object, message: str
) -> None:
    data: Any = {"tables": copy.deepcopy(filled().as_json())}
    *parents, last = ["tables", *path]
    holder = data
    for step in parents:
        holder = holder[step]
    if wrong is DELETE:
        del holder[last]
    else:
        holder[last] = wrong
    table = filled()
    before = table.as_json()

    with pytest.raises(ValueError, match=re.escape(message)):
        table.load(data["tables"])

    assert table.as_json() == before


# Another membership.


def learned(table: QTable, ids: str, levels: tuple[int, ...], **values: tuple[float, int]) -> None:
    """Have each endpoint's value be learned so often in this state."""
    row = table.row(key(ids, *levels))
    for id, (value, times) in values.items():
        for _ in range(times):
            table.learn(row, ids.index(id), value)


def first(table: QTable, ids: str, *levels: int) -> list[float]:
    return table.row(key(ids, *levels)).values


def test_the_states_of_the_first_membership_all_begin_at_the_initial_value() -> None:
    """As the document has it, however much was learned in others of them."""
    table = QTable(100)
    learned(table, "ab", (LOW, LOW), a=(-5.0, 3), b=(-7.0, 1))

    assert [0.0, 0.0] == first(table, "ab", LOW, HIGH)


def test_another_membership_begins_with_what_was_learned_of_each() -> None:
    """At that endpoint's level, over all states of the others, each as often as visited."""
    table = QTable(100)
    learned(table, "abc", (LOW, LOW, LOW), a=(-1.0, 3), b=(-4.0, 1))
    learned(table, "abc", (LOW, HIGH, LOW), a=(-2.0, 1), b=(-8.0, 2))

    assert [-1.25, -4.0] == first(table, "ab", LOW, LOW)
    assert [-8.0, -1.25] == first(table, "ba", HIGH, LOW)


def test_a_level_that_was_never_seen_takes_the_mean_of_the_others() -> None:
    table = QTable(100)
    learned(table, "ab", (LOW, HIGH), a=(-1.0, 1))
    learned(table, "ab", (MEDIUM, HIGH), a=(-4.0, 2))

    assert [-3.0] == first(table, "a", HIGH)


def test_a_newcomer_begins_at_the_mean_of_the_others() -> None:
    table = QTable(100)
    learned(table, "ab", (LOW, LOW), a=(-2.0, 1), b=(-6.0, 5))

    assert [-2.0, -6.0, -4.0] == first(table, "abn", LOW, LOW, LOW)
    assert [0.0, 0.0] == first(table, "xy", LOW, LOW)


def test_what_is_begun_by_projection_is_no_visit() -> None:
    """It teaches no further membership by itself, and goes on being learned from zero visits."""
    table = QTable(100)
    learned(table, "ab", (LOW, LOW), a=(-2.0, 1))
    row = table.row(key("an", LOW, LOW))

    assert [0, 0] == row.visits
    assert [-2.0, -2.0] == first(table, "na", LOW, LOW)
    table.learn(row, 1, -9.0)
    assert [-9.0] == first(table, "n", LOW)


def test_looking_ahead_sees_what_a_state_would_begin_at() -> None:
    table = QTable(100)
    learned(table, "ab", (LOW, LOW), a=(-2.0, 1), b=(-6.0, 1))

    assert INITIAL_VALUE == table.best_value(key("ab", HIGH, HIGH))
    assert -2.0 == table.best_value(key("abn", LOW, LOW, LOW))
    assert INITIAL_VALUE == table.best_value(((), ()))
    assert 1 == len(table.shown())


def test_a_dropped_state_teaches_nothing_more() -> None:
    """Neither what it had learned, nor what a request of it still brings."""
    table = QTable(2)
    learned(table, "ab", (LOW, LOW), a=(-2.0, 3), b=(-6.0, 1))
    row = table.row(key("ab", LOW, LOW))
    table.row(key("xy"))
    table.learn(row, 0, -100.0)

    assert (-100.0, 4) == (row.values[0], row.visits[0])
    assert [0.0, 0.0] == first(table, "ba", LOW, LOW)
    assert not table._sums


def test_a_row_of_before_a_load_teaches_nothing_more() -> None:
    table = QTable(100)
    learned(table, "ab", (LOW, LOW), a=(-2.0, 1))
    row = table.row(key("ab", LOW, LOW))
    table.load(table.as_json())
    table.learn(row, 0, -100.0)

    assert [-2.0] == first(table, "a", LOW)


def test_a_projected_membership_stays_one_through_json() -> None:
    table = QTable(100)
    learned(table, "ab", (LOW, LOW), a=(-2.0, 1), b=(-6.0, 1))
    first(table, "a", LOW)
    fresh = QTable(100)
    fresh.load(json.loads(json.dumps(table.as_json())))
    merged = QTable(100)
    merged.merge([], [fresh.as_json(), filled().as_json()])

    assert fresh.as_json() == table.as_json()
    assert [-2.0] == first(fresh, "a", HIGH)
    assert [0.0, 0.0] == first(fresh, "ab", HIGH, HIGH)
    assert first(merged, "a", HIGH) != [0.0]


def test_values_too_large_to_add_up_are_not_projected() -> None:
    table = QTable(100)
    data: Any = QTable(100).as_json()
    data.append({"endpoints": ["a"], "states": []})
    for level in ("low", "medium"):
        data[0]["states"].append({"levels": [level], "values": [-1.7e308], "visits": [9]})
    table.load(data)

    assert [0.0, 0.0] == first(table, "ab", LOW, LOW)


@settings(deadline=None)
@given(st.lists(st.tuples(STATES, st.integers(0, 5)), max_size=60), st.integers(3, 20))
def test_the_sums_are_those_of_the_states_held(steps: list[tuple[Key, int]], bound: int) -> None:
    """Whatever was learned and dropped in whatever order."""
    table = QTable(bound)
    for number, (state, index) in enumerate(steps):
        table.learn(table.row(state), index % len(state[0]), -float(number))
    fresh = QTable(bound)
    fresh.load(table.as_json())

    assert fresh._sums.keys() == table._sums.keys()
    for place, expected in fresh._sums.items():
        assert expected.visits == table._sums[place].visits
        assert math.isclose(expected.total, table._sums[place].total, abs_tol=1e-9)
