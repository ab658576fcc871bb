"""Messages on their way: when they arrive, whether they do, and what a busy link makes of that."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rl.fog.tasks import Application, Task

MOST_REMEMBERED = 100_000
"""Delays that are kept; a trace of jobs may bring as many sizes as it likes."""


class Report:
    """A node's load, as it tells one neighbour.

    Attributes:
        sent: the tick; of two reports the later one counts, whichever arrives first.
    """

    __slots__ = ("load", "node", "sent")

    def __init__(self, node: int, load: int, sent: int) -> None:
        self.node = node
        self.load = load
        self.sent = sent


class Transfer:
    """A federated-learning message, which goes link by link and only loads them.

    Attributes:
        way: the nodes still to come, the next one first.
    """

    __slots__ = ("id", "size_bytes", "way")

    def __init__(self, id: str, size_bytes: float, way: list[int]) -> None:
        self.id = id
        self.size_bytes = size_bytes
        self.way = way


Message: TypeAlias = Task | Application | Report | Transfer
"""What it is to whom it reaches follows from where it has been."""

Delay: TypeAlias = Callable[[int, int, float], int]
"""Ticks from a node to another for so many bytes, at least 1."""


@dataclass(frozen=True, slots=True)
class Carriage:
    """What links do besides taking their time.

    Attributes:
        drop: the probability that a message is lost.
        least_jitter, most_jitter: ticks more, drawn evenly between them.
        contention: a link carries one message at a time in each direction; others wait.
    """

    drop: float = 0.0
    least_jitter: float = 0.0
    most_jitter: float = 0.0
    contention: bool = False


class Post:
    """All messages on their way, by the tick of their arrival.

    Args:
        alike: a link takes as long there as back, so that one of them need not be worked out.
    """

    def __init__(
        self, delay: Delay, carriage: Carriage, dice: random.Random, alike: bool = False
    ) -> None:
        self._delay = delay
        self._alike = alike
        self._drop = carriage.drop
        self._least = carriage.least_jitter
        self._spread = carriage.most_jitter - carriage.least_jitter
        self._jitters = carriage.most_jitter > 0
        self._contention = carriage.contention
        self._dice = dice
        self._ticks: dict[tuple[int, int, float], int] = {}
        self._free: dict[tuple[int, int], int] = {}
        self._calendar: dict[int, list[tuple[Message, int]]] = {}

    def send(self, message: Message, sender: int, receiver: int, size: float, now: int) -> bool:
        """Off it goes, or it is lost: False."""
        if self._drop and self._dice.random() < self._drop:
            return False
        ticks = self.ticks(sender, receiver, size)
        if self._jitters:
            more = self._least + self._spread * self._dice.random()
            ticks = max(1, int(ticks + more + 0.5))
        arrival = now + ticks
        if self._contention and sender != receiver:
            link = (sender, receiver)
            arrival = max(now, self._free.get(link, 0)) + ticks
            self._free[link] = arrival
        noted = self._calendar.get(arrival)
        if noted is None:
            self._calendar[arrival] = [(message, receiver)]
        else:
            noted.append((message, receiver))
        return True

    def arriving(self, now: int) -> list[tuple[Message, int]]:
        """What arrives in this tick and where, in the order of sending; each once."""
        return self._calendar.pop(now, [])

    def ticks(self, sender: int, receiver: int, size: float) -> int:
        """The delay without jitter and waiting."""
        key = (sender, receiver, size)
        known = self._ticks.get(key)
        if known is None:
            if len(self._ticks) >= MOST_REMEMBERED:
                self._ticks.clear()
            known = self._ticks[key] = self._delay(sender, receiver, size)
            if self._alike:
                self._ticks[(receiver, sender, size)] = known
        return known

    def row(self, sender: int, receivers: Sequence[int], size: float) -> list[int]:
        """``ticks`` to each of them; there is no delay of 0 among those that are known."""
        known = self._ticks.get
        return [known((sender, each, size)) or self.ticks(sender, each, size) for each in receivers]

    def remember(self, other: Post) -> None:
        """The other's nodes are where ours are: its delays are ours."""
        self._ticks = dict(other._ticks)

    def moved(self) -> None:
        """Nodes are elsewhere: delays must be worked out anew. What is on its way stays so."""
        self._ticks.clear()

    def on_the_way(self) -> list[Message]:
        """All of it, the earliest to arrive first."""
        calendar = self._calendar
        return [message for tick in sorted(calendar) for message, _ in calendar[tick]]

    def coming(self) -> list[tuple[int, Message, int]]:
        """(tick of arrival, message, receiver) of all on the way, the earliest first."""
        calendar = self._calendar
        return [(tick, *each) for tick in sorted(calendar) for each in calendar[tick]]
