"""``run_experiment.py --network``: measures, prints, and writes the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evaluation.export import ReportError, discard, make_folder
from evaluation.network import wording
from evaluation.network.experiment import NetworkExperiment, Plan, make_plan
from evaluation.network.export import RESULTS
from evaluation.network.records import Setting
from evaluation.network.report import publish, variants_table
from evaluation.publish import missing_packages
from evaluation.report_tables import plain_table

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
) -> int:
    """Exit code: 0; 2 when a network failed; 130 after Ctrl-C.

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
    wanted = [(Setting.VIRTUAL, virtual), (Setting.LIVE, live)]
    plan = make_plan([setting for setting, asked in wanted if asked], seeds, quick)
    folder = make_folder(out, datetime.now(UTC), RESULTS)
    print(_announcement(plan), flush=True)
    try:
        result = NetworkExperiment(plan, command).measure()
        if result.problem:
            sys.stderr.write(result.problem + "\n")
        elif result.interrupted:
            sys.stderr.write("interrupted: the report is made of what was measured\n")
        published = publish(result, folder)
    except BaseException:
        discard(folder, RESULTS)
        raise
    for group, variants in published.analysis.compared.items():
        if variants:
            print(f"\n{wording.group_label(group)}\n{plain_table(variants_table(group, variants))}")
    print()
    for line in wording.headlines(result, published.analysis):
        print(line)
    print(f"\nreport: {published.page}")
    return FAILED if result.problem else INTERRUPTED if result.interrupted else 0


def _announcement(plan: Plan) -> str:
    parts = []
    if plan.virtual is not None:
        parts.append(f"{len(plan.variants) * len(plan.seeds)} virtual runs")
    if plan.runs:
        parts.append(f"{len(plan.runs)} live ones")
    seconds = plan.seconds
    length = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"
    return f"{' and '.join(parts)}, about {length}; Ctrl-C keeps what is measured"
