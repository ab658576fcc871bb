"""Pictures of a fog: nodes, their queues, links, what is on its way; and films of them.

A node's disc has the colour of its layer, the arc around it shows how full its queue is. Dots on
links are tasks: filled ones go out to be processed, rings are results on the way back. Clouds stand
above the map, wherever they are; diamonds are clients that walk. Needs Pillow, which comes with the
extra ``report``.
"""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rl.fog.brush import Brush, Frame
from rl.fog.placing import Box, apart, fitted
from rl.fog.tasks import Application, Place, Task

if TYPE_CHECKING:
    from PIL import Image

    from rl.fog.settings import Point
    from rl.fog.world import World

WIDTH, HEIGHT = 960, 640
PANEL = 270
MARGIN = 46
CLOUD_BAND = 92
MOST_MOMENTS = 400
"""Of the curve of what is in the system."""

MOST_DOTS = 2000

MOST_COUNTED = 30
"""Nodes, up to which their loads are written below them."""

PAPER, INK, FAINT, LINE, CARD = "#f4f6fb", "#101828", "#667085", "#c3cad9", "#ffffff"
TRACK, DOWN = "#e2e6ef", "#98a2b3"
LAYERS = ("#2f5fd0", "#0e8a7d", "#8b3fc6", "#c2417c", "#a4631a", "#4a5a78")
RAMP = ((0.0, (52, 168, 112)), (0.5, (240, 180, 41)), (1.0, (217, 45, 32)))
SENT, RETURNING, ASKED = "#f97316", "#0ea5e9", "#101828"


@dataclass(frozen=True, slots=True)
class Dot:
    """Something on its way.

    Attributes:
        share: of the way that lies behind it.
    """

    sender: int
    receiver: int
    share: float
    kind: str


def load_color(share: float) -> tuple[int, int, int]:
    """From green over amber to red."""
    share = min(max(share, 0.0), 1.0)
    for (low, below), (high, above) in pairwise(RAMP):
        if share <= high:
            part = (share - low) / (high - low)
            red, green, blue = (
                round(a + part * (b - a)) for a, b in zip(below, above, strict=True)
            )
            return red, green, blue
    return RAMP[-1][1]


def dots(world: World) -> list[Dot]:
    """Tasks, results and requests between two nodes; the reports of loads are left out."""
    found: list[Dot] = []
    for arrival, message, receiver in world.post.coming():
        if len(found) >= MOST_DOTS:
            break
        if isinstance(message, Task):
            if message.place is Place.SENT:
                sender, kind = message.path[-1], "sent"
            else:
                sender, kind = message.node, "returning"
            size = message.size_bytes
        elif isinstance(message, Application):
            client = world.ground.client_place(message.client)
            sender, kind = (client if message.open else message.home), "asked"
            size = message.tasks[0].size_bytes
        else:
            continue
        if sender == receiver:
            continue
        if kind != "asked" and not world.ground.linked(sender, receiver):
            # A result of several hops; of those behind it only the first is known.
            sender = receiver
        ticks = world.post.ticks(sender, receiver, size)
        found.append(Dot(sender, receiver, 1.0 - min(1.0, (arrival - world.now) / ticks), kind))
    return found


class Painter:
    """Frames of one world after the other, and the curve of what was in the system so far."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        if width < 480 or height < 400:
            raise ValueError(f"a frame must be 480 x 400 or larger, not {width} x {height}")
        self._width, self._height = width, height
        self._moments: deque[tuple[int, int]] = deque(maxlen=MOST_MOMENTS)
        self._placed: tuple[tuple[Point, ...], list[Point], float] | None = None

    def frame(self, world: World) -> Frame:
        """What the world is like now."""
        if self._moments and self._moments[-1][0] > world.now:
            self._moments.clear()
        if not self._moments or self._moments[-1][0] < world.now:
            self._moments.append((world.now, world.census().in_system))
        brush = Brush(self._width, self._height, PAPER)
        places, radius = self._places(world)
        self._draw_links(brush, world, places)
        layers, asking = world.settings.node_layers, world.settings.client_layers
        for client in range(len(world.ground.clients)):
            if layers[client] in asking:
                _draw_client(brush, client, places[world.ground.client_place(client)])
        self._draw_dots(brush, world, places, radius)
        for cloud in range(len(world.clouds)):
            self._draw_cloud(brush, world, cloud, places[len(world.nodes) + cloud])
        for node in range(len(world.nodes)):
            self._draw_node(brush, world, node, places[node], radius)
        self._draw_panel(brush, world)
        return brush.picture()

    # The map.

    def _places(self, world: World) -> tuple[list[Point], float]:
        """Where nodes, clouds and clients that walk are drawn, and how large nodes are.

        Nodes that overlap are moved apart.
        """
        positions, count = world.ground.positions, len(world.nodes)
        band = CLOUD_BAND if world.clouds else 0
        left, right = MARGIN, self._width - PANEL - MARGIN
        top, bottom = MARGIN + band, self._height - MARGIN - 8
        box = (left, top, right, bottom)
        if not self._placed or self._placed[0] != positions:
            radius = min(21.0, 0.2 * math.sqrt((right - left) * (bottom - top) / count))
            places = apart(fitted(positions[:count], box), 2.9 * radius, box)
            clouds = len(world.clouds)
            for cloud in range(clouds):
                places.append((left + (right - left) * (cloud + 1) / (clouds + 1), MARGIN + 12.0))
            self._placed = (positions, places, radius)
        _, places, radius = self._placed
        return places + fitted(world.ground.clients, box, positions[:count]), radius

    def _draw_links(self, brush: Brush, world: World, places: Sequence[Point]) -> None:
        rows = world.ground.neighbours
        many = sum(map(len, rows)) > 12 * len(rows)
        for node, row in enumerate(rows):
            for other in row[1:]:
                if other > node:
                    color = "#dfe4ee" if many else LINE
                    brush.line([places[node], places[other]], color, 1.0 if many else 1.6)

    def _draw_dots(
        self, brush: Brush, world: World, places: Sequence[Point], radius: float
    ) -> None:
        size = max(2.6, 0.21 * radius)
        colors = {"sent": SENT, "returning": RETURNING, "asked": ASKED}
        for dot in dots(world):
            (x, y), (u, v) = places[dot.sender], places[dot.receiver]
            length = math.dist((x, y), (u, v))
            if not length:
                continue
            # From rim to rim, and to the right of the line: both directions can be told apart.
            share = (1.25 * radius + dot.share * max(0.0, length - 2.5 * radius)) / length
            aside = 0.32 * radius / length
            at = (x + share * (u - x) - aside * (v - y), y + share * (v - y) + aside * (u - x))
            if dot.kind == "returning":
                brush.disc(at, size, CARD, colors[dot.kind], 1.8)
            else:
                brush.disc(at, size, colors[dot.kind], CARD, 0.8)

    def _draw_node(self, brush: Brush, world: World, node: int, at: Point, radius: float) -> None:
        nodes = world.nodes
        share = nodes.load[node] / nodes.limits[node]
        layer = LAYERS[world.settings.node_layers[node] % len(LAYERS)]
        up = nodes.up[node]
        brush.disc(at, 1.34 * radius, CARD, LINE, 0.8)
        brush.arc(at, 1.2 * radius, 0.0, 1.0, TRACK, 0.2 * radius)
        if share > 0:
            brush.arc(at, 1.2 * radius, 0.0, share, load_color(share), 0.2 * radius)
        brush.disc(at, 0.84 * radius, layer if up else DOWN)
        if node in world.settings.agents:
            brush.disc(at, 0.7 * radius, None, CARD, max(0.8, 0.05 * radius))
        if up:
            brush.text(at, str(node), round(0.78 * radius), "#ffffff", "mm")
            if len(nodes) <= MOST_COUNTED:
                x, y = at
                told = f"{nodes.load[node]}/{nodes.limits[node]}"
                half = 4.0 + 3.2 * len(told)
                y += 1.34 * radius + 9.0
                brush.box((x - half, y - 7.5, x + half, y + 7.5), PAPER, 7)
                brush.text((x, y), told, 11, FAINT, "mm")
        else:
            reach = 0.36 * radius
            x, y = at
            for ends in (
                [(x - reach, y - reach), (x + reach, y + reach)],
                [(x - reach, y + reach), (x + reach, y - reach)],
            ):
                brush.line(ends, "#ffffff", 0.16 * radius)

    def _draw_cloud(self, brush: Brush, world: World, number: int, at: Point) -> None:
        x, y = at
        fill = "#dbe4f7"
        for dx, dy, r in ((-25, 5, 15), (25, 5, 15), (-9, -7, 18), (12, -4, 17)):
            brush.disc((x + dx, y + dy), r, fill)
        brush.box((x - 30, y + 3, x + 30, y + 20), fill, 9)
        held = len(world.clouds[number])
        name = "cloud" if len(world.clouds) == 1 else f"cloud {number}"
        brush.text((x, y - 3), name, 12, INK, "mm")
        brush.text((x, y + 11), f"{held} tasks" if held != 1 else "1 task", 11, FAINT, "mm")

    # The panel.

    def _draw_panel(self, brush: Brush, world: World) -> None:
        left, right = self._width - PANEL, self._width - 18
        brush.box((left, 18, right, self._height - 18), CARD, 14, "#e4e8f1")
        x, end = left + 20, right - 20
        settings, tallies = world.settings, world.tallies
        scale = settings.ticks_per_second
        brush.text((x, 34), f"t = {world.now / scale:g} s", 24, INK)
        brush.text((end, 44), f"of {settings.duration_seconds} s", 12, FAINT, "ra")
        over = min(1.0, world.now / max(1, settings.last_tick - 1))
        brush.box((x, 72, end, 77), TRACK, 2)
        if over > 0:
            brush.box((x, 72, x + max(4.0, over * (end - x)), 77), "#2f5fd0", 2)
        finished = sum(tallies.finished)
        mean = sum(tallies.response_ticks) / finished / scale if finished else 0.0
        waiting = world.census().in_system
        y = 92.0
        for name, value in (
            ("created", f"{tallies.created:,}"),
            ("completed", f"{tallies.completed:,}"),
            ("in the system", f"{waiting:,}"),
            ("dropped", f"{tallies.dropped:,}"),
            ("expired", f"{tallies.expired:,}"),
            ("full queues", f"{_full(world)} of {len(world.nodes)}"),
            ("response time", f"{mean:.1f} s"),
        ):
            alarming = name in ("dropped", "expired") and value != "0"
            brush.text((x, y), name, 13, FAINT)
            brush.text((end, y), value, 14, "#b42318" if alarming else INK, "ra")
            y += 22
        legend = self._height - 36 - _legend_height(world)
        if len(self._moments) > 1:
            self._draw_curve(brush, x, y + 10, end, legend - 20)
        else:
            _draw_queues(brush, world, (x, y + 10, end, legend - 20))
        self._draw_legend(brush, world, x, legend, end)

    def _draw_curve(self, brush: Brush, x: float, y: float, end: float, bottom: float) -> None:
        brush.text((x, y), "tasks in the system", 12, FAINT)
        top = y + 22
        most = max(count for _, count in self._moments)
        brush.text((end, y), f"most {most}", 12, FAINT, "ra")
        brush.line([(x, bottom), (end, bottom)], TRACK, 1.0)
        first, last = self._moments[0][0], self._moments[-1][0]
        points = [
            (
                x + (end - x) * (tick - first) / (last - first),
                bottom - (bottom - top) * count / max(1, most),
            )
            for tick, count in self._moments
        ]
        brush.area([(x, bottom), *points, (end, bottom)], "#e3ebfb")
        brush.line(points, "#2f5fd0", 1.6)

    def _draw_legend(self, brush: Brush, world: World, x: float, y: float, end: float) -> None:
        """Only what can be seen on the map."""
        step = 20.0
        middle = (x + end) / 2
        layers = min(world.settings.layers, len(LAYERS))
        for layer in range(layers):
            column = x if layer % 2 == 0 else middle
            row = y + step * (layer // 2)
            brush.disc((column + 6, row + 8), 6, LAYERS[layer])
            brush.text((column + 20, row + 8), f"layer {layer}", 12, INK, "lm")
        y += step * ((layers + 1) // 2)
        brush.disc((x + 6, y + 8), 6, LAYERS[0])
        brush.disc((x + 6, y + 8), 4, None, CARD, 1.2)
        brush.text((x + 20, y + 8), "agent", 12, INK, "lm")
        if world.settings.failures_per_second:
            brush.disc((middle + 6, y + 8), 6, DOWN)
            brush.text((middle + 20, y + 8), "down", 12, INK, "lm")
        y += step
        brush.disc((x + 6, y + 8), 4.5, SENT)
        brush.text((x + 20, y + 8), "task", 12, INK, "lm")
        brush.disc((middle + 6, y + 8), 4.5, CARD, RETURNING, 1.8)
        brush.text((middle + 20, y + 8), "result", 12, INK, "lm")
        y += step + 4
        brush.text((x, y + 8), "queue", 12, INK, "lm")
        bar = x + 48
        for part in range(40):
            at = bar + (end - bar) * part / 40
            box = (at, y + 3, at + (end - bar) / 40 + 0.6, y + 11)
            brush.box(box, load_color(part / 39), 0)
        brush.text((bar, y + 22), "empty", 11, FAINT, "lm")
        brush.text((end, y + 22), "full", 11, FAINT, "rm")


class Recorder:
    """Frames, to be a GIF. It holds at most so many of them, and forgets the rest."""

    def __init__(self, most: int = 1000) -> None:
        self._frames: deque[Image.Image] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame) -> None:
        from PIL import Image

        palette = Image.fromarray(frame).quantize(96, Image.Quantize.FASTOCTREE)
        self._frames.append(palette)

    def gif(self, seconds_per_frame: float = 0.1) -> bytes:
        """The film, which begins again at its end.

        Raises:
            ValueError: there are no frames.
        """
        if not self._frames:
            raise ValueError("there are no frames to make a film of")
        first, *others = self._frames
        film = io.BytesIO()
        first.save(
            film,
            "GIF",
            save_all=True,
            append_images=others,
            duration=max(20, round(1000 * seconds_per_frame)),
            loop=0,
        )
        return film.getvalue()


def _draw_client(brush: Brush, client: int, at: Point) -> None:
    """One that walks: a diamond with its number."""
    x, y = at
    brush.area([(x, y - 9), (x + 9, y), (x, y + 9), (x - 9, y)], "#cfd6e4")
    brush.text(at, str(client), 9, INK, "mm")


def _draw_queues(brush: Brush, world: World, box: Box) -> None:
    """A bar per node: what there is to show before there is a curve."""
    left, top, right, bottom = box
    brush.text((left, top), "queues, by node", 12, FAINT)
    top += 22
    nodes = world.nodes
    step = (right - left) / len(nodes)
    for node, (load, limit) in enumerate(zip(nodes.load, nodes.limits, strict=True)):
        share = min(1.0, load / limit)
        at, wide = left + step * node, max(0.5, 0.72 * step)
        brush.box((at, top, at + wide, bottom), PAPER, min(3.0, wide / 3))
        if share > 0:
            high = bottom - max(2.0, share * (bottom - top))
            brush.box((at, high, at + wide, bottom), load_color(share), min(3.0, wide / 3))


def _legend_height(world: World) -> float:
    return 20.0 * ((min(world.settings.layers, len(LAYERS)) + 1) // 2) + 72.0


def _full(world: World) -> int:
    nodes = world.nodes
    return sum(load >= limit for load, limit in zip(nodes.load, nodes.limits, strict=True))
