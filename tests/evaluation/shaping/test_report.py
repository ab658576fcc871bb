"""The report: data, pictures, words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.export import ReportError
from evaluation.shaping.arms import SHIFT
from evaluation.shaping.report import RESULTS, ground_of, publish
from tests.evaluation.shaping.made import SHORT, result

pytestmark = pytest.mark.unit
pytest.importorskip("matplotlib")


def test_everything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    made = replace(result(seeds=2), interrupted=True, problem="it fell", without={"ppo": "none"})
    published = publish(made, folder)
    page = published.page.read_text(encoding="utf-8")
    for text in ("tabular", "it fell", "ppo was left out", "Interrupted", "python typed"):
        assert text in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    summary = (folder / "summary_report.md").read_text(encoding="utf-8")
    assert "| tabular" in summary or "tabular" in summary
    data = json.loads((folder / RESULTS).read_text())
    assert 2 == data["format"] and 8 == len(data["played"][SHIFT])
    assert (tmp_path / "latest").exists()


def test_nothing_measured_is_no_report(tmp_path: Path) -> None:
    made = replace(result(), played={name: () for name in result().played})
    with pytest.raises(ReportError, match="nothing was measured"):
        publish(made, tmp_path)


def test_runs_are_judged_from_the_first_shift() -> None:
    ground = ground_of(SHORT)
    assert (4.0, 1.0) == (ground.shifted, ground.measured_from)
    alone = replace(SHORT, stretches=SHORT.stretches[:1])
    assert 1.0 == ground_of(alone).shifted
