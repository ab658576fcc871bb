"""Learning in the fog: train, evaluate, compare.

python -m evaluation.fog train --algorithm ppo --configuration uneven --reward shared_cost
python -m evaluation.fog evaluate --algorithm ppo,least_queue --configuration uneven --seeds 0-9
python -m evaluation.fog compare --algorithm all --configuration uneven --seeds 0-9
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
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
from evaluation.export import ReportError, discard, make_folder
from evaluation.fog import checkpoints
from evaluation.fog.algorithms import LEARNERS, AlgorithmError, Cast, check, gather, names
from evaluation.fog.analysis import analyze
from evaluation.fog.configurations import DEFAULT, fingerprint, load_configuration
from evaluation.fog.configurations import names as configurations
from evaluation.fog.playing import Measured
from evaluation.fog.report import RESULTS, Comparison, publish
from evaluation.fog.training import POINT_STEPS, REWARDS, Task, TrainingError, train
from evaluation.fog.wording import result_table
from evaluation.machine import Beginning
from evaluation.progress import Steps
from evaluation.style import PlotError
from evaluation.tables import plain_table
from rl.fog.settings import FogSettings

PROGRAM = "python -m evaluation.fog"
ALL = "all"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit status: 2 for what cannot be run, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(given)

    def run() -> int:
        settings = load_configuration(asked.configuration)
        seeds = parse_seeds(asked.seeds)
        status: int = asked.run(asked, settings, seeds, f"{PROGRAM} {shlex.join(given)}")
        return status

    return ended(
        PROGRAM, run, AlgorithmError, CheckpointError, PlotError, ReportError, TrainingError
    )


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition("\n")[0])
    parts = it.add_subparsers(required=True, metavar="train|evaluate|compare")
    learn = parts.add_parser("train", help="learn, and keep what was learned as a checkpoint")
    learn.set_defaults(run=_train)
    _common(learn, "deep_q", "0")
    learn.add_argument("--reward", choices=REWARDS, default="documented", help="to learn from")
    learn.add_argument("--steps", type=count, default=6000, help="ticks in each fog (%(default)s)")
    learn.add_argument("--fogs", type=count, default=4, help="played at once (%(default)s)")
    learn.add_argument(
        "--minutes", type=float, default=15.0, help="that a learner may take (%(default)g)"
    )
    for name, run, text, seeds in (
        ("evaluate", _evaluate, "play, and print what came of it", "0-4"),
        ("compare", _compare, "play, and write a report", "0-9"),
    ):
        each = parts.add_parser(name, help=text)
        each.set_defaults(run=run)
        _common(each, ALL if name == "compare" else "least_queue", seeds)
        each.add_argument(
            "--checkpoint", action="append", default=[], metavar="FILE", help="a learner's, to play"
        )
        each.add_argument(
            "--elsewhere", action="store_true", help="checkpoints may be of another fog"
        )
        if name == "compare":
            each.add_argument("--out", default="reports/fog", help="folder (%(default)s)")
    return it


def _common(parser: argparse.ArgumentParser, algorithm: str, seeds: str) -> None:
    parser.add_argument(
        "--algorithm",
        default=algorithm,
        help="names by commas, or all: every one, learners as far as they have learned"
        f" (%(default)s): {', '.join(names())}",
    )
    parser.add_argument(
        "--configuration",
        default=DEFAULT,
        help=f"{', '.join(configurations())}, or a YAML or properties file (%(default)s)",
    )
    parser.add_argument("--seeds", default=seeds, help="such as 0-9 or 3,5 (%(default)s)")
    parser.add_argument("--checkpoints", default="state/fog", help="their folder (%(default)s)")


def _train(
    asked: argparse.Namespace, settings: FogSettings, seeds: Sequence[int], command: str
) -> int:
    wanted = LEARNERS if asked.algorithm == ALL else parse_names(asked.algorithm, "--algorithm")
    check(wanted, LEARNERS)
    if not asked.minutes > 0:
        raise BadArgument("--minutes: must be above 0")
    name = fingerprint(settings)
    points = asked.steps // POINT_STEPS
    with closing(Steps(points * len(wanted) * len(seeds))) as progress:
        for algorithm in wanted:
            for seed in seeds:
                task = Task(
                    algorithm=algorithm,
                    configuration=asked.configuration,
                    fingerprint=name,
                    reward=asked.reward,
                    seed=seed,
                    steps=asked.steps,
                    fogs=asked.fogs,
                    minutes=asked.minutes,
                    path=checkpoints.place(Path(asked.checkpoints), name, algorithm, seed),
                )
                made = train(settings, task, progress)
                last = f", at last {made.curve[-1].reward:.2f} per decision" if made.curve else ""
                print(f"{task.path}: {made.steps} ticks in {made.seconds:.0f} s{last}", flush=True)
    return 0


def _evaluate(
    asked: argparse.Namespace, settings: FogSettings, seeds: Sequence[int], command: str
) -> int:
    algorithms, cast = _cast(asked, settings)
    played, interrupted = _played(cast, algorithms, seeds)
    if not played:
        return INTERRUPTED
    print(plain_table(result_table(analyze(played))))
    return INTERRUPTED if interrupted else 0


def _compare(
    asked: argparse.Namespace, settings: FogSettings, seeds: Sequence[int], command: str
) -> int:
    algorithms, cast = _cast(asked, settings)
    beginning = Beginning.now()
    folder = make_folder(Path(asked.out), datetime.now(UTC), RESULTS)
    try:
        played, interrupted = _played(cast, algorithms, seeds)
        comparison = Comparison(
            configuration=asked.configuration,
            fingerprint=fingerprint(settings),
            settings=settings,
            algorithms=tuple(algorithms),
            seeds=tuple(seeds),
            played=tuple(played),
            learned=tuple(each for name in algorithms for _, each in cast.learned.get(name, ())),
            planned=len(algorithms) * len(seeds),
            circumstances=beginning.circumstances(command, asked.configuration, ""),
        )
        found, page = publish(comparison, folder)
    except BaseException:
        discard(folder, RESULTS)
        raise
    print(plain_table(result_table(found)))
    print(f"\nreport: {page}")
    return INTERRUPTED if interrupted else 0


def _cast(asked: argparse.Namespace, settings: FogSettings) -> tuple[list[str], Cast]:
    """Who plays. Checkpoints that are named as files play too."""
    folder, own = Path(asked.checkpoints), fingerprint(settings)
    files = [Path(each) for each in asked.checkpoint]
    wanted = parse_names(asked.algorithm, "--algorithm")
    if asked.algorithm == ALL:
        wanted = [
            each for each in names() if each not in LEARNERS or checkpoints.there(folder, own, each)
        ]
    check(wanted)
    learned = gather(folder, own, wanted, files, asked.elsewhere)
    return list(dict.fromkeys([*wanted, *learned])), Cast(settings, learned)


def _played(
    cast: Cast, algorithms: Sequence[str], seeds: Sequence[int]
) -> tuple[list[Measured], bool]:
    """Seed by seed, so that whatever is interrupted can still be compared."""
    played: list[Measured] = []
    with closing(Steps(len(algorithms) * len(seeds))) as progress:
        try:
            for seed in seeds:
                for algorithm in algorithms:
                    played.append(cast.play(algorithm, seed))
                    progress.step(f"{algorithm}, seed {seed}")
        except KeyboardInterrupt:
            return played, True
    return played, False


if __name__ == "__main__":
    sys.exit(main())
