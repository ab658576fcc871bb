"""A result made into a report's folder: data, plots, Markdown and page."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation import export
from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.plots import draw_all
from evaluation.records import ComparisonResult
from evaluation.report import write_report


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
    if not result.measured_strategies():
        export.discard(folder)
        raise export.ReportError("nothing was measured, so there is no report")
    result = replace(result, folder=folder)
    analysis = analyze(result)
    export.write(result, analysis, folder)
    page = write_report(result, analysis, draw_all(result, analysis, folder), folder)
    export.point_latest(folder)
    return Published(result, analysis, page)


def missing_packages() -> list[str]:
    """Of those that a report needs and that the core does not."""
    return [name for name in ("matplotlib", "jinja2") if importlib.util.find_spec(name) is None]
