"""How many requests a second the simulator plays on one core, and where the time goes.

    python -m evaluation.bench.simulation [--scenario S8] [--strategies least_request,peak_ewma]

A figure is the median over several seeds of requests per second of processor time, of the whole:
making the plan and the cast, and playing it. The shares are of one more run under the profiler,
which makes short functions look dearer than they are: they say where to look, not how much it is.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time

from config.loading import ConfigError, load
from config.schema import Settings
from evaluation.simulate.cast import Cast
from evaluation.simulate.run import make_plan, simulate

STRATEGIES = ("round_robin", "least_request", "peak_ewma", "prequal", "marginal_cost")
PARTS = {
    "rl/simulation/kernel.py": "kernel",
    "rl/simulation/cluster.py": "cluster",
    "rl/simulation/": "station",
    "rl/vocabulary.py": "node",
    "load_balancer/strategies/": "policy",
    "load_balancer/": "node",
    "metrics/": "node",
    "config/": "node",
    "rl/reward.py": "node",
    "rl/": "policy",
}
"""Parts of the house by the beginning of a file's name; the first that fits counts."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Speed:
    """One strategy's.

    Attributes:
        rates: requests per second of processor time, one for each seed; ``playing`` is without the
            making of plan and cast.
        shares: of the playing, by part.
    """

    strategy: str
    rates: tuple[float, ...]
    playing: tuple[float, ...]
    shares: dict[str, float]

    @property
    def line(self) -> str:
        """For a person."""
        parts = ", ".join(
            f"{part} {share:.0%}"
            for part, share in sorted(self.shares.items(), key=lambda each: -each[1])
        )
        return (
            f"{self.strategy:<24} {median(self.rates):>9,.0f} requests/s "
            f"({min(self.rates):,.0f} to {max(self.rates):,.0f}; "
            f"{median(self.playing):,.0f} without the plan)  {parts}"
        )


def part(filename: str) -> str:
    """Which part a source file belongs to."""
    try:
        name = Path(filename).relative_to(ROOT).as_posix()
    except ValueError:
        return "other"
    for beginning, found in PARTS.items():
        if name.startswith(beginning):
            return found
    return "other"


def measure(settings: Settings, strategy: str, seeds: Sequence[int]) -> Speed:
    """Play every seed once, and the first one once more under the profiler.

    Raises:
        ValueError: as ``simulate`` does.
    """
    rates, playing = [], []
    for seed in seeds:
        began = process_time()
        run = simulate(settings, strategy, seed)
        rates.append(len(run.arrived) / (process_time() - began))
        playing.append(len(run.arrived) / run.seconds)
    return Speed(strategy, tuple(rates), tuple(playing), shares(settings, strategy, seeds[0]))


def shares(settings: Settings, strategy: str, seed: int) -> dict[str, float]:
    """Of the time of playing one seed, by part; what is built in counts to who calls it."""
    cast, plan = Cast(settings, strategy, seed), make_plan(settings, seed)
    profiler = cProfile.Profile(builtins=False)
    profiler.runcall(cast.cluster.run, plan)
    times: dict[str, float] = {}
    for (filename, _, _), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        name = part(filename)
        times[name] = times.get(name, 0.0) + own
    whole = sum(times.values())
    return {name: seconds / whole for name, seconds in times.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.bench.simulation",
        description="How many requests a second the simulator plays, and where the time goes.",
    )
    parser.add_argument("--scenario", default="S8", help="which scenario (default: %(default)s)")
    parser.add_argument(
        "--strategies", default=",".join(STRATEGIES), help="by comma (default: %(default)s)"
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: %(default)s)")
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error(f"argument --seeds: must be at least 1, not {given.seeds}")
    try:
        settings = load(scenario=given.scenario)
        servers, nodes = len(settings.servers), settings.simulation.balancers
        print(f"{given.scenario}: {servers} servers, {nodes} balancers, one core")
        for strategy in given.strategies.split(","):
            print(measure(settings, strategy, range(given.seeds)).line, flush=True)
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
