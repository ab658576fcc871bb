"""What a decision costs: microseconds of ``select`` and ``observe`` for every strategy there is.

Each strategy serves a stream of requests over a fleet of N endpoints in virtual time, a few in
flight at each, with the records that the node would make. The clock is read around every call, what
reading it costs is taken off, and the median of several runs is shown; what a policy does only now
and then is in the mean of a run. For learners, bytes of memory per endpoint that they know.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean, median

from config.schema import Settings
from evaluation.machine import load_average, this_machine
from load_balancer.strategies import build, names
from metrics.table import EndpointTable
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Learner,
    Observation,
    Outcome,
    Policy,
    RequestContext,
    Transition,
    Verdict,
    learn_nothing,
)

SIZES = (3, 6, 60, 1000)
PATHS = 500
"""Different paths, of two kinds."""

IN_FLIGHT = 2
"""Requests at each endpoint on average."""

SERVICE_SECONDS = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; the process's exit code."""
    parser = argparse.ArgumentParser(prog="policies", description=__doc__)
    parser.add_argument("--strategies", default=",".join(names()), metavar="A,B,…")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), metavar="N,N,…")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    arguments = parser.parse_args(argv)
    strategies = arguments.strategies.split(",")
    for name in strategies:
        if name not in names():
            parser.error(f"unknown strategy {name!r}")
    try:
        sizes = [int(size) for size in arguments.sizes.split(",")]
    except ValueError:
        parser.error("--sizes must be whole numbers")
    if min(*sizes, arguments.requests, arguments.runs) < 1:
        parser.error("--sizes, --requests and --runs must be at least 1")
    load = load_average()
    rows = []
    for size in sizes:
        for name in strategies:
            row = measure(name, size, arguments.requests, arguments.runs)
            rows.append(row)
            if not arguments.json:
                print(_line(row), flush=True)
    print(json.dumps({"machine": asdict(this_machine(load)), "rows": rows}))
    return 0


def measure(name: str, size: int, requests: int, runs: int) -> dict[str, object]:
    """The medians over ``runs`` of the mean microseconds of a call."""
    found = [Stage(name, size, seed).run(requests) for seed in range(runs)]
    select, observe = (median(each[part] for each in found) for part in (0, 1))
    return {
        "strategy": name,
        "endpoints": size,
        "select": round(select, 3),
        "observe": round(observe, 3),
        "sum": round(select + observe, 3),
        "bytes_per_endpoint": memory(name, size, requests),
    }


class Stage:
    """A policy, its endpoints, and requests in flight."""

    def __init__(self, name: str, size: int, seed: int) -> None:
        dice = random.Random(seed)
        self.policy: Policy = build(name, Settings(), dice)
        self.table = EndpointTable(Endpoint(f"endpoint-{n}", "h", 1) for n in range(size))
        self.dice = random.Random(seed + 1)
        self.speeds = {stats.id: self.dice.uniform(0.5, 1.5) for stats in self.table.all}
        self.contexts = [
            RequestContext("GET", f"/report/{n}" if n % 3 else f"/page/{n}") for n in range(PATHS)
        ]
        self.gap = SERVICE_SECONDS / (IN_FLIGHT * size)
        self.now = 1000.0
        self.flying: deque[tuple[RequestContext, EndpointStats, Decision, float]] = deque()

    def run(self, requests: int) -> tuple[float, float]:
        """Mean microseconds of ``select`` and of ``observe`` over the later half."""
        self._serve(requests // 2)
        gc.collect()
        gc.disable()
        try:
            selecting, observing = self._serve(requests)
        finally:
            gc.enable()
        clock = _clock_cost()
        learns = getattr(type(self.policy), "observe", None) is not learn_nothing
        return (
            max(0.0, mean(selecting) - clock) * 1e6,
            max(0.0, mean(observing) - clock) * 1e6 if learns and observing else 0.0,
        )

    def _serve(self, requests: int) -> tuple[list[float], list[float]]:
        selecting, observing = [], []
        clock, policy, table = time.thread_time, self.policy, self.table
        candidates = table.all
        most = IN_FLIGHT * len(candidates)
        for number in range(requests):
            self.now += self.gap
            context = self.contexts[number * 7 % PATHS]
            fresh = RequestContext(context.method, context.path)
            observation = Observation(fresh, candidates, self.now)
            began = clock()
            decision = policy.select(observation)
            selecting.append(clock() - began)
            stats = candidates[decision.index]
            table.sent(stats)
            self.flying.append((fresh, stats, decision, self.now))
            if len(self.flying) > most:
                observing.append(self._end_one())
        return selecting, observing

    def _end_one(self) -> float:
        context, stats, decision, _ = self.flying.popleft()
        size = self.dice.expovariate(1.0) * (3.0 if context.path.startswith("/report") else 1.0)
        seconds = SERVICE_SECONDS * self.speeds[stats.id] * (0.5 + 0.5 * size)
        outcome = Outcome(Verdict.SUCCESS, seconds, 200)
        self.table.completed(stats, outcome, self.now)
        transition = Transition(
            stats,
            Observation(context, self.table.all, self.now),
            decision,
            outcome,
            -100.0 * seconds,
        )
        began = time.thread_time()
        self.policy.observe(transition)
        return time.thread_time() - began


def memory(name: str, size: int, requests: int) -> int | None:
    """Bytes that a learner's knowledge of one endpoint takes: what it grows by from a tenth of the
    endpoints to all of them, by endpoint; None for who learns nothing, or of too few."""
    if not isinstance(build(name, Settings(), random.Random(0)), Learner) or size < 20:
        return None
    grown = [_traced(name, each, requests) for each in (size // 10, size)]
    return round((grown[1] - grown[0]) / (size - size // 10))


def _traced(name: str, size: int, requests: int) -> int:
    """Bytes that are freed with a policy which has served all of its endpoints."""
    stage = Stage(name, size, 0)
    tracemalloc.start()
    try:
        # Built again, so that all of it is traced.
        stage.policy = build(name, Settings(), random.Random(0))
        stage.run(max(requests // 4, 20 * size))
        stage.flying.clear()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        stage.policy = build("round_robin", Settings(), random.Random(0))
        gc.collect()
        return before - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def _clock_cost() -> float:
    clock = time.thread_time
    spans = []
    for _ in range(2000):
        began = clock()
        spans.append(clock() - began)
    return median(spans)


def _line(row: dict[str, object]) -> str:
    memory = row["bytes_per_endpoint"]
    return (
        f"{row['strategy']:<22} {row['endpoints']:>5} endpoints: select {row['select']:>7.2f} us, "
        f"observe {row['observe']:>6.2f} us, sum {row['sum']:>7.2f} us"
        + ("" if memory is None else f", {memory} bytes per endpoint")
    )


if __name__ == "__main__":
    sys.exit(main())
