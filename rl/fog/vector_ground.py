"""The grounds of many runs of one fog, as arrays.

Places of one run are its nodes, its clouds and a last one that fills up the rows of nodes with few
neighbours; ``W`` of them. Place ``p`` of run ``e`` has the flat number ``e * W + p``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rl.fog.arrivals import Pair, pairs, targets
from rl.fog.ground import Ground
from rl.fog.observing import MOST
from rl.fog.rewards import Terms
from rl.fog.settings import FogSettings
from rl.fog.streams import Floats, Integers, dice

Floats32: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Links:
    """Of one run: A agents, K columns.

    Attributes:
        slots: (A, K) places, the filler where there is no neighbour.
        delays: (task types, W, W) ticks from place to place, where messages go.
        shown: (A, K) ticks for a task of mean size.
        seconds: (A, K) for a task of the size that the rewards count with.
        meters: (A, K).
        pairs: of clients and whom they ask.
        asking: by node, how many clients reach it.
    """

    slots: Integers
    delays: Integers
    shown: Floats
    seconds: Floats
    meters: Floats
    pairs: Sequence[Pair]
    asking: Floats


class Grounds:
    """E runs of one fog.

    Args:
        before: grounds of the same settings, whose links are taken over where they are the same.

    Attributes:
        E, N, A, K, W: runs, nodes, agents, columns, places of a run.
        slots: (E, A, K) flat places.
        counts: (E, A) columns in use.
        delays: (types, E * W, W) ticks from a flat place to a place of the same run.
        shown: (E, A, K) ticks for a task of mean size, at most MOST.
        seconds, meters: (E, A, K).
        power: (E, W) instructions per tick; of a cloud, what one of its machines has.
        asking: (E, W) how many clients reach a node.
        clients, homes: (E, P) flat places of the pairs, filled up with fillers.
        known: the last ground and its links.
    """

    known: tuple[Ground, _Links] | None

    def __init__(
        self,
        settings: FogSettings,
        seeds: Sequence[int],
        episode: int,
        columns: int,
        before: Grounds | None = None,
    ) -> None:
        self.E, self.N = len(seeds), settings.nodes
        self.A, self.K = len(settings.agents), columns
        self.W = self.N + settings.clouds + 1
        self._terms = Terms.of(settings)
        self._settings = settings
        grounds = [Ground(settings, dice(seed, episode, "ground")) for seed in seeds]
        self.power: Floats = np.ones((self.E, self.W))
        self.power[:, : self.N] = [each.power for each in grounds]
        per_tick = settings.cloud_instructions_per_second / settings.ticks_per_second
        self.power[:, self.N : -1] = max(1, int(per_tick))
        found: list[_Links] = []
        # Links follow from positions, which are the same in all runs unless they are drawn.
        known = before.known if before else None
        for ground in grounds:
            if known is None or not ground.same_links(known[0]):
                known = ground, self._links(ground)
            found.append(known[1])
        self.known = known
        self._stack(found)

    def _stack(self, found: Sequence[_Links]) -> None:
        origin: Integers = np.arange(self.E, dtype=np.int64) * self.W
        slots: Integers = np.stack([each.slots for each in found])
        self.slots: Integers = slots + origin[:, None, None]
        self.counts: Integers = (slots < self.W - 1).sum(axis=2)
        kinds = len(found[0].delays)
        self.delays: Integers = np.stack([each.delays for each in found], axis=1).reshape(
            kinds, self.E * self.W, self.W
        )
        self.shown: Floats = np.stack([each.shown for each in found])
        self.seconds: Floats = np.stack([each.seconds for each in found])
        self.meters: Floats = np.stack([each.meters for each in found])
        self.asking: Floats = np.stack([each.asking for each in found])
        most = max(1, max(len(each.pairs) for each in found))
        pairs: Integers = np.full((self.E, most, 2), self.W - 1, dtype=np.int64)
        for run, each in enumerate(found):
            if each.pairs:
                pairs[run, : len(each.pairs)] = each.pairs
        pairs += origin[:, None, None]
        self.clients, self.homes = pairs[:, :, 0].copy(), pairs[:, :, 1].copy()

    def _links(self, ground: Ground) -> _Links:
        settings, columns = self._settings, self.K
        filler, shape = self.W - 1, (self.A, columns)
        slots: Integers = np.full(shape, filler, dtype=np.int64)
        shown, seconds, meters = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        types = settings.task_types
        mean_size = sum(each.size_bytes for each in types) / len(types) or 1.0
        positions, longest = ground.positions, settings.last_tick + 1
        for row, node in enumerate(settings.agents):
            known = ground.neighbours[node]
            slots[row, : len(known)] = known
            shown[row, : len(known)] = [
                min(ground.delay(node, each, mean_size), MOST) for each in known
            ]
            for column, each in enumerate(known[1:], 1):
                seconds[row, column] = ground.seconds(node, each, self._terms.size_bytes)
                meters[row, column] = math.dist(positions[node], positions[each])
        asked = targets(settings, ground)
        asking = np.zeros(self.W)
        for nodes in asked.values():
            asking[list(nodes)] += 1
        found = pairs(asked, settings.client_is_self)
        ways = {(node, each) for node, row in enumerate(ground.neighbours) for each in row}
        ways |= set(found)
        delays: Integers = np.ones((len(types), self.W, self.W), dtype=np.int64)
        for kind, each_type in enumerate(types):
            for a, b in ways:
                if a != b:
                    size = each_type.size_bytes
                    delays[kind, a, b] = min(ground.delay(a, b, size), longest)
                    delays[kind, b, a] = min(ground.delay(b, a, size), longest)
        return _Links(slots, delays, shown, seconds, meters, found, asking)
