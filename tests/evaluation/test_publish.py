"""A result becomes a folder with everything in it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation.export import ReportError, make_folder
from evaluation.plots import PLOTS
from evaluation.publish import publish
from evaluation.records import ComparisonResult

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_document_003_s_files_are_there(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    result = make_experiment(
        strategies=("round_robin", "q_learning"), seeds=(0, 1), requests=300, warmup=20
    )
    folder = make_folder(tmp_path, NOW)
    published = publish(result, folder)
    assert {path.name for path in folder.iterdir()} == {
        "comparison_results.json", "request_logs.csv", "settings.yaml", "summary_report.md",
        "report.html", *(f"{name}.png" for name in PLOTS),
    }  # fmt: skip
    assert all(path.stat().st_size > 0 for path in folder.iterdir())
    assert published.page == folder / "report.html"
    assert published.result.folder == folder
    assert (tmp_path / "latest").resolve() == folder
    text = (folder / "summary_report.md").read_text("utf-8")
    assert all(f"({name}.png)" in text for name in PLOTS)


def test_nothing_measured_leaves_nothing_behind(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path, NOW)
    result = make_experiment(requests=20, warmup=19, interrupted_at=0)
    with pytest.raises(ReportError, match="nothing was measured"):
        publish(result, folder)
    assert list(tmp_path.iterdir()) == []
