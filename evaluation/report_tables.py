"""The tables of a comparison of strategies, ready to be drawn. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation import wording
from evaluation.agreement import Agreement, Ratio
from evaluation.bootstrap import Metric
from evaluation.kinds import Kind
from evaluation.metrics_analyzer import BASELINE, Analysis, Claim, Comparison
from evaluation.notation import MISSING, ms, number, per_cent, span
from evaluation.records import ComparisonResult
from evaluation.style import colour
from evaluation.tables import Cell, Row, Table

TABLE = (Metric.MEAN, Metric.P50, Metric.P95, Metric.P99, Metric.SD, Metric.CV)


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
            Cell(f"{number(spread.mean)}/s", span(spread)),
            Cell(
                per_cent(success.value),
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
            cells.append(Cell(per_cent(spread.mean), span(spread, 100)))
        learned = each.explored / each.requests
        cells.append(Cell(per_cent(learned) if learned else MISSING))
        cells.append(Cell(f"{each.retried:,}" if each.retried else MISSING))
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


def _failed(analysis: Analysis) -> bool:
    return any(each.failures for each in analysis.statistics.values())


def kind_tables(kinds: Sequence[Kind]) -> list[Table]:
    """What each kind of requests was like, and what it takes each server; none without kinds."""
    if not kinds:
        return []
    names = list(dict.fromkeys(name for kind in kinds for name in kind.latency))
    heads, rows = [], {name: list[Cell]() for name in names}
    for kind in kinds:
        heads += [f"{kind.name}: mean", "sent where it takes least"]
        least = min(kind.work.values())
        good = [id for id, work in kind.work.items() if work == least]
        for name in names:
            latency = kind.latency.get(name, float("nan"))
            placed = sum(kind.placed.get(name, {}).get(id, 0.0) for id in good)
            rows[name] += [Cell(f"{ms(latency)} ms"), Cell(per_cent(placed))]
    servers = Table(
        "What a request takes, by kind and server",
        tuple(kinds[0].work),
        tuple(
            Row(kind.name, "#ffffff00", tuple(Cell(f"{work:g} ms") for work in kind.work.values()))
            for kind in kinds
        ),
        "Mean time of work, without any wait in line.",
        "kind",
    )
    return [
        servers,
        Table(
            "The kinds of requests apart",
            tuple(heads),
            tuple(Row(name, colour(name), tuple(cells)) for name, cells in rows.items()),
            "Sent where it takes least: the share of the requests of that kind that went to the"
            " servers which need least for it. All of them is not the best if those are full.",
        ),
    ]


def agreement_table(agreements: Sequence[Agreement]) -> Table | None:
    """Live beside the simulator; None without anything to show."""
    if not agreements:
        return None
    rows = []
    for each in agreements:
        cells = [
            Cell(wording.metric_value(Metric.COST, each.live_cost)),
            Cell(wording.metric_value(Metric.COST, each.foretold_cost)),
            _ratio_cell(each.live),
            _ratio_cell(each.foretold),
            Cell(per_cent(each.off, signed=True)),
            Cell("yes" if each.near else "no"),
            Cell("yes" if each.same_verdict else "no"),
        ]
        rows.append(Row(each.strategy, colour(each.strategy), tuple(cells)))
    first = agreements[0]
    return Table(
        "Beside the simulator",
        (
            "live cost",
            "simulated",
            "live ratio",
            "simulated",
            "off by",
            "within 10 %",
            "same verdict",
        ),
        tuple(rows),
        "The same settings, strategies and seeds in virtual time. Ratio: mean cost over that of the"
        f" best plain rule, chosen after the fact (live {first.live.best}, simulated"
        f" {first.foretold.best}); below it the 95 % interval over the seeds (paired, Student's t)."
        " Same verdict: where the simulator's interval excludes 1, the live one does, on the same"
        " side.",
    )


def _ratio_cell(ratio: Ratio) -> Cell:
    return Cell(number(ratio.value, digits=3), span(ratio.interval, digits=3))
