"""``python -m evaluation.faults``: every fault under load, and the table of what clients saw."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from backend.processes import ProcessError
from config.open_files import allow_open_files
from evaluation.arguments import INTERRUPTED, REFUSED, BadArgument
from evaluation.bench.plan import Parser
from evaluation.faults.catalogue import FAULTS, Fault, fault
from evaluation.faults.page import line, page
from evaluation.faults.play import Load, Played, play
from evaluation.faults.stage import SETTINGS, StageError, lacking
from evaluation.machine import provenance
from evaluation.settings_known import known
from load_balancer import strategies
from traffic.generator import new_event_loop

DEFAULT_PAGE = Path("reports/faults.md")
ENDINGS = (signal.SIGINT, signal.SIGTERM)
MOST_FILES = 16_384
SHORTEST = 4.0


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    usual = Load()
    it = Parser("faults", description="Faults under open-loop load, and what clients see of them.")
    it.add_argument("--seconds", type=float, default=usual.seconds, help="of each (%(default)g)")
    it.add_argument("--rate", type=float, default=usual.rate, help="requests/s (%(default)g)")
    it.add_argument("--seed", type=int, default=usual.seed, help="of the arrivals (%(default)s)")
    it.add_argument("--strategy", default=usual.strategy, help="(%(default)s)")
    it.add_argument("--only", action="append", metavar="NAME", help="may be given several times")
    it.add_argument("--list", action="store_true", help="the faults that there are")
    it.add_argument("--page", type=Path, default=DEFAULT_PAGE, help="(%(default)s)")
    it.add_argument("--json", type=Path, help="every figure (beside the page, in reports/)")
    return it.parse_args(argv)


def chosen(options: argparse.Namespace) -> tuple[list[Fault], Load]:
    """Raises BadArgument, naming the option at fault."""
    for name, value, least in (
        ("seconds", options.seconds, SHORTEST),
        ("rate", options.rate, 1.0),
    ):
        if not (value >= least and math.isfinite(value)):
            raise BadArgument(f"--{name} {value:g}: must be {least:g} or more")
    if options.strategy not in strategies.names():
        valid = ", ".join(strategies.names())
        raise BadArgument(f"--strategy {options.strategy}: there is none; valid: {valid}")
    try:
        faults = [fault(name) for name in options.only] if options.only else list(FAULTS)
    except ValueError as error:
        raise BadArgument(f"--only: {error}") from None
    return faults, Load(options.seconds, options.rate, options.seed, options.strategy)


def played_all(
    faults: Sequence[Fault], load: Load, played: list[Played], left_out: list[str]
) -> None:
    """Plays them one after the other into ``played``; those that cannot be are ``left_out``."""
    for number, each in enumerate(faults, start=1):
        lacks = lacking(each.settings, workers=each.workers, dns=each.dns)
        if lacks:
            left_out.append(f"{each.name}: this version has no {lacks}")
            _say(f"[{number}/{len(faults)}] left out: {left_out[-1]}")
            continue
        _say(f"[{number}/{len(faults)}] {each.name}: {each.about} …")
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                played.append(runner.run(play(each, load)))
        except (StageError, ProcessError, ExceptionGroup) as error:
            left_out.append(f"{each.name}: {_why(error)}")
            _say(f"[{number}/{len(faults)}] could not be played: {left_out[-1]}")
            continue
        _say(f"[{number}/{len(faults)}] {line(played[-1])}")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 if a goal was missed or a fault could not be played; 2 on bad arguments; 130
    after Ctrl-C, with what had been played."""
    options = parsed(argv)
    if options.list:
        print("\n".join(f"{each.name:15} {each.about}" for each in FAULTS))
        return 0
    json_file = options.json or DEFAULT_PAGE.with_name(options.page.stem + ".json")
    try:
        faults, load = chosen(options)
        for file in (options.page, json_file):
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.open("a").close()
            except OSError as error:
                raise BadArgument(f"{file}: cannot be written: {error.strerror}") from None
    except BadArgument as error:
        _say(f"faults: {error}")
        return REFUSED
    # Explicitly, because a shell starts background jobs with SIGINT ignored.
    before = [(each, signal.signal(each, signal.default_int_handler)) for each in ENDINGS]
    allow_open_files(MOST_FILES)
    played: list[Played] = []
    left_out: list[str] = []
    interrupted = False
    try:
        played_all(faults, load, played, left_out)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    if played or left_out:
        arguments = shlex.join(sys.argv[1:] if argv is None else argv)
        facts = _facts(f"python -m evaluation.faults {arguments}".strip())
        text = page(played, load, facts, left_out)
        options.page.write_text(text, encoding="utf-8")
        document = {
            "run": facts,
            "load": asdict(load),
            "faults": [asdict(each) for each in played],
            "left_out": left_out,
        }
        json_file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"{len(played)} faults: {options.page}, {json_file}")
    if interrupted:
        _say("interrupted: these are the faults that had been played")
        return INTERRUPTED
    return 1 if left_out or not all(each.met for each in played) else 0


def _facts(command: str) -> dict[str, str]:
    settings = ", ".join(f"{path} {json.dumps(value)}" for path, value in SETTINGS.items())
    unknown = [path for path in SETTINGS if not known(path)]
    found = {
        **provenance(f"`{command}`"),
        "settings beyond the defaults": settings,
    }
    return found | ({"unknown to this version": ", ".join(unknown)} if unknown else {})


def _why(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
