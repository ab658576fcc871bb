"""The report for a reader: ``summary_report.md`` and ``report.html``, and a comparison of two.

The HTML stands alone: style and plots are in the file, and it asks no other host for anything.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import wording
from evaluation.bootstrap import Metric
from evaluation.export import ReportError
from evaluation.metrics_analyzer import BASELINE, Analysis, Claim, Comparison
from evaluation.records import Circumstances, ComparisonResult
from evaluation.style import colour

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).resolve().parent / "templates"
SUMMARY = "summary_report.md"
PAGE = "report.html"
TABLE = (Metric.MEAN, Metric.P50, Metric.P95, Metric.P99, Metric.SD, Metric.CV)


@dataclass(frozen=True, slots=True)
class Cell:
    """A number and, below it, its interval; and what may be claimed of it."""

    value: str
    interval: str = ""
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a strategy and its cells."""

    name: str
    colour: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Heads above the cells; ``first`` is that of the names."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    first: str = "strategy"


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: its file's name, its data as a URI, what it shows and what one sees in it."""

    file: str
    uri: str
    title: str
    caption: str


def write_report(
    result: ComparisonResult, analysis: Analysis, plots: Sequence[Path], folder: Path
) -> Path:
    """Both files into ``folder``; the path of the page.

    Raises:
        ReportError: a file cannot be written, or jinja2 is missing.
    """
    captions = wording.captions(result, analysis)
    pictures = [picture(path, captions[path.stem]) for path in plots]
    context = {
        "result": result,
        "subtitle": _subtitle(result),
        "title": f"{wording.listed(result.strategies)} compared",
        "headlines": wording.headlines(result, analysis),
        "warnings": wording.warnings(result, analysis),
        "facts": [*facts(result), ("Late sends", wording.lateness(analysis))],
        "tables": [
            result_table(analysis),
            share_table(result, analysis),
            *difference_tables(analysis),
        ],
        "pictures": pictures,
        "method": wording.method(result),
        "limits": wording.limits(result, analysis),
    }
    templates = environment()
    page = folder / PAGE
    for path in (folder / SUMMARY, page):
        text = templates.get_template(path.name).render(context)
        write_text(path, text)
    return page


def picture(path: Path, caption: str) -> Picture:
    """The plot at ``path``, its title made of the file's name."""
    return Picture(
        path.name,
        "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(),
        path.stem.replace("_", " ").capitalize(),
        caption,
    )


def environment() -> Environment:
    """Where the templates are; HTML is escaped, Markdown is not.

    Raises:
        ReportError: jinja2 is missing.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise ReportError(
            "reports need jinja2: run make setup, or pip install '.[report]'"
        ) from None
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_text(path: Path, text: str) -> None:
    """Raises ReportError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror}") from None


def _subtitle(result: ComparisonResult) -> str:
    text = wording.described(result)
    started = result.circumstances.started.replace("T", " ").replace("Z", " UTC")
    return f"{text[:1].upper()}{text[1:]}; {started}"


def facts(result: ComparisonResult) -> list[tuple[str, str]]:
    """What was run, as pairs of a word and its value."""
    circumstances = result.circumstances
    return [
        ("Scenario", f"{circumstances.scenario or 'none'}: {wording.described(result)}"),
        ("Servers", ", ".join(f"{each.id} {each.base_delay_ms:g} ms" for each in result.servers)),
        (
            "Load",
            f"{result.requests} requests at {result.request_rate:g}/s for each strategy and seed,"
            f" the first {result.warmup} to warm up",
        ),
        ("Seeds", ", ".join(map(str, result.seeds))),
        *surroundings(circumstances),
    ]


def surroundings(circumstances: Circumstances) -> list[tuple[str, str]]:
    """Where and when something was measured, with which source."""
    machine = circumstances.machine
    load = ""
    if machine.load_before is not None and machine.load_after is not None:
        load = f"; load average {machine.load_before:g} before, {machine.load_after:g} after"
    return [
        (
            "Machine",
            f"{machine.processor}, {machine.cores} processors, {machine.platform}{load}",
        ),
        (
            "Versions",
            ", ".join(
                [machine.python, *(f"{name} {each}" for name, each in machine.versions.items())]
            ),
        ),
        ("Source", circumstances.commit or "not in git"),
        ("Time", f"{circumstances.started} to {circumstances.finished}"),
    ]


def result_table(analysis: Analysis) -> Table:
    """Every strategy's own numbers."""
    rows = []
    for name, each in analysis.statistics.items():
        cells = [
            Cell(
                wording.metric_value(metric, each.metrics[metric].value),
                wording.metric_interval(metric, each.metrics[metric].interval),
            )
            for metric in TABLE
        ]
        spread, success = each.throughput, each.metrics[Metric.SUCCESS]
        cells += [
            Cell(f"{spread.mean:.1f}/s", f"{spread.low:.1f} to {spread.high:.1f}"),
            Cell(
                wording.per_cent(success.value),
                wording.metric_interval(Metric.SUCCESS, success.interval)
                if each.failures
                else f"{each.requests:,} of {each.requests:,}",
            ),
        ]
        if _failed(analysis):
            cost = each.metrics[Metric.COST]
            cells.append(
                Cell(
                    wording.metric_value(Metric.COST, cost.value),
                    wording.metric_interval(Metric.COST, cost.interval),
                )
            )
        rows.append(Row(name, colour(name), tuple(cells)))
    heads = ("mean", "P50", "P95", "P99", "sd", "CV", "throughput", "success")
    return Table(
        "Results",
        (*heads, "cost") if _failed(analysis) else heads,
        tuple(rows),
        "Below each number its 95 % interval; below the throughput its range over the seeds.",
    )


def share_table(result: ComparisonResult, analysis: Analysis) -> Table:
    """Where each strategy sent the requests."""
    ids = [server.id for server in result.servers]
    if any("" in each.shares for each in analysis.statistics.values()):
        ids.append("")
    rows = []
    for name, each in analysis.statistics.items():
        cells = []
        for id in ids:
            spread = each.shares.get(id)
            if spread is None:
                cells.append(Cell("0 %"))
                continue
            low, high = wording.per_cent(spread.low), wording.per_cent(spread.high)
            cells.append(Cell(wording.per_cent(spread.mean), f"{low[:-2]} to {high[:-2]}"))
        learned = each.explored / each.requests
        cells.append(Cell(wording.per_cent(learned) if learned else wording.MISSING))
        cells.append(Cell(f"{each.retried:,}" if each.retried else wording.MISSING))
        rows.append(Row(name, colour(name), tuple(cells)))
    heads = tuple(id or "no server" for id in ids)
    return Table(
        "Where the requests went",
        (*heads, "explored", "retried"),
        tuple(rows),
        "Below each share its range over the seeds. Explored: chosen to learn.",
    )


def difference_tables(analysis: Analysis) -> list[Table]:
    """Against round robin, and against the best classic."""
    tables = []
    if analysis.against_baseline:
        tables.append(_difference_table(analysis, BASELINE, analysis.against_baseline, ""))
    best = analysis.best_classic
    if best is not None and best != BASELINE and analysis.against_best:
        note = f"{best} had the lowest mean cost of the classics, chosen after the fact. "
        tables.append(_difference_table(analysis, best, analysis.against_best, note))
    return tables


def _difference_table(
    analysis: Analysis, reference: str, comparisons: dict[str, Comparison], note: str
) -> Table:
    metrics = [Metric.MEAN, Metric.LATE_MEAN, Metric.P95, Metric.P99]
    heads = ["mean", "mean, second half", "P95", "P99"]
    if _failed(analysis):
        metrics += [Metric.COST, Metric.SUCCESS]
        heads += ["cost", "success"]
    rows = [
        Row(
            name,
            colour(name),
            (
                *(difference_cell(comparison, metric) for metric in metrics),
                Cell(wording.seeds_agreeing(comparison)),
            ),
        )
        for name, comparison in comparisons.items()
    ]
    return Table(
        f"Difference to {reference}",
        (*heads, "seeds"),
        tuple(rows),
        f"{note}In per cent of {reference}'s value, with the 95 % interval of the paired"
        " difference; success in percentage points. Less latency is better. Seeds: in how many the"
        " mean points the same way.",
    )


def difference_cell(comparison: Comparison, metric: Metric) -> Cell:
    """Relative change (percentage points for success), interval, claim."""
    difference = comparison.differences[metric]
    relative = metric is not Metric.SUCCESS
    estimate = difference.relative if relative else difference.absolute
    value, _, interval = wording.change(metric, estimate, relative).partition(" (")
    claim = "" if difference.claim is Claim.TOO_FEW else difference.claim.value
    return Cell(value, interval.rstrip(")"), claim or difference.claim.value)


def plain_table(table: Table) -> str:
    """For a terminal: the numbers in columns, the interval of the first one only."""
    lines = [("", table.heads[0], "95 %", *table.heads[1:])]
    for row in table.rows:
        first, *others = row.cells
        lines.append((row.name, first.value, first.interval, *(cell.value for cell in others)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index == 0 else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _failed(analysis: Analysis) -> bool:
    return any(each.failures for each in analysis.statistics.values())
