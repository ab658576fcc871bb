"""The plots of a network's report: recovery, values and costs here, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.bootstrap import Floats
from evaluation.network.analysis import (
    REFERENCE,
    Analysis,
)
from evaluation.network.drawing import draw_links
from evaluation.network.records import (
    ChangeKind,
    NetworkResult,
    Purpose,
    Run,
    Setting,
    Shape,
)
from evaluation.network.recovery import Recovery
from evaluation.network.values import TOLERANCE, by_level, by_node
from evaluation.network.window_plots import (
    cache_hits,
    failures_per_window,
    hops_per_request,
    runs_of,
    windows_until_clean,
)
from evaluation.network.wording import costed
from evaluation.style import FAILURE, INK, canvas, colour, ink, label_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS_PER_SECOND = 4
FURTHEST = 60.0
"""Per cent of the true cost, beyond which an advertised value is drawn at the edge."""
BEFORE = 2.0
"""Seconds ahead of a change that its plot shows."""
AFTER = 6.0


def draw_all(result: NetworkResult, analysis: Analysis, folder: Path) -> list[Path]:
    """Every plot that the result has data for; their paths in a reader's order.

    Raises:
        PlotError: matplotlib is missing.
    """
    paths = []

    def drawn(name: str) -> Path:
        paths.append(folder / f"{name}.png")
        return paths[-1]

    groups = list(analysis.compared)
    if groups:
        failures_per_window(result, groups, drawn("failures_per_window"))
        windows_until_clean(analysis, drawn("windows_until_clean"))
        hops_per_request(result, groups, drawn("hops_per_request"))
        cached = [group for group in groups if runs_of(result, group, REFERENCE)]
        if cached:
            cache_hits(result, cached, drawn("cache_hits"))
    if analysis.recoveries:
        recoveries(analysis, drawn("recovery"))
    if analysis.values:
        values_and_costs(analysis, drawn("values"))
    costs = costed(result)
    if costs:
        cost_by_level(costs, drawn("cost_by_level"))
    for run in pictured(result):
        draw_links(run, drawn(links_name(run)))
    return paths


def pictured(result: NetworkResult) -> list[Run]:
    """The runs whose links are drawn: of each setting, purpose and shape the first that has any."""
    found: dict[tuple[Setting, Purpose, Shape], Run] = {}
    for run in result.runs:
        if run.variant == REFERENCE and len(run.snapshots) > 1:
            found.setdefault((run.setting, run.purpose, run.shape), run)
    return list(found.values())


def links_name(run: Run) -> str:
    """The name of that run's drawing."""
    return f"links_{run.setting}_{run.purpose}_{run.shape.levels}x{run.shape.width}"


def recoveries(analysis: Analysis, path: Path) -> None:
    """Rows: what was changed. Columns: shapes. Thin: each seed, thick: all of them."""
    kinds = list(dict.fromkeys(each.change.kind for each in analysis.recoveries))
    shapes = list(dict.fromkeys(each.run.shape for each in analysis.recoveries))
    subtitle = (
        f"share of requests that failed, in steps of {1000 // BINS_PER_SECOND} ms, around the"
        " change; thin: each seed, thick: all;\n▼ the last failure before a hundred successes in a"
        " row"
    )
    edges = np.arange(-BEFORE, AFTER + 1e-9, 1 / BINS_PER_SECOND)
    middle = (edges[:-1] + edges[1:]) / 2
    names = {ChangeKind.KILL: "a middle node is killed", ChangeKind.MOVE: "an origin moves"}
    with canvas(path, "Recovery", subtitle, 1.9 * len(kinds) + 0.3) as figure:
        grid = figure.subplots(len(kinds), len(shapes), squeeze=False, sharex=True, sharey=True)
        for row, kind in enumerate(kinds):
            for column, shape in enumerate(shapes):
                axes = grid[row, column]
                found = [
                    each
                    for each in analysis.recoveries
                    if each.change.kind is kind and each.run.shape == shape
                ]
                axes.set_title(f"{shape.label}: {names.get(kind, kind)}")
                axes.axvline(0, color=INK, linewidth=1)
                _recovery_lines(axes, found, edges, middle)
                axes.set_xlim(-BEFORE, AFTER)
                axes.set_ylim(-3, 103)
        for axes in grid[-1]:
            axes.set_xlabel("seconds from the change")
        for axes in grid[:, 0]:
            axes.set_ylabel("failed (%)")


def _recovery_lines(axes: Axes, found: Sequence[Recovery], edges: Floats, middle: Floats) -> None:
    tone = colour(REFERENCE.strategy)
    failed, total = np.zeros(middle.size), np.zeros(middle.size)
    for each in found:
        at = np.array([request.at - each.change.at for request in each.run.requests])
        bad = np.array([not request.success for request in each.run.requests])
        own_total = np.histogram(at, edges)[0].astype(float)
        own_failed = np.histogram(at[bad], edges)[0].astype(float)
        failed += own_failed
        total += own_total
        axes.plot(middle, _percent(own_failed, own_total), color=tone, linewidth=0.7, alpha=0.6)
        if each.seconds:
            axes.plot(
                [min(each.seconds, AFTER)], [4], "v", color=FAILURE, markersize=5, clip_on=False
            )
    axes.plot(middle, _percent(failed, total), color=ink(REFERENCE.strategy), linewidth=2)


def _at_most(error: float) -> float:
    return max(-FURTHEST, min(FURTHEST, error))


def values_and_costs(analysis: Analysis, path: Path) -> None:
    """A row for each outermost node; every run and domain a dot, in per cent of the true cost."""
    nodes = sorted({(run.shape, each.node) for run, found in analysis.values for each in found})
    subtitle = (
        "what the outermost nodes advertise against the mean time to the first byte of their"
        f" requests;\nsmall: each domain and seed, large: all of a node's; grey: ±{TOLERANCE:.0%};"
        f" what is further off than {FURTHEST:.0f}% lies at the edge"
    ).replace("%", " %")
    tone = colour(REFERENCE.strategy)
    with canvas(
        path, "Advertised value and true cost", subtitle, 0.3 * len(nodes) + 0.75
    ) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        limit, most = TOLERANCE * 130, 0.0
        for row, (shape, node) in enumerate(nodes):
            for run, found in analysis.values:
                own = [each for each in found if each.node == node and run.shape == shape]
                errors = [each.error * 100 for each in own]
                limit = max(limit, *(abs(error) * 1.15 for error in errors), 0)
                errors = [_at_most(error) for error in errors]
                left.plot(errors, [row] * len(errors), "o", color=tone, markersize=3.5, alpha=0.6)
                for whole in by_node(own):
                    at = _at_most(whole.error * 100)
                    left.plot([at], [row], "o", color=INK, markersize=5.5, clip_on=False)
                    right.plot([whole.cost * 1000], [row], "|", color=INK, markersize=11)
                    right.plot([whole.advertised * 1000], [row], "o", color=tone, markersize=5)
                    most = max(most, whole.cost * 1000, whole.advertised * 1000)
        left.axvspan(-100 * TOLERANCE, 100 * TOLERANCE, color="#000000", alpha=0.07, linewidth=0)
        left.axvline(0, color=INK, linewidth=1)
        limit = min(limit, FURTHEST)
        left.set_xlim(-limit, limit)
        left.set_xlabel("advertised against true (%)")
        right.set_xlim(0, most * 1.08)
        right.set_xlabel("● advertised, | true (ms)")
        for axes in (left, right):
            label_rows(axes, [f"{shape.label}, {node}" for shape, node in nodes])


def cost_by_level(runs: Sequence[Run], path: Path) -> None:
    """Bars: what is left of the way from each level on. Dots: what its nodes have learned."""
    subtitle = (
        "mean time to the first byte that the nodes of each level measured; ● the value that they"
        f" have learned for {runs[0].domain}, as a time"
    )
    tallest = max(len(by_level(run)) for run in runs)
    with canvas(path, "Latency, hop by hop", subtitle, 0.34 * tallest + 0.9) as figure:
        grid = figure.subplots(1, len(runs), squeeze=False)[0]
        for axes, run in zip(grid, runs, strict=True):
            _level_bars(axes, run)


def _level_bars(axes: Axes, run: Run) -> None:
    levels = by_level(run)
    learned = [each.learned * 1000 for each in levels]
    most = max([each.measured * 1000 for each in levels] + [x for x in learned if x == x])
    for row, each in enumerate(levels):
        measured = each.measured * 1000
        axes.barh([row], [measured], height=0.6, color=colour(REFERENCE.strategy), alpha=0.55)
        last = row + 1 == len(levels)
        own = measured - (0.0 if last else levels[row + 1].measured * 1000)
        axes.text(
            max(measured, learned[row] if learned[row] == learned[row] else 0) + 0.03 * most,
            row,
            f"{measured:.1f} ms; {own:.1f} {'the origin' if last else 'this hop'}",
            va="center",
        )
        axes.plot([learned[row]], [row], "o", color=INK, markersize=5)
    axes.set_title(f"{run.shape.label}, seed {run.seed}")
    axes.set_xlim(0, most * (1.75 if len(levels) > 3 else 1.6))
    label_rows(axes, [f"level {each.level}" for each in levels])
    axes.set_xlabel("milliseconds")


def _percent(part: Floats, whole: Floats) -> Floats:
    result = np.full(part.shape, np.nan)
    np.divide(100 * part, whole, out=result, where=whole > 0)
    return result
