"""The summary plot: what it shows follows from what was measured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.plot_forest import comparison_summary
from evaluation.records import ComparisonResult

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def words(
    result: ComparisonResult, analysis: Analysis, path: Path, monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    """Every text of the figure."""
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: saved.append(figure))
    comparison_summary(result, analysis, path)
    return {text.get_text().strip() for text in saved[0].findobj(Text)}


def test_values_and_claims_are_written_beside_the_points(
    result: ComparisonResult,
    analysis: Analysis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = words(result, analysis, tmp_path / "a.png", monkeypatch)
    assert {"mean (ms)", "P95 (ms)", "P99 (ms)"} <= found
    assert "success (%)" not in found
    assert {"mean latency against round_robin", "mean latency against peak_ewma"} <= found
    mean = analysis.statistics["q_learning"].metrics
    assert any(text == f"{next(iter(mean.values())).value * 1000:.1f}" for text in found)
    assert any(text.endswith("win") for text in found)
    assert any(text.endswith("loss") for text in found)


def test_with_failures_strategies_are_judged_by_cost(
    failing: ComparisonResult,
    failing_analysis: Analysis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = words(failing, failing_analysis, tmp_path / "a.png", monkeypatch)
    assert "success (%)" in found
    assert "mean cost against round_robin" in found


def test_a_strategy_without_a_common_seed_has_no_difference(
    make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an early end: its values are there, and nothing is compared."""
    names = ("round_robin", "peak_ewma", "q_learning")
    made = make_experiment(strategies=names, seeds=(0, 1), requests=300)
    result = replace(made, runs=(made.runs[0], made.runs[1], made.runs[5]))
    analysis = analyze(result)
    found = words(result, analysis, tmp_path / "a.png", monkeypatch)
    assert "q_learning" in found
    assert sum("too few requests" in text for text in found) == 2


def test_one_strategy_has_nothing_below(
    make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = make_experiment(strategies=("q_learning",), seeds=(4,), requests=120)
    found = words(result, analyze(result), tmp_path / "a.png", monkeypatch)
    assert not any("against" in text for text in found)
    assert any("seed 4" in text for text in found)
