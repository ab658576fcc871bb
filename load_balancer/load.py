"""How loaded a node is: what it declines by, and what a way over it costs. Knows no clock."""

from __future__ import annotations

from typing import Protocol

from metrics.table import EndpointTable

FULL = 100.0


class Load(Protocol):
    """A node's own load, from 0 to 100."""

    def current(self) -> float:
        """Asked when a request comes."""
        ...

    def rewarded(self) -> float:
        """Asked when the node before is told of a request that was passed on to the next one."""
        ...

    def declined(self) -> None:
        """A request was declined for it."""
        ...


class Idle:
    """None at all, of a node whose load nobody asked to be measured."""

    __slots__ = ()

    def current(self) -> float:
        """See Load."""
        return 0.0

    def rewarded(self) -> float:
        """See Load."""
        return 0.0

    def declined(self) -> None:
        """See Load."""


class InFlight:
    """Requests in flight to the endpoints, of those that the node is made for.

    Attributes:
        capacity: in flight, they are a load of 100.
    """

    __slots__ = ("_table", "capacity")

    def __init__(self, table: EndpointTable, capacity: int) -> None:
        self._table = table
        self.capacity = capacity

    def current(self) -> float:
        """See Load."""
        table = self._table
        in_flight = sum([stats.in_flight for stats in table.all])
        if table.draining:
            in_flight += sum([stats.in_flight for stats in table.draining.values()])
        return min(FULL, FULL * in_flight / self.capacity)

    def rewarded(self) -> float:
        """See Load."""
        return self.current()

    def declined(self) -> None:
        """See Load."""
