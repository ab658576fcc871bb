"""Tables of strategies: a cell for every head, and what stands in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.agreement import agreements
from evaluation.bootstrap import Metric
from evaluation.kinds import Kind
from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.records import ComparisonResult, Foretold
from evaluation.report_tables import (
    agreement_table,
    difference_tables,
    kind_tables,
    result_table,
    share_table,
)

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def test_tables_have_a_cell_for_every_head(
    analysis: Analysis, failing: ComparisonResult, failing_analysis: Analysis
) -> None:
    tables = [
        result_table(analysis), result_table(failing_analysis),
        share_table(failing, failing_analysis),
        *difference_tables(analysis), *difference_tables(failing_analysis),
    ]  # fmt: skip
    assert len(tables) >= 6
    for table in tables:
        assert table.rows
        assert {len(row.cells) for row in table.rows} == {len(table.heads)}


def test_round_robin_as_the_best_classic_is_compared_with_once(
    make_experiment: MakeExperiment,
) -> None:
    result = make_experiment(strategies=("round_robin", "q_learning"), seeds=(0,))
    tables = difference_tables(analyze(result))
    assert [table.title for table in tables] == ["Difference to round_robin"]


def test_requests_that_reached_no_server_have_a_column(make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("round_robin", "peak_ewma"), seeds=(0,), requests=200)
    run = made.runs[0]
    lost = tuple(replace(each, endpoint="", success=False, attempts=2) for each in run.requests)
    result = replace(made, runs=(replace(run, requests=lost), *made.runs[1:]))
    table = share_table(result, analyze(result))
    assert "no server" in table.heads
    assert [cell.value for cell in table.rows[0].cells][-3:] == ["100 %", "–", "100"]
    assert table.rows[1].cells[3].value == "0 %"


def test_kinds_have_a_table_of_servers_and_one_of_strategies() -> None:
    kinds = [
        Kind(
            "/item", 0.7, {"a": 80.0, "b": 40.0}, {"random": 0.06}, {"random": {"a": 0.5, "b": 0.5}}
        ),
        Kind("/report", 0.3, {"a": 200.0, "b": 800.0}, {"random": 0.5}, {"random": {"a": 0.25}}),
    ]
    servers, strategies = kind_tables(kinds)
    assert servers.heads == ("a", "b")
    assert [row.name for row in servers.rows] == ["/item", "/report"]
    assert [cell.value for cell in servers.rows[1].cells] == ["200 ms", "800 ms"]
    (row,) = strategies.rows
    assert [cell.value for cell in row.cells] == ["60.0 ms", "50.0 %", "500.0 ms", "25.0 %"]
    assert len(strategies.heads) == 4
    assert kind_tables([]) == []


def test_live_stands_beside_the_simulator(result: ComparisonResult, analysis: Analysis) -> None:
    """A tenth above what was measured, for everybody: the ratios are the same."""
    assert agreement_table(agreements(result)) is None
    means = {
        (name, seed): mean
        for name, each in analysis.statistics.items()
        for seed, mean in each.seed_means.items()
    }
    told = tuple(
        Foretold(name, seed, mean, mean, mean, mean, 0.0, mean * 1.1, 1000)
        for (name, seed), mean in means.items()
    )
    table = agreement_table(agreements(replace(result, foretold=told)))
    assert table is not None
    rows = {row.name: [cell.value for cell in row.cells] for row in table.rows}
    cost = analysis.statistics["q_learning"].metrics[Metric.COST].value
    assert rows["q_learning"][:2] == [f"{cost * 1000:.1f} ms", f"{cost * 1100:.1f} ms"]
    assert rows["q_learning"][2] == rows["q_learning"][3]
    assert rows["q_learning"][4:] == ["0.0 %", "yes", "yes"]
    assert {len(row) for row in rows.values()} == {len(table.heads)}
    assert rows["peak_ewma"][2] == "1.000"
    assert "live peak_ewma, simulated peak_ewma" in table.note
