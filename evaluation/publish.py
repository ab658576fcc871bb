"""A result made into a report's folder: data, plots, Markdown and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation import export
from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.plots import draw_all
from evaluation.records import ComparisonResult
from evaluation.report import Part, write_report


@dataclass(frozen=True, slots=True)
class Published:
    """What was written."""

    result: ComparisonResult
    analysis: Analysis
    page: Path


def publish(result: ComparisonResult, folder: Path) -> Published:
    """Everything into ``folder``, which ``export.make_folder`` made.

    Raises:
        ReportError: nothing was measured, or a file cannot be written.
        PlotError: matplotlib is missing.
    """
    return publish_parts([("", "", result)], folder)[0]


def publish_parts(
    parts: Sequence[tuple[str, str, ComparisonResult]], folder: Path
) -> list[Published]:
    """Several experiments in one report.

    Args:
        parts: title, name and result of each. The first one's files stand in ``folder``, those of
            the others in a folder of their name below it, which is a report's to compare with. One
            of which nothing was measured is left out.

    Raises:
        ReportError: nothing was measured, or a file cannot be written.
        PlotError: matplotlib is missing.
    """
    measured = [part for part in parts if part[2].measured_strategies()]
    if not measured:
        export.discard(folder)
        raise export.ReportError("nothing was measured, so there is no report")
    made: list[Part] = []
    for title, name, result in measured:
        place = folder / name if made else folder
        result = replace(result, folder=place)
        analysis = analyze(result)
        export.make_place(place)
        export.write(result, analysis, place)
        made.append(Part(title, result, analysis, draw_all(result, analysis, place)))
    page = write_report(made, folder)
    export.point_latest(folder)
    return [Published(part.result, part.analysis, page) for part in made]
