"""The six plots of document 003, drawn from a result and its analysis.

Every strategy keeps its colour in all of them, intervals are 95 %, bands are the range over the
seeds. Latency in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.bootstrap import Floats
from evaluation.curves import latency_over_time as over_time
from evaluation.curves import learning_curve as curve_of
from evaluation.curves import throughput_over_time as served_over_time
from evaluation.metrics_analyzer import Analysis
from evaluation.plot_forest import comparison_summary
from evaluation.records import ComparisonResult
from evaluation.style import (
    FAILURE,
    INK,
    QUIET,
    canvas,
    colour,
    ink,
    label_ends,
    latency_axis,
    name_rows,
    seconds_axis,
    whisker,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Plot = Callable[[ComparisonResult, Analysis, Path], None]


def draw_all(result: ComparisonResult, analysis: Analysis, folder: Path) -> list[Path]:
    """All plots into ``folder``; their paths in the order in which a reader wants them.

    Raises:
        PlotError: matplotlib is missing.
    """
    paths = []
    for name, plot in PLOTS.items():
        path = folder / f"{name}.png"
        plot(result, analysis, path)
        paths.append(path)
    return paths


def latency_over_time(result: ComparisonResult, analysis: Analysis, path: Path) -> None:
    """One panel a strategy on the same axes: median and the middle nine tenths, failures marked."""
    series = {name: over_time(result.runs_of(name)) for name in analysis.statistics}
    names = list(series)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    low, high = _limits(np.concatenate([[*each.p5, *each.p95] for each in series.values()]))
    width = next(iter(series.values())).width
    end = max(float(each.at[-1]) for each in series.values()) + width / 2
    marks = any(each.failures.any() for each in series.values())
    subtitle = (
        f"line: median, band: 5th to 95th percentile of the requests of each {width:g} s, all seeds"
        + ("; × failures" if marks else "")
        + _phases_named(result, end)
    )
    with canvas(path, "Latency over time", subtitle, 2.05 * rows + 0.4) as figure:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            data = series[name]
            axes.set_title(name, color=ink(name))
            axes.fill_between(
                data.at, data.p5 * 1000, data.p95 * 1000, color=colour(name), alpha=0.2, linewidth=0
            )
            axes.plot(data.at, data.p95 * 1000, color=colour(name), linewidth=0.8, alpha=0.8)
            axes.plot(data.at, data.p50 * 1000, color=colour(name))
            latency_axis(axes, "y", low, high)
            seconds_axis(axes, end)
            _shade_phases(axes, result, end)
            _mark_failures(axes, data.at, data.failures)
        for axes in grid[:, 0]:
            axes.set_ylabel("latency (ms)")
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        for column in range(columns):
            last = [grid[row, column] for row in range(rows) if row * columns + column < len(names)]
            last[-1].set_xlabel("seconds since the run's start")
            last[-1].tick_params(labelbottom=True)


def throughput_comparison(result: ComparisonResult, analysis: Analysis, path: Path) -> None:
    """One row a strategy: successful answers per second overall, and as time passed."""
    names = list(analysis.statistics)
    series = {name: served_over_time(result.runs_of(name)) for name in names}
    width = next(iter(series.values())).width
    top = max(float(each.served.high.max()) for each in series.values())
    top = max(top, *(float(each.offered.max()) for each in series.values())) * 1.08
    end = max(float(each.served.at[-1]) for each in series.values()) + width / 2
    overall = max(1.0, *(analysis.statistics[name].throughput.high for name in names))
    subtitle = (
        f"successful answers per second{_range_named(result, 'whisker and band')}; grey line:"
        f" requests offered, in stretches of {width:g} s{_phases_named(result, end)}"
    )
    with canvas(path, "Throughput", subtitle, 0.95 * len(names) + 0.75) as figure:
        grid = figure.subplots(
            len(names), 2, sharex="col", squeeze=False, gridspec_kw={"width_ratios": (1, 2.6)}
        )
        for (left, right), name in zip(grid, names, strict=True):
            spread = analysis.statistics[name].throughput
            left.barh([0], [spread.mean], height=0.5, color=colour(name), alpha=0.85)
            whisker(left, spread.low, spread.high, 0)
            left.text(spread.high + 0.05 * overall, 0, f"{spread.mean:.1f}", va="center", color=INK)
            left.set_xlim(0, overall * 1.3)
            name_rows(left, [name])
            data = series[name]
            served = data.served
            right.step(served.at, data.offered, where="mid", color="#b0b0b0", linewidth=1.2)
            right.fill_between(
                served.at, served.low, served.high, color=colour(name), alpha=0.2, linewidth=0
            )
            right.plot(served.at, served.mean, color=colour(name))
            right.set_ylim(0, top)
            seconds_axis(right, end)
            _shade_phases(right, result, end)
        grid[-1, 0].set_xlabel("overall (answers/s)")
        grid[-1, 1].set_xlabel("seconds since the run's start")


def server_utilization(result: ComparisonResult, analysis: Analysis, path: Path) -> None:
    """One panel a server: the share of the requests that each strategy sent there."""
    names = list(analysis.statistics)
    panels = [(server.id, f"{server.id}, {server.base_delay_ms:g} ms") for server in result.servers]
    if any("" in statistics.shares for statistics in analysis.statistics.values()):
        panels.append(("", "no server"))
    columns = min(len(panels), 4)
    rows = -(-len(panels) // columns)
    most = max(
        (spread.high for each in analysis.statistics.values() for spread in each.shares.values()),
        default=1.0,
    )
    fair = 100 / len(result.servers)
    subtitle = (
        f"share of the counted requests{_range_named(result, 'whisker')}; dotted: an equal share"
        f" ({fair:.0f} %)"
    )
    height = rows * (0.36 * len(names) + 0.85)
    with canvas(path, "Where the requests went", subtitle, height) as figure:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, (id, title) in zip(grid.flat, panels, strict=False):
            axes.set_title(title)
            for row, name in enumerate(names):
                spread = analysis.statistics[name].shares.get(id)
                if spread is None:
                    axes.text(0.012 * most * 100, row, "0 %", va="center", color=QUIET)
                    continue
                axes.barh([row], [spread.mean * 100], height=0.62, color=colour(name), alpha=0.85)
                whisker(axes, spread.low * 100, spread.high * 100, row)
                text = axes.text(
                    (spread.high + 0.03 * most) * 100,
                    row,
                    f"{spread.mean * 100:.0f} %",
                    va="center",
                    zorder=4,
                )
                text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})
            if id:
                axes.axvline(fair, color=QUIET, linewidth=1, linestyle=":", zorder=3)
            axes.set_xlim(0, most * 128)
            name_rows(axes, names)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes in grid[-1]:
            axes.set_xlabel("per cent of requests")


def learning_curve(result: ComparisonResult, analysis: Analysis, path: Path) -> None:
    """All strategies in one panel: rolling mean by request, band over the seeds."""
    curves = {name: curve_of(result.runs_of(name)) for name in analysis.statistics}
    low, high = _limits(np.concatenate([[*each.low, *each.high] for each in curves.values()]))
    window = int(next(iter(curves.values())).at[0])
    many = len(result.seeds) > 1
    subtitle = f"mean latency of the last {window} requests" + (
        f"; line: mean of {len(result.seeds)} seeds, band: their range" if many else ""
    )
    with canvas(path, "Learning curve", subtitle, 4.1) as figure:
        axes = figure.subplots()
        for name, curve in curves.items():
            axes.fill_between(
                curve.at, curve.low * 1000, curve.high * 1000, color=colour(name), alpha=0.15, lw=0
            )
        for name, curve in curves.items():
            axes.plot(curve.at, curve.mean * 1000, color=colour(name))
        latency_axis(axes, "y", low, high, roomy=True)
        axes.set_xlim(0, max(float(curve.at[-1]) for curve in curves.values()))
        if result.warmup:
            axes.axvspan(0, result.warmup, color="#f0f0f0", zorder=0)
            fits = result.warmup > 0.075 * axes.get_xlim()[1]
            axes.annotate(
                "warm-up" if fits else " warm-up",
                (result.warmup / 2 if fits else result.warmup, 0.015),
                xycoords=("data", "axes fraction"),
                ha="center" if fits else "left",
                va="bottom",
                color=QUIET,
                fontsize=8.5,
            )
        axes.set_xlabel("requests since the run's start")
        axes.set_ylabel("latency (ms)")
        ends = {name: curve.mean[np.isfinite(curve.mean)] * 1000 for name, curve in curves.items()}
        label_ends(axes, [(name, float(end[-1])) for name, end in ends.items() if end.size])


def latency_distribution(result: ComparisonResult, analysis: Analysis, path: Path) -> None:
    """Left: the middle and the ends of each distribution. Right: how many are slower than x."""
    values = {
        name: np.array(
            [
                request.latency * 1000
                for run in result.runs_of(name)
                for request in run.measured()
                if request.success
            ]
        )
        for name in analysis.statistics
    }
    values = {name: each for name, each in values.items() if each.size}
    names = list(values)
    low = min((float(np.percentile(each, 1)) for each in values.values()), default=1.0)
    high = max((float(each.max()) for each in values.values()), default=1.0)
    subtitle = "counted successful requests of all seeds, from the intended send to the last byte"
    with canvas(path, "Distribution of latency", subtitle, max(3.4, 0.5 * len(names))) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        for row, name in enumerate(names):
            p5, p25, p50, p75, p95, p99 = np.percentile(values[name], [5, 25, 50, 75, 95, 99])
            tone = colour(name)
            left.plot([p5, p95], [row, row], color=tone, linewidth=1.6)
            left.plot([p25, p75], [row, row], color=tone, linewidth=9, solid_capstyle="butt")
            left.plot([p50], [row], "o", color="white", markeredgecolor=INK, markersize=6)
            left.plot([p99], [row], "|", color=tone, markersize=12, markeredgewidth=2)
            ranked = np.sort(values[name])
            slower = 100 * (1 - np.arange(1, ranked.size + 1) / ranked.size)
            right.step(ranked[:-1], slower[:-1], where="post", color=tone, linewidth=1.6)
        name_rows(left, names)
        left.set_title("○ P50, thick P25–P75, thin P5–P95, | P99", fontweight="normal", fontsize=9)
        right.set_title("share of requests slower than …", fontweight="normal", fontsize=9)
        right.set_yscale("log")
        smallest = min((100 / each.size for each in values.values()), default=0.1)
        right.set_ylim(max(smallest * 0.8, 0.01), 100)
        ticks = [tick for tick in (100, 50, 10, 5, 1, 0.1, 0.01) if tick >= smallest * 0.8]
        right.set_yticks(ticks, [f"{tick:g} %" for tick in ticks])
        right.minorticks_off()
        for axes in (left, right):
            latency_axis(axes, "x", low, high)
            axes.set_xlabel("latency (ms)")


PLOTS: dict[str, Plot] = {
    "comparison_summary": comparison_summary,
    "learning_curve": learning_curve,
    "latency_distribution": latency_distribution,
    "latency_over_time": latency_over_time,
    "server_utilization": server_utilization,
    "throughput_comparison": throughput_comparison,
}


def _range_named(result: ComparisonResult, what: str) -> str:
    return f"; {what}: range over seeds" if len(result.seeds) > 1 else ""


def _phases_named(result: ComparisonResult, end: float) -> str:
    """A second line for the subtitle: what the grey stretches are."""
    states = {"slow": "slow", "fail": "failing", "hang": "hanging", "warm_up": "warming up"}
    states |= {"noise": "disturbed now and then"}
    named = [
        f"{server.id} {states[phase.kind]}"
        for server in result.servers
        for phase in server.phases
        if phase.start < end
    ]
    return f"\ngrey stretch: {', '.join(named)}" if named else ""


def _shade_phases(axes: Axes, result: ComparisonResult, end: float) -> None:
    """Grey where a server misbehaved on purpose."""
    for server in result.servers:
        for phase in server.phases:
            if phase.start < end:
                stop = end if phase.end is None else min(phase.end, end)
                axes.axvspan(phase.start, stop, color="#000000", alpha=0.07, zorder=0, linewidth=0)


def _mark_failures(axes: Axes, at: Floats, failures: Floats) -> None:
    if not failures.any():
        return
    axes.plot(
        at[failures > 0],
        np.full(int((failures > 0).sum()), 0.045),
        "x",
        transform=axes.get_xaxis_transform(),
        color=FAILURE,
        markersize=4.5,
        markeredgewidth=1.3,
        clip_on=False,
    )
    axes.set_title(
        f"× {failures.sum():,.0f} {'failure' if failures.sum() == 1 else 'failures'}",
        loc="right",
        color=FAILURE,
        fontweight="normal",
        size=9,
    )


def _limits(seconds: Floats) -> tuple[float, float]:
    """The least and the greatest, in milliseconds; of nothing, as good as any."""
    seen = seconds[np.isfinite(seconds)] * 1000
    return (float(seen.min()), float(seen.max())) if seen.size else (10.0, 100.0)
