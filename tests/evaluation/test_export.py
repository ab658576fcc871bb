"""What is written can be read again, by us and by any other tool."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation import export
from evaluation.export import COLUMNS, ReportError
from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.records import ComparisonResult, Foretold, Request, Strain
from rl.simulation.service import RouteCost

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def close(one: Request, other: Request) -> bool:
    """Equal up to what the CSV rounds."""
    rounded = ("timestamp", "latency", "first_byte", "intended", "sent", "propensity")
    for field in Request.__dataclass_fields__:
        first, second = getattr(one, field), getattr(other, field)
        if field in rounded and first is not None:
            if second != pytest.approx(first, abs=2e-6):
                return False
        elif first != second:
            return False
    return True


def test_round_trip(failing: ComparisonResult, failing_analysis: Analysis, tmp_path: Path) -> None:
    """Circumstances, servers with their phases and costs, runs, every request, what the simulator
    says."""
    first, *others = failing.servers
    run, *runs = failing.runs
    failing = replace(
        failing,
        servers=(replace(first, slots=4, routes=(RouteCost("/a", 2.0),)), *others),
        runs=(replace(run, strain=Strain(20.0, 2, 1.0, 0.5, 0.25, 0.1)), *runs),
        foretold=(Foretold("random", 1, 0.1, 0.1, 0.2, 0.3, 0.01, 0.11, 1000),),
    )
    export.write(failing, failing_analysis, tmp_path)
    again = export.read(tmp_path)
    assert again.folder == tmp_path
    assert replace(again, runs=(), folder=None) == replace(failing, runs=())
    assert [(r.strategy, r.seed, r.place, r.complete) for r in again.runs] == [
        (r.strategy, r.seed, r.place, r.complete) for r in failing.runs
    ]
    assert [run.strain for run in again.runs] == [run.strain for run in failing.runs]
    for one, other in zip(failing.runs, again.runs, strict=True):
        assert all(map(close, one.requests, other.requests))
        assert len(one.requests) == len(other.requests)


def test_what_is_read_gives_the_same_analysis(
    failing: ComparisonResult, failing_analysis: Analysis, tmp_path: Path
) -> None:
    export.write(failing, failing_analysis, tmp_path)
    again = analyze(export.read(tmp_path))
    assert again.best_classic == failing_analysis.best_classic
    for name, statistics in failing_analysis.statistics.items():
        for metric, estimate in statistics.metrics.items():
            value = again.statistics[name].metrics[metric].value
            assert value == pytest.approx(estimate.value, abs=1e-6)
    for name, comparison in failing_analysis.against_baseline.items():
        claims = {m: d.claim for m, d in comparison.differences.items()}
        read = again.against_baseline[name].differences
        assert {m: d.claim for m, d in read.items()} == claims


def test_the_csv_has_document_003_s_columns_first(
    result: ComparisonResult, analysis: Analysis, tmp_path: Path
) -> None:
    export.write(result, analysis, tmp_path)
    with (tmp_path / "request_logs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:7] == [
        "request_id", "timestamp", "routing_strategy", "selected_server", "response_time_ms",
        "status_code", "success",
    ]  # fmt: skip
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 12 * 1200
    first = result.runs[0].requests[0]
    assert float(rows[0]["response_time_ms"]) == pytest.approx(first.latency * 1000, abs=1e-3)
    assert (rows[0]["success"], rows[0]["warmup"]) == ("true", "true")


def test_the_json_is_strict_and_holds_the_analysis(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    """NaN, which JSON has not, is null."""
    made = make_experiment(strategies=("round_robin", "q_learning"), seeds=(0, 1), requests=300)
    runs = tuple(
        replace(run, requests=tuple(replace(r, success=False) for r in run.requests))
        if run.strategy == "round_robin"
        else run
        for run in made.runs
    )
    result = replace(made, runs=runs)
    export.write(result, analyze(result), tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = (tmp_path / "comparison_results.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert document["statistics"]["round_robin"]["metrics"]["mean"]["value"] is None
    assert document["against_round_robin"]["q_learning"]["differences"]["cost"]["claim"] == "win"
    assert document["best_classic"] == "round_robin"
    assert document["circumstances"]["command"].startswith("python run_experiment.py")
    assert len(document["learning_curves"]["q_learning"]["at"]) > 10


def test_settings_can_be_loaded_again(
    result: ComparisonResult, analysis: Analysis, tmp_path: Path
) -> None:
    export.write(result, analysis, tmp_path)
    assert (tmp_path / "settings.yaml").read_text("utf-8") == result.circumstances.settings


def test_values_without_a_form_in_json_are_refused() -> None:
    with pytest.raises(TypeError, match="set has no form"):
        export.plain({1})


def test_folders_are_named_after_the_time_and_never_reused(tmp_path: Path) -> None:
    first, second = export.make_folder(tmp_path, NOW), export.make_folder(tmp_path, NOW)
    assert first.name == "2026-01-02T03-04-05Z"
    assert second.name == "2026-01-02T03-04-05Z-2"


def test_latest_follows_the_newest(tmp_path: Path) -> None:
    for _ in range(2):
        folder = export.make_folder(tmp_path, NOW)
        export.point_latest(folder)
        assert (tmp_path / "latest").resolve() == folder


def test_latest_is_a_text_where_there_are_no_links(
    result: ComparisonResult,
    analysis: Analysis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And is followed all the same."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = export.make_folder(tmp_path, NOW)
    export.write(result, analysis, folder)
    export.point_latest(folder)
    assert (tmp_path / "latest").read_text("utf-8").strip() == folder.name
    assert export.read(tmp_path / "latest").folder == folder


def test_somebody_s_own_folder_named_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    export.point_latest(export.make_folder(tmp_path, NOW))
    assert not (tmp_path / "latest").is_symlink()


def test_only_an_unused_folder_is_discarded(tmp_path: Path) -> None:
    unused, used = export.make_folder(tmp_path, NOW), export.make_folder(tmp_path, NOW)
    (used / "plot.png").touch()
    for folder in (unused, used):
        export.discard(folder)
    assert not unused.exists()
    assert used.exists()
    export.discard(unused)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_written_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match=r"file.*name another with --out"):
        export.make_folder(tmp_path / place, NOW)


def test_a_folder_that_vanished_is_named(
    result: ComparisonResult, analysis: Analysis, tmp_path: Path
) -> None:
    with pytest.raises(ReportError, match="gone: cannot be written"):
        export.write(result, analysis, tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("comparison_results.json", "{", "is not a report"),
        ("comparison_results.json", "[]", "is not a report"),
        ("comparison_results.json", '{"format": 99}', "is of format 99, not 1"),
        ("comparison_results.json", '{"format": 1}', "is not a report: KeyError"),
        ("request_logs.csv", "a,b\n", "has other columns"),
        ("request_logs.csv", None, "request_logs.csv: cannot be read: No such file"),
        ("comparison_results.json", None, "comparison_results.json: cannot be read"),
    ],
)
def test_what_is_no_report_is_one_clear_line(
    name: str,
    text: str | None,
    complaint: str,
    result: ComparisonResult,
    analysis: Analysis,
    tmp_path: Path,
) -> None:
    export.write(result, analysis, tmp_path)
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=complaint) as caught:
        export.read(tmp_path)
    assert "\n" not in str(caught.value)
