"""Runs and figures made by hand, with a known truth."""

from collections.abc import Sequence

import numpy as np

from config.schema import Server, Settings
from config.simulation import Simulation
from evaluation.simulate.measures import BLOCKS, Measured, Row, Seen
from evaluation.simulate.run import Run
from rl.simulation.profile import Phase, ServiceProfile


def settings(
    slots: int | None = 2,
    queue_limit: int = 10,
    servers: int = 2,
    phases: tuple[Phase, ...] = (),
    duration: float = 100.0,
    warmup: float = 0.0,
) -> Settings:
    """Equal servers, the first of which has the phases."""
    return Settings(
        servers=tuple(
            Server(
                id=f"s{number}",
                port=8001 + number,
                service=ServiceProfile(
                    slots=slots, queue_limit=queue_limit, phases=phases if number == 0 else ()
                ),
            )
            for number in range(servers)
        ),
        simulation=Simulation(duration_seconds=duration, warmup_seconds=warmup),
    )


def run(
    arrived: Sequence[float],
    latency: Sequence[float],
    status: Sequence[int] = (),
    endpoint: Sequence[int] = (),
    warmup: float = 0.0,
) -> Run:
    """One place in each for a request; without more all succeed at the first server."""
    count = len(arrived)
    return Run(
        strategy="made",
        seed=3,
        endpoints=("s0", "s1"),
        warmup=warmup,
        arrived=np.array(arrived, dtype=float),
        latency=np.array(latency, dtype=float),
        status=np.array(status or [200] * count),
        endpoint=np.array(endpoint or [0] * count),
        balancer=np.zeros(count, dtype=np.int64),
        tries=np.ones(count, dtype=np.int64),
        plan=[],
        ejections={},
        events=0,
        seconds=0.5,
    )


def measured(
    strategy: str,
    seed: int = 0,
    cost: float = 0.1,
    *,
    p99: float | None = None,
    scenario: str = "S0",
    stable: bool = True,
    seen: tuple[Seen, ...] = (),
    wobble: Sequence[float] = (0.0,),
    converged: int | None = 50,
) -> Measured:
    """A run whose blocks of ten requests differ from its cost by ``wobble``, over and over."""
    offsets = [wobble[index % len(wobble)] for index in range(BLOCKS)]
    return Measured(
        row=Row(scenario, strategy, seed, cost, cost, cost, p99 or 2 * cost, 0.0, cost, 100),
        settings="abc",
        shares={"s0": 0.25, "s1": 0.75},
        blocks=tuple((10 * (cost + offset), 10) for offset in offsets),
        stable=stable,
        converged=converged,
        seen=seen,
        decisions=100,
        seconds=0.5,
    )
