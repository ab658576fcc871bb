"""The command: it prints, writes a report, and leaves no empty folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.arguments import INTERRUPTED
from evaluation.network import command, experiment
from evaluation.network.experiment import NetworkExperiment
from evaluation.network.records import NetworkResult, Shape
from evaluation.testbed import ExperimentError

SMALL = Shape(3, 3)


def run(out: Path) -> int:
    return command.run(
        live=False, virtual=True, seeds=(0,), quick=True, out=out, command="python typed"
    )


@pytest.mark.unit
def test_it_prints_tables_and_headlines_and_where_the_report_is(
    make_result: Callable[..., NetworkResult],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    result = make_result(seeds=(0,), strategies=("q_routing",), shapes=(SMALL,), interrupted=True)
    monkeypatch.setattr(NetworkExperiment, "measure", lambda self: result)
    assert run(tmp_path) == INTERRUPTED
    printed = capsys.readouterr()
    assert "10 virtual runs, about" in printed.out
    assert "q_routing, no cache" in printed.out and "shortest_path" in printed.out
    assert f"report: {tmp_path}" in printed.out
    assert "interrupted" in printed.err
    assert (tmp_path / "latest" / "report.html").exists()


@pytest.mark.unit
def test_what_cannot_be_measured_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(self: NetworkExperiment) -> NetworkResult:
        raise ExperimentError("no")

    monkeypatch.setattr(NetworkExperiment, "measure", fail)
    with pytest.raises(ExperimentError):
        run(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.unit
def test_a_package_that_reports_need_is_named_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(experiment, "play_all", None)
    with pytest.raises(Exception, match="matplotlib"):
        run(tmp_path)
