"""Who is due in many runs at once: what ``Arrivals`` and ``Workload`` do, from the same dice."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from rl.fog.arrivals import NEVER
from rl.fog.settings import FogSettings
from rl.fog.streams import Ahead, Floats, Integers
from rl.fog.vector_ground import Grounds

UNSURE = 1e-12
"""Closer to a whole number than this, in proportion, a gap is worked out again."""

FOREVER = 2.0**62


class VectorArrivals:
    """The clocks of all pairs of all runs.

    Args:
        clocks, workload: by run, the dice of these two purposes.

    Attributes:
        clients, homes: flat places, by pair; see ``Grounds``.
    """

    def __init__(
        self,
        settings: FogSettings,
        grounds: Grounds,
        clocks: Sequence[random.Random],
        workload: Sequence[random.Random],
    ) -> None:
        self.clients, self.homes = grounds.clients.ravel(), grounds.homes.ravel()
        runs, pairs = grounds.clients.shape
        self._pairs = pairs
        self._run_of: Integers = np.repeat(np.arange(runs, dtype=np.int64), pairs)
        self._count: Integers = np.arange(runs * pairs, dtype=np.int64)
        self._none: Integers = np.zeros(runs * pairs, dtype=np.int64)
        self._least = settings.least_deadline_seconds * settings.ticks_per_second
        self._draws = 2 if self._least else 1
        weights = [each.weight for each in settings.task_types]
        total = math.fsum(weights)
        self._bounds: Floats = np.array([each / total for each in accumulate(weights)])
        self._bounds[-1] = 1.0
        self._last = len(weights) - 1
        self._gaps = Ahead(clocks, pairs)
        self._kinds = Ahead(workload, pairs, self._draws)
        per_layer = {
            layer: each.per_tick(settings.ticks_per_second)
            for layer, each in zip(settings.task_layers, settings.schedules, strict=True)
        }
        rates = [per_layer.get(layer, []) for layer in settings.node_layers]
        now = [each[0][1] if each else 0.0 for each in rates]
        self._changes: dict[int, list[tuple[int, float]]] = {}
        for node, each in enumerate(rates):
            for tick, rate in each[1:]:
                self._changes.setdefault(tick, []).append((node, rate))
        self._target: Integers = grounds.homes % grounds.W
        by_place: Floats = np.array([*now, *[0.0] * (grounds.W - grounds.N)])
        self._rate: Floats = by_place[self._target]
        self._next: Integers = np.full((runs, pairs), NEVER, dtype=np.int64)
        self._wind((self._rate > 0).ravel().nonzero()[0], 0, 0)

    def due(self, now: int) -> tuple[Integers, Integers, Integers]:
        """Flat pairs, each with the type of its task and its deadline (0 for none).

        Within a run they are in the order in which the clients ask.
        """
        if now in self._changes:
            self._change(now)
        self._gaps.provide()
        asking: Integers = (self._next == now).ravel().nonzero()[0]
        self._kinds.provide()
        runs, counts = self._wind(asking, now, 1)
        slots = self._slots(self._kinds, runs, counts)
        slots *= self._draws
        drawn = self._kinds.numbers.ravel()
        kind = deadline = self._none[: len(asking)]
        if self._last:
            shares = drawn.take(slots + (self._draws - 1))
            kind = np.minimum(self._bounds.searchsorted(shares, side="right"), self._last)
        if self._least:
            deadline = (drawn.take(slots) * self._least).astype(np.int64)
            deadline += now + self._least
        return asking, kind, deadline

    def _change(self, now: int) -> None:
        changed: list[int] = []
        for node, rate in self._changes[now]:
            self._rate[self._target == node] = rate
            changed.append(node)
        hit = np.isin(self._target, changed)
        self._next[hit] = NEVER
        self._gaps.provide()
        self._wind((hit & (self._rate > 0)).ravel().nonzero()[0], now, 0)
        self._gaps.provide()

    def _wind(self, which: Integers, now: int, least: int) -> tuple[Integers, Integers]:
        """Draw the next ticks of these pairs, in their order.

        Returns:
            Of which run each is, and how many of each run they are.
        """
        runs = self._run_of.take(which)
        counts = np.bincount(runs, minlength=len(self._gaps.at))
        drawn = self._gaps.numbers.ravel().take(self._slots(self._gaps, runs, counts))
        ticks = due_after(self._rate.ravel().take(which), drawn)
        if least:
            np.maximum(ticks, least, out=ticks)
        ticks += now
        self._next.ravel()[which] = ticks
        return runs, counts

    def _slots(self, ahead: Ahead, runs: Integers, counts: Integers) -> Integers:
        """Where each draws next, given the runs of all who draw, in their order."""
        after = ahead.at + counts
        first = after - counts.cumsum()
        ahead.at[:] = after
        found: Integers = first.take(runs)
        found += self._count[: len(runs)]
        return found


def due_after(rates: Floats, drawn: Floats) -> Integers:
    """Ticks, as ``schedules.due_after`` counts them from the same dice.

    The logarithms of numpy and of the standard library may differ in the last digit. Where that
    could matter the latter decides.
    """
    gaps = np.log(1.0 - drawn)
    gaps /= -rates
    gaps += 0.5
    found = np.floor(gaps)
    unsure = np.abs(gaps - np.rint(gaps)) < UNSURE * gaps
    if unsure.any():
        for each in unsure.nonzero()[0].tolist():
            gap = -math.log(1.0 - float(drawn[each])) / float(rates[each]) + 0.5
            found[each] = math.floor(gap)
    return np.minimum(found, FOREVER).astype(np.int64)
