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

from evaluation.export import ReportError, discard, make_folder
from evaluation.federated import flower, report
from evaluation.federated.analysis import analyze
from evaluation.federated.learning import Manner, alone
from evaluation.federated.study import Plan, Tried, compare, seeds_of
from evaluation.federated.traffic import NODES
from evaluation.progress import Steps
from evaluation.simulate.__main__ import BadArgument, parse_seeds

PROGRAM = "python -m evaluation.federated"
REFUSED = 2
INTERRUPTED = 130
"""Exit status after Ctrl-C."""
MOST = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit status: 2 for what cannot be run, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(given)
    try:
        status: int = asked.run(asked, f"{PROGRAM} {shlex.join(given)}")
        return status
    except (BadArgument, ReportError, flower.FlowerError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog=PROGRAM, description=(__doc__ or "").partition("\n")[0])
    parts = it.add_subparsers(required=True, metavar="compare|flower")
    study = parts.add_parser("compare", help="learn together and alone in virtual time; a report")
    study.set_defaults(run=_compare)
    study.add_argument("--seeds", default="0-9", help="such as 0-9 or 3,5 (%(default)s)")
    study.add_argument("--episodes", type=_count, default=6, help="of each node (%(default)s)")
    study.add_argument("--explore", type=_share, default=0.3, help="while learning (%(default)s)")
    study.add_argument(
        "--prior", type=_share, default=1.0, help="of what agents are born knowing (%(default)s)"
    )
    study.add_argument("--poisoned", action="store_true", help="and with one poisoned site")
    study.add_argument("--longer", action="store_true", help="and alone for three times as long")
    study.add_argument("--out", default="reports/federated", help="folder (%(default)s)")
    rounds = parts.add_parser("flower", help="rounds over a SuperLink and SuperNodes, on loopback")
    rounds.set_defaults(run=_flower)
    rounds.add_argument("--environment", default="state/flower", help="folder (%(default)s)")
    rounds.add_argument("--folder", default="state/flower-run", help="for files (%(default)s)")
    rounds.add_argument("--rounds", type=_count, default=2, help="(%(default)s)")
    rounds.add_argument("--method", choices=("mean", "median"), default="mean")
    rounds.add_argument("--seed", type=int, default=0, help="of what was learned before")
    return it


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST:
        raise ValueError
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def _compare(asked: argparse.Namespace, command: str) -> int:
    seeds = tuple(parse_seeds(asked.seeds))
    manner = Manner(asked.explore, asked.prior)
    plan = Plan(seeds, asked.episodes, manner, asked.poisoned, asked.longer)
    folder = make_folder(Path(asked.out), datetime.now(UTC), report.RESULTS)
    tried: list[Tried] = []
    try:
        with closing(Steps(plan.steps)) as progress:
            # One by one: what is done is kept if the rest is not.
            tried.extend(compare(plan, progress.step))
    finally:
        text = ""
        if tried:
            text = report.page(analyze(tried), plan, seeds_of(tried), command)
            report.write(folder, tried, text)
        else:
            discard(folder, report.RESULTS)
    print(text)
    print(f"written to {folder}")
    return 0


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
    """Without what stays a site's own, such as how much it explores."""
    known = json.loads(file.read_text(encoding="utf-8"))
    return {name: [each.get("states"), each.get("arrays")] for name, each in known.items()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
