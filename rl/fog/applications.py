"""What clients ask for: task types, applications of several tasks, jobs of a trace.

An application is one task (``basic``, ``trace``) or a graph of tasks, where an edge a -> b says
that b needs a's result (``dag``). Task 0 is the only one that needs nothing: it is where the
application's input goes.
"""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

MOST_TASKS = 1000
"""Of one application."""

MOST_JOBS = 1_000_000

MEGABYTE = 1e6
"""As the original counts: 8e6 bits."""


@dataclass(frozen=True, slots=True)
class TaskType:
    """Attributes:
    weight: how often it is drawn, against the other types' weights.
    cycles_per_instruction: multiplies ``instructions``.
    size_bytes: of the input, and of the result.
    """

    weight: float = 1.0
    cycles_per_instruction: float = 1.0
    size_bytes: float = 38e6
    instructions: float = 4e7

    def __post_init__(self) -> None:
        for name in ("weight", "cycles_per_instruction", "size_bytes", "instructions"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or more, not {value}")
        if self.work <= 0:
            raise ValueError("a task must have instructions: both they and their cycles above 0")

    @property
    def work(self) -> float:
        """Instructions that a node spends on it."""
        return self.instructions * self.cycles_per_instruction


@dataclass(frozen=True, slots=True)
class Dag:
    """One kind of application: a graph of tasks.

    Attributes:
        edges: (a, b): task b needs the result of task a.

    Raises:
        ValueError: an edge leads nowhere, there is a cycle, or another task than 0 needs nothing.
    """

    weight: float = 1.0
    vertices: int = 1
    edges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight must be 0 or more, not {self.weight}")
        if not 1 <= self.vertices <= MOST_TASKS:
            raise ValueError(f"vertices must be 1 to {MOST_TASKS}, not {self.vertices}")
        for a, b in self.edges:
            for each in (a, b):
                if not 0 <= each < self.vertices:
                    raise ValueError(
                        f"edge {a}->{b}: there is no vertex {each}; they are 0 to "
                        f"{self.vertices - 1}"
                    )
            if a == b:
                raise ValueError(f"edge {a}->{b}: a task cannot need itself")
        if len(set(self.edges)) != len(self.edges):
            twice = next(each for each in self.edges if self.edges.count(each) > 1)
            raise ValueError(f"edge {twice[0]}->{twice[1]} stands twice")
        order(self.vertices, self.edges)
        needing = {b for _, b in self.edges}
        for each in range(1, self.vertices):
            if each not in needing:
                raise ValueError(f"vertex {each} needs nothing; only vertex 0 may begin")


@dataclass(frozen=True, slots=True)
class Job:
    """One application of a trace: one task."""

    instructions: float
    size_bytes: float


def order(vertices: int, edges: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The tasks so that each follows all that it needs, lower numbers first (Kahn 1962).

    Raises:
        ValueError: there is a cycle; it is named.
    """
    missing = [0] * vertices
    after: list[list[int]] = [[] for _ in range(vertices)]
    for a, b in edges:
        missing[b] += 1
        after[a].append(b)
    ready = [each for each in range(vertices) if not missing[each]]
    found = []
    while ready:
        vertex = heapq.heappop(ready)
        found.append(vertex)
        for each in after[vertex]:
            missing[each] -= 1
            if not missing[each]:
                heapq.heappush(ready, each)
    if len(found) < vertices:
        raise ValueError(f"edges go round in a circle: {_circle(missing, edges)}")
    return tuple(found)


def _circle(missing: Sequence[int], edges: Sequence[tuple[int, int]]) -> str:
    """One cycle among the vertices that still miss something: each of them has one before it."""
    before = {b: a for a, b in edges if missing[a] and missing[b]}
    vertex = next(iter(before))
    seen: list[int] = []
    while vertex not in seen:
        seen.append(vertex)
        vertex = before[vertex]
    circle = [*seen[seen.index(vertex) :], vertex]
    return "->".join(str(each) for each in reversed(circle))


def ranks(vertices: int, edges: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """By vertex, how many tasks the longest way to an end still has after it.

    Of two tasks that could run, the one of higher rank holds up more.
    """
    after: list[list[int]] = [[] for _ in range(vertices)]
    for a, b in edges:
        after[a].append(b)
    found = [0] * vertices
    for vertex in reversed(order(vertices, edges)):
        found[vertex] = max((found[each] + 1 for each in after[vertex]), default=0)
    return tuple(found)


def predecessors(dag: Dag) -> tuple[tuple[int, ...], ...]:
    """By vertex, the tasks whose results it needs."""
    needs: list[list[int]] = [[] for _ in range(dag.vertices)]
    for a, b in dag.edges:
        needs[b].append(a)
    return tuple(tuple(sorted(each)) for each in needs)


def successors(dag: Dag) -> tuple[tuple[int, ...], ...]:
    """By vertex, the tasks that need its result."""
    after: list[list[int]] = [[] for _ in range(dag.vertices)]
    for a, b in dag.edges:
        after[a].append(b)
    return tuple(tuple(sorted(each)) for each in after)


class Draw:
    """Draws an index by weights.

    ``compat`` draws as the original does: evenly from 0 to the *number* of types, looked up among
    cumulative weights that end at 1, by a search that misses. Of two types of weights 4 and 6 the
    first falls one time in five. It forgets to add up the weights of graphs: ``cumulative=False``.
    """

    def __init__(
        self, weights: Sequence[float], compat: bool = False, cumulative: bool = True
    ) -> None:
        total = math.fsum(weights)
        if not weights or total <= 0:
            raise ValueError("of the weights at least one must be above 0")
        added = accumulate(weights) if cumulative or not compat else weights
        self._bounds = [each / total for each in added]
        if cumulative or not compat:
            self._bounds[-1] = 1.0
        self._compat = compat

    def __call__(self, dice: random.Random) -> int:
        bounds = self._bounds
        if self._compat:
            return _missed(bounds, dice.random() * len(bounds))
        return bisect_right(bounds, dice.random())


def _missed(bounds: Sequence[float], drawn: float) -> int:
    """A binary search that answers with where it looked last, not with the first bound above."""
    low, high, looked = 0, len(bounds) - 1, 0
    while low <= high:
        looked = (low + high) // 2
        if bounds[looked] > drawn:
            high = looked - 1
        else:
            low = looked + 1
    return looked


def read_edges(text: str) -> tuple[tuple[int, int], ...]:
    """``0->1,1->2`` (or ``0 1,1 2``, as the document writes it); nothing is no edge.

    Raises:
        ValueError: naming the part at fault.
    """
    edges = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        ends = part.split("->") if "->" in part else part.split()
        try:
            a, b = (int(each) for each in ends)
        except ValueError:
            raise ValueError(f"{part!r} is no edge, such as 0->1") from None
        edges.append((a, b))
    return tuple(edges)


def read_trace(
    jobs: object, instructions_per_core_second: float, bytes_per_unit: float
) -> tuple[Job, ...]:
    """Jobs of a cluster's trace, by name, as the original has them from Alibaba's.

    Of each job ``max_cpu`` counts (in hundredths of a core), ``total_resources_duration`` (taken
    for milliseconds) and ``max_mem`` (units of memory).

    Args:
        jobs: the file's data.

    Raises:
        ValueError: naming the job and the key at fault.
    """
    if not isinstance(jobs, Mapping) or not jobs:
        raise ValueError("a trace must hold jobs by name")
    if len(jobs) > MOST_JOBS:
        raise ValueError(f"a trace may hold {MOST_JOBS} jobs, not {len(jobs)}")
    found = []
    for name, job in jobs.items():
        cores, seconds, memory = (
            _number(job, key, f"job {name!r}") / unit
            for key, unit in (
                ("max_cpu", 100.0),
                ("total_resources_duration", 1000.0),
                ("max_mem", 1.0),
            )
        )
        instructions = cores * seconds * instructions_per_core_second
        if instructions <= 0:
            raise ValueError(f"job {name!r}: max_cpu and total_resources_duration must be above 0")
        found.append(Job(instructions, memory * bytes_per_unit))
    return tuple(found)


def _number(job: object, key: str, where: str) -> float:
    if not isinstance(job, Mapping):
        raise ValueError(f"{where} must hold keys and values")
    value = job.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where}: {key} must be a number, not {value!r}")
    if not 0 <= value < math.inf:
        raise ValueError(f"{where}: {key} must be 0 or more, not {value}")
    return float(value)
