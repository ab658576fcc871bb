"""A network as it was learned: each link in the colour of its value, small multiples over time.

Clients ask at the top, origins are below the lowest row. The greedy way from each outermost node
is drawn bold.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evaluation.network.records import Change, ChangeKind, Link, Run, Snapshot, level_of
from evaluation.network.values import greedy_way
from evaluation.style import FAILURE, INK, QUIET, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

Point: TypeAlias = tuple[float, float]

SMALL = 4
"""Panels of a drawing besides the last one, which is large."""
FEW_NODES = 24
"""Up to that many, every panel is large enough for names."""
FEWEST_AROUND = 6
"""Nodes in a level from which on a link from its one end to the other is drawn around."""
STUB = 0.65
"""How much of a link that leaves at a side is seen there, in ranks."""
KNOWS_ORIGIN = "#009e73"
UNTRIED = "#d9d9d9"


def draw_links(run: Run, path: Path) -> None:
    """The run's snapshots: some small ones, and the last."""
    # With changes the last ones, which show what came of them.
    count = SMALL + 1
    shots = list(run.snapshots[-count:]) if run.changes else spread_out(run.snapshots, count)
    nodes = sorted({name for link in shots[-1].links for name in (link.node, link.parent)})
    few = len(nodes) <= FEW_NODES
    subtitle = (
        f"what each node has learned of its next hops for {run.domain}; clients ask at the top;"
        " bold: the way of the highest values\nfrom each outermost node; green: knows the origin;"
        " light grey: not tried yet" + (f"\n{_described(run.changes)}" if run.changes else "")
    )
    title = f"Learned links, {run.setting}, {run.shape.label}, seed {run.seed}"
    with canvas(path, title, subtitle, 3.0 if few else 7.6) as figure:
        from matplotlib.cm import ScalarMappable

        scale = value_scale(run.reward, [link for shot in shots for link in shot.links])
        if few:
            panels = list(figure.subplots(1, len(shots), squeeze=False)[0])
        else:
            grid = figure.add_gridspec(2, SMALL, height_ratios=(1, 2.3))
            panels = [figure.add_subplot(grid[0, place]) for place in range(len(shots) - 1)]
            panels.append(figure.add_subplot(grid[1, :]))
        for axes, shot in zip(panels, shots, strict=True):
            last = axes is panels[-1]
            _panel(axes, run, shot, nodes, scale, named=few or last, large=last and not few)
        bar = figure.colorbar(
            ScalarMappable(scale.norm, scale.colours), ax=panels, orientation="horizontal",
            fraction=0.035, aspect=60, pad=0.02,
        )  # fmt: skip
        bar.set_label(scale.label)
        bar.outline.set_visible(False)


def spread_out(snapshots: Sequence[Snapshot], count: int) -> list[Snapshot]:
    """At most ``count`` of them, the first and the last among them, denser at the beginning, where
    most is learned."""
    if len(snapshots) <= count:
        return list(snapshots)
    places = np.unique(np.geomspace(1, len(snapshots), count).round().astype(int)) - 1
    return [snapshots[place] for place in places]


@dataclass(frozen=True, slots=True)
class Scale:
    """What colour a value has.

    Attributes:
        sign: what a value is multiplied by before it is looked up.
    """

    norm: Normalize
    colours: Colormap
    sign: float
    label: str

    def tone(self, value: float) -> tuple[float, float, float, float]:
        """Red, green, blue and opacity."""
        red, green, blue, opacity = self.colours(float(self.norm(self.sign * value)))
        return red, green, blue, opacity


def value_scale(reward: str, links: Sequence[Link]) -> Scale:
    """Of rewards around zero. Of times on a logarithmic scale: what leads nowhere costs a penalty,
    hundreds of times what a good way takes."""
    from matplotlib.colors import LogNorm, Normalize

    values = [link.value for link in links if link.value is not None and link.value != 0]
    if reward == "latency":
        costs = [-value for value in values if value < 0] or [1.0]
        low, high = min(costs), max(costs)
        return Scale(
            LogNorm(low * 0.95, max(high, low * 2), clip=True),
            diverging().reversed(),
            -1.0,
            "learned cost of a link (s)",
        )
    largest = max(map(abs, values), default=1.0)
    return Scale(Normalize(-largest, largest), diverging(), 1.0, "learned value of a link (reward)")


def diverging() -> Colormap:
    """Red below zero, blue above: what leads nowhere and what leads to the origin."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("value", [FAILURE, "#efefef", "#0072b2"])


def shades() -> Colormap:
    """From white to dark blue, for counts."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("count", ["#ffffff", "#56b4e9", "#08306b"])


def _described(changes: Sequence[Change]) -> str:
    return "; ".join(change.text for change in changes)


def _panel(
    axes: Axes,
    run: Run,
    shot: Snapshot,
    nodes: Sequence[str],
    scale: Scale,
    named: bool,
    large: bool,
) -> None:
    from matplotlib.collections import LineCollection

    place = {name: (int(name) % 100, level_of(name)) for name in nodes}
    dead = {
        node
        for change in run.changes
        if change.kind is ChangeKind.KILL and change.at <= shot.at
        for node in change.nodes
    }
    edges = edges_then(run, shot.at)
    width = run.shape.width
    tried = [link for link in shot.links if link.value is not None]
    untried = [link for link in shot.links if link.value is None]
    # The strongest on top, so that what is known of them is seen.
    tried.sort(key=lambda link: abs(link.value or 0.0))
    used = {
        pair
        for name in nodes
        if level_of(name) == run.shape.levels
        for pair in itertools.pairwise(greedy_way(shot, name))
    }
    bold = [link for link in tried if (link.node, link.parent) in used]

    def draw(links: Sequence[Link], linewidth: float, order: int, tone: str | None = None) -> None:
        segments, tones = [], []
        for link in links:
            for segment in segments_of(place[link.node], place[link.parent], width):
                segments.append(segment)
                tones.append(tone or scale.tone(link.value or 0.0))
        axes.add_collection(
            LineCollection(segments, colors=tones, linewidths=linewidth, zorder=order)
        )

    wide = 5.2 if large else 3.2
    draw(untried, 0.7, 1, UNTRIED)
    draw(tried, 2.0 if large else 1.3, 2)
    draw(bold, wide, 3, INK)
    draw(bold, wide - 1.6, 4)
    for name, (x, y) in place.items():
        tone = KNOWS_ORIGIN if name in edges else "#ffffff"
        size = 17 if large else 14 if named else 4
        if name in dead:
            axes.plot([x], [y], "X", color=FAILURE, markersize=size * 0.7, zorder=7)
            continue
        axes.plot(
            [x], [y], "o", color=tone, markeredgecolor=INK if named else QUIET,
            markersize=size, markeredgewidth=0.8 if named else 0.5, zorder=5,
        )  # fmt: skip
        if named:
            axes.text(
                x, y, name, ha="center", va="center", zorder=6,
                fontsize=5.8, color="white" if name in edges else INK,
            )  # fmt: skip
    windows = f"after {shot.windows} window{'' if shot.windows == 1 else 's'}"
    axes.set_title(windows if shot.windows else "at first", fontsize=9)
    axes.set_xlim(1 - STUB, width + STUB)
    axes.set_ylim(0.6, run.shape.levels + 0.4)
    axes.set_axis_off()


def segments_of(start: Point, end: Point, width: int) -> list[tuple[Point, Point]]:
    """The line of a link. Ranks go on after the last with the first: a link around that corner
    leaves at one side and comes in at the other, rather than cross everything."""
    (x, y), (to, below) = start, end
    if width < FEWEST_AROUND or abs(to - x) <= width / 2:
        return [(start, end)]
    turn = width if to < x else -width
    return [((x, y), (to + turn, below)), ((x - turn, y), (to, below))]


def edges_then(run: Run, at: float) -> set[str]:
    """The nodes that knew the origin of the run's domain at that time."""
    edges = set(run.edges)
    for change in run.changes:
        if change.kind is ChangeKind.MOVE and change.at <= at:
            *left, joined = change.nodes
            edges = edges.difference(left) | {joined}
    return edges
