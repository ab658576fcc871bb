"""Shaping in virtual time: train agents, evaluate them, tune the static rules.

python -m evaluation.shaping train --agent tabular,dqn,ppo
python -m evaluation.shaping evaluate --arms static,aimd,tabular --seeds 0-4
python -m evaluation.shaping tune
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from evaluation.arguments import (
    INTERRUPTED,
    BadArgument,
    count,
    ended,
    parse_names,
    parse_seeds,
)
from evaluation.checkpoint_file import CheckpointError
from evaluation.progress import Steps
from evaluation.shaping import arms, checkpoints, training, tuning, wording
from evaluation.shaping.analysis import analyze, by_stretch
from evaluation.shaping.arms import SHIFT, ArmError, Task
from evaluation.shaping.records import Played
from evaluation.shaping.report import ground_of
from evaluation.shaping.training import Point, TrainingError
from evaluation.tables import plain_table

PROGRAM = "python -m evaluation.shaping"
STATE = "state/shaping"
ALL = ",".join(training.AGENTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit status: 2 for what cannot be run, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(given)

    def run() -> int:
        status: int = asked.run(asked)
        return status

    return ended(PROGRAM, run, ArmError, CheckpointError, TrainingError)


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition("\n")[0])
    parts = it.add_subparsers(required=True, metavar="train|evaluate|tune")
    learn = parts.add_parser("train", help="learn, and keep what was learned as a checkpoint")
    learn.set_defaults(run=_train)
    learn.add_argument("--agent", default=ALL, help="names by commas (%(default)s)")
    learn.add_argument("--episodes", type=count, default=300, help="of two minutes (%(default)s)")
    learn.add_argument("--seed", type=int, default=0, help="of loads and dice (%(default)s)")
    learn.add_argument(
        "--minutes", type=float, default=30.0, help="that each may take (%(default)g)"
    )
    learn.add_argument("--checkpoints", default=STATE, help="their folder (%(default)s)")
    judge = parts.add_parser("evaluate", help="play the shifting load, and print what came of it")
    judge.set_defaults(run=_evaluate)
    judge.add_argument(
        "--arms", default="none,static,aimd,tabular_untrained", help="by commas (%(default)s)"
    )
    judge.add_argument("--seeds", default="0-4", help="such as 0-9 or 3,5 (%(default)s)")
    judge.add_argument(
        "--checkpoints", default=str(arms.LEARNED), help="of trained agents (%(default)s)"
    )
    tune = parts.add_parser("tune", help="search the static rules for the usual load")
    tune.set_defaults(run=_tune)
    return it


def _train(asked: argparse.Namespace) -> int:
    agents = parse_names(asked.agent, "--agent")
    if not asked.minutes > 0:
        raise BadArgument("--minutes: must be above 0")
    for agent in agents:
        training.learner(agent, asked.seed)  # whatever is missing, before anything is learned
    with closing(Steps(asked.episodes * len(agents))) as progress:
        for agent in agents:

            def tell(point: Point, agent: str = agent) -> None:
                progress.step(f"{agent}, reward {point.reward:.2f}, missed {point.missed:.0%}")

            path = checkpoints.place(Path(asked.checkpoints), agent)
            trials = training.train(agent, asked.seed, asked.episodes, path, tell, asked.minutes)
            best = max(trials, key=lambda each: each.reward)
            print(
                f"{path}: {trials[-1].episode + 1} episodes; kept after {best.episode + 1}: reward"
                f" {best.reward:.2f} per interval, targets missed in {best.missed:.0%}",
                flush=True,
            )
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    wanted = parse_names(asked.arms, "--arms")
    arms.check(wanted)
    seeds = parse_seeds(asked.seeds)
    known = arms.learned(wanted, Path(asked.checkpoints))
    played: list[Played] = []
    interrupted = False
    with closing(Steps(len(wanted) * len(seeds))) as progress:
        try:
            for seed in seeds:
                for arm in wanted:
                    played.append(arms.play(Task(SHIFT, arm, seed), known))
                    progress.step(f"{arm}, seed {seed}")
        except KeyboardInterrupt:
            interrupted = True
    if not played:
        return INTERRUPTED
    scenario = arms.PARTS[SHIFT]
    ground = ground_of(scenario)
    found, missed = analyze(played, ground), by_stretch(played, ground, scenario.begins())
    for table in (
        wording.result_table(found),
        wording.difference_table(found),
        wording.stretch_table(missed, [each.name for each in scenario.stretches]),
    ):
        if table is not None:
            print(f"{table.title}\n{plain_table(table)}\n")
    return INTERRUPTED if interrupted else 0


def _tune(asked: argparse.Namespace) -> int:
    scenario = arms.PARTS[SHIFT]
    usual = replace(scenario, stretches=scenario.stretches[:1])
    combinations = list(tuning.grid())
    with closing(Steps(len(combinations))) as progress:
        best, _ = tuning.tune(usual, combinations=combinations, step=progress.step)
    print(
        f"static_rules({shlex.join(map(str, best.bounds)).replace(' ', ', ')}):"
        f" target missed in {best.violations:.1%} of the seconds,"
        f" {best.completed:.1f} requests completed per second"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
