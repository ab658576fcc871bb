"""What an experiment with a network of proxies measures: requests, windows of them, learned links.

Virtual and live runs fill the same records. Times are in seconds, levels count from the edge (1),
which knows the origins, to the outermost nodes, where clients ask. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from config.topology import LEVEL_STEP
from evaluation.records import Circumstances

WINDOW = 100
"""Requests in a window, as in document 000."""


class Setting(StrEnum):
    """Where a run took place."""

    VIRTUAL = "virtual"
    LIVE = "live"


class Purpose(StrEnum):
    """What a run is to show."""

    LEARNING = "learning"
    CHANGES = "changes"


class ChangeKind(StrEnum):
    """What is done to a network while requests run."""

    KILL = "kill"
    MOVE = "move"


@dataclass(frozen=True, slots=True, order=True)
class Variant:
    """What is compared: how every node chooses its next hop, and whether nodes cache."""

    strategy: str
    cache: bool = True

    @property
    def label(self) -> str:
        return self.strategy if self.cache else f"{self.strategy}, no cache"


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """How large the network is: ``levels`` x ``width`` nodes."""

    levels: int
    width: int

    @property
    def label(self) -> str:
        return f"{self.levels} × {self.width}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to an outermost node, and what came of it.

    Attributes:
        index: its place in the plan.
        at: seconds since the run's start at which it was to be sent.
        way: the nodes that it passed, the outermost first.
        hit: the last node of the way answered from its cache.
        latency: from the intended send to the first byte of the answer; to its failure without one.
        value, reward: the ``Q`` and ``QReward`` of the answer, in the wire's unit; None without.
    """

    index: int
    at: float
    domain: str
    path: str
    way: tuple[str, ...]
    status: int
    success: bool
    hit: bool
    latency: float
    value: float | None = None
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """``WINDOW`` consecutive requests; the last of a run may hold fewer.

    Attributes:
        began: when its first request was to be sent.
        hops: nodes that a successful request passed, on average; NaN without one.
        hits: answers from caches, by level, the edge first.
        latency: of the successful requests, on average; NaN without one.
        reward: realised for a request by all its nodes together, on average, in the reward's unit;
            NaN in live runs, where it is not seen.
    """

    index: int
    began: float
    requests: int
    failures: int
    hops: float
    hits: tuple[int, ...]
    latency: float
    reward: float = math.nan


@dataclass(frozen=True, slots=True)
class Link:
    """What a node has learned of one next hop for one domain; None while it has not tried it."""

    node: str
    parent: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every link of the network after so many windows, for the run's chosen domain.

    Attributes:
        at: seconds since the run's start.
    """

    windows: int
    at: float
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """What a node measured of one next hop by the end of a run.

    Attributes:
        parent: the next node, or the domain whose origin it is.
        requests: that were sent there.
        latency: seconds to the first byte, a weighted mean.
    """

    node: str
    parent: str
    requests: int
    latency: float


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to the network while requests ran.

    Attributes:
        at: seconds since the run's start.
        nodes: what it happened to: the killed node; or the edges that an origin left, and last the
            one that it joined.
        text: for a reader.
    """

    kind: ChangeKind
    at: float
    nodes: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """One variant under one seed.

    Attributes:
        reward: the name of the reward that taught the nodes.
        domain: the domain of which snapshots tell.
        edges: nodes that know ``domain``'s origin.
        requests: every one, in the plan's order; empty in virtual runs, which keep windows only.
        hops: of a live run, at its end.
        trajectories: ways as document 000 prints them, of the first requests.
        complete: every planned request is there.
    """

    setting: Setting
    purpose: Purpose
    shape: Shape
    variant: Variant
    reward: str
    seed: int
    domain: str
    windows: tuple[Window, ...]
    edges: tuple[str, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    changes: tuple[Change, ...] = ()
    requests: tuple[Asked, ...] = ()
    hops: tuple[Hop, ...] = ()
    trajectories: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class NetworkResult:
    """Everything that one experiment measured.

    Attributes:
        rate: requests per second that live runs were given, by shape.
        interrupted: it ended early; ``runs`` holds what was measured.
        problem: why, if it was not a person who stopped it.
        folder: where its report was written, once it was.
    """

    runs: tuple[Run, ...]
    circumstances: Circumstances
    rates: tuple[tuple[Shape, float], ...] = ()
    interrupted: bool = False
    problem: str = ""
    folder: Path | None = None

    def of(
        self, setting: Setting, purpose: Purpose = Purpose.LEARNING, shape: Shape | None = None
    ) -> list[Run]:
        """Those runs, in the order in which they were measured."""
        return [
            run
            for run in self.runs
            if run.setting is setting
            and run.purpose is purpose
            and (shape is None or run.shape == shape)
        ]


def level_of(node: str) -> int:
    """The level in a node's name, such as 9 of 904; 0 for a name of another form."""
    return int(node) // LEVEL_STEP if node.isdecimal() else 0


def trajectory(way: Sequence[str], success: bool, hit: bool, domain: str) -> str:
    """A way as document 000 prints it: ``1003>904>+>*  domain3.com``; X where it failed."""
    steps = [*way, "+"] if hit else list(way)
    return "".join(f"{step}>" for step in steps) + ("*" if success else "X") + f"  {domain}"
