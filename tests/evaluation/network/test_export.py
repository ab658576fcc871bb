"""The files of a result hold what was measured."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.export import ReportError
from evaluation.network.analysis import Analysis
from evaluation.network.export import REQUESTS, RESULTS, WINDOWS, write
from evaluation.network.records import NetworkResult
from evaluation.network.report import Published


@pytest.fixture(name="document", scope="module")
def read(published: Published) -> Any:
    return json.loads((published.page.parent / RESULTS).read_text(encoding="utf-8"))


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.unit
def test_the_document_has_every_run_with_its_links(result: NetworkResult, document: Any) -> None:
    assert document["format"] == 1
    assert len(document["runs"]) == len(result.runs)
    first, run = document["runs"][0], result.runs[0]
    assert [each["failures"] for each in first["windows"]] == [w.failures for w in run.windows]
    links = run.snapshots[-1].links
    assert first["snapshots"][-1]["links"][0] == [links[0].node, links[0].parent, links[0].value]
    assert len(document["recoveries"]) == 12
    assert {each["seed"] for each in document["values"]} == set(range(6))


@pytest.mark.unit
def test_every_window_and_every_live_request_is_a_row(
    result: NetworkResult, published: Published
) -> None:
    folder = published.page.parent
    windows, requests = rows(folder, WINDOWS), rows(folder, REQUESTS)
    assert len(windows) == sum(len(run.windows) for run in result.runs)
    assert len(requests) == sum(len(run.requests) for run in result.runs)
    run = next(run for run in result.runs if run.requests)
    first, asked = requests[0], run.requests[0]
    assert first["way"].split(">") == list(asked.way)
    assert float(first["latency_ms"]) == pytest.approx(asked.latency * 1000, abs=1e-3)
    assert (first["setting"], first["cache"]) == ("live", "true")


@pytest.mark.unit
def test_a_folder_that_is_not_there_is_named(
    result: NetworkResult, analysis: Analysis, tmp_path: Path
) -> None:
    with pytest.raises(ReportError, match="missing"):
        write(result, analysis, tmp_path / "missing")
