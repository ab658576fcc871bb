"""Sentences follow from the numbers: wins, losses and what may not be said."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation import wording
from evaluation.bootstrap import Interval, Metric
from evaluation.metrics_analyzer import Analysis, Claim, Estimate, analyze
from evaluation.plots import PLOTS
from evaluation.records import ComparisonResult

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def test_values_have_the_unit_of_their_metric() -> None:
    assert wording.metric_value(Metric.P95, 0.1) == "100.0 ms"
    assert wording.metric_value(Metric.CV, 0.2567) == "0.257"
    assert wording.metric_value(Metric.CV, float("nan")) == "–"
    assert wording.metric_value(Metric.SUCCESS, 0.5) == "50.0 %"
    assert wording.metric_interval(Metric.MEAN, Interval(0.1, 0.2)) == "100.0 to 200.0"
    assert wording.metric_interval(Metric.CV, Interval(0.1, 0.2)) == "0.100 to 0.200"
    assert wording.metric_interval(Metric.SUCCESS, Interval(0.9, 1)) == "90.0 to 100.0"
    assert wording.metric_interval(Metric.MEAN, None) == ""


def test_changes_have_their_interval() -> None:
    estimate = Estimate(-0.02, Interval(-0.03, -0.01))
    assert wording.change(Metric.MEAN, estimate, False) == "−20.0 ms (−30.0 to −10.0)"
    assert wording.change(Metric.MEAN, estimate, True) == "−2.0 % (−3.0 to −1.0)"
    assert wording.change(Metric.SUCCESS, estimate, False) == "−2.0 points (−3.0 to −1.0)"
    assert wording.change(Metric.MEAN, Estimate(0.01, None), False) == "+10.0 ms"


def test_a_win_is_said_as_plainly_as_a_loss(analysis: Analysis) -> None:
    win = wording.sentence(analysis.against_baseline["q_learning"], Metric.MEAN)
    assert "q_learning's mean latency is" in win
    assert "% lower than round_robin's" in win
    assert win.endswith("a win.")
    loss = wording.sentence(analysis.against_best["round_robin"], Metric.MEAN)
    assert "% higher than peak_ewma's" in loss
    assert loss.endswith("a loss.")


def test_a_worse_success_rate_is_a_loss_in_points(failing_analysis: Analysis) -> None:
    comparison = failing_analysis.against_baseline["q_learning"]
    said = wording.sentence(comparison, Metric.SUCCESS)
    assert "success rate is lower than round_robin's" in said
    assert "points" in said
    assert said.endswith("a loss.")


def test_no_difference_is_said_with_its_interval(analysis: Analysis) -> None:
    comparison = analysis.against_baseline["q_learning"]
    mean = comparison.differences[Metric.MEAN]
    for claimed, words in (
        (Claim.NO_DIFFERENCE, "includes zero"),
        (Claim.TOO_FEW, "Too few requests to compare q_learning with round_robin: 3300 pairs"),
    ):
        differences = {**comparison.differences, Metric.MEAN: replace(mean, claim=claimed)}
        changed = replace(comparison, differences=differences)
        said = wording.sentence(changed, Metric.MEAN)
        assert words in said
        assert "win" not in said


def test_agreement_of_the_seeds(analysis: Analysis) -> None:
    comparison = analysis.against_baseline["q_learning"]
    assert wording.seeds_agreeing(comparison) == "3 of 3 lower"
    split = replace(comparison, seed_differences={0: -1.0, 1: 1.0})
    assert wording.seeds_agreeing(split) == "1 of 2 lower"
    assert wording.seeds_agreeing(analysis.against_best["round_robin"]) == "3 of 3 higher"
    assert wording.seeds_agreeing(replace(comparison, seed_differences={})) == "–"


def test_headlines_speak_of_the_learner(result: ComparisonResult, analysis: Analysis) -> None:
    """Against round robin and against the best classic, by latency."""
    first, second = wording.headlines(result, analysis)
    assert first.startswith("q_learning's mean latency") and "round_robin" in first
    assert second.startswith("q_learning's mean latency") and "peak_ewma" in second


def test_headlines_judge_by_cost_once_something_fails(
    failing: ComparisonResult, failing_analysis: Analysis
) -> None:
    """The learner is quickest and fails most: its headline is the loss, not the win."""
    lines = wording.headlines(failing, failing_analysis)
    assert "mean cost" in lines[0]
    assert lines[0].endswith("a loss.")
    assert "one second more for every failure" in lines[-1]


def test_headlines_without_a_learner(make_experiment: MakeExperiment) -> None:
    result = make_experiment(strategies=("round_robin", "peak_ewma"), seeds=(0,))
    (line,) = wording.headlines(result, analyze(result))
    assert line.startswith("peak_ewma's mean latency")


def test_headlines_of_one_strategy_are_none(make_experiment: MakeExperiment) -> None:
    result = make_experiment(strategies=("q_learning",), seeds=(0,), requests=200)
    assert wording.headlines(result, analyze(result)) == []


def test_nothing_to_warn_of(result: ComparisonResult, analysis: Analysis) -> None:
    assert wording.warnings(result, analysis) == []


def test_warnings_of_an_early_end_and_of_cut_runs(make_experiment: MakeExperiment) -> None:
    result = replace(make_experiment(interrupted_at=1), problem="server1 ended with signal SIGKILL")
    first, second = wording.warnings(result, analyze(result))
    assert "1 of 12 runs are complete" in first
    assert first.endswith("server1 ended with signal SIGKILL.")
    assert second.startswith("least_request's only run was cut short")


def test_warnings_of_late_sends_and_lost_log_lines(make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("round_robin",), seeds=(0,))
    run = made.runs[0]
    requests = tuple(replace(r, sent=r.intended + 0.05, endpoint="") for r in run.requests)
    result = replace(made, runs=(replace(run, requests=requests),))
    late, lost = wording.warnings(result, analyze(result))
    assert "left late: by 50.0 ms" in late
    assert "lacks 1200 of the answered requests" in lost
    assert "50.0 ms" in wording.lateness(analyze(result))


def test_every_plot_has_a_caption_from_the_data(
    result: ComparisonResult, analysis: Analysis
) -> None:
    captions = wording.captions(result, analysis)
    assert captions.keys() == PLOTS.keys()
    mean = analysis.statistics["q_learning"].metrics[Metric.MEAN].value
    assert f"{mean * 1000:.1f} ms" in captions["comparison_summary"]
    assert captions["comparison_summary"].startswith("q_learning has the lowest mean latency")
    assert "server1: q_learning sent it" in captions["server_utilization"]
    assert captions["learning_curve"].startswith("q_learning takes")
    assert captions["throughput_comparison"].startswith("60 requests/s were intended")


def test_captions_of_one_strategy_compare_nothing(make_experiment: MakeExperiment) -> None:
    result = make_experiment(strategies=("round_robin",), seeds=(0,), requests=200)
    captions = wording.captions(result, analyze(result))
    assert captions["comparison_summary"].startswith("round_robin's mean latency is")
    assert "round_robin sent" in captions["server_utilization"]
    assert "round_robin answered" in captions["throughput_comparison"]


def test_captions_where_everything_failed(make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("q_learning",), seeds=(0,), requests=200)
    run = made.runs[0]
    broken = replace(
        run, requests=tuple(replace(r, success=False, endpoint="") for r in run.requests)
    )
    result = replace(made, runs=(broken,))
    captions = wording.captions(result, analyze(result))
    assert captions["latency_distribution"] == "No request succeeded."
    assert captions["latency_over_time"] == "No request succeeded."
    assert captions["learning_curve"] == "Too few requests succeeded for a curve."
    assert "0 %" in captions["server_utilization"].replace("0.0 %", "0 %")


def test_method_and_limits_name_what_was_done(result: ComparisonResult, analysis: Analysis) -> None:
    said = " ".join(wording.method(result))
    for words in ("1200 requests", "first 100", "1100", "Künsch 1989", "after the fact"):
        assert words in said
    limits = " ".join(wording.limits(result, analysis))
    for words in ("3 servers", "2 processors", "these 3 seeds", "36 differences"):
        assert words in limits
    one = replace(result, seeds=(0,), classics=())
    assert "this one seed" in " ".join(wording.limits(one, analysis))
    assert "among none" in " ".join(wording.method(one))


def test_a_result_without_description_is_described_by_its_servers(
    result: ComparisonResult,
) -> None:
    bare = replace(result, circumstances=replace(result.circumstances, description=""))
    assert wording.described(bare) == "servers of 50, 75 and 100 ms"
