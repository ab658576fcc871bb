"""What a request costs a proxy: processor time beside nginx, HAProxy, Envoy and FastAPI with httpx.

Every round starts every peer anew, in turn, on a core of its own; the load and the backend share
another. A figure is the processor time of the proxy's process tree over the requests completed in
the same window, under saturation. Absolute figures are the machine's; the ratios, taken within a
round, are what can be compared, and the goals are ratios. Writes JSON and a Markdown page.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from backend.processes import ProcessError
from config.open_files import allow_open_files
from evaluation.bench.comparison import Sample, results, verdicts
from evaluation.bench.foreign import said
from evaluation.bench.measure import Bench
from evaluation.bench.peers import peer
from evaluation.bench.plan import CannotMeasure, Cores, Plan, parsed, planned, provided
from evaluation.bench.tables import document
from evaluation.machine import provenance
from rl.vocabulary import JSON

INTERRUPTED = 130
ENDINGS = (signal.SIGINT, signal.SIGTERM)
MOST_FILES = 20_000
"""What the proxies' own limits on connections ask for."""


def facts(plan: Plan, command: Sequence[str], bench: Bench) -> dict[str, str]:
    """What the page says of the run before its figures."""
    cores = Cores.here()
    found = {
        **provenance(" ".join(["python -m evaluation.bench.data_path", *command])),
        "pinned": f"proxy {cores.proxy}, load {cores.load}, backend {cores.backend}"
        if cores.proxy
        else "nothing could be pinned",
        "load average of the machine": _average(bench.samples),
        "rounds": f"{plan.rounds} of {plan.seconds:g} s after {plan.warm_up:g} s of warm-up,"
        f" {plan.connections} connections",
        "load by": said("wrk", "-v") if plan.driver == "wrk" else "evaluation/bench/saturate.py",
        "backend": plan.backend,
        "versions": ", ".join(f"{name} {value}" for name, value in versions(plan).items()),
    }
    if bench.calls:
        total = sum(bench.calls.values())
        parts = ", ".join(f"{name} {share:g}" for name, share in bench.calls.items())
        found["system calls per request (plain)"] = f"{total:.2f}: {parts}"
    return found


def versions(plan: Plan) -> dict[str, str]:
    """Of everything whose speed was measured."""
    found: dict[str, str] = {}
    for name in plan.peers:
        found |= peer(name, plan.packages).versions()
    if plan.backend == "nginx":
        found |= peer("nginx").versions()
    return found


def report(plan: Plan, run: dict[str, str], bench: Bench) -> str:
    """Everything about the run as JSON; what was not measured is null."""
    of_cases: list[JSON] = []
    for case in plan.cases:
        own = [each for each in bench.samples if each.case == case.name]
        base = case.base if any(each.peer == case.base for each in own) else None
        of_cases += [asdict(each) for each in results(own, base, case.figure)]
    found: JSON = {
        "run": dict(run),
        "settings": {
            "cases": [case.name for case in plan.cases],
            "peers": list(plan.peers),
            "left_out": list(plan.left_out),
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "warm_up": plan.warm_up,
            "connections": plan.connections,
            "backend": plan.backend,
            "driver": plan.driver,
            "cores": os.cpu_count(),
        },
        "versions": dict(versions(plan)),
        "system_calls": dict(bench.calls),
        "goals": [
            {
                "goal": each.goal.says(),
                "verdict": each.word,
                "ratio": None if each.ratio is None else asdict(each.ratio),
            }
            for each in verdicts(bench.samples)
        ],
        "results": of_cases,
        "samples": [
            asdict(each) | {"microseconds": each.microseconds, "rate": each.rate}
            for each in bench.samples
        ],
    }
    return json.dumps(finite(found), indent=1)


def finite(value: JSON) -> JSON:
    """JSON has no word for infinite and undefined numbers."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 if answers were wrong; 2 if it cannot measure; 130 after Ctrl-C."""
    options = parsed(argv)
    command = list(sys.argv[1:] if argv is None else argv)
    # Explicitly, because a shell starts background jobs with SIGINT ignored.
    before = [(each, signal.signal(each, signal.default_int_handler)) for each in ENDINGS]
    allow_open_files(MOST_FILES)
    try:
        return _run(options, command)
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _run(options: argparse.Namespace, command: Sequence[str]) -> int:
    interrupted = False
    page = options.markdown or options.json.with_suffix(".md")
    try:
        plan = planned(options)
        writable("--json", options.json)
        writable("--markdown", page)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            plan = provided(plan, folder, _say, install=not options.no_install)
            bench = Bench(plan, folder, _say)
            try:
                bench.run()
            except KeyboardInterrupt:
                interrupted = True
            if bench.samples:
                run = facts(plan, command, bench)
                notes = [*(f"left out: {each}" for each in plan.left_out), *bench.notes]
                text = document(plan.cases, bench.samples, run, notes)
                print(text)
                page.write_text(f"# The data path, measured\n\n{text}\n", encoding="utf-8")
                options.json.write_text(report(plan, run, bench) + "\n", encoding="utf-8")
                print(f"\nevery sample: {options.json}; this page: {page}")
    except (CannotMeasure, ProcessError) as error:
        _say(f"data_path: {error}")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    if interrupted:
        _say("interrupted: these are the samples that had been taken")
        return INTERRUPTED
    if any(sample.errors for sample in bench.samples):
        _say("some answers were wrong, so the figures of those peers say nothing")
        return 1
    return 0


def writable(option: str, path: Path) -> None:
    """Found out before the measuring, not after. Raises CannotMeasure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise CannotMeasure(f"{option} {path}: cannot be written: {error.strerror}") from None


def _average(samples: Sequence[Sample]) -> str:
    values = [each.load_average for each in samples]
    return f"{min(values):.1f} to {max(values):.1f} when samples began"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
