"""``run_experiment.py --shaping``: measures, prints, and writes the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.measuring import announcement, need_packages, report, status
from evaluation.shaping.arms import LEARNED
from evaluation.shaping.experiment import LIVE, VIRTUAL, Plan, ShapingResult, make_plan, measure
from evaluation.shaping.live import live_plan, measure_live
from evaluation.shaping.report import RESULTS, publish
from evaluation.tables import plain_table


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
    need_packages()
    code = 0
    if virtual:
        code = _measure(make_plan(seeds, quick, learned), out / VIRTUAL, command)
    if live and not code:
        code = _measure(live_plan(seeds, quick, learned), out / LIVE, command)
    return code


def _measure(plan: Plan, out: Path, command: str) -> int:
    for arm, why in plan.without.items():
        sys.stderr.write(f"{arm} is left out: {why}\n")
    print(announcement(f"{len(plan.tasks)} {plan.setting} runs", plan.run_seconds), flush=True)

    def measured() -> ShapingResult:
        return (measure_live if plan.setting == LIVE else measure)(plan, command)

    result, published = report(out, RESULTS, measured, publish)
    for table in published.tables:
        print(f"\n{table.title}\n{plain_table(table)}")
    print()
    for line in published.headlines:
        print(line)
    print(f"\nreport: {published.page}")
    return status(result)
