"""What a reader gets: everything that was measured, nothing from another host."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.bootstrap import Metric
from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.records import ComparisonResult
from evaluation.report import Part, write_report
from tests.evaluation.tags import Tags

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def published(
    result: ComparisonResult, analysis: Analysis, folder: Path, plots: Sequence[Path] = ()
) -> tuple[str, str]:
    """Markdown and HTML; without plots, with files that are none."""
    paths = list(plots)
    if not paths:
        for name in ("comparison_summary", "learning_curve"):
            paths.append(folder / f"{name}.png")
            paths[-1].write_bytes(b"\x89PNG")
    page = write_report([Part("", result, analysis, paths)], folder)
    return (folder / "summary_report.md").read_text("utf-8"), page.read_text("utf-8")


def test_the_page_stands_alone(
    result: ComparisonResult, analysis: Analysis, drawn: list[Path], tmp_path: Path
) -> None:
    """Well formed; six plots as data; no address of any host."""
    _, page = published(result, analysis, tmp_path, drawn)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.addresses) == 6
    assert all(each.startswith("data:image/png;base64,") for each in tags.addresses)
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(r"https?:|//\w|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


@pytest.mark.parametrize("kind", [0, 1], ids=["markdown", "html"])
def test_a_report_says_what_was_run_and_what_came_of_it(
    kind: int, result: ComparisonResult, analysis: Analysis, tmp_path: Path
) -> None:
    text = published(result, analysis, tmp_path)[kind].replace("&#39;", "'")
    assert "A load balancer stands in front of several servers" in text
    assert "sends requests to the servers in turn" in text
    facts = result.circumstances
    for words in (
        facts.command, facts.description, facts.commit or "", facts.machine.processor,
        "2 processors", "load average 0.31 before, 1.02 after", "CPython 3.11.7", "0, 1, 2",
        "1200 requests at 60/s", "first 100", "settings.yaml", "request_logs.csv",
        "Limits of the evidence", "Method", "after the fact", "compare A B",
    ):  # fmt: skip
        assert words in text, words
    for name, statistics in analysis.statistics.items():
        assert name in text
        for metric in (Metric.MEAN, Metric.P50, Metric.P95, Metric.P99, Metric.SD):
            assert f"{statistics.metrics[metric].value * 1000:.1f} ms" in text
        assert f"{statistics.metrics[Metric.CV].value:.3f}" in text
        assert f"{statistics.throughput.mean:.1f}/s" in text
    assert "a win" in text
    assert "Three servers of 50, 75 and 100 ms" in text
    assert "; 2026-01-02 03:04:05 UTC" in text
    assert "3 of 3 lower" in text


@pytest.mark.parametrize("kind", [0, 1], ids=["markdown", "html"])
def test_a_report_of_two_parts_tells_both(
    kind: int,
    result: ComparisonResult,
    analysis: Analysis,
    failing: ComparisonResult,
    failing_analysis: Analysis,
    tmp_path: Path,
) -> None:
    """The plots of the second lie in a folder of its own; what is common is said once."""
    plots = [tmp_path / "first.png", tmp_path / "second" / "comparison_summary.png"]
    plots[1].parent.mkdir()
    plots[0] = plots[0].with_stem("comparison_summary")
    for plot in plots:
        plot.write_bytes(b"\x89PNG")
    late = replace(failing, unforetold="hedging is not simulated")
    parts = [
        Part("Part one: speeds", result, analysis, plots[:1]),
        Part("Part two: failures", late, failing_analysis, plots[1:]),
    ]
    page = write_report(parts, tmp_path)
    text = (page if kind else tmp_path / "summary_report.md").read_text("utf-8")
    for words in (
        "Part one: speeds: with ", "Part two: failures: the best is",
        "Part two: The simulator does not play this: hedging is not simulated.",
        "Part two likewise, with 900 requests in each run", "the other part in",
        "server1 answers all of its requests with an error from 5 s to 10 s",
    ):  # fmt: skip
        assert words in text, words
    assert text.count("A load balancer stands in front") == 1
    assert text.count("Limits of the evidence") == 1
    if not kind:
        assert "(second/comparison_summary.png)" in text
        assert "(comparison_summary.png)" in text


def test_what_comes_from_outside_is_escaped(
    result: ComparisonResult, analysis: Analysis, tmp_path: Path
) -> None:
    facts = replace(result.circumstances, description="<script>alert(1)</script>")
    _, page = published(replace(result, circumstances=facts), analysis, tmp_path)
    assert "<script" not in page


def test_losses_and_failures_are_shown(
    failing: ComparisonResult, failing_analysis: Analysis, tmp_path: Path
) -> None:
    text, _ = published(failing, failing_analysis, tmp_path)
    assert "| success | cost |" in text
    assert "**loss**" in text
    assert "points" in text


def test_a_single_strategy_and_an_early_end_are_said(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    result = make_experiment(requests=200, warmup=10, interrupted_at=0)
    text, page = published(result, analyze(result), tmp_path)
    for each in (text, page):
        assert "nothing to compare with" in each
        assert "ended early" in each
