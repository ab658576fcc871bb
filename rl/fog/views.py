"""What the nodes believe of each other's load: always a little old.

A node whose load changed tells its neighbours at the end of the tick; they know a tick later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rl.fog.post import Post, Report

Loads: TypeAlias = npt.NDArray[np.int64]

REPORT_BYTES = 0.52
"""The original's 5.2e-7 MB: next to nothing, so that a report takes one tick on any link."""


class Views(Protocol):
    """Of ``shape`` (agents, neighbours): what each agent believes of each of its neighbours."""

    def announce(self, loads: Sequence[int], up: Sequence[bool], now: int) -> None:
        """The end of a tick; ``loads`` and ``up`` are the truth."""
        ...

    def receive(self, report: Report, receiver: int) -> None:
        """A report has arrived."""
        ...

    def seen(self, agents: npt.NDArray[np.intp], neighbours: npt.NDArray[np.intp]) -> Loads:
        """A new array of the shape of ``neighbours``; ``agents`` is one column of nodes."""
        ...

    def of(self, observer: int, node: int) -> int:
        """One of them."""
        ...


class SharedViews:
    """Where nothing is lost or late all neighbours of a node believe the same of it.

    Args:
        size: of the array that is looked up in: nodes, then clouds, which show nothing, then the
            place that fills up the rows of nodes with few neighbours.
    """

    def __init__(self, nodes: int, size: int) -> None:
        self._shown = [0] * nodes
        self._more = [0] * (size - nodes)

    def announce(self, loads: Sequence[int], up: Sequence[bool], now: int) -> None:
        if all(up):
            self._shown = list(loads)
            return
        # Nothing is heard of a node that is down; what it said last stays.
        before = self._shown
        self._shown = [
            load if alive else before[node]
            for node, (load, alive) in enumerate(zip(loads, up, strict=True))
        ]

    def receive(self, report: Report, receiver: int) -> None:
        raise AssertionError("reports that cannot be lost are not sent")

    def seen(self, agents: npt.NDArray[np.intp], neighbours: npt.NDArray[np.intp]) -> Loads:
        return np.array(self._shown + self._more, dtype=np.int64).take(neighbours)

    def of(self, observer: int, node: int) -> int:
        return self._shown[node] if node < len(self._shown) else 0


class HeardViews:
    """Where reports can be lost or late each node believes what it heard itself.

    A lost report is sent again after ``patience`` ticks, with what is true by then, and so on until
    it was sent ``tries`` times. A change of load begins anew.
    """

    def __init__(
        self,
        size: int,
        neighbours: Sequence[Sequence[int]],
        post: Post,
        patience: int,
        tries: int,
    ) -> None:
        self._seen = np.zeros((size, size), dtype=np.int64)
        self._sent = np.full((size, size), -1, dtype=np.int64)
        self._announced: list[int] = [0] * len(neighbours)
        # By (node, listener): when it is sent again, and how many times it was sent.
        self._again: dict[tuple[int, int], tuple[int, int]] = {}
        self._post = post
        self._patience = patience
        self._tries = tries
        self._listeners: list[list[int]] = []
        self.arrange(neighbours)

    def arrange(self, neighbours: Sequence[Sequence[int]]) -> None:
        """Other links from now on."""
        nodes = len(neighbours)
        self._listeners = [[] for _ in range(nodes)]
        for observer, known in enumerate(neighbours):
            for node in known:
                if node != observer and node < nodes:
                    self._listeners[node].append(observer)

    def announce(self, loads: Sequence[int], up: Sequence[bool], now: int) -> None:
        for node, load in enumerate(loads):
            if load == self._announced[node] or not up[node]:
                continue
            self._announced[node] = load
            for listener in self._listeners[node]:
                self._again[(node, listener)] = (now, 0)
        for pair, (due, sent) in list(self._again.items()):
            node, listener = pair
            if due > now or not up[node]:
                continue
            report = Report(node, loads[node], now)
            arrives = self._post.send(report, node, listener, REPORT_BYTES, now)
            if arrives or sent + 1 >= self._tries:
                del self._again[pair]
            else:
                self._again[pair] = (now + self._patience, sent + 1)

    def receive(self, report: Report, receiver: int) -> None:
        if report.sent > self._sent[receiver, report.node]:
            self._sent[receiver, report.node] = report.sent
            self._seen[receiver, report.node] = report.load

    def seen(self, agents: npt.NDArray[np.intp], neighbours: npt.NDArray[np.intp]) -> Loads:
        found: Loads = self._seen[agents, neighbours]
        return found

    def of(self, observer: int, node: int) -> int:
        return int(self._seen[observer, node])
