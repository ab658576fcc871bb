"""The report of a network stands alone and says what the analysis says."""

from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.export import ReportError
from evaluation.network import wording
from evaluation.network.analysis import Analysis
from evaluation.network.records import NetworkResult, Setting, Shape
from evaluation.network.report import (
    TRAJECTORIES,
    Published,
    facts,
    publish,
    tables,
    trajectories,
    variants_table,
)

pytestmark = pytest.mark.unit


def test_the_page_stands_alone(published: Published) -> None:
    page = published.page.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 10
    assert "<script" not in page and 'src="http' not in page and 'href="http' not in page
    for line in wording.headlines(published.result, published.analysis):
        assert line in page
    assert "domain" in page and "&gt;*" in page


def test_the_summary_names_files_that_are_there(published: Published) -> None:
    folder = published.page.parent
    text = (folder / "summary_report.md").read_text(encoding="utf-8")
    for path in folder.glob("*.png"):
        assert f"]({path.name})" in text
    assert "| q_routing, no cache |" in text


def test_claims_stand_where_they_may(analysis: Analysis) -> None:
    group = (Setting.LIVE, Shape(3, 3))
    rows = {row.name: row.cells for row in variants_table(group, analysis.compared[group]).rows}
    assert rows["random"][0].claim == "loss"
    # Whoever fails most is not held to hops.
    assert rows["random"][4].claim == ""
    assert rows["q_routing, no cache"][4].claim == "loss"
    assert all(cell.claim == "" for cell in rows["q_routing"])


def test_tables_for_everything(analysis: Analysis) -> None:
    titles = [table.title for table in tables(analysis)]
    assert titles == [
        "Strategies, virtual, 3 × 3",
        "Strategies, live, 3 × 3",
        "Recovery",
        "Advertised value and true cost",
    ]
    assert [table.first for table in tables(analysis)] == ["strategy", "strategy", "run", "node"]


def test_facts_count_the_seeds(result: NetworkResult) -> None:
    found = dict(facts(result))
    assert found["live, 3 × 3, changes"] == "6 seeds, reward latency"
    assert found["load, 3 × 3"] == "100 requests/s"
    assert found["Source"] == "0123456789abcdef"


def test_of_many_ways_the_first_and_the_last_are_printed(result: NetworkResult) -> None:
    first = replace(result.runs[0], trajectories=tuple(str(each) for each in range(100)))
    found = trajectories(replace(result, runs=(first,)))
    assert len(found) == 1
    title, ways = found[0]
    assert title == "virtual, 3 × 3, seed 0"
    assert ways[0] == "0" and ways[TRAJECTORIES] == "…" and ways[-1] == "99"


def test_nothing_measured_makes_no_report(result: NetworkResult, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="nothing was measured"):
        publish(replace(result, runs=()), tmp_path)
