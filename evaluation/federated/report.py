"""A comparison in words and tables, and its tries as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.federated.analysis import ALL_NODES, MEASURES
from evaluation.federated.sites import DQN, TABULAR
from evaluation.federated.study import ALONE, RUNS, TOGETHER, Plan, Tried, seeds_of
from evaluation.federated.traffic import NODES, STRETCH_SECONDS, STRETCHES
from evaluation.metrics_analyzer import Claim
from evaluation.notation import with_span
from evaluation.seed_tables import difference_cell, value
from evaluation.seeds import Measure, Statistics
from evaluation.tables import markdown

RESULTS = "tries.json"
PAGE = "report.md"
JUDGED = ("reward", "missed", "missed_any")
"""The measures that headlines are made of."""
WORDS = {
    Claim.WIN: "better",
    Claim.LOSS: "worse",
    Claim.NO_DIFFERENCE: "no difference that can be told",
    Claim.TOO_FEW: "too few seeds to tell",
    None: "",
}

LEARNS = {TABULAR: "tables", DQN: "deep Q-learning, one network for all its clients"}

Found = Mapping[str, Sequence[Statistics]]
"""By node, or of all of them; of each the arms against one of them."""


def page(by_reference: Mapping[str, Found], plan: Plan, seeds: Sequence[int], command: str) -> str:
    """The report.

    Args:
        by_reference: that all arms are compared with; the first is the node alone.
    """
    seconds = STRETCHES * STRETCH_SECONDS
    found = by_reference[ALONE]
    said = [
        "# Federated learning: three nodes, together and alone",
        f"`{command}`",
        f"Nodes: {', '.join(NODES)}. Each learns from {plan.episodes} episodes of {seconds:g} s of "
        f"its own traffic by {LEARNS[plan.manner.agent]}, and is then tried, without learning or "
        f"exploring, on that of the two others, {RUNS} episodes each. Seeds: {len(seeds)}; "
        "differences are paired by seed, with 95 % intervals over the seeds.",
        *(f"- {line}" for each in by_reference for line in headlines(by_reference[each], each)),
        "## Each arm, over all nodes",
        *(
            _table({ALL_NODES: arms[ALL_NODES]}, reference, by_node=False)
            for reference, arms in by_reference.items()
        ),
        "## Each node",
        _table(
            {node: arms for node, arms in found.items() if node != ALL_NODES}, ALONE, by_node=True
        ),
    ]
    return "\n\n".join(said).replace("\n\n- ", "\n- ") + "\n"


def headlines(found: Found, reference: str = ALONE) -> list[str]:
    """What came of learning together, over all nodes and node by node; nothing is claimed where the
    interval holds zero."""
    lines = []
    for node, arms in found.items():
        together = next((each for each in arms if each.name == TOGETHER), None)
        if together is None:
            continue
        for measure in MEASURES:
            if measure.name in JUDGED and measure.name in together.differences:
                words = WORDS[together.differences[measure.name].claim]
                told = _difference(measure, together)
                where = "all nodes" if node == ALL_NODES else node
                lines.append(
                    f"{where}, {measure.title}: together against {reference} {told}: {words}."
                )
    return lines


def write(folder: Path, tried: Sequence[Tried], text: str) -> None:
    """Both files."""
    rows = [each._asdict() for each in tried]
    whole = {"seeds": seeds_of(tried), "tries": rows}
    (folder / RESULTS).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(text, encoding="utf-8")


def _table(found: Found, reference: str, by_node: bool) -> str:
    heads = ["arm", *(["node"] if by_node else [])]
    for measure in MEASURES:
        heads += [measure.title, f"minus {reference}"]
    # Arm by arm, so that a node's place is the same in each.
    body = []
    for arms in zip(*found.values(), strict=True):
        for node, each in zip(found, arms, strict=True):
            cells = [each.name, *([node] if by_node else [])]
            for measure in MEASURES:
                cells.append(value(measure, each.measures[measure.name].value))
                cells.append(_difference(measure, each))
            body.append(cells)
    return "\n".join(markdown(heads, body))


def _difference(measure: Measure, statistics: Statistics) -> str:
    if measure.name not in statistics.differences:
        return ""
    cell = difference_cell(measure, statistics)
    return with_span(cell.value, cell.interval)
