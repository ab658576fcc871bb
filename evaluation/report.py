"""The report of a comparison of strategies, for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation import caveats, story, wording
from evaluation.agreement import agreements
from evaluation.kinds import kinds
from evaluation.metrics_analyzer import Analysis
from evaluation.notation import capital, listed, moment
from evaluation.pages import PAGE, SUMMARY, picture, render, surroundings, write_text
from evaluation.records import ComparisonResult
from evaluation.report_tables import (
    agreement_table,
    difference_tables,
    kind_tables,
    result_table,
    share_table,
)

NOTHING = "There is nothing to compare with: one strategy was measured."


@dataclass(frozen=True, slots=True)
class Part:
    """One experiment of a report.

    Attributes:
        title: heads it, where there are several.
        plots: its pictures, in the report's folder or below it.
    """

    title: str
    result: ComparisonResult
    analysis: Analysis
    plots: Sequence[Path]


def write_report(parts: Sequence[Part], folder: Path) -> Path:
    """Both files into ``folder``; the path of the page.

    Raises:
        ReportError: a file cannot be written, or jinja2 is missing.
    """
    first = parts[0].result
    alone = len(parts) == 1
    context = {
        "subtitle": _subtitle(first) if alone else moment(first.circumstances.started),
        "title": f"{listed(first.strategies)} compared",
        "headlines": (wording.headlines(first, parts[0].analysis) or [NOTHING])
        if alone
        else [story.in_short(part.title, part.result, part.analysis) for part in parts],
        "warnings": _warnings(parts),
        "primer": story.primer(),
        "glossary": story.glossary(first.strategies),
        "parts": [_part(part, folder, alone) for part in parts],
        "method": _method(parts),
        "limits": wording.limits(first, parts[0].analysis),
        "commands": [first.circumstances.command],
        "folders": sorted({path.parent.name for part in parts[1:] for path in part.plots}),
    }
    for name in (SUMMARY, PAGE):
        write_text(folder / name, render(name, context))
    return folder / PAGE


def _part(part: Part, folder: Path, alone: bool) -> dict[str, object]:
    """What the templates need of one."""
    result, analysis = part.result, part.analysis
    captions = wording.captions(result, analysis)
    many = kinds(result)
    agreed = agreements(result)
    agreement = agreement_table(agreed)
    tables = [result_table(analysis), *kind_tables(many)]
    if agreement is not None:
        tables.append(agreement)
    return {
        "title": "" if alone else part.title,
        "introduction": story.introduction(result),
        "tale": story.tale(result, analysis),
        "claims": [
            *([] if alone else wording.headlines(result, analysis)),
            *caveats.verdicts(agreed, result.classics),
        ],
        "facts": [
            *facts(result),
            ("Late sends", wording.lateness(analysis)),
            ("Processors", caveats.effort(result)),
        ],
        "tables": [*tables, share_table(result, analysis), *difference_tables(analysis)],
        "pictures": [picture(path, captions[path.stem], folder) for path in part.plots],
    }


def _warnings(parts: Sequence[Part]) -> list[str]:
    found = []
    for part in parts:
        lines = [*wording.warnings(part.result, part.analysis), *caveats.warnings(part.result)]
        which = part.title.partition(":")[0]
        found += lines if len(parts) == 1 else [f"{which}: {line}" for line in lines]
    return found


def _method(parts: Sequence[Part]) -> list[str]:
    return wording.method(parts[0].result) + [
        f"{part.title.partition(':')[0]} likewise, with {part.result.requests} requests in each"
        f" run, of which the first {part.result.warmup} warm up."
        for part in parts[1:]
    ]


def _subtitle(result: ComparisonResult) -> str:
    return f"{capital(wording.described(result))}; {moment(result.circumstances.started)}"


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
