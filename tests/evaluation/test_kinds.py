"""Kinds of requests, told apart by their routes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.kinds import MOST, kinds, work_ms
from evaluation.records import ComparisonResult, Request, ServerFacts
from rl.simulation.service import RouteCost

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def asked(made: ComparisonResult, path: Callable[[Request], str]) -> ComparisonResult:
    runs = tuple(
        replace(run, requests=tuple(replace(each, path=path(each)) for each in run.requests))
        for run in made.runs
    )
    return replace(made, runs=runs)


def test_requests_of_one_kind_have_no_kinds(result: ComparisonResult) -> None:
    assert kinds(result) == []
    assert kinds(asked(result, lambda each: f"/item/{each.index}")) == []


def test_kinds_are_counted_apart(make_experiment: MakeExperiment) -> None:
    """Every fourth request is a report; those all went to server1, and took 10 ms."""
    made = make_experiment(strategies=("round_robin", "random"), seeds=(0,), requests=400, warmup=0)
    runs = tuple(
        replace(
            run,
            requests=tuple(
                replace(each, path=f"/report/{each.index}?x=1", endpoint="server1", latency=0.01)
                if each.index % 4 == 0
                else replace(each, path="/item")
                for each in run.requests
            ),
        )
        for run in made.runs
    )
    servers = tuple(replace(each, routes=(RouteCost("/report", 3.0),)) for each in made.servers)
    item, report = kinds(replace(made, runs=runs, servers=servers))
    assert (item.name, item.share) == ("/item", 0.75)
    assert (report.name, report.share) == ("/report/{n}", 0.25)
    assert report.work == {"server1": 150.0, "server2": 225.0, "server3": 300.0}
    assert report.latency == pytest.approx({"round_robin": 0.01, "random": 0.01})
    assert report.placed["random"] == {"server1": 1.0}
    assert sum(item.placed["random"].values()) == pytest.approx(1.0)


def test_many_kinds_are_none(make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("random",), seeds=(0,), requests=100, warmup=0)
    letters = "abcdefghijkl"
    assert len(kinds(asked(made, lambda each: f"/{letters[each.index % MOST]}"))) == MOST
    assert kinds(asked(made, lambda each: f"/{letters[each.index % (MOST + 1)]}")) == []


def test_the_longest_prefix_says_what_a_path_takes() -> None:
    server = ServerFacts("a", 10.0, routes=(RouteCost("/a", 2.0), RouteCost("/a/b", 5.0)))
    assert [work_ms(server, path) for path in ("/", "/a", "/a/b/c")] == [10.0, 20.0, 50.0]
