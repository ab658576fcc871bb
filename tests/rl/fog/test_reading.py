"""Values as words, numbers and lists."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog import reading
from rl.fog.schedules import Schedule, Segment, constant

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("read", "given_as", "expected"),
    [
        (reading.number, ("1e7", 10_000_000, 1e7, " 1e7 "), 1e7),
        (reading.whole, ("12", 12, 12.0, "12.0", "1.2e1"), 12),
        (reading.truth, ("1", 1, True, "true", "True", "yes"), True),
        (reading.truth, ("0", 0, False, "false", "NO"), False),
        (reading.how_many, ("1", 1, True, "true"), 1),
        (reading.wholes, ("0;5", "0,5", "[0, 5]", [0, 5], (0, "5")), (0, 5)),
        (reading.numbers, ("5", 5, [5.0]), (5.0,)),
        (reading.truths, ("0,1", [False, True]), (False, True)),
        (reading.rows, ("0,1,2;1,0;2,0", [[0, 1, 2], [1, 0], "2,0"]), ((0, 1, 2), (1, 0), (2, 0))),
        (reading.points, ("1,2;3,4", "1,2;3,4;", [[1, 2], [3, 4]]), ((1.0, 2.0), (3.0, 4.0))),
        (reading.points, ("1,2", [1, 2], [[1, 2]]), ((1.0, 2.0),)),
        (reading.point, ("1,2", [1, 2]), (1.0, 2.0)),
        (
            reading.channels,
            (
                "PeersimSimulator.peersim.env.Transport.OpticalFiberSNR;WirelessSNR",
                ["fibre", "wireless"],
            ),
            ("fibre", "wireless"),
        ),
        (reading.graphs, ("0->1,1->2;", ["0->1,1->2", ""]), (((0, 1), (1, 2)), ())),
        (reading.weights, (2, "2"), {"queue": 2.0, "comm": 2.0, "exec": 2.0}),
        (reading.weights, ({"queue": "3"},), {"queue": 3.0}),
        (reading.inverted, ("true", True), "random"),
        (reading.inverted, ("false", 0), "manual"),
        (reading.simtype, ("basic-workload", "trace"), "trace"),
        (reading.arrivals, ("0.6-9", ["0.6-9"]), (constant(0.6, 9),)),
        (
            reading.arrivals,
            ([[{"rate_per_second": 1, "seconds": 2}, {"rate_per_second": "3", "seconds": "4"}]],),
            (Schedule((Segment(1.0, 2), Segment(3.0, 4))),),
        ),
        (reading.scaled(reading.number, 100.0), ("2", 2), 200.0),
        (reading.scaled(reading.numbers, 100.0), ("2,3",), (200.0, 300.0)),
        (reading.one_of(("a", "b")), ("a", " a "), "a"),
        (reading.items, ([{"a": 1}],), ({"a": 1},)),
    ],
)
def test_all_ways_of_writing_a_value_are_one(
    read: reading.Read, given_as: tuple[object, ...], expected: object
) -> None:
    assert [read(each) for each in given_as] == [expected] * len(given_as)


@pytest.mark.parametrize(
    ("read", "value", "problem"),
    [
        (reading.number, "x", "must be a number, not 'x'"),
        (reading.number, True, "must be a number, not True"),
        (reading.number, "nan", "finite"),
        (reading.number, float("inf"), "finite"),
        (reading.number, 10**400, "too large"),
        (reading.whole, "1.5", "must be a whole number, not '1.5'"),
        (reading.whole, "", "must be a number"),
        (reading.truth, 2, "must be true or false, not 2"),
        (reading.truth, None, "must be true or false"),
        (reading.wholes, "0;x", "must be a number, not 'x'"),
        (reading.points, "1,2;3", "'3' is no position, such as 10,20"),
        (reading.point, "1,2;3,4", "one pair"),
        (reading.channels, "Copper", "'Copper' is no channel"),
        (reading.weights, {"wait": 1}, "unknown part 'wait'; use queue, comm, exec"),
        (reading.simtype, "fast", "must be one of basic, batch, basic-workload"),
        (reading.one_of(("a", "b")), "c", "must be one of a, b, not 'c'"),
        (reading.items, [3], "must hold keys and values"),
        (reading.arrivals, [[{"rate": 1}]], "rate_per_second and seconds"),
        (reading.text, "  ", "must be a text"),
        (reading.wholes, "1," * 100_001, "may have 100000 parts"),
    ],
)
def test_malformed_values_are_named(read: reading.Read, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(value)


ANY: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    ANY,
    st.sampled_from(
        [
            reading.numbers,
            reading.rows,
            reading.points,
            reading.arrivals,
            reading.weights,
            reading.graphs,
            reading.channels,
            reading.items,
            reading.truths,
            reading.whole,
        ]
    ),
)
@settings(max_examples=50, deadline=None)
def test_whatever_is_given_is_read_or_refused(value: object, read: reading.Read) -> None:
    try:
        read(value)
    except ValueError:
        pass
