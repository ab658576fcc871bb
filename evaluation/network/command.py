"""``run_experiment.py --network``: measures, prints, and writes the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.measuring import announcement, need_packages, report, status
from evaluation.network import wording
from evaluation.network.experiment import NetworkExperiment, Plan, make_plan
from evaluation.network.export import RESULTS
from evaluation.network.records import Setting
from evaluation.network.report import publish, variants_table
from evaluation.tables import plain_table


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
    need_packages()
    wanted = [(Setting.VIRTUAL, virtual), (Setting.LIVE, live)]
    plan = make_plan([setting for setting, asked in wanted if asked], seeds, quick)
    print(_announcement(plan), flush=True)
    result, published = report(out, RESULTS, NetworkExperiment(plan, command).measure, publish)
    for group, variants in published.analysis.compared.items():
        if variants:
            print(f"\n{wording.group_label(group)}\n{plain_table(variants_table(group, variants))}")
    print()
    for line in wording.headlines(result, published.analysis):
        print(line)
    print(f"\nreport: {published.page}")
    return status(result)


def _announcement(plan: Plan) -> str:
    parts = []
    if plan.virtual is not None:
        parts.append(f"{len(plan.variants) * len(plan.seeds)} virtual runs")
    if plan.runs:
        parts.append(f"{len(plan.runs)} live ones")
    return announcement(" and ".join(parts), plan.seconds)
