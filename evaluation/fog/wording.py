"""What a comparison in the fog says, in words and tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation import seed_tables
from evaluation.fog.analysis import MEASURES
from evaluation.fog.checkpoints import Checkpoint
from evaluation.notation import with_span
from evaluation.seed_tables import difference_cell
from evaluation.seeds import Statistics
from evaluation.style import colour
from evaluation.tables import Cell, Row, Table
from rl.fog.settings import FogSettings

JUDGED = ("reward", "response", "completed", "dropped")
"""The measures that headlines are made of."""


def described(settings: FogSettings) -> str:
    """The fog in a line."""
    layers = " + ".join(map(str, settings.nodes_per_layer))
    tasks = settings.task_types[0]
    return (
        f"{layers} nodes, {len(settings.agents)} agents, {settings.clouds} clouds; tasks of"
        f" {tasks.work:.3g} instructions and {tasks.size_bytes / 1e6:.3g} MB;"
        f" {settings.duration_seconds} s"
    )


def headlines(found: Sequence[Statistics], learners: Sequence[str], reference: str) -> list[str]:
    """What each learner may claim against the reference."""
    lines = []
    for each in found:
        if each.name not in learners or not each.differences:
            continue
        parts = []
        for measure in MEASURES:
            if measure.name not in JUDGED:
                continue
            cell = difference_cell(measure, each)
            told = with_span(cell.value, cell.interval)
            parts.append(f"{measure.title} {told}: {cell.claim}")
        lines.append(f"{each.name} against {reference}: {'; '.join(parts)}.")
    return lines


def result_table(found: Sequence[Statistics]) -> Table:
    """Every algorithm's measures."""
    return seed_tables.result_table(
        found,
        MEASURES,
        "algorithm",
        "Rewards are the environment's documented one, whatever a learner learned from. Completed:"
        " applications whose result was there in time. Overload: ticks of nodes whose queue was"
        " full.",
    )


def difference_table(found: Sequence[Statistics], reference: str, note: str = "") -> Table | None:
    """Against the reference, paired; None without it."""
    return seed_tables.difference_table(found, MEASURES, reference, "algorithm", "tasks", note)


def learned_table(learned: Sequence[Checkpoint]) -> Table | None:
    """What each checkpoint took; None without any."""
    if not learned:
        return None
    rows = tuple(
        Row(
            f"{each.algorithm}, seed {each.seed}",
            colour(each.algorithm),
            (
                Cell(each.reward),
                Cell(f"{each.fogs} × {each.steps:,}"),
                Cell(f"{each.seconds:.0f} s"),
                Cell("yes" if each.whole else "no"),
            ),
        )
        for each in learned
    )
    return Table(
        "What was learned",
        ("from the reward", "fogs × ticks", "took", "to its end"),
        rows,
        "One network for all agents; seconds are of one process with one thread, on a machine that"
        " did other things as well.",
        "learner",
    )


def method(seeds: Sequence[int]) -> list[str]:
    """How it was measured."""
    return [
        f"Each algorithm plays one episode of each of the seeds {', '.join(map(str, seeds))}, of"
        " which no learner has seen any. One seed asks all of them for the same tasks at the same"
        " moments, in a fog of the same positions and powers.",
        "A learner with several checkpoints plays each seed with one of them, dealt out in turn, so"
        " that an interval covers the luck of learning as well as that of the fog.",
        "Intervals: 95 %, bootstrap over the seeds of the paired differences.",
        "Baselines see what an agent sees and no more. live_… are strategies of the balancer, one"
        " policy per agent, which learn while they play and have played two episodes before.",
    ]


def limits() -> list[str]:
    """What does not follow from it."""
    return [
        "Of many measures some differ by chance; claims are not corrected for their number.",
        "The documented reward is paid per decision: who passes a task on and on is paid for each"
        " time. Response and losses are what clients see.",
        "An interval over few seeds says little of rare fogs.",
        "live_q_learning has a state for every joint load of all endpoints (document 003), of which"
        " hardly any comes back where there are ten of them.",
    ]
