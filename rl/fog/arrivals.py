"""Who is due: pairs of a client and the node that it asks, each with a clock of its own.

A pair is asked once per tick and yields one application at the most; its next one is due after an
exponential gap in whole ticks. The clocks draw from dice of their own in an order that nothing but
time decides, so that two runs of one seed bring the same applications whatever is done with them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rl.fog.ground import Ground
from rl.fog.schedules import due_after
from rl.fog.settings import FogSettings

Pair: TypeAlias = tuple[int, int]
"""The client's node, and the node that it asks."""

Rates: TypeAlias = Sequence[tuple[int, float]]
"""(first tick, rate per tick), the earliest first."""

NEVER = -1


class Arrivals:
    """The documented clocks: every pair on its own, drawn anew when its rate changes.

    Args:
        asked: by client's node, whom it may ask, itself first if it does.
        rates: by target node.
        selfish: ``clientIsSelf``: it asks itself alone, if it may.
    """

    def __init__(
        self,
        asked: Mapping[int, Sequence[int]],
        rates: Sequence[Rates],
        dice: random.Random,
        selfish: bool,
    ) -> None:
        self._selfish = selfish
        self._rates = rates
        self._dice = dice
        self._rate = [each[0][1] if each else 0.0 for each in rates]
        self._changes = _changes(rates)
        self._next: dict[Pair, int] = {}
        self._calendar: dict[int, list[Pair]] = {}
        for pair in pairs(asked, selfish):
            self._wind(pair, 0)

    def due(self, now: int) -> Sequence[Pair]:
        """The pairs whose client asks in this tick, which must follow the one asked last."""
        changed = self._changes.get(now)
        if changed:
            for target, rate in changed:
                self._rate[target] = rate
            targets = {target for target, _ in changed}
            for pair in [each for each in self._next if each[1] in targets]:
                self._wind(pair, now)
        noted = self._calendar.pop(now, None)
        if noted is None:
            return ()
        clocks, ask = self._next, []
        noted.sort()  # in an order that one can tell without having counted notes
        for pair in noted:
            # A clock that was wound anew left its old note behind.
            if clocks.get(pair) == now:
                ask.append(pair)
                self._wind(pair, now, 1)
        return ask

    def arrange(self, asked: Mapping[int, Sequence[int]], now: int) -> None:
        """Clients may ask others from now on; pairs that stay keep their clocks."""
        wanted = dict.fromkeys(pairs(asked, self._selfish))
        for pair in [each for each in self._next if each not in wanted]:
            del self._next[pair]
        for pair in wanted:
            if pair not in self._next:
                self._wind(pair, now, 1)

    def _wind(self, pair: Pair, now: int, least: int = 0) -> None:
        gap = due_after(self._rate[pair[1]], self._dice)
        if gap is None:
            self._next[pair] = NEVER
            return
        tick = now + max(least, gap)
        self._next[pair] = tick
        self._calendar.setdefault(tick, []).append(pair)


class LeakyArrivals:
    """The original's clocks, for ``compat``.

    ``clientIsSelf`` does not keep a client to its own node: where that is not due, all others that
    are due are asked. A change of rate reaches the first target of a client only, and only if it
    brings its clock forward.

    Args:
        asked, rates, selfish: as of Arrivals.
    """

    def __init__(
        self,
        asked: Mapping[int, Sequence[int]],
        rates: Sequence[Rates],
        dice: random.Random,
        selfish: bool,
    ) -> None:
        self._targets = asked
        self._dice = dice
        self._selfish = selfish
        self._rate = [each[0][1] if each else 0.0 for each in rates]
        self._changes = _changes(rates)
        self._next = {
            (client, target): self._drawn(target, 0)
            for client, nodes in asked.items()
            for target in nodes
        }

    def due(self, now: int) -> Sequence[Pair]:
        """The pairs whose client asks in this tick, which must follow the one asked last."""
        changed = self._changes.get(now)
        if changed:
            for target, rate in changed:
                self._rate[target] = rate
            for client, asked in self._targets.items():
                pair = (client, asked[0])
                sooner = self._drawn(asked[0], now)
                if sooner != NEVER and (self._next[pair] == NEVER or sooner < self._next[pair]):
                    self._next[pair] = sooner
        clocks, ask = self._next, []
        for client, asked in self._targets.items():
            own = (client, client)
            if self._selfish and NEVER != clocks.get(own, NEVER) <= now:
                ask.append(own)
                continue
            for target in asked:
                pair = (client, target)
                if NEVER != clocks[pair] <= now:
                    ask.append(pair)
        for pair in ask:
            clocks[pair] = self._drawn(pair[1], now)
        return ask

    def arrange(self, asked: Mapping[int, Sequence[int]], now: int) -> None:
        """Clients may ask others from now on; pairs that stay keep their clocks."""
        before = self._next
        self._targets = asked
        self._next = {}
        for client, nodes in asked.items():
            for target in nodes:
                known = before.get((client, target))
                self._next[(client, target)] = self._drawn(target, now) if known is None else known

    def _drawn(self, target: int, now: int) -> int:
        gap = due_after(self._rate[target], self._dice)
        return NEVER if gap is None else now + gap


def _changes(rates: Sequence[Rates]) -> dict[int, list[tuple[int, float]]]:
    """By tick, which targets have which rate from then on; without the first rates."""
    found: dict[int, list[tuple[int, float]]] = {}
    for target, each in enumerate(rates):
        for tick, rate in each[1:]:
            found.setdefault(tick, []).append((target, rate))
    return found


def clocks(
    settings: FogSettings, asked: Mapping[int, Sequence[int]], dice: random.Random
) -> Arrivals | LeakyArrivals:
    """The clocks of a fog where the clients ask these; see ``targets``."""
    rate = {
        layer: each.per_tick(settings.ticks_per_second)
        for layer, each in zip(settings.task_layers, settings.schedules, strict=True)
    }
    rates = [rate.get(layer, []) for layer in settings.node_layers]
    kind = LeakyArrivals if settings.compat else Arrivals
    return kind(asked, rates, dice, settings.client_is_self)


def targets(settings: FogSettings, ground: Ground) -> dict[int, Sequence[int]]:
    """By client's node, whom it may ask: itself first, then its neighbours.

    A client that walks asks the nearest node that takes tasks.
    """
    layers, nodes = settings.node_layers, settings.nodes
    taking = [node for node in range(nodes) if layers[node] in settings.task_layers]
    takes = set(taking)
    found: dict[int, Sequence[int]] = {}
    for client in range(nodes):
        if layers[client] not in settings.client_layers:
            continue
        if ground.clients:
            asked = [ground.nearest(client, taking)] if taking else []
        else:
            asked = [node for node in ground.neighbours[client] if node in takes]
        if asked:
            found[client] = asked
    return found


def pairs(asked: Mapping[int, Sequence[int]], selfish: bool) -> list[Pair]:
    """A client that is selfish asks its own node alone, if that takes tasks."""
    return sorted(
        (client, target)
        for client, nodes in asked.items()
        for target in nodes
        if target == client or not selfish or client not in nodes
    )
