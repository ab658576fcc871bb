"""Plots over windows of a network's runs: failures, hops, cache hits, and how soon one is clean.

Every strategy keeps the colour that it has in all reports; bands are the range over the seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evaluation.network.analysis import CLEAN_WITHIN, PUBLISHED, REFERENCE, Analysis
from evaluation.network.drawing import shades
from evaluation.network.records import (
    WINDOW,
    NetworkResult,
    Run,
    Setting,
    Shape,
    Variant,
    Window,
)
from evaluation.network.wording import DRAFT_BAND, group_label
from evaluation.style import FAILURE, INK, QUIET, canvas, colour, ink, label_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Group: TypeAlias = tuple[Setting, Shape]
Grid: TypeAlias = NDArray[Any]
"""Of axes."""


def failures_per_window(result: NetworkResult, groups: Sequence[Group], path: Path) -> None:
    """Above with cache, below without; one column a setting and shape."""
    subtitle = (
        f"failed requests in each window of {WINDOW}; line: mean of the seeds, band: their range;"
        "\ndotted: the series that document 000 was published with"
    )

    def value(window: Window) -> float:
        return 100 * window.failures / window.requests

    with canvas(path, "Failures per window", subtitle, 4.9) as figure:
        grid = _by_window(figure, result, groups, value)
        for column, group in enumerate(groups):
            if group[0] is Setting.VIRTUAL:
                places = np.arange(1, len(PUBLISHED) + 1)
                for axes in grid[:, column]:
                    axes.plot(places, PUBLISHED, ":", color=INK, linewidth=1.4, zorder=5)
        for axes in grid.flat:
            axes.set_ylim(-2, 102)


def hops_per_request(result: NetworkResult, groups: Sequence[Group], path: Path) -> None:
    """As ``failures_per_window``, of the nodes on the way of an answered request."""
    subtitle = (
        "nodes that an answered request passed, on average over a window; fewer than there are"
        "\nlevels where a cache on the way answered"
    )
    with canvas(path, "Hops per request", subtitle, 4.9) as figure:
        grid = _by_window(figure, result, groups, lambda window: window.hops)
        for column, (_, shape) in enumerate(groups):
            for axes in grid[:, column]:
                axes.set_ylim(0, shape.levels * 1.08)


def windows_until_clean(analysis: Analysis, path: Path) -> None:
    """A row for each setting, shape and variant that learns; a dot for each seed."""
    rows = [
        (group, each)
        for group, found in analysis.compared.items()
        for each in found
        if each.variant.strategy == REFERENCE.strategy
    ]
    subtitle = (
        f"windows of {WINDOW} requests until one had no failure, q_routing; a dot for each seed"
        f"\ngrey: document 000's draft with its cache mended, {DRAFT_BAND[0]} to {DRAFT_BAND[1]};"
        f" dashed: the bar of {CLEAN_WITHIN}; × never"
    )
    most = max((n for _, each in rows for n in each.clean if n is not None), default=CLEAN_WITHIN)
    never = max(most, CLEAN_WITHIN) + 2
    with canvas(path, "Windows until one is clean", subtitle, 0.5 * len(rows) + 0.7) as figure:
        axes = figure.subplots()
        axes.axvspan(*DRAFT_BAND, color="#000000", alpha=0.07, zorder=0, linewidth=0)
        axes.axvline(CLEAN_WITHIN, color=QUIET, linewidth=1, linestyle="--", zorder=1)
        tone = colour(REFERENCE.strategy)
        labels = []
        for row, (group, each) in enumerate(rows):
            stacked: dict[int, int] = {}
            ends = sorted(n if n is not None else never for n in each.clean)
            most_alike = max(Counter(ends).values(), default=1)
            for clean in ends:
                level = stacked.get(clean, 0)
                stacked[clean] = level + 1
                # Dots of equal seeds stand above and below one another.
                step = min(0.13, 0.8 / most_alike)
                offset = ((level + 1) // 2) * (step if level % 2 else -step)
                mark, edge = ("x", FAILURE) if clean == never else ("o", INK)
                axes.plot(
                    [clean], [row + offset], mark, color=FAILURE if clean == never else tone,
                    markersize=5, markeredgecolor=edge, markeredgewidth=0.6,
                )  # fmt: skip
            cache = "cache" if each.variant.cache else "no cache"
            labels.append(f"{group_label(group)}, {cache}")
            axes.annotate(
                f"{each.clean_seeds} of {len(each.seeds)} seeds",
                (1.01, row),
                xycoords=("axes fraction", "data"),
                va="center",
            )
        label_rows(axes, labels)
        axes.set_xlim(0, never + 1)
        axes.set_xlabel("windows")


def cache_hits(result: NetworkResult, groups: Sequence[Group], path: Path) -> None:
    """One panel a setting and shape: which level's caches answered, window by window."""
    subtitle = (
        f"answers from the caches of each level in a window of {WINDOW} requests, mean of the"
        " seeds, q_routing"
    )
    width = len(groups)
    with canvas(path, "Cache hits by level", subtitle, 2.9) as figure:
        grid = figure.subplots(1, width, squeeze=False)[0]
        tables = []
        for group in groups:
            runs = runs_of(result, group, REFERENCE)
            length = min(len(run.windows) for run in runs)
            tables.append(
                np.array([[window.hits for window in run.windows[:length]] for run in runs], float)
                .mean(axis=0)
                .T
            )
        top = max(1.0, *(float(table.max()) for table in tables))
        image = None
        for axes, group, table in zip(grid, groups, tables, strict=True):
            levels, length = table.shape
            image = axes.imshow(
                table,
                aspect="auto",
                origin="lower",
                extent=(0.5, length + 0.5, 0.5, levels + 0.5),
                cmap=shades(),
                vmin=0,
                vmax=top,
                interpolation="nearest",
            )
            axes.set_title(group_label(group))
            axes.grid(visible=False)
            axes.set_yticks(range(1, levels + 1))
            _whole_numbers(axes)
            axes.set_xlabel("window")
        grid[0].set_ylabel("level (1: edge)")
        if image is not None:
            bar = figure.colorbar(image, ax=list(grid), shrink=0.9, pad=0.02)
            bar.set_label("hits per 100 requests")
            bar.outline.set_visible(False)


def runs_of(result: NetworkResult, group: Group, variant: Variant) -> list[Run]:
    """Those of one variant that measured anything."""
    return [
        run for run in result.of(group[0], shape=group[1]) if run.variant == variant and run.windows
    ]


def _by_window(
    figure: Figure,
    result: NetworkResult,
    groups: Sequence[Group],
    value: Callable[[Window], float],
) -> Grid:
    """Two rows, with cache and without, one column a group, one line a strategy."""
    grid = figure.subplots(2, len(groups), squeeze=False, sharex="col", sharey="col")
    ends: dict[str, str] = {}
    for row, cache in enumerate((True, False)):
        for column, group in enumerate(groups):
            axes = grid[row, column]
            axes.set_title(f"{group_label(group)}, {'cache' if cache else 'no cache'}")
            runs = [run for run in result.of(group[0], shape=group[1]) if run.windows]
            strategies = dict.fromkeys(
                run.variant.strategy for run in runs if run.variant.cache is cache
            )
            for name in strategies:
                ends[name] = colour(name)
                _line(axes, runs_of(result, group, Variant(name, cache)), value, name)
            if not strategies:
                axes.text(
                    0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=QUIET
                )
            if row == 1:
                axes.set_xlabel("window")
    _legend(figure, list(ends))
    return grid


def _line(axes: Axes, runs: Sequence[Run], value: Callable[[Window], float], strategy: str) -> None:
    length = min(len(run.windows) for run in runs)
    table = np.array([[value(window) for window in run.windows[:length]] for run in runs])
    places = np.arange(1, length + 1)
    with np.errstate(all="ignore"):
        counts = np.isfinite(table).sum(axis=0)
        usable = counts > 0
        mean = np.full(length, np.nan)
        mean[usable] = np.nanmean(table[:, usable], axis=0)
        low, high = mean.copy(), mean.copy()
        low[usable] = np.nanmin(table[:, usable], axis=0)
        high[usable] = np.nanmax(table[:, usable], axis=0)
    axes.fill_between(places, low, high, color=colour(strategy), alpha=0.15, linewidth=0)
    axes.plot(places, mean, color=colour(strategy), linewidth=1.6)
    axes.set_xlim(1, max(length, 2))
    _whole_numbers(axes)


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _legend(figure: Figure, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour(name), linewidth=2.4) for name in names]
    legend = figure.legend(
        handles, names, loc="outside lower center", ncols=len(names), frameon=False
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_color(ink(name))
        text.set_fontweight("bold")
