"""The report for a reader: ``summary_report.md`` and ``report.html``, and a comparison of two.

The HTML stands alone: style and plots are in the file, and it asks no other host for anything.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import caveats, story, wording
from evaluation.agreement import agreements
from evaluation.export import ReportError
from evaluation.kinds import kinds
from evaluation.metrics_analyzer import Analysis
from evaluation.records import Circumstances, ComparisonResult
from evaluation.report_tables import (
    agreement_table,
    difference_tables,
    kind_tables,
    result_table,
    share_table,
)

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).resolve().parent / "templates"
SUMMARY = "summary_report.md"
PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: its file's name, its data as a URI, what it shows and what one sees in it."""

    file: str
    uri: str
    title: str
    caption: str


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
        "result": first,
        "subtitle": _subtitle(first) if alone else _started(first),
        "title": f"{wording.listed(first.strategies)} compared",
        "headlines": wording.headlines(first, parts[0].analysis)
        if alone
        else [story.in_short(part.title, part.result, part.analysis) for part in parts],
        "warnings": _warnings(parts),
        "primer": story.primer(),
        "glossary": story.glossary(first.strategies),
        "parts": [_part(part, folder, alone) for part in parts],
        "method": _method(parts),
        "limits": wording.limits(first, parts[0].analysis),
        "folders": sorted({path.parent.name for part in parts[1:] for path in part.plots}),
    }
    templates = environment()
    page = folder / PAGE
    for path in (folder / SUMMARY, page):
        text = templates.get_template(path.name).render(context)
        write_text(path, text)
    return page


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


def picture(path: Path, caption: str, folder: Path | None = None) -> Picture:
    """The plot at ``path``, its title made of the file's name.

    Args:
        folder: the report's, where the plot may lie below it.
    """
    return Picture(
        path.relative_to(folder).as_posix() if folder and folder in path.parents else path.name,
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
    return f"{text[:1].upper()}{text[1:]}; {_started(result)}"


def _started(result: ComparisonResult) -> str:
    return result.circumstances.started.replace("T", " ").replace("Z", " UTC")


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
