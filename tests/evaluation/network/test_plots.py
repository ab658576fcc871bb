"""All plots of a report: which there are, and that those of recovery and values hold the data."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.network.analysis import analyze
from evaluation.network.plots import draw_all, links_name, pictured
from evaluation.network.records import NetworkResult, Purpose, Setting, Shape
from evaluation.network.report import Published

SMALL = Shape(3, 3)
EXPECTED = {
    "failures_per_window",
    "windows_until_clean",
    "hops_per_request",
    "cache_hits",
    "recovery",
    "values",
    "cost_by_level",
    "links_virtual_learning_3x3",
    "links_live_learning_3x3",
    "links_live_changes_3x3",
}


def test_there_is_a_plot_of_everything(published: Published) -> None:
    folder = published.page.parent
    plots = {path.stem: path for path in folder.glob("*.png")}
    assert set(plots) == EXPECTED
    for path in plots.values():
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG")
        # Width in the header: nine inches.
        assert int.from_bytes(data[16:20], "big") == 1800


@pytest.mark.unit
def test_the_links_of_one_run_of_each_kind_are_drawn(result: NetworkResult) -> None:
    found = pictured(result)
    assert [(run.setting, run.purpose, run.seed) for run in found] == [
        (Setting.VIRTUAL, Purpose.LEARNING, 0),
        (Setting.LIVE, Purpose.LEARNING, 0),
        (Setting.LIVE, Purpose.CHANGES, 0),
    ]
    assert len({links_name(run) for run in found}) == 3


def test_where_little_was_measured_little_is_drawn(
    make_result: Callable[..., NetworkResult], tmp_path: Path
) -> None:
    whole = make_result(seeds=(0,), strategies=("q_routing",), shapes=(SMALL,))
    changes = tuple(run for run in whole.runs if run.purpose is Purpose.CHANGES)
    few = NetworkResult(changes, whole.circumstances)
    found = draw_all(few, analyze(few), tmp_path)
    assert [path.stem for path in found] == ["recovery", "links_live_changes_3x3"]
