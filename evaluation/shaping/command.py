"""``run_experiment.py --shaping``: measures, prints, and writes the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evaluation.export import ReportError, discard, make_folder
from evaluation.publish import missing_packages
from evaluation.report_tables import plain_table
from evaluation.shaping.arms import LEARNED
from evaluation.shaping.experiment import LIVE, VIRTUAL, Plan, ShapingResult, make_plan, measure
from evaluation.shaping.live import live_plan, measure_live
from evaluation.shaping.report import RESULTS, publish

INTERRUPTED = 130
FAILED = 2


def run(
    *,
    live: bool,
    virtual: bool,
    seeds: Sequence[int] | None,
    quick: bool,
    out: Path,
    command: str,
    learned: Path = LEARNED,
) -> int:
    """Exit code: 0; 2 when a process failed; 130 after Ctrl-C.

    Args:
        learned: the folder of what trained agents begin with.

    Raises:
        ExperimentError: nothing could be measured.
        ReportError: the report cannot be written.
        PlotError: matplotlib is missing.
        KeyboardInterrupt: before anything was measured.
    """
    missing = missing_packages()
    if missing:
        raise ReportError(
            f"the package {missing[0]} is missing: run make setup, or pip install '.[report]'"
        )
    status = 0
    if virtual:
        plan = make_plan(seeds, quick, learned)
        status = _measure(plan, out / VIRTUAL, command)
    if live and not status:
        plan = live_plan(seeds, quick, learned)
        status = _measure(plan, out / LIVE, command)
    return status


def _measure(plan: Plan, out: Path, command: str) -> int:
    for arm, why in plan.without.items():
        sys.stderr.write(f"{arm} is left out: {why}\n")
    folder = make_folder(out, datetime.now(UTC), RESULTS)
    print(_announcement(plan), flush=True)
    try:
        result: ShapingResult = (measure_live if plan.setting == LIVE else measure)(plan, command)
        if result.problem:
            sys.stderr.write(result.problem + "\n")
        elif result.interrupted:
            sys.stderr.write("interrupted: the report is made of what was measured\n")
        published = publish(result, folder)
    except BaseException:
        discard(folder, RESULTS)
        raise
    for table in published.tables:
        print(f"\n{table.title}\n{plain_table(table)}")
    print()
    for line in published.headlines:
        print(line)
    print(f"\nreport: {published.page}")
    return FAILED if result.problem else INTERRUPTED if result.interrupted else 0


def _announcement(plan: Plan) -> str:
    seconds = plan.run_seconds
    length = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"
    return f"{len(plan.tasks)} {plan.setting} runs, about {length}; Ctrl-C keeps what is measured"
