"""What an experiment measured, as plain records: requests, runs, circumstances.

Knows nothing of processes, files or statistics. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rl.simulation.service import Phase, RouteCost


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the load, as its client saw it and as the balancer placed it.

    Attributes:
        request_id: sent as ``X-Request-ID``; unique in the experiment.
        timestamp: unix seconds at which it was sent.
        path: the request target; requests of one seed and index are the same for every strategy.
        endpoint: the endpoint of the last attempt; empty if the balancer logged none.
        latency: from the intended send to the last byte, or to the moment that it was given up.
        first_byte: from the intended send to the first byte; None if none came.
        status: HTTP status; 0 if no answer came.
        success: an answer came whole and its status is below 400.
        index: its place in the plan, from 0.
        intended: when it should be sent, since the run's start.
        sent: when it was sent, since the run's start.
        attempts: how often the balancer tried; 0 if it logged none.
        explored: the last attempt was chosen to learn.
        propensity: the probability with which the last attempt's endpoint was chosen.
        warmup: sent to warm up; kept, and left out of the statistics.
    """

    request_id: str
    timestamp: float
    path: str
    endpoint: str
    latency: float
    first_byte: float | None
    status: int
    success: bool
    index: int
    intended: float
    sent: float
    attempts: int
    explored: bool
    propensity: float
    warmup: bool


@dataclass(frozen=True, slots=True)
class Strain:
    """How hard the machine worked during a run.

    Attributes:
        seconds: that it lasted.
        cores: processors that it could use.
        servers, balancers, load, others: processor seconds of the servers, of the balancers, of the
            process that sends the requests, and of all other programs on those processors.
    """

    seconds: float
    cores: int
    servers: float
    balancers: float
    load: float
    others: float

    @property
    def share(self) -> float:
        """Of the processors, how much was in use."""
        used = self.servers + self.balancers + self.load + self.others
        return used / (self.seconds * self.cores) if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One strategy under the load of one seed, in a balancer process of its own.

    Attributes:
        place: when it ran within its seed, from 0; the order is shuffled.
        requests: by rising index; fewer than were planned if the run was cut short.
        complete: every planned request is there.
        strain: None where nobody measured it.
    """

    strategy: str
    seed: int
    place: int
    requests: tuple[Request, ...]
    complete: bool = True
    strain: Strain | None = None

    def measured(self) -> list[Request]:
        """The requests after the warm-up."""
        return [request for request in self.requests if not request.warmup]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A backend of the experiment: its name, its speed, when it misbehaves, how many requests it
    works on at a time (None: any number), and what takes it longer or shorter."""

    id: str
    base_delay_ms: float
    phases: tuple[Phase, ...] = ()
    slots: int | None = None
    routes: tuple[RouteCost, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it ran.

    Attributes:
        cores: processors that the experiment could use.
        load_before, load_after: load average over one minute; None where the system has none.
        versions: of the packages that do the work, by name.
    """

    cores: int
    processor: str
    platform: str
    python: str
    load_before: float | None
    load_after: float | None
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What one must know to judge the numbers, and to measure them again.

    Attributes:
        started, finished: UTC, ISO 8601.
        command: the command line, or the call, that ran it.
        commit: git's name for the source, ``-dirty`` if it was changed; None outside of git.
        settings: the effective configuration as YAML that ``config.loading.load`` reads.
    """

    started: str
    finished: str
    command: str
    scenario: str
    description: str
    commit: str | None
    machine: Machine
    settings: str


@dataclass(frozen=True, slots=True)
class Foretold:
    """What the simulator says of one strategy under one seed; seconds and shares.

    Attributes:
        cost: mean of the latency plus one second for every failure.
    """

    strategy: str
    seed: int
    mean: float
    p50: float
    p95: float
    p99: float
    failure_rate: float
    cost: float
    requests: int


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """Everything that one experiment measured.

    Attributes:
        strategies: in the order that was asked for; every table and plot keeps it.
        classics: those of them that do not learn.
        seeds: every seed that was asked for.
        requests: planned for each strategy and seed, warm-up included.
        warmup: how many of those come first and are not counted.
        request_rate: requests per second that were intended.
        interrupted: it ended early; ``runs`` holds what was measured.
        problem: why, if it was not a person who stopped it.
        folder: where its report was written, once it was.
        foretold: what the simulator says of the same settings, strategies and seeds.
        unforetold: why it says nothing, if it was asked.
    """

    strategies: tuple[str, ...]
    classics: tuple[str, ...]
    seeds: tuple[int, ...]
    servers: tuple[ServerFacts, ...]
    requests: int
    warmup: int
    request_rate: float
    runs: tuple[Run, ...]
    circumstances: Circumstances
    interrupted: bool = False
    problem: str = ""
    folder: Path | None = None
    foretold: tuple[Foretold, ...] = ()
    unforetold: str = ""

    def runs_of(self, strategy: str) -> list[Run]:
        """That strategy's runs by rising seed: the complete ones, or the cut ones if none is."""
        found = sorted((r for r in self.runs if r.strategy == strategy), key=lambda run: run.seed)
        return [run for run in found if run.complete] or [run for run in found if run.measured()]

    def measured_strategies(self) -> list[str]:
        """The strategies of which there is anything to count."""
        return [name for name in self.strategies if any(r.measured() for r in self.runs_of(name))]


def same_load(first: Sequence[Request], second: Sequence[Request]) -> bool:
    """Whether two runs were planned alike: equal intended times and paths, index by index."""
    plan = {request.index: request for request in first}
    shared = [(plan[request.index], request) for request in second if request.index in plan]
    return bool(shared) and all(
        one.path == other.path and abs(one.intended - other.intended) < 1e-6
        for one, other in shared
    )
