"""Runs as JSON."""

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest

from evaluation.simulate.comparison import suite, summarise
from evaluation.simulate.export import ExportError, as_data, read, write
from evaluation.simulate.measures import Seen, Stretch
from tests.evaluation.simulate.made import measured

pytestmark = pytest.mark.unit

KEYS = [
    "scenario", "strategy", "seed", "mean", "p50", "p95", "p99", "failure_rate", "cost", "requests"
]  # fmt: skip


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    seen = (Seen(Stretch("onset", "s0", 1, 2), 3, 0.5, 0.25),)
    runs = [
        measured("mine", 1, seen=seen),
        measured("oracle", 1, seen=seen),
        measured("least_request", 1, converged=None),
    ]
    summaries = summarise(
        "S0", {run.row.strategy: [run] for run in runs}, ["least_request"], ["oracle"]
    )
    suites = suite(runs, ["mine"], ["least_request"])
    path = tmp_path / "deep" / "out.json"
    write(path, as_data("command", runs, ["oracle"], summaries, suites))
    data = json.loads(path.read_text())

    assert [KEYS, KEYS] == [[*row] for row in data["rows"]]
    assert ["mine", "least_request"] == [row["strategy"] for row in data["rows"]]
    assert ["oracle"] == [row["strategy"] for row in data["reference_rows"]]
    assert {each.name for each in fields(runs[0])} - {"row"} == set(data["runs"][0])
    assert ["mine", "least_request"] == [each["strategy"] for each in data["summary"]]
    assert "least_request" == data["summary"][0]["to_classic"]["to"]
    assert ["mine"] == [each["strategy"] for each in data["suite"]]
    assert [runs[0], runs[2], runs[1]] == read(path)
    assert [path] == [*path.parent.iterdir()]


def test_no_number_is_null(tmp_path: Path) -> None:
    seen = (Seen(Stretch("onset", "s0", 1, 2), 0, math.nan, math.nan),)
    path = tmp_path / "out.json"
    write(path, as_data("command", [measured("mine", seen=seen)], [], [], []))
    (run,) = read(path)

    assert "NaN" not in path.read_text()
    assert math.isnan(run.seen[0].cost)
    assert replace(run, seen=()) == measured("mine")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ("{}", "not the runs of a simulation"),
        ("[]", "not the runs of a simulation"),
        ('{"format": 9}', "of format 9, not 1"),
        ('{"format": 1, "rows": [], "reference_rows": [], "runs": [1]}', "not the runs of a"),
    ],
)
def test_another_file_is_told_as_such(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ExportError, match=problem):
        read(path)


def test_files_that_cannot_be_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no\.json: cannot be read"):
        read(tmp_path / "no.json")
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="cannot be written"):
        write(tmp_path / "file" / "x.json", {})
