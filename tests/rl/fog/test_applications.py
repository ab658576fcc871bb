"""Task types, graphs of tasks, traces."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog.applications import (
    Dag,
    Draw,
    Job,
    TaskType,
    order,
    predecessors,
    ranks,
    read_edges,
    read_trace,
    successors,
)

pytestmark = pytest.mark.unit

DIAMOND = ((0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5))
"""The first example of document 002."""


def shares(weights: list[float], compat: bool, cumulative: bool = True) -> list[float]:
    draw, dice = Draw(weights, compat, cumulative), random.Random(5)
    counts = Counter(draw(dice) for _ in range(12_000))
    return [counts[index] / 12_000 for index in range(len(weights))]


@pytest.mark.parametrize(
    ("weights", "compat", "expected"),
    [
        ([4, 6], False, [0.4, 0.6]),
        ([4, 6], True, [0.2, 0.8]),
        ([3, 3, 4], False, [0.3, 0.3, 0.4]),
        ([3, 3, 4], True, [0.2, 0.0, 0.8]),
        ([1], True, [1.0]),
    ],
)
def test_types_are_drawn_by_weight_or_as_the_original_does(
    weights: list[float], compat: bool, expected: list[float]
) -> None:
    assert shares(weights, compat) == pytest.approx(expected, abs=0.02)


def test_in_compat_weights_of_graphs_are_not_added_up() -> None:
    """Of 0.4 and 0.6, looked up by a draw from 0 to 2: the first below 0.4, else the second."""
    assert shares([4, 6], True, cumulative=False) == pytest.approx([0.2, 0.8], abs=0.02)
    assert shares([6, 4], True, cumulative=False) == pytest.approx([0.3, 0.7], abs=0.02)
    assert shares([6, 4], False, cumulative=False) == pytest.approx([0.6, 0.4], abs=0.02)


def test_a_type_without_weight_is_never_drawn() -> None:
    assert shares([0, 1, 0], False) == [0, 1, 0]


@pytest.mark.parametrize("weights", [[], [0.0, 0.0]])
def test_weights_of_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Draw(weights)


def test_order_puts_needs_first_and_rank_counts_what_is_held_up() -> None:
    assert order(6, DIAMOND) == (0, 1, 2, 3, 4, 5)
    assert ranks(6, DIAMOND) == (4, 3, 2, 2, 1, 0)
    dag = Dag(1.0, 6, DIAMOND)
    assert predecessors(dag) == ((), (0,), (1,), (1,), (2, 3), (4,))
    assert successors(dag) == ((1,), (2, 3), (4,), (4,), (5,), ())


@given(
    st.integers(1, 12).flatmap(
        lambda size: st.tuples(
            st.just(size),
            st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), unique=True),
        )
    )
)
@settings(max_examples=50, deadline=None)
def test_every_graph_is_ordered_or_its_cycle_named(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    size, edges = graph
    try:
        found = order(size, edges)
    except ValueError as error:
        circle = [int(each) for each in str(error).rpartition(" ")[2].split("->")]
        assert circle[0] == circle[-1]
        assert all((a, b) in edges for a, b in pairwise(circle))
    else:
        assert sorted(found) == list(range(size))
        assert all(found.index(a) < found.index(b) for a, b in edges)


@pytest.mark.parametrize(
    ("vertices", "edges", "problem"),
    [
        (0, (), "vertices must be 1 to 1000, not 0"),
        (2, ((0, 2),), "edge 0->2: there is no vertex 2; they are 0 to 1"),
        (2, ((0, 0),), "edge 0->0: a task cannot need itself"),
        (3, ((0, 1), (1, 2), (2, 1)), "go round in a circle: 2->1->2|1->2->1"),
        (2, ((0, 1), (0, 1)), "edge 0->1 stands twice"),
        (3, ((0, 1),), "vertex 2 needs nothing; only vertex 0 may begin"),
        (2, ((1, 0),), "vertex 1 needs nothing"),
    ],
)
def test_bad_graphs_are_refused(
    vertices: int, edges: tuple[tuple[int, int], ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Dag(1.0, vertices, edges)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight must be 0 or more, not -1"):
        Dag(-1)


def test_edges_are_read_in_both_ways_of_writing() -> None:
    assert read_edges("0->1, 1->2") == read_edges("0 1,1 2") == ((0, 1), (1, 2))
    assert read_edges("") == ()


@pytest.mark.parametrize("text", ["0", "0->", "0->1->2", "a->b", "0-1"])
def test_malformed_edges_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no edge, such as 0->1"):
        read_edges(text)


def test_cycles_multiply_the_work() -> None:
    assert TaskType(cycles_per_instruction=3, instructions=1e7).work == 3e7


@pytest.mark.parametrize(
    "values", [{"instructions": 0}, {"weight": -1}, {"size_bytes": float("inf")}]
)
def test_impossible_task_types_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        TaskType(**values)


def test_trace_counts_cores_and_milliseconds() -> None:
    """Half a core for 3 s, and 2 units of memory."""
    job = {"max_cpu": 50, "total_resources_duration": 3000, "max_mem": 2, "more": 1}
    assert read_trace({"a": job}, 1e8, 1e6) == (Job(1.5e8, 2e6),)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "jobs by name"),
        ({}, "jobs by name"),
        ({"a": 3}, "job 'a' must hold keys and values"),
        ({"a": {"max_cpu": "1"}}, "job 'a': max_cpu must be a number, not '1'"),
        (
            {"a": {"max_cpu": 1, "total_resources_duration": -1, "max_mem": 1}},
            "total_resources_duration must be 0 or more",
        ),
        (
            {"a": {"max_cpu": 0, "total_resources_duration": 1, "max_mem": 1}},
            "must be above 0",
        ),
    ],
)
def test_bad_traces_name_job_and_key(data: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_trace(data, 1e8, 1e6)
