"""The report of a network's experiment: data, plots, Markdown and a page that stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.export import ReportError, discard, point_latest
from evaluation.metrics_analyzer import Claim
from evaluation.network import wording
from evaluation.network.analysis import (
    CLEAN_WITHIN,
    Analysis,
    VariantStatistics,
    analyze,
    comparable,
)
from evaluation.network.export import REQUESTS, RESULTS, WINDOWS, write
from evaluation.network.plots import draw_all, links_name, pictured
from evaluation.network.records import NetworkResult, Setting, Shape
from evaluation.network.values import by_node
from evaluation.notation import MISSING, capital, counted, moment, ms, per_cent, span
from evaluation.pages import Page, picture, surroundings, write_page
from evaluation.style import colour
from evaluation.tables import Cell, Row, Table

TRAJECTORIES = 12
"""Ways that are printed of the first and of the last requests of a run."""
BESIDE = (
    ("every window", WINDOWS),
    ("every live request", REQUESTS),
    ("all numbers and learned links", RESULTS),
)


@dataclass(frozen=True, slots=True)
class Published:
    """What was written."""

    result: NetworkResult
    analysis: Analysis
    page: Path


def publish(result: NetworkResult, folder: Path) -> Published:
    """Everything into ``folder``, which ``export.make_folder`` made.

    Raises:
        ReportError: nothing was measured, or a file cannot be written.
        PlotError: matplotlib is missing.
    """
    if not any(run.windows for run in result.runs):
        discard(folder, RESULTS)
        raise ReportError("nothing was measured, so there is no report")
    result = replace(result, folder=folder)
    analysis = analyze(result)
    write(result, analysis, folder)
    page = write_report(result, analysis, draw_all(result, analysis, folder), folder)
    point_latest(folder)
    return Published(result, analysis, page)


def write_report(
    result: NetworkResult, analysis: Analysis, plots: Sequence[Path], folder: Path
) -> Path:
    """Markdown and page into ``folder``; the path of the page.

    Raises:
        ReportError: a file cannot be written, or jinja2 is missing.
    """
    captions = wording.captions(result, analysis)
    captions |= {links_name(run): wording.links_caption(run) for run in pictured(result)}
    page = Page(
        title="A network of proxies that learn their routes",
        subtitle=f"{capital(wording.described(result))}; {moment(result.circumstances.started)}",
        headlines=wording.headlines(result, analysis),
        warnings=wording.warnings(result),
        facts=facts(result),
        tables=tables(analysis),
        pictures=[picture(path, captions[path.stem]) for path in plots],
        method=wording.method(result),
        limits=wording.limits(result),
        commands=[result.circumstances.command],
        beside=BESIDE,
        ways=trajectories(result),
    )
    return write_page(page, folder)


def facts(result: NetworkResult) -> list[tuple[str, str]]:
    """What was run, as pairs of a word and its value."""
    runs: dict[tuple[str, str], set[int]] = {}
    for run in result.runs:
        what = f"{wording.group_label((run.setting, run.shape))}, {run.purpose}"
        runs.setdefault((what, run.reward), set()).add(run.seed)
    return [
        *(
            (what, f"{counted(len(seeds), 'seed')}, reward {reward}")
            for (what, reward), seeds in runs.items()
        ),
        *((f"load, {shape.label}", f"{rate:g} requests/s") for shape, rate in result.rates),
        *surroundings(result.circumstances),
    ]


def tables(analysis: Analysis) -> list[Table]:
    """Strategies in each setting and shape, recoveries, values."""
    found = [variants_table(group, each) for group, each in analysis.compared.items() if each]
    if analysis.recoveries:
        found.append(recovery_table(analysis))
    if analysis.values:
        found.append(values_table(analysis))
    return found


def variants_table(group: tuple[Setting, Shape], variants: Sequence[VariantStatistics]) -> Table:
    """Every variant's numbers, with what may be claimed against the reference."""
    return Table(
        f"Strategies, {wording.group_label(group)}",
        (
            "failed",
            "failed at the end",
            "clean window",
            f"within {CLEAN_WITHIN}",
            "hops",
            "latency",
            "from caches",
        ),
        tuple(
            Row(each.variant.label, colour(each.variant.strategy), _cells(each, variants))
            for each in variants
        ),
        "Below a share its 95 % interval over the seeds. Clean window: the median first one without"
        f" failure, of the seeds that had one, and below it their range; within {CLEAN_WITHIN}: how"
        " many of the seeds had it by then. The last three are of the last windows."
        " Win, loss: against q_routing with caches, less is better; hops and latency are judged"
        " only where both answer nearly everything, and nothing of too few seeds.",
    )


def _cells(own: VariantStatistics, variants: Sequence[VariantStatistics]) -> tuple[Cell, ...]:
    def claim(name: str) -> str:
        difference = own.differences.get(name)
        found = None if difference is None else difference.claim
        if found in (None, Claim.TOO_FEW) or not comparable(name, own, variants):
            return ""
        return str(found)

    failures, late = own.measures["failures"], own.measures["late failures"]
    hops, latency = own.measures["hops"].value, own.measures["latency"].value
    return (
        Cell(per_cent(failures.value), span(failures.interval, 100), claim("failures")),
        Cell(per_cent(late.value), span(late.interval, 100), claim("late failures")),
        Cell(*wording.clean_windows(own)),
        Cell(f"{own.clean_seeds} of {len(own.seeds)}"),
        Cell(f"{hops:.2f}" if hops == hops else MISSING, "", claim("hops")),
        # In document 000's virtual network nothing takes any time.
        Cell(f"{ms(latency)} ms", "", claim("latency")) if latency > 0 else Cell(MISSING),
        Cell(per_cent(own.hits) if own.variant.cache else MISSING),
    )


def recovery_table(analysis: Analysis) -> Table:
    """One row a change."""
    rows = []
    for each in analysis.recoveries:
        recovered = each.seconds is not None
        rows.append(
            Row(
                f"{each.run.shape.label}, {each.change.kind}, seed {each.run.seed}",
                colour(each.run.variant.strategy),
                (
                    Cell(per_cent(each.before)),
                    Cell(f"{each.failures}"),
                    Cell(f"{each.seconds:.2f} s" if recovered else "not yet"),
                    Cell(f"{each.windows}" if recovered else MISSING),
                    Cell(f"{ms(each.longest)} ms"),
                    Cell(each.change.text),
                ),
            )
        )
    return Table(
        "Recovery",
        ("failed before", "failures", "last failure after", "windows", "longest wait", "change"),
        tuple(rows),
        "Failed before: of the hundred requests ahead of the change. Failures: from the change to"
        " the last one before a hundred successes in a row, with the windows that this took.",
        first="run",
    )


def values_table(analysis: Analysis) -> Table:
    """One row an outermost node."""
    rows = []
    for run, found in analysis.values:
        for whole in by_node(found):
            domains = [each for each in found if each.node == whole.node]
            worst = max(domains, key=lambda each: abs(each.error))
            rows.append(
                Row(
                    f"{run.shape.label}, node {whole.node}, seed {run.seed}",
                    colour("q_routing"),
                    (
                        Cell(f"{whole.answers:,}"),
                        Cell(f"{ms(whole.advertised)} ms"),
                        Cell(f"{ms(whole.cost)} ms"),
                        Cell(per_cent(whole.error, signed=True)),
                        Cell(f"{per_cent(worst.error, signed=True)}", worst.domain),
                        Cell(f"{ms(whole.seen)} ms"),
                    ),
                )
            )
    return Table(
        "Advertised value and true cost",
        ("answers", "advertised", "true cost", "off by", "worst domain", "client's own time"),
        tuple(rows),
        "Reward latency, no caches, the last half of the requests. The client's own time holds its"
        " connection and its own work as well.",
        first="node",
    )


def trajectories(result: NetworkResult) -> list[tuple[str, tuple[str, ...]]]:
    """Ways as document 000 prints them: of one run of each setting and shape that kept any."""
    found: dict[tuple[Setting, Shape], tuple[str, tuple[str, ...]]] = {}
    for run in result.runs:
        group = (run.setting, run.shape)
        if run.trajectories and group not in found:
            ways = run.trajectories
            if len(ways) > 2 * TRAJECTORIES:
                ways = (*ways[:TRAJECTORIES], "…", *ways[-TRAJECTORIES:])
            found[group] = (f"{wording.group_label(group)}, seed {run.seed}", ways)
    return list(found.values())
