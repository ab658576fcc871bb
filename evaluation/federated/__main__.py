"""Federated learning: what it is worth, and the same rounds over Flower.

python -m evaluation.federated compare --seeds 0-9
python -m evaluation.federated flower
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from evaluation.arguments import BadArgument, count, ended, parse_seeds, share
from evaluation.export import ReportError, discard, make_folder
from evaluation.federated import flower, report
from evaluation.federated.analysis import against
from evaluation.federated.learning import alone
from evaluation.federated.sites import AGENTS, DQN, EXPLORE, TABULAR, UPDATES, Manner
from evaluation.federated.study import Plan, Tried, compare, ordered, seeds_of, tasks
from evaluation.federated.traffic import NODES
from evaluation.progress import Steps
from evaluation.shaping.training import TrainingError, need_torch

PROGRAM = "python -m evaluation.federated"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit status: 2 for what cannot be run, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(given)

    def run() -> int:
        status: int = asked.run(asked, f"{PROGRAM} {shlex.join(given)}")
        return status

    return ended(PROGRAM, run, ReportError, TrainingError, flower.FlowerError)


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition("\n")[0])
    parts = it.add_subparsers(required=True, metavar="compare|flower")
    study = parts.add_parser("compare", help="learn together and alone in virtual time; a report")
    study.set_defaults(run=_compare)
    study.add_argument("--seeds", default="0-9", help="such as 0-9 or 3,5 (%(default)s)")
    study.add_argument("--episodes", type=count, default=6, help="of each node (%(default)s)")
    study.add_argument(
        "--agent", choices=AGENTS, default=TABULAR, help="dqn needs PyTorch (%(default)s)"
    )
    usual = ", ".join(f"{agent} {least:g}" for agent, least in EXPLORE.items())
    study.add_argument(
        "--explore", type=share, help=f"while learning; networks come down to it ({usual})"
    )
    study.add_argument("--prior", type=share, help="of what tables are born knowing (1.0)")
    study.add_argument(
        "--updates", type=count, help=f"gradient steps of a network a step ({UPDATES})"
    )
    study.add_argument("--poisoned", action="store_true", help="and with one poisoned site")
    study.add_argument("--longer", action="store_true", help="and alone for three times as long")
    study.add_argument("--workers", type=count, default=1, metavar="N", help="processes (1)")
    study.add_argument("--out", default="reports/federated", help="folder (%(default)s)")
    rounds = parts.add_parser("flower", help="rounds over a SuperLink and SuperNodes, on loopback")
    rounds.set_defaults(run=_flower)
    rounds.add_argument("--environment", default="state/flower", help="folder (%(default)s)")
    rounds.add_argument("--folder", default="state/flower-run", help="for files (%(default)s)")
    rounds.add_argument("--rounds", type=count, default=2, help="(%(default)s)")
    rounds.add_argument("--method", choices=("mean", "median"), default="mean")
    rounds.add_argument("--seed", type=int, default=0, help="of what was learned before")
    return it


def _compare(asked: argparse.Namespace, command: str) -> int:
    seeds = tuple(parse_seeds(asked.seeds))
    manner = _manner(asked)
    plan = Plan(seeds, asked.episodes, manner, asked.poisoned, asked.longer)
    folder = make_folder(Path(asked.out), datetime.now(UTC), report.RESULTS)
    tried: list[Tried] = []
    try:
        with closing(Steps(len(tasks(plan)))) as progress:
            # One by one: what is done is kept if the rest is not.
            for done in compare(plan, progress, asked.workers):
                tried.extend(done)
    finally:
        text = ""
        if tried:
            tried = ordered(tried, plan)
            text = report.page(against(tried), plan, seeds_of(tried), command)
            report.write(folder, tried, text)
        else:
            discard(folder, report.RESULTS)
    print(text)
    print(f"written to {folder}")
    return 0


def _manner(asked: argparse.Namespace) -> Manner:
    """
    Raises:
        BadArgument: what was asked for is another agent's.
        TrainingError: PyTorch is missing.
    """
    if asked.agent == DQN:
        if asked.prior is not None:
            raise BadArgument("--prior: is for --agent tabular; networks are born knowing nothing")
        need_torch(DQN)
    elif asked.updates is not None:
        raise BadArgument("--updates: is for --agent dqn; tables take no gradient steps")
    explore = EXPLORE[asked.agent] if asked.explore is None else asked.explore
    prior = 1.0 if asked.prior is None else asked.prior
    return Manner(asked.agent, explore, prior, asked.updates or UPDATES)


def _flower(asked: argparse.Namespace, command: str) -> int:
    """Every node of the comparison, after one episode alone, as a site."""
    programs = flower.environment(Path(asked.environment), _say)
    folder = Path(asked.folder)
    folder.mkdir(parents=True, exist_ok=True)
    sites = {}
    for node in NODES:
        _say(f"{node} learns alone for one episode")
        (known,) = alone(node, asked.seed, (1,))
        sites[node] = folder / f"{node}.json"
        sites[node].write_text(json.dumps(known), encoding="utf-8")
    wanted = flower.Wanted(rounds=asked.rounds, method=asked.method, seed=asked.seed)
    found = flower.run(programs, folder, sites, wanted, _say)
    print(json.dumps(found, indent=1))
    learned = [_learned(file) for file in sites.values()]
    print(f"all sites know the same: {'yes' if learned.count(learned[0]) == len(sites) else 'no'}")
    return 0


def _learned(file: Path) -> dict[str, object]:
    """Without what stays a site's own, such as how much it explores; and without the last digits,
    for each site adds what all know to what it has learned since its offer."""

    def rounded(text: str) -> float:
        return round(float(text), 9)

    known = json.loads(file.read_text(encoding="utf-8"), parse_float=rounded)
    return {name: [each.get("states"), each.get("arrays")] for name, each in known.items()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
