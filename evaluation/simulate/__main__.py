"""Strategies compared in virtual time, over scenarios and seeds, on all cores.

python -m evaluation.simulate --scenario S4:.5 --strategies least_request,peak_ewma --seeds 0-7
python -m evaluation.simulate --scenario all --strategies classics --json out.json
python -m evaluation.simulate --scenario random:60 --strategies classics --seeds 3
python -m evaluation.simulate --compare before.json after.json
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path

from config.loading import nearest, scenario_names
from evaluation.arguments import INTERRUPTED, BadArgument, ended, parse_seeds
from evaluation.progress import Steps
from evaluation.simulate import random_scenarios, reference
from evaluation.simulate.comparison import (
    Suite,
    Summary,
    cost_ratio,
    grouped,
    suite,
    summarise,
)
from evaluation.simulate.export import ExportError, as_data, read, write
from evaluation.simulate.measures import Measured
from evaluation.simulate.pool import Task, fingerprint, play_all, settings_of, tasks_of
from evaluation.simulate.tables import milliseconds, notes, ratio, suite_table, table
from evaluation.simulate.variants import VariantError, apply, is_classic, split
from evaluation.tables import aligned

PROGRAM = "python -m evaluation.simulate"

STUDY = "S[0-9]*"
"""``study``: the scenarios whose names begin like this."""

DEFAULT_STRATEGIES = "round_robin,least_request,peak_ewma"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit status: 2 for what cannot be run, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(given)

    def run() -> int:
        if not asked.compare:
            return _simulate(asked, given)
        first, second = (read(Path(each)) for each in asked.compare)
        print(compared(first, second))
        return 0

    return ended(PROGRAM, run, ExportError, VariantError, ValueError, RuntimeError)


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition("\n")[0])
    it.add_argument(
        "--scenario",
        default="S1u",
        help="names by commas, a pattern such as S6:*, all, study, or random:60 (%(default)s)",
    )
    it.add_argument(
        "--strategies",
        default=DEFAULT_STRATEGIES,
        help="names by commas, with parameters as in peak_ewma:decay_seconds=1, -ejection or"
        " +ejection; classics for all of those (%(default)s)",
    )
    it.add_argument("--seeds", default="0-7", help="such as 0-7 or 3,5 (%(default)s)")
    it.add_argument("--json", metavar="OUT", help="write rows and all the rest there")
    it.add_argument("--resume", action="store_true", help="keep the runs that OUT has already")
    it.add_argument("--workers", type=int, metavar="N", help="processes; as many as cores")
    it.add_argument("--no-reference", action="store_true", help="leave the oracles out")
    it.add_argument("--live-scaled", action="store_true", help="with the settings served live")
    it.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting")
    it.add_argument("--list", action="store_true", help="print the scenarios and end")
    it.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two files written by --json")
    return it


def _simulate(asked: argparse.Namespace, given: Sequence[str]) -> int:
    if asked.list:
        for name in scenario_names():
            print(f"{name:20} {settings_of(Task(name, '', 0)).experiment.description}")
        return 0
    if asked.workers is not None and asked.workers < 1:
        raise BadArgument(f"--workers {asked.workers}: must be at least 1")
    if asked.resume and not asked.json:
        raise BadArgument("--resume: needs --json, the file that has the runs")
    scenarios, strategies = parse_scenarios(asked.scenario), split(asked.strategies)
    references = () if asked.no_reference else reference.NAMES
    seeds = parse_seeds(asked.seeds)
    if not strategies:
        raise BadArgument("--strategies: names none")
    check(strategies, scenarios, seeds, asked)
    tasks = tasks_of(
        scenarios, (*strategies, *references), seeds, asked.live_scaled, tuple(asked.set)
    )
    kept: list[Measured] = []
    if asked.resume and Path(asked.json).exists():
        kept = reusable(tasks, read(Path(asked.json)))
        done = {(run.row.scenario, run.row.strategy, run.row.seed) for run in kept}
        tasks = [each for each in tasks if (each.scenario, each.strategy, each.seed) not in done]
    runs, interrupted = list(kept), False
    progress = Steps(len(tasks))
    try:
        if tasks:
            with closing(progress), closing(play_all(tasks, asked.workers, progress)) as played:
                runs.extend(played)
    except KeyboardInterrupt:
        if not asked.json or not runs:
            raise
        interrupted = True  # what there is can be gone on with
    runs.sort(key=lambda run: _place(run, scenarios, (*strategies, *references)))
    summaries, suites = _show(runs, strategies, references)
    if asked.json:
        command = f"{PROGRAM} {shlex.join(given)}"
        write(Path(asked.json), as_data(command, runs, references, summaries, suites))
    return INTERRUPTED if interrupted else 0


def _place(
    run: Measured, scenarios: Sequence[str], strategies: Sequence[str]
) -> tuple[int, int, int]:
    row = run.row
    return scenarios.index(row.scenario), strategies.index(row.strategy), row.seed


def _show(
    runs: Sequence[Measured], strategies: Sequence[str], references: Sequence[str]
) -> tuple[list[Summary], list[Suite]]:
    classics = [each for each in strategies if is_classic(each)]
    summaries: list[Summary] = []
    at_random = [run for run in runs if random_scenarios.is_one(run.row.scenario)]
    named = [run for run in runs if not random_scenarios.is_one(run.row.scenario)]
    for scenario, by_strategy in grouped(named).items():
        found = summarise(scenario, by_strategy, classics, references)
        summaries += found
        seeds = max(each.seeds for each in found) if found else 0
        print(f"\n{scenario}, {seeds} seeds; ms, p50 to p99 and cost with 1 s for a failure")
        print("\n".join((table(found), *notes(found))), flush=True)
    suites: list[Suite] = []
    if at_random:
        suites = suite(at_random, (*strategies, *references), classics)
        print("\nrandom scenarios, each against the best classic in it")
        print(suite_table(suites), flush=True)
    return summaries, suites


def check(
    strategies: Sequence[str],
    scenarios: Sequence[str],
    seeds: Sequence[int],
    asked: argparse.Namespace,
) -> None:
    """Ends early what would fail in a worker.

    Raises:
        ConfigError, ValueError: a scenario or a strategy cannot be used.
    """
    for scenario in scenarios:
        settings = settings_of(Task(scenario, "", seeds[0], asked.live_scaled, tuple(asked.set)))
        if scenario == scenarios[0]:
            for strategy in strategies:
                apply(settings, strategy)


def reusable(tasks: Sequence[Task], runs: Sequence[Measured]) -> list[Measured]:
    """The runs that a task would give again: of the same scenario, strategy, seed and settings."""
    there = {(run.row.scenario, run.row.strategy, run.row.seed): run for run in runs}
    found = []
    for task in tasks:
        run = there.get((task.scenario, task.strategy, task.seed))
        if run is None:
            continue
        if task.strategy in reference.NAMES:
            settings, _ = apply(settings_of(task), "random-ejection")
        else:
            settings, _ = apply(settings_of(task), task.strategy)
        if fingerprint(settings, task.strategy) == run.settings:
            found.append(run)
    return found


def parse_scenarios(text: str) -> list[str]:
    """Names, patterns, ``all``, ``study``, ``random:60`` and ``random#7``, by commas.

    Raises:
        BadArgument: one of them means nothing.
    """
    known = scenario_names()
    found: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        drawn = random_scenarios.suite(part)
        pattern = {"all": "*", "study": STUDY}.get(part, part)
        if drawn is not None:
            found += drawn
        elif random_scenarios.is_one(part) or "/" in part or part.endswith(".yaml"):
            found.append(part)
        elif "*" in pattern:
            matching = [each for each in known if fnmatch(each, pattern)]
            if not matching:
                raise BadArgument(f"--scenario {part}: no scenario is called like that")
            found += matching
        elif part in known or part in {each.partition(":")[0] for each in known}:
            found.append(part)
        else:
            raise BadArgument(f"--scenario: no scenario {part!r}{nearest(part, known)}")
    if not found:
        raise BadArgument("--scenario: names none")
    return list(dict.fromkeys(found))


def compared(first: Sequence[Measured], second: Sequence[Measured]) -> str:
    """The second file's costs over the first's, where both have the same seeds."""
    before, after = grouped(first), grouped(second)
    lines: list[Sequence[str]] = [("scenario", "strategy", "before", "after", "ratio")]
    for scenario, strategies in before.items():
        for name, old in strategies.items():
            new = {run.row.seed: run for run in after.get(scenario, {}).get(name, ())}
            shared = [run for run in old if run.row.seed in new]
            if shared:
                change = cost_ratio([new[run.row.seed] for run in shared], shared)
                costs = [sum(r.row.cost for r in each) / len(shared) for each in (
                    shared, [new[run.row.seed] for run in shared])]  # fmt: skip
                lines.append((scenario, name, *map(milliseconds, costs), ratio(change)))
    if len(lines) == 1:
        raise BadArgument("--compare: the files have no run in common")
    return aligned(lines)


if __name__ == "__main__":
    sys.exit(main())
