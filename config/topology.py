"""The graph of a proxy network: its nodes, whom each may ask, and the origins behind them.

Pure: dice come in as an argument. Knows neither addresses nor ports.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

LEVEL_STEP = 100
"""In document 000 the node of rank r in level l has the number 100 * l + r."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin server.

    Attributes:
        domain: the name that it serves.
        pages: paths of its pages, each with its leading slash.
    """

    domain: str
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One node's place in the graph.

    Attributes:
        level: 1 at the edge, where the origins are known; clients ask at the highest.
        parents: names of the nodes that it may ask.
        domains: those of the origins that it knows.
    """

    name: str
    level: int
    parents: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """A graph in which every parent and every domain exists; ``explicit`` sees to that.

    Attributes:
        places: in the order of levels from the edge on, then of ranks.
    """

    places: tuple[Place, ...]
    origins: tuple[Origin, ...]

    @property
    def levels(self) -> int:
        """The highest level there is."""
        return max(place.level for place in self.places)

    @property
    def outermost(self) -> tuple[Place, ...]:
        """The nodes that clients ask."""
        levels = self.levels
        return tuple(place for place in self.places if place.level == levels)

    def distances(self, domain: str) -> dict[str, int]:
        """By node, the links on the shortest way to the origin of ``domain``, at least 1; without
        those from which there is none."""
        children = self._children()
        found = {place.name: 1 for place in self.places if domain in place.domains}
        waiting = deque(found)
        while waiting:
            name = waiting.popleft()
            for child in children[name]:
                if child not in found:
                    found[child] = found[name] + 1
                    waiting.append(child)
        return found

    def cycle(self) -> tuple[str, ...]:
        """Names of the nodes along one cycle, the first of them again at the end; () without any.

        A cycle is allowed: a request that goes round is stopped by its count of hops.
        """
        parents = {place.name: place.parents for place in self.places}
        done: set[str] = set()
        for start in parents:
            if start in done:
                continue
            way, left = [start], [iter(parents[start])]
            on_way = {start}
            while way:
                name = next(left[-1], None)
                if name is None:
                    left.pop()
                    last = way.pop()
                    on_way.discard(last)
                    done.add(last)
                elif name in on_way:
                    return (*way[way.index(name) :], name)
                elif name not in done:
                    way.append(name)
                    on_way.add(name)
                    left.append(iter(parents[name]))
        return ()

    def stranded(self) -> tuple[tuple[str, str], ...]:
        """Outermost nodes and domains between which there is no way at all."""
        return tuple(
            (place.name, origin.domain)
            for origin in self.origins
            for reached in (self.distances(origin.domain),)
            for place in self.outermost
            if place.name not in reached
        )

    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {place.name: [] for place in self.places}
        for place in self.places:
            for parent in place.parents:
                children[parent].append(place.name)
        return children


def document_origins(origins: int, pages: int) -> tuple[Origin, ...]:
    """Document 000's: ``domaink.com`` with ``/path-N/page.html``."""
    paths = tuple(f"/path-{number}/page.html" for number in range(1, pages + 1))
    return tuple(Origin(f"domain{number}.com", paths) for number in range(1, origins + 1))


def document_topology(
    levels: int,
    width: int,
    random_parents: int,
    origins: int,
    pages: int,
    dice: random.Random,
) -> Topology:
    """Document 000's graph: each node has the parent of its own rank and up to ``random_parents``
    more at random among the next ranks, which may fall on the same one. An edge node picks the
    origins that it knows in the same way; one that no edge node picked is known to that of its
    rank.

    Raises:
        ValueError: a number is impossible.
    """
    for name, value, least in (
        ("levels", levels, 1),
        ("width", width, 1),
        ("random_parents", random_parents, 0),
        ("origins", origins, 1),
        ("pages", pages, 1),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    if width >= LEVEL_STEP:
        raise ValueError(f"width must be below {LEVEL_STEP}, not {width}: names are level and rank")
    known = document_origins(origins, pages)
    above = [
        [
            _ranks(rank, width if level > 1 else origins, random_parents, dice)
            for rank in _upto(width)
        ]
        for level in _upto(levels)
    ]
    edge = above[0]
    picked = set().union(*edge)
    for number in _upto(origins):
        if number not in picked:
            edge[(number - 1) % width].append(number)
    places = []
    for level in _upto(levels):
        for rank, ranks in enumerate(above[level - 1], start=1):
            name = str(LEVEL_STEP * level + rank)
            if level == 1:
                domains = tuple(known[number - 1].domain for number in ranks)
                places.append(Place(name, level, (), domains))
            else:
                parents = tuple(str(LEVEL_STEP * (level - 1) + each) for each in ranks)
                places.append(Place(name, level, parents))
    return Topology(tuple(places), known)


def explicit(places: Iterable[Place], origins: Iterable[Origin]) -> Topology:
    """Any graph. A node of level 0 gets the level that its distance from an origin says: 1 if it
    knows one, else one more than its nearest parent.

    Raises:
        ValueError: a name stands twice or is not there, or no origin can be reached from a node;
            it names the node.
    """
    places, origins = tuple(places), tuple(origins)
    if not places:
        raise ValueError("a network needs at least one node")
    names = [place.name for place in places]
    domains = [origin.domain for origin in origins]
    for kind, found in (("nodes have the name", names), ("origins have the domain", domains)):
        for each in found:
            if found.count(each) > 1:
                raise ValueError(f"two {kind} {each!r}")
    for place in places:
        for parent in place.parents:
            if parent == place.name:
                raise ValueError(f"node {place.name!r} is its own parent")
            if parent not in names:
                raise ValueError(f"node {place.name!r} has an unknown parent {parent!r}")
        if len(set(place.parents)) < len(place.parents):
            raise ValueError(f"node {place.name!r} has a parent twice")
        for domain in place.domains:
            if domain not in domains:
                raise ValueError(f"node {place.name!r} knows an unknown domain {domain!r}")
    topology = Topology(places, origins)
    near: dict[str, int] = {}
    for domain in domains:
        for name, distance in topology.distances(domain).items():
            near[name] = min(distance, near.get(name, distance))
    for place in places:
        if place.name not in near:
            raise ValueError(f"node {place.name!r} reaches no origin")
    leveled = [
        Place(place.name, place.level or near[place.name], place.parents, place.domains)
        for place in places
    ]
    leveled.sort(key=lambda place: place.level)
    return Topology(tuple(leveled), origins)


def _upto(number: int) -> range:
    return range(1, number + 1)


def _ranks(rank: int, width: int, random_parents: int, dice: random.Random) -> list[int]:
    ranks = [(rank - 1) % width + 1]
    for _ in range(random_parents):
        # The document draws 0 or 1 for its two random parents: one of the next ``random_parents``.
        other = (rank + dice.randint(0, random_parents - 1)) % width + 1
        if other not in ranks:
            ranks.append(other)
    return ranks
