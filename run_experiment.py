"""The full experiment, one command: strategies compared live under the same load, and a report.

python run_experiment.py [--quick] [--scenario NAME] [--strategies a,b] [--seeds 0-2] ...
python run_experiment.py --network [--live | --virtual] [--seeds N] [--quick]
python run_experiment.py --shaping [--live | --virtual] [--seeds N] [--quick]
python run_experiment.py compare A B
"""

# No __future__ import: this much must run on any Python 3, to say that it is too old.
import sys

if __name__ == "__main__":
    from config.preflight import check as preflight

    preflight("run_experiment.py")

import argparse
import shlex
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.schema import Experiment, Settings
    from evaluation.parts import Part
    from evaluation.publish import Published
    from evaluation.records import ComparisonResult

PROGRAM = "run_experiment.py"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
QUICK_REQUESTS = 200
QUICK_WARMUP = 40
QUICK_SEEDS = (0, 1)
QUICK_RECOVERY = 3.0
"""Seconds that are shown after the last server has recovered."""
SECOND = "two_classes"
"""The scenario of the second part, where nothing else is asked for."""
SECOND_SECONDS = 14.0
"""How long its runs last, and how long with --quick."""
QUICK_SECOND_SECONDS = 4.0
FIRST_TITLE = "Part one: servers of different speed"
SECOND_TITLE = "Part two: two kinds of requests"
OWN_ROOMS = ("backend", "config", "evaluation", "load_balancer", "metrics", "rl", "traffic")


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, PROGRAM + ": " + message + "\n")


class BadArgument(Exception):
    """A value on the command line is not usable; the message is the one line to show."""


def main(argv: "Sequence[str] | None" = None) -> int:
    """Exit code: 0; 2 on bad arguments or when a process fails; 130 after Ctrl-C."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        if given[:1] == ["compare"]:
            return _compare(_compare_parser().parse_args(given[1:]))
        options = _parser().parse_args(given)
        alone = options.network or options.shaping
        return (_settings_part if alone else _experiment)(options, given)
    except ImportError as error:
        package = (error.name or "").split(".")[0]
        if package in OWN_ROOMS:
            raise
        return _complain(
            "the package " + (package or str(error)) + " is missing: run make setup, or"
            " pip install '.[report]'"
        )
    except BadArgument as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> Parser:
    it = Parser(
        PROGRAM,
        description="Compares strategies on live processes under the same load; writes a report."
        " Without options that belong to one experiment alone it has two parts: servers of"
        " different speed, and two kinds of requests.",
        epilog=PROGRAM + " compare A B: two reports side by side",
    )
    it.add_argument("--quick", action="store_true", help="two minutes: fewer requests and seeds")
    it.add_argument("--scenario", metavar="NAME", help="servers and load from config/scenarios")
    it.add_argument("--strategies", metavar="a,b", help="default: those of the configuration")
    it.add_argument("--seeds", metavar="0-2", help="e.g. 0-2 or 0,1,5; of a part below also N")
    it.add_argument("--rate", type=float, metavar="R", help="requests per second")
    it.add_argument("--requests", type=int, metavar="N", help="per strategy and seed, warm-up too")
    it.add_argument("--warmup", type=int, metavar="N", help="requests that are not counted")
    it.add_argument("--out", metavar="DIR", help="default: reports, or the part's folder in it")
    it.add_argument("--config", metavar="F", help="default: config/config.yaml")
    it.add_argument("--list-scenarios", action="store_true", help="print them and end")
    own = it.add_argument_group("networks of proxies, and shaping")
    part = own.add_mutually_exclusive_group()
    part.add_argument("--network", action="store_true", help="how proxies learn routes")
    part.add_argument("--shaping", action="store_true", help="static rules and agents for clients")
    own.add_argument("--live", action="store_true", help="real processes only")
    own.add_argument("--virtual", action="store_true", help="virtual time only")
    return it


def _compare_parser() -> Parser:
    it = Parser(PROGRAM + " compare", description="Two reports side by side: B against A.")
    it.add_argument("first", metavar="A", help="a folder such as reports/latest")
    it.add_argument("second", metavar="B")
    it.add_argument("--out", metavar="DIR", help="where compare.html goes (default: B)")
    return it


def _experiment(options: argparse.Namespace, given: "Sequence[str]") -> int:
    from config.loading import ConfigError, load, scenario_names

    for name in ("live", "virtual"):
        if getattr(options, name):
            raise BadArgument(f"--{name}: has a meaning with --network or --shaping only")
    try:
        if options.list_scenarios:
            for name in scenario_names():
                experiment = load(options.config, scenario=name).experiment
                print(f"{name:16} {experiment.description}")
            return 0
        return _measure(_parts(options), options, given)
    except ConfigError as error:
        return _complain("\n".join(error.problems))


def _parts(options: argparse.Namespace) -> "list[Part]":
    """The experiments that the options ask for: a scenario, or the configured one; and without
    anything that belongs to one alone, a second one with two kinds of requests.

    Raises:
        BadArgument: naming the option.
        ConfigError: a file cannot be used.
    """
    from config.loading import load
    from evaluation.parts import Part

    settings = load(options.config, scenario=options.scenario)
    if options.scenario is not None:
        return [_of_scenario(settings, options)]
    experiment = _asked(settings, options)
    alone = ("config", "rate", "requests", "warmup")
    if any(getattr(options, name) is not None for name in alone):
        return [Part(settings, experiment)]
    return [
        Part(settings, experiment, title=FIRST_TITLE),
        _second(experiment, options.quick),
    ]


def _of_scenario(settings: "Settings", options: argparse.Namespace) -> "Part":
    """A scenario light enough for this machine, as its ``live`` part says."""
    from config.scenario_scale import live
    from evaluation.foretelling import as_played
    from evaluation.parts import Part

    settings = live(settings)
    experiment = _asked(settings, options)
    if experiment.requests != settings.experiment.requests or (
        experiment.warmup_requests != settings.experiment.warmup_requests
        or experiment.request_rate != settings.experiment.request_rate
    ):
        settings = as_played(settings, experiment, timed=False)
    return Part(settings, experiment, options.scenario, timed=True)


def _second(first: "Experiment", quick: bool) -> "Part":
    """The same strategies and seeds where a rule that takes all requests for equal cannot do
    well."""
    from config.loading import load
    from config.scenario_scale import live
    from evaluation.foretelling import as_played
    from evaluation.parts import Part

    settings = live(load(scenario=SECOND))
    rate = settings.experiment.request_rate
    seconds = QUICK_SECOND_SECONDS if quick else SECOND_SECONDS
    experiment = settings.experiment.model_copy(
        update={
            "strategies": first.strategies,
            "seeds": first.seeds,
            "requests": round(rate * seconds),
            "warmup_requests": round(rate * seconds / 5),
        }
    )
    settings = as_played(settings, experiment, timed=False)
    return Part(settings, experiment, SECOND, timed=True, title=SECOND_TITLE, name=SECOND)


def _asked(settings: "Settings", options: argparse.Namespace) -> "Experiment":
    """The experiment that the options make of the configured one.

    Raises:
        BadArgument: naming the option.
    """
    experiment = settings.experiment
    requests, seeds = experiment.requests, experiment.seeds
    warmup: int | None = experiment.warmup_requests
    if options.quick:
        requests, seeds = _quick(settings)
        warmup = min(QUICK_WARMUP, experiment.warmup_requests)
    if options.requests is not None:
        requests, warmup = options.requests, None
    for name in ("requests", "rate"):
        value = getattr(options, name)
        if value is not None and not 0 < value < 1e7:
            raise BadArgument(f"--{name} {value:g}: must be above 0 (and below ten million)")
    if options.warmup is not None:
        warmup = options.warmup
        if not 0 <= options.warmup < requests:
            raise BadArgument(f"--warmup {warmup}: must be at least 0, below {requests} requests")
    strategies = experiment.strategies
    if options.strategies is not None:
        strategies = tuple(name.strip() for name in options.strategies.split(","))
    if options.seeds is not None:
        seeds = parse_seeds(options.seeds)
    most = experiment.warmup_requests
    return experiment.model_copy(
        update={
            "strategies": strategies,
            "seeds": seeds,
            "requests": requests,
            "warmup_requests": min(most, requests // 5) if warmup is None else warmup,
            "request_rate": experiment.request_rate if options.rate is None else options.rate,
        }
    )


def _settings_part(options: argparse.Namespace, given: "Sequence[str]") -> int:
    """Networks of proxies, or shaping: live, in virtual time, or both."""
    from evaluation.export import ReportError
    from evaluation.network.command import run as run_network
    from evaluation.shaping.command import run as run_shaping
    from evaluation.style import PlotError
    from evaluation.testbed import ExperimentError

    part, run = ("shaping", run_shaping) if options.shaping else ("network", run_network)
    for name in ("scenario", "strategies", "rate", "requests", "warmup", "config"):
        if getattr(options, name) is not None:
            raise BadArgument(f"--{name}: has no meaning with --{part}")
    seeds = None
    if options.seeds is not None:
        count = options.seeds
        alone = count.isdecimal() and int(count) > 0
        seeds = parse_seeds(f"0-{int(count) - 1}" if alone else count)
    try:
        return run(
            # Live shaping takes an hour: it must be asked for.
            live=options.live or not (options.virtual or options.shaping),
            virtual=options.virtual or not options.live,
            seeds=seeds,
            quick=options.quick,
            out=Path(options.out or f"reports/{part}"),
            command=shlex.join(["python", PROGRAM, *given]),
        )
    except (ExperimentError, ReportError, PlotError) as error:
        return _complain(str(error))


def _quick(settings: "Settings") -> tuple[int, tuple[int, ...]]:
    """Requests of a run, and seeds. Where servers misbehave for a while, one seed, and long enough
    to see them recover."""
    experiment = settings.experiment
    phases = [phase for server in settings.servers for phase in server.service.phases]
    if not phases:
        return min(QUICK_REQUESTS, experiment.requests), QUICK_SEEDS
    end = max(phase.end or phase.start for phase in phases) + QUICK_RECOVERY
    return min(experiment.requests, round(end * experiment.request_rate)), QUICK_SEEDS[:1]


def parse_seeds(text: str) -> tuple[int, ...]:
    """``0-2``, ``0,1,5`` or both. Raises BadArgument."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise BadArgument(f"--seeds {text}: must be numbers such as 0-2 or 0,1,5")
        found = range(int(first), int(last if dash else first) + 1)
        if not found or len(found) > 1000:
            raise BadArgument(f"--seeds {text}: {part} is no range of at most 1000 seeds")
        seeds += found
    return tuple(dict.fromkeys(seeds))


def _measure(parts: "list[Part]", options: argparse.Namespace, given: "Sequence[str]") -> int:
    from evaluation.export import ReportError, discard, make_folder
    from evaluation.measuring import need_packages, status
    from evaluation.parts import announcement, measure
    from evaluation.publish import publish_parts
    from evaluation.runner import check
    from evaluation.style import PlotError
    from evaluation.testbed import ExperimentError

    command = shlex.join(["python", PROGRAM, *given])
    try:
        need_packages()
        for part in parts:
            check(part.experiment)
        folder = make_folder(Path(options.out or "reports"), datetime.now(timezone.utc))  # noqa: UP017
        print(announcement(parts), flush=True)
        try:
            results = measure(parts, command)
            _print_ending(results[-1])
            if results[-1].interrupted and not results[0].measured_strategies():
                raise KeyboardInterrupt
            named = [
                (part.title, part.name, result)
                for part, result in zip(parts, results)  # noqa: B905 - those that were begun
            ]
            published = publish_parts(named, folder)
        except BaseException:
            discard(folder)
            raise
    except (ExperimentError, ReportError, PlotError) as error:
        return _complain(str(error))
    for each, part in zip(published, parts):  # noqa: B905
        _print_results(each, part.title)
    print(f"\nreport: {published[0].page}")
    return status(results[-1])


def _print_ending(result: "ComparisonResult") -> None:
    if result.problem:
        _complain(result.problem)
    elif result.interrupted:
        kept = "the report is made of what was" if result.measured_strategies() else "nothing was"
        sys.stderr.write(f"interrupted: {kept} measured\n")


def _print_results(published: "Published", title: str) -> None:
    from evaluation import caveats, wording
    from evaluation.agreement import agreements
    from evaluation.report_tables import result_table
    from evaluation.tables import plain_table

    result, analysis = published.result, published.analysis
    print(f"\n{title}" if title else "")
    print(plain_table(result_table(analysis)) + "\n")
    for line in (
        *wording.headlines(result, analysis),
        *caveats.verdicts(agreements(result), result.classics),
        *wording.warnings(result, analysis),
        *caveats.warnings(result),
    ):
        print(line)


def _compare(options: argparse.Namespace) -> int:
    from evaluation.compare import render, write_page
    from evaluation.export import ReportError, read, resolve

    try:
        first, second = (read(Path(each)) for each in (options.first, options.second))
        markdown, page = render(first, second)
        folder = Path(options.out) if options.out else resolve(Path(options.second))
        folder.mkdir(parents=True, exist_ok=True)
        path = write_page(page, folder)
    except ReportError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"--out {options.out}: cannot be written: {error.strerror}")
    print(markdown)
    sys.stderr.write(f"page: {path}\n")
    return 0


def _complain(problem: str) -> int:
    sys.stderr.write(PROGRAM + ": " + problem + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
