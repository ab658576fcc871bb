"""Where a fog's nodes stand and which of them are linked.

Node ids are 0 … nodes-1, the clouds' follow. A row of neighbours begins with the node itself and
ends with the clouds that it reaches; index k of an action is the k-th of its row.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from rl.fog.ether import rows_of
from rl.fog.settings import FogSettings, Point

CLUSTER = 5
"""Nodes of one of the bridged clusters."""

MARGIN = 0.08
"""Of the area, between its edge and nodes that are placed in a pattern."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Attributes:
    positions: in metres, the nodes' and then the clouds'.
    neighbours: of each node, itself first, clouds last. Clouds have none.
    layers: of each node; that of a cloud is one beyond the last.
    """

    positions: tuple[Point, ...]
    neighbours: tuple[tuple[int, ...], ...]
    layers: tuple[int, ...]


def layout(settings: FogSettings, dice: random.Random) -> Layout:
    """The dice place nodes whose positions are neither given nor follow from the topology."""
    placed = settings.positions_meters or _placed(settings, dice)
    positions = (*placed, *settings.cloud_positions_meters[: settings.clouds])
    layers = (*settings.node_layers, *(settings.layers for _ in range(settings.clouds)))
    return Layout(positions, neighbours(settings, positions), layers)


def neighbours(settings: FogSettings, positions: Sequence[Point]) -> tuple[tuple[int, ...], ...]:
    """Of each node. With random topology they follow from the positions, which may change."""
    nodes = settings.nodes
    layers = settings.node_layers
    if settings.topology == "random":
        rows = _near(positions[:nodes], layers, settings.radius_meters)
    elif settings.topology == "manual":
        rows = _given(settings.neighbours, settings.compat)
    else:
        rows = rows_of(nodes, _PATTERNS[settings.topology](nodes))
    if not settings.compat:
        for node, row in enumerate(rows):
            row[1:] = [
                each for each in row[1:] if channel(settings, layers[node], layers[each]) >= 0
            ]
    clouds = range(nodes, nodes + settings.clouds)
    beyond = settings.layers
    return tuple(
        (*row, *clouds)
        if settings.cloud_access[layer] and channel(settings, layer, beyond) >= 0
        else tuple(row)
        for row, layer in zip(rows, layers, strict=True)
    )


def channel(settings: FogSettings, sender_layer: int, receiver_layer: int) -> int:
    """The number of the channel between two layers, -1 for none.

    The original has but the first one wherever it links nodes at random. Where the table has no row
    for the clouds they count as the last layer.
    """
    table = settings.channels_between_layers
    if only_channel(settings):
        return 0
    last = len(table) - 1
    return table[min(sender_layer, last)][min(receiver_layer, last)]


def only_channel(settings: FogSettings) -> bool:
    """All links have the first one."""
    compat = settings.compat and settings.topology == "random" and not settings.per_node
    return not settings.channels_between_layers or compat


def _near(positions: Sequence[Point], layers: Sequence[int], radius: float) -> list[list[int]]:
    rows = [[node] for node in range(len(positions))]
    for a, b in combinations(range(len(positions)), 2):
        if abs(layers[a] - layers[b]) <= 1 and math.dist(positions[a], positions[b]) < radius:
            rows[a].append(b)
            rows[b].append(a)
    return rows


def _given(listed: Sequence[Sequence[int]], compat: bool) -> list[list[int]]:
    """Links hold both ways, even if one of the two rows forgets them.

    In compat a node's neighbours come in the order in which the rows name the links, which puts
    those of lower rows first, whatever the node's own row says.
    """
    rows = [[node] for node in range(len(listed))] if compat else [list(row) for row in listed]
    for node, row in enumerate(listed):
        for other in row[1:]:
            if other not in rows[node]:
                rows[node].append(other)
            if node not in rows[other]:
                rows[other].append(node)
    return rows


def _grid(nodes: int) -> list[tuple[int, int]]:
    """Rows as long as there are rows, or one longer; links to the right and down."""
    width = math.ceil(math.sqrt(nodes))
    right = [(a, a + 1) for a in range(nodes - 1) if (a + 1) % width]
    return right + [(a, a + width) for a in range(nodes - width)]


def _ring(nodes: int) -> list[tuple[int, int]]:
    return [(a, (a + 1) % nodes) for a in range(nodes) if nodes > 2 or a + 1 < nodes]


def _full(nodes: int) -> list[tuple[int, int]]:
    return list(combinations(range(nodes), 2))


def clusters(nodes: int) -> list[range]:
    """The nodes shared out to clusters, evenly."""
    count = max(1, round(nodes / CLUSTER))
    bounds = [each * nodes // count for each in range(count + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


def _bridged(nodes: int) -> list[tuple[int, int]]:
    """Clusters that are full within; each one's last node is linked to the next one's first."""
    groups = clusters(nodes)
    links = [link for group in groups for link in combinations(group, 2)]
    bridges = [(a[-1], b[0]) for a, b in pairwise(groups)]
    if len(groups) > 2:
        bridges.append((groups[-1][-1], groups[0][0]))
    return links + bridges


_PATTERNS = {"grid": _grid, "ring": _ring, "full": _full, "bridged": _bridged}


def _placed(settings: FogSettings, dice: random.Random) -> tuple[Point, ...]:
    nodes = settings.nodes
    width, height = settings.area_meters
    if settings.topology in ("random", "manual"):
        return tuple((width * dice.random(), height * dice.random()) for _ in range(nodes))
    if settings.topology == "grid":
        across = math.ceil(math.sqrt(nodes))
        down = math.ceil(nodes / across)
        places = [
            (_spread(node % across, across), _spread(node // across, down)) for node in range(nodes)
        ]
    elif settings.topology == "bridged":
        places = _flowers(clusters(nodes))
    else:
        places = [_on_circle(node, nodes) for node in range(nodes)]
    inner = 1.0 - 2.0 * MARGIN
    return tuple((width * (MARGIN + inner * x), height * (MARGIN + inner * y)) for x, y in places)


def _spread(index: int, count: int) -> float:
    return index / (count - 1) if count > 1 else 0.5


def _on_circle(index: int, count: int) -> Point:
    """Within the unit square, from the top on."""
    if count == 1:
        return 0.5, 0.5
    angle = 2.0 * math.pi * index / count
    return 0.5 + 0.5 * math.sin(angle), 0.5 + 0.5 * math.cos(angle)


def _flowers(groups: Sequence[range]) -> list[Point]:
    """Each cluster a circle, their centres on a larger one."""
    places = []
    small = 0.5 if len(groups) == 1 else min(0.24, 0.8 / len(groups))
    for number, group in enumerate(groups):
        x, y = _on_circle(number, len(groups))
        for index in range(len(group)):
            dx, dy = _on_circle(index, len(group))
            places.append(
                (
                    small + (1 - 2 * small) * x + small * (2 * dx - 1),
                    small + (1 - 2 * small) * y + small * (2 * dy - 1),
                )
            )
    return places
