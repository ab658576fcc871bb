"""The command: it prints, writes a report, and leaves no empty folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.arguments import INTERRUPTED
from evaluation.export import ReportError
from evaluation.measuring import FAILED
from evaluation.shaping import command
from evaluation.testbed import ExperimentError
from tests.evaluation.shaping.made import result

pytestmark = pytest.mark.unit
pytest.importorskip("matplotlib")


def run(out: Path, **more: Any) -> int:
    given: dict[str, Any] = {"live": False, "virtual": True, "seeds": (0,), "quick": True}
    return command.run(**{**given, **more}, out=out, command="python typed", learned=out / "none")


def test_it_prints_tables_and_headlines_and_where_the_report_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = result(seeds=2)
    monkeypatch.setattr(command, "measure", lambda plan, typed: made)
    monkeypatch.setattr(
        command, "measure_live", lambda plan, typed: replace(made, setting="live", interrupted=True)
    )
    assert run(tmp_path, live=True) == INTERRUPTED
    printed = capsys.readouterr()
    assert "virtual runs, about" in printed.out and "live runs, about" in printed.out
    assert "What was to be reached" in printed.out
    assert f"report: {tmp_path / 'virtual'}" in printed.out
    assert "ppo is left out" in printed.err and "interrupted" in printed.err
    assert (tmp_path / "live" / "latest" / "report.html").exists()


def test_what_cannot_be_measured_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(plan: object, typed: str) -> None:
        raise ExperimentError("no")

    monkeypatch.setattr(command, "measure", fail)
    with pytest.raises(ExperimentError):
        run(tmp_path)
    assert not list((tmp_path / "virtual").iterdir())


def test_a_problem_is_told_and_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = replace(result(seeds=2), problem="a server died")
    monkeypatch.setattr(command, "measure", lambda plan, typed: made)
    assert run(tmp_path, live=True) == FAILED
    assert "a server died" in capsys.readouterr().err


def test_a_package_that_reports_need_is_named_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ReportError, match="matplotlib"):
        run(tmp_path)
