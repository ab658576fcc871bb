"""Two reports side by side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.bootstrap import Metric
from evaluation.compare import pairings, render, write_page
from evaluation.export import ReportError
from evaluation.metrics_analyzer import Claim
from evaluation.records import ComparisonResult

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]
TWO = ("round_robin", "q_learning")


def test_equal_loads_are_paired_and_a_planted_change_is_found(
    make_experiment: MakeExperiment,
) -> None:
    first = make_experiment(strategies=TWO, seeds=(0, 1), requests=500)
    second = make_experiment(strategies=TWO, seeds=(0, 1), requests=500, shift=0.002)
    for pairing in pairings(first, second):
        assert pairing.comparison is not None and pairing.comparison.paired
        mean = pairing.comparison.differences[Metric.MEAN]
        assert mean.absolute.value == pytest.approx(0.002)
        assert mean.claim is Claim.LOSS
    markdown, page = render(first, second)
    assert "B minus A is +2.0 ms" in markdown
    assert "800 pairs" in markdown
    assert "not paired" not in markdown
    assert "Note:" not in markdown
    assert "https:" not in page and "http:" not in page


def test_different_loads_are_compared_without_pairing(make_experiment: MakeExperiment) -> None:
    """And the reader is told so."""
    first = make_experiment(strategies=TWO, seeds=(0, 1), requests=500)
    second = make_experiment(strategies=TWO, seeds=(5, 6), requests=500)
    markdown, page = render(first, second)
    for text in (markdown, page):
        assert "not paired" in text
        assert "cannot be paired" in text


def test_other_servers_are_pointed_out(make_experiment: MakeExperiment) -> None:
    first = make_experiment(strategies=TWO, seeds=(0,), requests=300)
    second = replace(first, servers=first.servers[:2])
    markdown, _ = render(first, second)
    assert "different servers" in markdown


def test_a_strategy_in_only_one_of_them(make_experiment: MakeExperiment) -> None:
    first = make_experiment(strategies=("round_robin", "peak_ewma"), seeds=(0,), requests=300)
    second = make_experiment(strategies=TWO, seeds=(0,), requests=300)
    markdown, _ = render(first, second)
    assert "- peak_ewma: only in A." in markdown
    assert "- q_learning: only in B." in markdown


def test_failures_are_compared_by_cost(make_experiment: MakeExperiment) -> None:
    first = make_experiment(strategies=TWO, seeds=(0, 1), requests=900)
    second = make_experiment(strategies=TWO, seeds=(0, 1), requests=900, fail_share=1.0)
    markdown, _ = render(first, second)
    assert "q_learning: mean cost of B minus A" in markdown
    assert "loss" in markdown


def test_folders_give_the_titles(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    made = make_experiment(strategies=TWO, seeds=(0,), requests=200)
    markdown, _ = render(replace(made, folder=tmp_path / "one"), made)
    assert "A: one. B: 2026-01-02T03:04:05Z." in markdown


def test_the_page_is_written(tmp_path: Path) -> None:
    assert write_page("<p>", tmp_path).read_text("utf-8") == "<p>"
    with pytest.raises(ReportError, match="cannot be written"):
        write_page("<p>", tmp_path / "gone")
