"""What a fog stands on: where its nodes are, who reaches whom and how fast, how strong each is."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rl.fog.links import Links
from rl.fog.settings import FogSettings, Point
from rl.fog.topologies import layout, neighbours


class Ground:
    """Drawn once per run; ``move`` changes it where nodes walk.

    Attributes:
        positions: in metres, the nodes' and then the clouds'.
        neighbours: of each node, itself first, clouds last.
        layers: of each node; that of a cloud is one beyond the last.
        clients: in metres, where the nodes' clients are; empty while they are with their nodes.
            Set before ``move``.
        power: of each node, instructions per tick of all its cores, at least 1.
    """

    def __init__(self, settings: FogSettings, dice: random.Random) -> None:
        self._settings = settings
        self.clients: Sequence[Point] = ()
        self._layout = layout(settings, dice)
        self.power = _power(settings, dice)
        self._arrange()

    def same_links(self, other: Ground) -> bool:
        """All is where it is on the other, and linked alike."""
        return self._layout == other._layout and self.clients == other.clients

    def delay(self, sender: int, receiver: int, size_bytes: float) -> int:
        """Ticks for so many bytes over the link between them, at least 1."""
        return self._links.ticks(sender, receiver, size_bytes)

    @property
    def alike(self) -> bool:
        """Links take as long there as back: all but the channel's number is the same."""
        table = self._settings.channels_between_layers
        return all(
            number == table[column][row]
            for row, numbers in enumerate(table)
            for column, number in enumerate(numbers)
        )

    def seconds(self, sender: int, receiver: int, size_bytes: float) -> float:
        """The same by the documented noise and not cut into ticks."""
        key = (sender, receiver, size_bytes)
        known = self._seconds.get(key)
        if known is None:
            known = self._seconds[key] = self._documented.seconds(sender, receiver, size_bytes)
        return known

    def meters(self, node: int) -> list[float]:
        """To each of its neighbours."""
        known = self._meters.get(node)
        if known is None:
            at, places = self.positions[node], self.positions
            known = [math.dist(at, places[each]) for each in self.neighbours[node]]
            self._meters[node] = known
        return known

    def client_place(self, client: int) -> int:
        """Where the client of that node is: with its node, unless clients walk."""
        return client + len(self._layout.positions) if self.clients else client

    def nearest(self, client: int, nodes: Iterable[int]) -> int:
        """Of the nodes, the one closest to the client; of equals the first."""
        at = self.clients[client]
        return min(nodes, key=lambda node: math.dist(at, self.positions[node]))

    def linked(self, sender: int, receiver: int) -> bool:
        """A message can go that way now."""
        return receiver in self._reached[sender] or sender in self._reached[receiver]

    def way(self, source: int, destination: int) -> list[int] | None:
        """The nodes of a way of fewest links, both ends included; None if there is none."""
        before: dict[int, int] = {source: source}
        ahead = deque([source])
        while ahead and destination not in before:
            node = ahead.popleft()
            for each in self._reached[node]:
                if each not in before:
                    before[each] = node
                    ahead.append(each)
        if destination not in before:
            return None
        way = [destination]
        while way[-1] != source:
            way.append(before[way[-1]])
        return way[::-1]

    def move(self, positions: Sequence[Point]) -> bool:
        """The nodes are elsewhere now; whether that made other neighbours."""
        found = self._layout
        places = (*positions, *found.positions[len(positions) :])
        linked = neighbours(self._settings, places)
        changed = linked != found.neighbours
        self._layout = replace(found, positions=places, neighbours=linked)
        self._arrange()
        return changed

    def _arrange(self) -> None:
        found = self._layout
        self.positions = found.positions
        self.neighbours = found.neighbours
        self.layers = found.layers
        self._meters: dict[int, list[float]] = {}
        everybody = found
        if self.clients:
            everybody = replace(
                found,
                positions=(*found.positions, *self.clients),
                layers=(*found.layers, *found.layers[: len(self.clients)]),
            )
        self._links = Links(self._settings, everybody)
        self._documented = self._links
        if self._settings.compat:
            self._documented = Links(replace(self._settings, compat=False), everybody)
        self._seconds: dict[tuple[int, int, float], float] = {}
        places = len(found.positions)
        # By node or cloud, whom it reaches; clouds reach whoever reaches them.
        self._reached: list[dict[int, None]] = [{} for _ in range(places)]
        for node, row in enumerate(found.neighbours):
            self._reached[node].update(dict.fromkeys(row))
            for cloud in row:
                if cloud >= len(found.neighbours):
                    self._reached[cloud][node] = None


def _power(settings: FogSettings, dice: random.Random) -> list[int]:
    """A node's frequency is off by a draw of its own; in compat all of a layer share one."""
    layers = settings.node_layers
    off = {layer: _off(settings, layer, dice) for layer in range(settings.layers)}
    found = []
    for node, (frequency, cores) in enumerate(
        zip(settings.frequencies, settings.all_cores, strict=True)
    ):
        layer = layers[node]
        if not settings.per_node:
            frequency -= off[layer] if settings.compat else _off(settings, layer, dice)
        found.append(max(1, int(cores * frequency / settings.ticks_per_second)))
    return found


def _off(settings: FogSettings, layer: int, dice: random.Random) -> float:
    variation = settings.frequency_variations[layer]
    return variation * (2.0 * dice.random() - 1.0)
