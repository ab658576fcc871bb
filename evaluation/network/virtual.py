"""Networks in virtual time: document 000's experiment, seed by seed, strategy by strategy.

    python -m evaluation.network.virtual [--seeds 20] [--strategies q_routing,random] [--no-cache]

Each run is a cast of production nodes under one seed, asked one request at a time as in the
document, or at random moments at a rate of requests per virtual second. Runs are spread over the
cores; the same run gives the same figures on any of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import TypeAlias

from evaluation.arguments import INTERRUPTED, REFUSED
from evaluation.network.analysis import CLEAN_WITHIN, windowed, windows_to_clean
from evaluation.network.cast import ORACLE, Cast, NetworkParameters, Timing, dice
from evaluation.network.records import (
    WINDOW,
    Asked,
    Link,
    Purpose,
    Run,
    Setting,
    Shape,
    Snapshot,
    Variant,
)
from evaluation.progress import Steps
from evaluation.workers import played
from rl.q_routing import QRoutingParameters
from rl.reward import RewardParameters
from rl.simulation.journey import Journey

COMPARED = ("q_routing", "random", "round_robin", "least_request", ORACLE)
"""Strategies of the comparison."""


@dataclass(frozen=True, slots=True)
class Course:
    """What every run of an experiment goes through.

    Attributes:
        most_windows: windows of requests at the most.
        until_clean: end with the first window without a failure, as the document does.
        rate: requests per virtual second, at random moments; None is one at a time.
        domain: which snapshots tell of; the first origin's if it is None.
        snapshots: after how many windows to take one.
        trajectories: how many ways to keep, of the first requests.
        keep_requests: keep every request, not only the windows.
    """

    network: NetworkParameters = field(default_factory=NetworkParameters)
    most_windows: int = 40
    until_clean: bool = True
    rate: float | None = None
    domain: str | None = None
    snapshots: tuple[int, ...] = ()
    trajectories: int = 0
    keep_requests: bool = False

    def __post_init__(self) -> None:
        if self.most_windows < 1:
            raise ValueError(f"most_windows must be at least 1, not {self.most_windows}")
        if self.rate is not None:
            if not self.rate > 0:
                raise ValueError(f"rate must be above 0, not {self.rate}")
            if self.network.timing is None:
                raise ValueError("rate has no meaning where nothing takes any time")


Task: TypeAlias = tuple[Course, Variant, int, Purpose]


class _Play:
    """One run while it runs."""

    def __init__(self, course: Course, variant: Variant, seed: int) -> None:
        network = course.network if variant.cache else replace(course.network, cache_entries=0)
        self.cast = Cast(network, variant.strategy, seed, self._finished)
        self._course = course
        origins = self.cast.topology.origins
        self.domain = course.domain or origins[0].domain
        self._outermost = [place.name for place in self.cast.topology.outermost]
        self._targets = [(each.domain, each.pages) for each in origins]
        self._throw = dice(seed, "requests").random
        self._gap = dice(seed, "arrivals").expovariate
        self._left = Counter[int]()
        self._clean: int | None = None
        self._failed = set[int]()
        self.rewards: dict[int, float] = {}
        self.requests: list[Asked] = []
        self.trajectories: list[str] = []
        self.snapshots: list[Snapshot] = []

    def play(self) -> None:
        network = self.cast.network
        if self._course.rate is not None:
            self._arrive(0)
            network.run()
            return
        for number in range(self._course.most_windows * WINDOW):
            if self._over(number):
                return
            self._ask()
            network.run()

    def _arrive(self, number: int) -> None:
        assert self._course.rate is not None
        if self._over(number):
            return
        self._ask()
        self.cast.network.schedule(self._gap(self._course.rate), self._arrive, number + 1)

    def _over(self, number: int) -> bool:
        return number >= self._course.most_windows * WINDOW or (
            self._course.until_clean and self._clean is not None and number % WINDOW == 0
        )

    def _ask(self) -> None:
        throw = self._throw
        domain, pages = self._targets[int(throw() * len(self._targets))]
        page = pages[int(throw() * len(pages))]
        entry = self._outermost[int(throw() * len(self._outermost))]
        self.cast.network.ask(entry, domain, page)

    def _finished(self, journey: Journey) -> None:
        course = self._course
        number, success = journey.number, journey.success
        window = number // WINDOW
        reward = course.network.reward
        scale = 1.0 if reward.name == "proxy_network" else reward.scale
        value, told = (None, None) if journey.told is None else journey.told
        self.requests.append(
            Asked(
                number,
                journey.asked_at,
                journey.context.domain,
                journey.context.path,
                tuple(journey.way),
                journey.status,
                success,
                journey.hit_level is not None,
                journey.seconds,
                None if value is None else value / scale,
                None if told is None else told / scale,
            )
        )
        # The last one's seconds hold those of all before it.
        realised = journey.rewards[-1:] if reward.name == "latency" else journey.rewards
        self.rewards[window] = self.rewards.get(window, 0.0) + sum(realised)
        if number < course.trajectories:
            self.trajectories.append(journey.trajectory())
        if not success:
            self._failed.add(window)
        self._left[window] += 1
        if self._left[window] == WINDOW:
            if window not in self._failed and self._clean is None:
                self._clean = window
            if window + 1 in course.snapshots:
                self.snapshots.append(self._snapshot(window + 1))

    def _snapshot(self, windows: int) -> Snapshot:
        links = []
        for place in self.cast.topology.places:
            worth = self.cast.worth(place.name, self.domain)
            links += [Link(place.name, parent, worth.get(parent)) for parent in place.parents]
        return Snapshot(windows, self.cast.network.now, tuple(links))


def play(course: Course, variant: Variant, seed: int, purpose: Purpose = Purpose.LEARNING) -> Run:
    """One run.

    Raises:
        ValueError: there is no such strategy, or a number is impossible.
    """
    played = _Play(course, variant, seed)
    played.play()
    network = course.network
    windows = windowed(played.requests, network.levels)
    return Run(
        setting=Setting.VIRTUAL,
        purpose=purpose,
        shape=Shape(network.levels, network.width),
        variant=variant,
        reward=network.reward.name,
        seed=seed,
        domain=played.domain,
        windows=tuple(
            replace(window, reward=played.rewards[window.index] / window.requests)
            for window in windows
        ),
        edges=tuple(
            place.name for place in played.cast.topology.places if played.domain in place.domains
        ),
        snapshots=tuple(played.snapshots),
        requests=tuple(played.requests) if course.keep_requests else (),
        trajectories=tuple(played.trajectories),
    )


def play_all(
    course: Course,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    *,
    purpose: Purpose = Purpose.LEARNING,
    processes: int | None = None,
    progress: Steps | None = None,
) -> Generator[Run, None, None]:
    """Every variant under every seed, as they get ready. Whoever stops listening ends them all.

    Args:
        processes: as many as there are cores if None; 1 is this one.
    """
    tasks: list[Task] = [(course, variant, seed, purpose) for seed in seeds for variant in variants]
    return played(_played, tasks, processes, progress, _name)


def rows(run: Run) -> list[dict[str, object]]:
    """A run as plain data, one row for each window."""
    return [
        {
            "seed": run.seed,
            "strategy": run.variant.strategy,
            "cache": run.variant.cache,
            **asdict(window),
        }
        for window in run.windows
    ]


def _played(task: Task) -> Run:
    return play(*task)


def _name(run: Run) -> str:
    return f"{run.variant.label}, seed {run.seed}"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.network.virtual",
        description="Document 000's network of learning proxies in virtual time.",
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many (%(default)s)")
    parser.add_argument("--levels", type=int, default=10, help="(%(default)s)")
    parser.add_argument("--width", type=int, default=10, help="nodes of a level (%(default)s)")
    parser.add_argument("--strategies", default="q_routing", help="several by commas, or all")
    parser.add_argument("--cache-entries", type=int, default=4, help="of a node (%(default)s)")
    parser.add_argument("--no-cache", action="store_true", help="run without caches as well")
    parser.add_argument("--windows", type=int, default=40, help="at the most (%(default)s)")
    parser.add_argument("--all-windows", action="store_true", help="go on after a clean one")
    parser.add_argument(
        "--tries", type=int, default=1, help="next hops for a request (%(default)s)"
    )
    parser.add_argument("--reward", choices=("proxy_network", "latency"), default="proxy_network")
    parser.add_argument("--estimate", choices=("document", "mean"), default="document")
    parser.add_argument("--rate", type=float, help="requests per virtual second; none: one by one")
    parser.add_argument("--processes", type=int, help="as many as cores")
    parser.add_argument("--trajectories", type=int, default=0, help="ways to print of each run")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each window")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit status: 2 for a wrong argument, 130 after Ctrl-C."""
    asked = _arguments(arguments)
    timed = asked.reward == "latency" or asked.rate is not None
    strategies = COMPARED if asked.strategies == "all" else asked.strategies.split(",")
    caches = (True, False) if asked.no_cache else (True,)
    variants = [Variant(strategy, cache) for strategy in strategies for cache in caches]
    progress = Steps(len(variants) * asked.seeds)
    try:
        course = Course(
            NetworkParameters(
                levels=asked.levels,
                width=asked.width,
                cache_entries=asked.cache_entries,
                tries=asked.tries,
                reward=RewardParameters(name=asked.reward),
                q_routing=QRoutingParameters(estimate=asked.estimate),
                timing=Timing() if timed else None,
            ),
            most_windows=asked.windows,
            until_clean=not asked.all_windows,
            rate=asked.rate,
            trajectories=asked.trajectories,
        )
        runs = play_all(
            course, variants, range(asked.seeds), processes=asked.processes, progress=progress
        )
        with closing(progress), closing(runs):
            found = []
            for run in runs:
                found.append(run)
                _print(run, asked.json)
    except ValueError as error:
        print(f"{error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    if not asked.json:
        _summarize(found, variants)
    return 0


def _print(run: Run, as_json: bool) -> None:
    if as_json:
        for row in rows(run):
            print(json.dumps(row))
        return
    for trajectory in run.trajectories:
        print(trajectory)
    failures = " ".join(str(window.failures) for window in run.windows)
    print(f"{run.variant.label}, seed {run.seed}: {failures}", flush=True)


def _summarize(runs: Sequence[Run], variants: Sequence[Variant]) -> None:
    for variant in variants:
        clean = [windows_to_clean(run.windows) for run in runs if run.variant == variant]
        reached = sorted(each for each in clean if each is not None)
        within = sum(each <= CLEAN_WITHIN for each in reached)
        first = f"; after {reached[0]} to {reached[-1]} windows" if reached else ""
        print(
            f"{variant.label}: a window without failure in {len(reached)} of {len(clean)} seeds,"
            f" within {CLEAN_WITHIN} in {within}{first}"
        )


if __name__ == "__main__":
    sys.exit(main())
