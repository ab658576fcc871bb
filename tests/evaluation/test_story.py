"""The story for somebody who has never heard of queues: its sentences follow from the numbers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation import story
from evaluation.bootstrap import Metric
from evaluation.metrics_analyzer import Analysis, Claim, analyze
from evaluation.records import ComparisonResult
from load_balancer import strategies
from rl.simulation.service import Phase, RouteCost

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def test_every_plain_rule_and_learner_is_explained() -> None:
    assert set(strategies.names()) - {"q_routing"} <= set(story.EXPLAINED)
    assert story.glossary(["random", "somebody's own"]) == [("random", "rolls dice.")]


def test_every_kind_of_phase_can_be_told() -> None:
    assert set(story.STATES) == {"slow", "fail", "hang", "warm_up", "noise"}


def test_the_servers_and_the_load_are_described(result: ComparisonResult) -> None:
    servers, load = story.introduction(result)
    assert servers == (
        "Three servers need 50, 75 and 100 ms for a request on average. They work on any number of"
        " requests at once, so nobody ever waits in line."
    )
    assert load.startswith("60 requests a second come in at irregular moments, about 1200 in each")


def test_lines_and_ill_servers_are_described(result: ComparisonResult) -> None:
    servers = tuple(replace(each, base_delay_ms=50.0, slots=4) for each in result.servers)
    ill = replace(servers[1], phases=(Phase("slow", 5, 10, factor=4.0), Phase("fail", 20)))
    said = story.introduction(replace(result, servers=(servers[0], ill, servers[2])))
    assert said[0].endswith("Each works on four at a time; the others wait in line.")
    assert "need 50 ms each" in said[0]
    assert said[1] == "server2 is 4 times slower from 5 s to 10 s."
    assert said[2] == "server2 answers all of its requests with an error from 20 s to the end."


def test_the_order_and_the_reason_are_told(result: ComparisonResult, analysis: Analysis) -> None:
    order = sorted(
        analysis.statistics, key=lambda name: analysis.statistics[name].metrics[Metric.MEAN].value
    )
    said = story.tale(result, analysis)
    assert said[0].startswith(f"The lowest mean latency is {order[0]}'s, ")
    assert f"the highest {order[-1]}'s" in said[0]
    assert said[-1].startswith("Why: round_robin sent 3")
    assert "which takes 2 times as long as server1" in said[-1]


def test_what_chance_can_do_is_no_order(make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("round_robin", "random"), seeds=(0, 1))
    said = " ".join(story.tale(made, analyze(made)))
    assert "within what chance can do: they may be equally good" in said
    few = make_experiment(strategies=("round_robin", "peak_ewma"), seeds=(0,), requests=120)
    assert "Too few requests were measured to be sure" in " ".join(story.tale(few, analyze(few)))


def test_a_single_strategy_has_no_tale(make_experiment: MakeExperiment) -> None:
    alone = make_experiment(strategies=("random",), seeds=(0,), requests=200)
    assert story.tale(alone, analyze(alone)) == []
    assert story.in_short("Here", alone, analyze(alone)).startswith("Here: the best is random")


def test_failures_are_told_by_their_cost(
    failing: ComparisonResult, failing_analysis: Analysis
) -> None:
    assert "mean cost (the wait, and a second more" in story.tale(failing, failing_analysis)[0]


def test_kinds_are_told_apart(make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("round_robin", "peak_ewma"), seeds=(0,), requests=400)
    runs = tuple(
        replace(
            run,
            requests=tuple(
                replace(each, path="/report/7" if each.index % 4 == 0 else "/item/9")
                for each in run.requests
            ),
        )
        for run in made.runs
    )
    dear = (RouteCost("/report/", 20.0),)
    servers = tuple(
        replace(each, slots=4, routes=() if each.id == "server3" else dear) for each in made.servers
    )
    result = replace(made, runs=runs, servers=servers)
    said = story.introduction(result)
    assert said[-2] == (
        "The requests are of two kinds: 75.0 % /item/{n} and 25.0 % /report/{n}. For /item/{n}"
        " server1 is the right place: 50 ms there, up to 100 ms elsewhere. For /report/{n} server3"
        " is the right place: 100 ms there, up to 1500 ms elsewhere."
    )
    # 20 requests/s: 15 of 75 ms and 5 of 1500 ms are 8.6 s of work a second for 4 slots.
    assert said[-1] == (
        "Sent around evenly, server2 could not do its part: it would need 215.6 % of its time."
    )
    tale = " ".join(story.tale(result, analyze(result)))
    assert "/report/{n} took" in tale
    assert "of them to server3, where they take least" in tale


def test_the_top_of_the_page_says_the_gain(result: ComparisonResult, analysis: Analysis) -> None:
    said = story.in_short("Part one", result, analysis)
    assert said.startswith("Part one: with ")
    assert "which sends them around in turn" in said
    assert "may be chance" not in said
    comparisons = {
        name: replace(
            each,
            differences={
                metric: replace(difference, claim=Claim.NO_DIFFERENCE)
                for metric, difference in each.differences.items()
            },
        )
        for name, each in analysis.against_baseline.items()
    }
    unsure = replace(analysis, against_baseline=comparisons)
    assert "(which may be chance)" in story.in_short("Part one", result, unsure)
