"""The summary plot: every strategy's numbers with their intervals, and what may be claimed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation import wording
from evaluation.bootstrap import Interval, Metric
from evaluation.metrics_analyzer import BASELINE, Analysis, Claim, Comparison, Estimate
from evaluation.notation import per_cent
from evaluation.records import ComparisonResult
from evaluation.style import INK, QUIET, canvas, estimate_row, name_rows, row_height, widen

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def comparison_summary(result: ComparisonResult, analysis: Analysis, path: Path) -> None:
    """Above: mean, P95, P99, and success where something failed. Below: the differences against
    round robin and against the best classic, with their claims: of the mean latency, or of the
    mean cost where something failed, since whoever fails quickly has no latency to show."""
    names = list(analysis.statistics)
    failed = any(each.failures for each in analysis.statistics.values())
    metrics = [(Metric.MEAN, "mean (ms)"), (Metric.P95, "P95 (ms)"), (Metric.P99, "P99 (ms)")]
    if failed:
        metrics.append((Metric.SUCCESS, "success (%)"))
    judged = Metric.COST if failed else Metric.MEAN
    references = _references(analysis)
    rows = 2 if references else 1
    requests = sum(each.requests for each in analysis.statistics.values())
    subtitle = (
        f"{result.circumstances.scenario or 'own servers'}, {requests:,} counted requests,"
        f" {_seeds(result)}; bars: 95 % intervals"
        + ("\ncost: latency, and one second more for every failure" if failed else "")
    )
    with canvas(path, "Summary", subtitle, rows * row_height(names)) as figure:
        halves = figure.subfigures(rows, 1, squeeze=False)[:, 0]
        above = halves[0].subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, (metric, title) in zip(above, metrics, strict=True):
            scale = 100 if metric is Metric.SUCCESS else 1000
            name_rows(axes, names)
            for row, name in enumerate(names):
                estimate_row(axes, row, analysis.statistics[name].metrics[metric], name, scale)
            _value_labels(axes, names, analysis, metric, scale)
            axes.set_title(title)
        if references:
            below = halves[1].subplots(1, len(references), sharey=True, squeeze=False)[0]
            for axes, (reference, found) in zip(below, references, strict=True):
                _differences(axes, names, reference, found, judged)


def _seeds(result: ComparisonResult) -> str:
    if len(result.seeds) == 1:
        return f"seed {result.seeds[0]}"
    return f"seeds {', '.join(map(str, result.seeds))}"


def _references(analysis: Analysis) -> list[tuple[str, dict[str, Comparison]]]:
    found = []
    if analysis.against_baseline:
        found.append((BASELINE, analysis.against_baseline))
    if analysis.against_best and analysis.best_classic not in (None, BASELINE):
        found.append((str(analysis.best_classic), analysis.against_best))
    return found


def _value_labels(
    axes: Axes, names: list[str], analysis: Analysis, metric: Metric, scale: float
) -> None:
    """The number above each point, and room for it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    values = {name: analysis.statistics[name].metrics[metric].value * scale for name in names}
    seen = [value for value in values.values() if math.isfinite(value)]
    if seen and min(seen) > 0 and max(seen) / min(seen) > 6:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.12)
    else:
        axes.locator_params(axis="x", nbins=4)
        widen(axes)
    if metric is not Metric.SUCCESS:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
    for row, name in enumerate(names):
        value = values[name]
        text = wording.metric_value(metric, value / scale).rpartition(" ")[0]
        axes.text(value, row - 0.2, text, ha="center", va="bottom", fontsize=8.5, color=INK)


def _differences(
    axes: Axes, names: list[str], reference: str, found: dict[str, Comparison], judged: Metric
) -> None:
    """Relative change; left of zero is better. Where one is many times as large, the ratio on a
    logarithmic axis instead."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    changes = {name: each.differences[judged] for name, each in found.items()}
    ratios = [1 + each.relative.value for each in changes.values()]
    wide = max(ratios, default=1.0) > 4 and min(ratios) > 0
    zero = 1.0 if wide else 0.0
    name_rows(axes, names)
    axes.axvline(zero, color=QUIET, linewidth=1)
    for row, name in enumerate(names):
        if name == reference:
            axes.text(zero, row, " reference", va="center", color=QUIET, fontsize=8.5)
            continue
        if name not in changes:
            continue
        difference = changes[name]
        estimate_row(axes, row, _moved(difference.relative, zero), name, 1 if wide else 100)
        claimed = difference.claim in (Claim.WIN, Claim.LOSS)
        axes.annotate(
            f"{per_cent(difference.relative.value, signed=True)}  {difference.claim.value}",
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=INK if claimed else QUIET,
            fontweight="bold" if claimed else "normal",
        )
    what = "mean cost" if judged is Metric.COST else "mean latency"
    axes.set_title(f"{what} against {reference}")
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"× {value:,.12g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("times the reference; left is better")
    else:
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -1), max(high, 1))
        axes.set_xlabel("change in per cent; left is better")


def _moved(estimate: Estimate, by: float) -> Estimate:
    interval = estimate.interval
    return Estimate(
        estimate.value + by,
        None if interval is None else Interval(interval.low + by, interval.high + by),
    )
