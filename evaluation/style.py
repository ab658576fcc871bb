"""How every plot looks: one colour for a strategy wherever it stands, one type, one grid.

The colours are those of M. Okabe and K. Ito (2002), chosen to stay apart for colour-blind readers;
a strategy keeps its colour by name, whoever else is in the plot. matplotlib is imported when
something is drawn and not before.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evaluation.metrics_analyzer import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "round_robin": "#6e6e6e",
    "random": "#8c5a2b",
    "least_request": "#e69f00",
    "power_of_two": "#cc79a7",
    "peak_ewma": "#009e73",
    "q_learning": "#0072b2",
    "q_routing": "#56b4e9",
    "shortest_path": "#332288",
    "marginal_cost": "#d55e00",
    "local": "#444444",
    "least_queue": "#ee8866",
    "least_time": "#b8860b",
    "nearest": "#a89078",
    "weighted_by_power": "#7a9a01",
    "tabular": "#6699cc",
    "deep_q": "#004488",
    "dqn": "#bb5566",
    "ppo": "#228833",
    "none": "#7f7f7f",
    "static": "#ddaa33",
    "aimd": "#aa3377",
    "tabular_untrained": "#33bbee",
}
_SPARE = ("#882255", "#44aa99", "#999933", "#aa4499", "#117733")
FAILURE = "#b2182b"
INK = "#222222"
QUIET = "#666666"
WIDTH = 9.0
"""Inches. Drawn at ``DPI`` and shown at half its pixels, one inch fills 100 of a page's pixels."""
DPI = 200

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


class PlotError(Exception):
    """A plot cannot be drawn; the message says what to do."""


def colour(strategy: str) -> str:
    """The strategy's colour: fixed for the known ones, drawn from the name for any other. A
    ``live_`` one has the colour of what it is live."""
    strategy = strategy.removeprefix("live_")
    return COLOURS.get(strategy) or _SPARE[zlib.crc32(strategy.encode()) % len(_SPARE)]


def ink(strategy: str) -> str:
    """The strategy's colour for writing: as dark as it takes to be read on white (WCAG 2: a
    contrast of 4.5)."""
    parts = [int(colour(strategy)[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    while 1.05 / (_luminance(parts) + 0.05) < 4.5:
        parts = [part * 0.97 for part in parts]
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(parts: Sequence[float]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@contextmanager
def canvas(path: Path, title: str, subtitle: str, height: float) -> Iterator[Figure]:
    """A figure of the house's width to draw in; written to ``path`` when the block ends.

    Raises:
        PlotError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError:
        raise PlotError(
            "plots need matplotlib: run make setup, or pip install '.[report]'"
        ) from None
    with matplotlib.rc_context():
        for name, value in _RC.items():
            matplotlib.rcParams[name] = value  # type: ignore[index]
        head = 0.7 + 0.17 * subtitle.count("\n")
        whole = height + head
        top = 1 - head / whole
        layout = ConstrainedLayoutEngine(
            w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.03, rect=(0, 0, 1, top)
        )
        figure = Figure(figsize=(WIDTH, whole), layout=layout)
        figure.text(0.012, 1 - 0.1 / whole, title, fontsize=13, fontweight="bold", va="top")
        figure.text(0.012, 1 - 0.38 / whole, subtitle, fontsize=9.5, color=QUIET, va="top")
        yield figure
        figure.savefig(path, dpi=DPI, metadata={"Software": ""})


def spread_apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places moved as little as it takes to be ``gap`` apart, in order, within the limits.

    Where the limits leave too little room, the gap shrinks.
    """
    count = len(places)
    if count == 0:
        return []
    gap = min(gap, (high - low) / max(1, count - 1)) if count > 1 else gap
    order = sorted(range(count), key=lambda index: places[index])
    groups: list[list[float]] = []  # labels that touch, each with the place it wants
    for index in order:
        groups.append([places[index]])
        while len(groups) > 1 and _end(groups[-2], gap) > _start(groups[-1], gap):
            tail = groups.pop()
            groups[-1] += tail
    found: list[float] = []
    floor = low
    for group in groups:
        room = high - (count - 1 - len(found)) * gap
        start = min(max(_start(group, gap), floor), room)
        found += [start + offset * gap for offset in range(len(group))]
        floor = found[-1] + gap
    return [place for _, place in sorted(zip(order, found, strict=True))]


def _start(group: Sequence[float], gap: float) -> float:
    """Where a group begins so that its members lie, on average, where they want to be."""
    wanted = [place - offset * gap for offset, place in enumerate(group)]
    return sum(wanted) / len(wanted)


def _end(group: Sequence[float], gap: float) -> float:
    return _start(group, gap) + len(group) * gap


def label_ends(axes: Axes, ends: Sequence[tuple[str, float]], gap: float = 0.062) -> None:
    """Names beside the right end of the lines, in their colours, none on top of another."""
    to_fraction = axes.transData + axes.transAxes.inverted()
    right = axes.get_xlim()[1]
    places = [float(to_fraction.transform((right, value))[1]) for _, value in ends]
    for (name, _), wanted, place in zip(
        ends, places, spread_apart(places, gap, 0.02, 0.98), strict=True
    ):
        if abs(wanted - place) > 0.012:
            axes.plot(
                [1.005, 1.02],
                [wanted, place],
                transform=axes.transAxes,
                clip_on=False,
                color=colour(name),
                linewidth=0.8,
            )
        axes.text(
            1.026,
            place,
            name,
            transform=axes.transAxes,
            color=ink(name),
            va="center",
            fontweight="bold",
        )


def latency_axis(
    axes: Axes, which: Literal["x", "y"], low: float, high: float, roomy: bool = False
) -> None:
    """Milliseconds from zero, or on a logarithmic scale where they span more than a factor of 30.

    Args:
        roomy: there is room for many labels.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    scale = axes.set_xscale if which == "x" else axes.set_yscale
    limits = axes.set_xlim if which == "x" else axes.set_ylim
    if spans_wide(low, high):
        scale("log")
        limits(low * 0.8, high * 1.25)
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if roomy or high / low < 100 else (1,)))
        axis.set_minor_formatter(NullFormatter())
    else:
        limits(0, high * 1.06)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def spans_wide(low: float, high: float) -> bool:
    """Too wide for a linear axis to show both ends."""
    return low > 0 and high / low > 30


def seconds_axis(axes: Axes, end: float) -> None:
    """Time from zero to ``end``, ticks at round numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0, end)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=end > 4))


def row_height(names: Sequence[str]) -> float:
    """Inches of a panel with so many rows, its title and its axis."""
    return 0.34 * len(names) + 0.75


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """One row a label, the first on top."""
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """One row a strategy, the first on top, named in its colour."""
    label_rows(axes, names)
    # Inner panels of a row have no labels of their own.
    for tick, name in zip(axes.get_yticklabels(), names, strict=False):
        tick.set_color(ink(name))
        tick.set_fontweight("bold")


def estimate_row(axes: Axes, row: float, estimate: Estimate, name: str, scale: float = 1.0) -> None:
    """A dot in the strategy's colour, and a bar for its interval."""
    if estimate.interval is not None:
        ends = [estimate.interval.low * scale, estimate.interval.high * scale]
        axes.plot(ends, [row, row], color=colour(name), linewidth=2.2, solid_capstyle="butt")
    axes.plot([estimate.value * scale], [row], "o", color=colour(name), markersize=5.5)


def widen(axes: Axes, share: float = 0.12) -> None:
    """Room for what is written beside the outermost marks."""
    low, high = axes.get_xlim()
    axes.set_xlim(low - share * (high - low), high + share * (high - low))


def whisker(axes: Axes, low: float, high: float, row: float) -> None:
    """A horizontal range with caps; nothing where it has no length."""
    if high > low:
        axes.plot([low, high], [row, row], "|-", color=INK, linewidth=1, markersize=5, zorder=4)
