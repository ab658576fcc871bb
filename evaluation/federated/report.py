"""A comparison in words and tables, and its tries as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evaluation.bootstrap import Interval
from evaluation.federated.analysis import ALL_NODES, MEASURES, Measure, Row
from evaluation.federated.study import ALONE, RUNS, TOGETHER, Plan, Tried, seeds_of
from evaluation.federated.traffic import NODES, STRETCH_SECONDS, STRETCHES
from evaluation.metrics_analyzer import Estimate

RESULTS = "tries.json"
PAGE = "report.md"


def page(rows: Sequence[Row], plan: Plan, seeds: Sequence[int], command: str) -> str:
    """The report."""
    seconds = STRETCHES * STRETCH_SECONDS
    said = [
        "# Federated learning: three nodes, together and alone",
        f"`{command}`",
        f"Nodes: {', '.join(NODES)}. Each learns from {plan.episodes} episodes of {seconds:g} s of "
        "its own traffic, and is then tried, without learning or exploring, on that of the two "
        f"others, {RUNS} episodes each. Seeds: {len(seeds)}; differences are paired by seed, with "
        "95 % intervals over the seeds.",
        *(f"- {line}" for line in headlines(rows)),
        "## Each arm, over all nodes",
        _table([row for row in rows if row.node == ALL_NODES], by_node=False),
        "## Each node",
        _table([row for row in rows if row.node != ALL_NODES], by_node=True),
    ]
    return "\n\n".join(said).replace("\n\n- ", "\n- ") + "\n"


def headlines(rows: Sequence[Row]) -> list[str]:
    """What came of learning together, node by node; nothing is claimed where the interval holds
    zero."""
    found = []
    for row in rows:
        if row.arm != TOGETHER or row.node == ALL_NODES:
            continue
        for measure, more_is_better in (("reward", True), ("missed", False)):
            difference = row.differences[measure]
            between = difference.interval
            if between is None:
                words = "too few seeds to tell"
            elif not between.excludes_zero:
                words = "no difference that can be told"
            else:
                words = "better" if (between.low > 0) == more_is_better else "worse"
            told = next(each for each in MEASURES if each.name == measure)
            found.append(
                f"{row.node}, {told.title}: together against {ALONE} "
                f"{_signed(told, difference)}: {words}."
            )
    return found


def write(folder: Path, tried: Sequence[Tried], text: str) -> None:
    """Both files."""
    rows = [each._asdict() for each in tried]
    whole = {"seeds": seeds_of(tried), "tries": rows}
    (folder / RESULTS).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(text, encoding="utf-8")


def _table(rows: Sequence[Row], by_node: bool) -> str:
    heads = ["arm", *(["node"] if by_node else [])]
    for measure in MEASURES:
        heads += [measure.title, f"minus {ALONE}"]
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        cells = [row.arm, *([row.node] if by_node else [])]
        for measure in MEASURES:
            cells.append(_number(measure, row.values[measure.name].value))
            difference = row.differences.get(measure.name)
            cells.append("" if difference is None else _signed(measure, difference))
        lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(measure: Measure, value: float, sign: str = "") -> str:
    if measure.percent:
        return f"{100 * value:{sign}.1f} %"
    return f"{value:{sign}.0f}" if measure.name == "completed" else f"{value:{sign}.3f}"


def _signed(measure: Measure, estimate: Estimate) -> str:
    return f"{_number(measure, estimate.value, '+')}{_between(measure, estimate.interval)}"


def _between(measure: Measure, interval: Interval | None) -> str:
    if interval is None:
        return ""
    low, high = (_number(measure, each, "+") for each in (interval.low, interval.high))
    return f" ({low} to {high})"
