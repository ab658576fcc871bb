"""What the agents of adaptive shaping cost: microseconds of a decision, and of a whole interval of
one client with all that belongs to it (features, mask, reward, guard, the rule that is replaced).

Each agent serves a stream of random intervals. The clock is read around each decision, or around an
interval of all clients; the median is shown, so that what else the machine does is not in it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median

from config.shaping import Shaping
from evaluation.machine import load_average, this_machine
from load_balancer.shaping.adaptive import Adaptive
from load_balancer.shaping.adaptive_records import AdaptiveSettings, RuleEnvelope
from load_balancer.shaping.shaper import Shaper
from rl.shaping.agents import Conduct
from rl.shaping.encoding import LEVEL_SIZES, SIZE
from rl.shaping.envelope import Bounds, Envelope
from rl.shaping.making import KINDS, make
from rl.shaping.reading import Reading, Targets
from rl.shaping.settings import ACTIONS

RULE = {"name": "r", "client_by": "address", "requests_per_second": 50, "burst": 10}
WITHIN = RuleEnvelope(
    Envelope(
        {
            "requests_per_second": Bounds(5, 500, 1.25, 10),
            "download_bytes_per_second": Bounds(1e4, 1e8, 1.5, 10),
            "burst": Bounds(1, 100, 1.5, 10),
            "urgency": Bounds(0, 7, 1, 10),
            "drop_probability": Bounds(0, 0.5, 0.1, 1),
        }
    )
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; the process's exit code."""
    parser = argparse.ArgumentParser(prog="agents", description=__doc__)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--intervals", type=int, default=500)
    parser.add_argument("--hidden", type=int, default=32, help="units of a network's layers")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args(argv)
    if min(arguments.clients, arguments.intervals, arguments.hidden, arguments.runs) < 1:
        parser.error("--clients, --intervals, --hidden and --runs must be at least 1")
    load = load_average()
    rows = []
    for kind in KINDS:
        runs = range(arguments.runs)
        chosen = median(decisions(kind, arguments.intervals, arguments.hidden, run) for run in runs)
        whole = median(
            intervals(kind, arguments.clients, arguments.intervals, arguments.hidden, run)
            for run in runs
        )
        rows.append({"agent": kind, "decision": round(chosen, 2), "interval": round(whole, 2)})
        print(
            f"{kind:8} decision {chosen:6.1f} µs, interval of a client {whole:6.1f} µs", flush=True
        )
    print(json.dumps({"machine": asdict(this_machine(load)), "microseconds": rows}))
    return 0


def decisions(kind: str, count: int, hidden: int, seed: int) -> float:
    """Median microseconds of ``choose``."""
    dice = random.Random(seed)
    agent = make(kind, Conduct(hidden=hidden), dice)
    taken = []
    for _ in range(count):
        features = [dice.uniform(-1, 1) for _ in range(SIZE)]
        levels = tuple([dice.randrange(size) for size in LEVEL_SIZES])
        mask = [not action or dice.random() < 0.7 for action in range(len(ACTIONS))]
        begun = time.perf_counter()
        agent.choose(features, levels, mask, dice)
        taken.append(time.perf_counter() - begun)
    return median(taken) * 1e6


def intervals(kind: str, clients: int, count: int, hidden: int, seed: int) -> float:
    """Median microseconds of ``Adaptive.step`` for each client."""
    dice = random.Random(seed)
    settings = Shaping.model_validate({"enabled": True, "rules": [RULE]})
    shaper = Shaper(settings, dice)
    held = Adaptive(
        shaper, AdaptiveSettings({"r": WITHIN}, kind, conduct=Conduct(hidden=hidden)), dice
    )
    names = []
    for number in range(clients):
        found = shaper.recogniser.find(f"10.0.{number // 250}.{number % 250}", "/", [], "")
        assert found is not None
        shaper.over(shaper.admit(found, 0.0, []), 0.0)
        names.append(found[1])
        held.enable(found[1], 0.0)
        held.targets(found[1], Targets(p95_seconds=0.1))
    taken = []
    for second in range(1, count + 1):
        readings = {name: _reading(dice) for name in names}
        begun = time.perf_counter()
        held.step(float(second), readings)
        taken.append(time.perf_counter() - begun)
    return median(taken) / clients * 1e6


def _reading(dice: random.Random) -> Reading:
    arrivals = dice.randrange(1, 100)
    return Reading(
        arrivals=arrivals,
        completed=arrivals,
        delayed=dice.choice((0, arrivals // 4)),
        sent_bytes=arrivals * 10_000,
        p50_seconds=0.02,
        p95_seconds=dice.expovariate(10.0),
        pressure=dice.random(),
    )


if __name__ == "__main__":
    raise SystemExit(main())
