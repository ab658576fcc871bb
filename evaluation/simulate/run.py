"""One run in virtual time: a scenario's settings, a strategy and a seed give what became of every
request, the same to the last digit wherever it is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from time import process_time
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from config.schema import Settings
from evaluation.simulate.cast import BuildPolicy, Cast, from_registry
from rl.encoding import request_class
from rl.simulation.cluster import Record
from traffic.planning import plan_of
from traffic.workload import PlannedRequest

Numbers: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Truths: TypeAlias = NDArray[np.bool_]

FAILURE_SECONDS = 1.0
"""What a failure costs beside its latency."""


@dataclass(frozen=True)
class Run:
    """What became of every request, in the order of their coming; one place in each array for one.

    Attributes:
        endpoints: ids of the servers, to which ``endpoint`` has the numbers.
        warmup: seconds after the beginning whose requests are not ``counted``.
        arrived: seconds after the beginning.
        latency: seconds to the first byte of what the client got.
        status: of that; 500 and above is a failure.
        endpoint: where it was sent last; -1 for nowhere.
        balancer: which one it came to.
        tries: attempts made.
        plan: what was asked.
        ejections: how often each endpoint was put out, by all balancers.
        events: of the kernel.
        seconds: processor time of the run, without the making of its plan and cast.
    """

    strategy: str
    seed: int
    endpoints: tuple[str, ...]
    warmup: float
    arrived: Numbers
    latency: Numbers
    status: Integers
    endpoint: Integers
    balancer: Integers
    tries: Integers
    plan: list[PlannedRequest] = field(repr=False)
    ejections: dict[str, int]
    events: int
    seconds: float = field(compare=False)

    @cached_property
    def counted(self) -> Truths:
        """Who came after the warm-up."""
        return self.arrived >= self.warmup

    @cached_property
    def failed(self) -> Truths:
        """Who got an error, or nothing in time."""
        return self.status >= 500

    @cached_property
    def cost(self) -> Numbers:
        """Seconds: the latency, and one more for a failure."""
        return self.latency + FAILURE_SECONDS * self.failed

    @cached_property
    def classes(self) -> tuple[tuple[str, ...], Integers]:
        """The classes of requests in the order of their first coming, and the number of each
        request's."""
        names: dict[str, int] = {}
        known: dict[tuple[str, str], int] = {}
        numbers = np.empty(len(self.plan), dtype=np.int64)
        for index, each in enumerate(self.plan):
            asked = (each.method, each.path)
            number = known.get(asked)
            if number is None:
                name = request_class(each.method, each.path)
                number = known[asked] = names.setdefault(name, len(names))
            numbers[index] = number
        return tuple(names), numbers


def make_plan(settings: Settings, seed: int) -> list[PlannedRequest]:
    """What is asked in a run, the same for every strategy under one seed."""
    return plan_of(
        settings.traffic,
        seed,
        rate=settings.experiment.request_rate,
        duration=settings.simulation.duration_seconds,
    )


def simulate(
    settings: Settings, strategy: str, seed: int, policy: BuildPolicy = from_registry
) -> Run:
    """One run.

    Args:
        policy: makes the balancers' policies.

    Raises:
        ValueError: there is no such strategy, a setting is not simulated, or there is no plan.
    """
    cast = Cast(settings, strategy, seed, policy)
    plan = make_plan(settings, seed)
    began = process_time()
    record = cast.cluster.run(plan)
    return _run(settings, strategy, seed, cast, plan, record, process_time() - began)


def _run(
    settings: Settings,
    strategy: str,
    seed: int,
    cast: Cast,
    plan: list[PlannedRequest],
    record: Record,
    seconds: float,
) -> Run:
    ejections: dict[str, int] = {}
    for node in cast.nodes:
        for (endpoint, _), count in node.counters.ejections.items():
            ejections[endpoint] = ejections.get(endpoint, 0) + count
    return Run(
        strategy,
        seed,
        tuple(server.id for server in settings.servers),
        settings.simulation.warmup_seconds,
        np.array(record.arrived),
        np.array(record.latency),
        np.array(record.status, dtype=np.int64),
        np.array(record.station, dtype=np.int64),
        np.array(record.balancer, dtype=np.int64),
        np.array(record.tries, dtype=np.int64),
        plan,
        ejections,
        cast.cluster.kernel.happened,
        seconds,
    )
