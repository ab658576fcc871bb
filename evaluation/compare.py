"""Two reports side by side: B against A, strategy by strategy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation import wording
from evaluation.bootstrap import Metric
from evaluation.metrics_analyzer import (
    Comparison,
    Statistics,
    compare,
    compare_unpaired,
    statistics_of,
)
from evaluation.notation import MISSING
from evaluation.pages import render as rendered
from evaluation.pages import write_text
from evaluation.records import ComparisonResult
from evaluation.report import facts
from evaluation.report_tables import difference_cell
from evaluation.style import colour
from evaluation.tables import Cell, Row, Table

PAGE = "compare.html"
SHOWN = (Metric.MEAN, Metric.P95, Metric.P99, Metric.COST, Metric.SUCCESS)
HEADS = ("mean", "P95", "P99", "cost", "success")


@dataclass(frozen=True, slots=True)
class Pairing:
    """One strategy in both reports; ``comparison`` is B minus A, None where one lacks it."""

    strategy: str
    first: Statistics | None
    second: Statistics | None
    comparison: Comparison | None


def pairings(first: ComparisonResult, second: ComparisonResult) -> list[Pairing]:
    """Every strategy of either. Paired request by request where seeds and arrivals are the same."""
    found = []
    for name in dict.fromkeys((*first.measured_strategies(), *second.measured_strategies())):
        ours, theirs = second.runs_of(name), first.runs_of(name)
        comparison = compare(name, ours, "A", theirs) or compare_unpaired(name, ours, "A", theirs)
        found.append(
            Pairing(
                name,
                statistics_of(name, theirs) if any(run.measured() for run in theirs) else None,
                statistics_of(name, ours) if any(run.measured() for run in ours) else None,
                comparison,
            )
        )
    return found


def render(first: ComparisonResult, second: ComparisonResult) -> tuple[str, str]:
    """Markdown and HTML.

    Raises:
        ReportError: jinja2 is missing.
    """
    found = pairings(first, second)
    names = _title(first), _title(second)
    context = {
        "heading": "Two reports side by side",
        "title": f"{names[0]} and {names[1]}",
        "subtitle": f"A: {names[0]}. B: {names[1]}.",
        "facts": _facts(first, second),
        "tables": [_differences(found), _values("A", found), _values("B", found)],
        "headlines": [_sentence(pairing) for pairing in found],
        "warnings": _warnings(first, second, found),
    }
    return rendered("compare.md", context), rendered(PAGE, context)


def write_page(html: str, folder: Path) -> Path:
    """``compare.html`` into ``folder``. Raises ReportError if it cannot be written."""
    path = folder / PAGE
    write_text(path, html)
    return path


def _title(result: ComparisonResult) -> str:
    return result.folder.resolve().name if result.folder else result.circumstances.started


def _facts(first: ComparisonResult, second: ComparisonResult) -> list[tuple[str, str, str]]:
    """What was run in either; the word, A's value, B's."""
    pairs = zip(facts(first), facts(second), strict=True)
    return [(word, one, other) for (word, one), (_, other) in pairs]


def _warnings(first: ComparisonResult, second: ComparisonResult, found: list[Pairing]) -> list[str]:
    warnings = []
    if first.servers != second.servers:
        warnings.append(
            "A and B had different servers: the differences speak of those as much as of anything"
            " else."
        )
    if any(pairing.comparison and not pairing.comparison.paired for pairing in found):
        warnings.append(
            "A and B had different loads, so their requests cannot be paired and the intervals are"
            " wider."
        )
    return warnings


def _values(side: str, found: list[Pairing]) -> Table:
    rows = []
    for pairing in found:
        statistics = pairing.first if side == "A" else pairing.second
        cells = [Cell(MISSING)] * len(SHOWN)
        if statistics is not None:
            cells = [
                Cell(
                    wording.metric_value(metric, statistics.metrics[metric].value),
                    wording.metric_interval(metric, statistics.metrics[metric].interval),
                )
                for metric in SHOWN
            ]
        rows.append(Row(pairing.strategy, colour(pairing.strategy), tuple(cells)))
    return Table(side, HEADS, tuple(rows), "Below each number its 95 % interval.")


def _differences(found: list[Pairing]) -> Table:
    rows = []
    for pairing in found:
        comparison = pairing.comparison
        if comparison is None:
            cells = [Cell(MISSING)] * (len(SHOWN) + 1)
        else:
            cells = [difference_cell(comparison, metric) for metric in SHOWN]
            how = f"{comparison.pairs:,} pairs" if comparison.paired else "not paired"
            cells.append(Cell(how))
        rows.append(Row(pairing.strategy, colour(pairing.strategy), tuple(cells)))
    return Table(
        "B against A",
        (*HEADS, "evidence"),
        tuple(rows),
        "In per cent of A's value, success in percentage points, with 95 % intervals; a win means"
        " that B is better. Pairs: the same seeds and arrivals. The reports were measured at"
        " different times: whatever changed between them besides the code is in the difference.",
    )


def _sentence(pairing: Pairing) -> str:
    comparison = pairing.comparison
    if comparison is None:
        side = "A" if pairing.first is not None else "B"
        return f"{pairing.strategy}: only in {side}."
    failed = any(each and each.failures for each in (pairing.first, pairing.second))
    metric = Metric.COST if failed else Metric.MEAN
    difference = comparison.differences[metric]
    text = wording.change(metric, difference.absolute, False)
    return (
        f"{pairing.strategy}: {wording.NAMES[metric]} of B minus A is {text}:"
        f" {difference.claim.value}."
    )
