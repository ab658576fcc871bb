"""What nodes advertise for a domain against what their requests really took. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from evaluation.network.records import Asked, Hop, Purpose, Run, Snapshot, Variant, level_of

TOLERANCE = 0.10
"""Of the true cost, within which an advertised value is to lie."""
TAIL = 0.5
"""The last part of a run's requests, over which values and costs are compared."""
FEWEST_ANSWERS = 5
"""Of one node and domain, to compare their value with their cost."""


@dataclass(frozen=True, slots=True)
class Valued:
    """What a node advertises for a domain, against what its requests took. Seconds, positive.

    Attributes:
        advertised: the mean of the answers' ``Q``, negated.
        cost: the mean time to the first byte that the node itself measured.
        seen: the mean time to the first byte that the client measured.
    """

    node: str
    domain: str
    answers: int
    advertised: float
    cost: float
    seen: float

    @property
    def error(self) -> float:
        """Of the advertised value, relative to the true cost."""
        return self.advertised / self.cost - 1


@dataclass(frozen=True, slots=True)
class LevelCost:
    """What is left of a request's way from a level on. Seconds.

    Attributes:
        measured: from the nodes of that level to the first byte, the mean of their next hops by
            the requests that were sent there.
        learned: the mean of the best values for the run's domain, negated, of those of them that
            lie on the best way from an outermost node; NaN without.
    """

    level: int
    measured: float
    learned: float


def by_level(run: Run) -> tuple[LevelCost, ...]:
    """The outermost level first."""
    sent: dict[int, list[Hop]] = defaultdict(list)
    for hop in run.hops:
        if hop.requests:
            sent[level_of(hop.node)].append(hop)
    best = _best_on_ways(run)
    return tuple(
        LevelCost(
            level,
            float(np.average([h.latency for h in own], weights=[h.requests for h in own])),
            -fmean(learned)
            if (learned := [value for node, value in best.items() if level_of(node) == level])
            else math.nan,
        )
        for level, own in sorted(sent.items(), reverse=True)
    )


def _best_on_ways(run: Run) -> dict[str, float]:
    if not run.snapshots:
        return {}
    shot = run.snapshots[-1]
    outermost = {link.node for link in shot.links if level_of(link.node) == run.shape.levels}
    used = {name for start in outermost for name in greedy_way(shot, start)}
    best: dict[str, float] = {}
    for link in shot.links:
        if link.value is not None and link.node in used:
            best[link.node] = max(link.value, best.get(link.node, -math.inf))
    return best


def greedy_links(snapshot: Snapshot) -> dict[str, str]:
    """By node, the next hop of the highest value; none for a node that has tried none."""
    best: dict[str, tuple[float, str]] = {}
    for link in snapshot.links:
        if link.value is not None and (link.node not in best or link.value > best[link.node][0]):
            best[link.node] = (link.value, link.parent)
    return {node: parent for node, (_, parent) in best.items()}


def greedy_way(snapshot: Snapshot, start: str) -> tuple[str, ...]:
    """The nodes from ``start`` on along the highest values, until one has no further hop."""
    links = greedy_links(snapshot)
    way = [start]
    while way[-1] in links and links[way[-1]] not in way:
        way.append(links[way[-1]])
    return tuple(way)


def tells_values(run: Run) -> bool:
    """Whether its values can be held against costs: what is learned is time, and no cache cuts the
    ways short. Without changes, after which old values are wrong for a while."""
    return (
        bool(run.requests)
        and run.complete
        and run.reward == "latency"
        and run.variant == Variant("q_routing", cache=False)
        and run.purpose is Purpose.LEARNING
    )


def values(run: Run) -> tuple[Valued, ...]:
    """Of the run's last part, for every outermost node and domain with enough answers."""
    ordered = sorted(run.requests, key=lambda request: request.index)
    tail = ordered[int(len(ordered) * (1 - TAIL)) :]
    answers: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for request in tail:
        usable = request.success and not request.hit and request.way
        if usable and request.value is not None and request.reward is not None:
            answers[request.way[0], request.domain].append(request)
    return tuple(
        Valued(
            node=node,
            domain=domain,
            answers=len(each),
            advertised=-fmean([a.value for a in each if a.value is not None]),
            cost=-fmean([a.reward for a in each if a.reward is not None]),
            seen=fmean([a.latency for a in each]),
        )
        for (node, domain), each in sorted(answers.items())
        if len(each) >= FEWEST_ANSWERS
    )


def by_node(found: Sequence[Valued]) -> tuple[Valued, ...]:
    """Each node's domains together, weighted by their answers."""
    nodes: dict[str, list[Valued]] = defaultdict(list)
    for each in found:
        nodes[each.node].append(each)
    joined = []
    for node, own in nodes.items():
        weights = [each.answers for each in own]
        joined.append(
            Valued(
                node,
                "",
                sum(weights),
                float(np.average([each.advertised for each in own], weights=weights)),
                float(np.average([each.cost for each in own], weights=weights)),
                float(np.average([each.seen for each in own], weights=weights)),
            )
        )
    return tuple(joined)
