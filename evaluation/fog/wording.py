"""What a comparison in the fog says, in words and tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.bootstrap import Interval
from evaluation.fog.analysis import MEASURES, Measure, Statistics
from evaluation.fog.checkpoints import Checkpoint
from evaluation.metrics_analyzer import Claim
from evaluation.report_tables import Cell, Row, Table
from evaluation.style import colour
from rl.fog.settings import FogSettings

JUDGED = ("reward", "response", "completed", "dropped")
"""The measures that headlines are made of."""


def value(measure: Measure, number: float, signed: bool = False) -> str:
    """A measure's number, with its sign where it is a difference."""
    sign = "+" if signed and number > 0 else ""
    if measure.percent:
        text = f"{number * 100:.1f} %"
    elif abs(number) >= 1e5:
        text = f"{number:.3g}".replace("e+0", "e").replace("e+", "e")
    elif abs(number) >= 1000:
        text = f"{number:,.0f}"
    else:
        text = f"{number:.2f}"
    if not any(digit in text for digit in "123456789"):
        return text.replace("-", "")  # what rounds to nothing has no sign
    return sign + text.replace("-", "−")


def interval(measure: Measure, between: Interval | None, signed: bool = False) -> str:
    """From … to …; nothing where there is none."""
    if between is None:
        return ""
    return f"{value(measure, between.low, signed)} to {value(measure, between.high, signed)}"


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
        if each.algorithm not in learners or not each.differences:
            continue
        parts = []
        for measure in MEASURES:
            if measure.name not in JUDGED:
                continue
            difference = each.differences[measure.name]
            between = interval(measure, difference.estimate.interval, signed=True)
            parts.append(
                f"{measure.title} {value(measure, difference.estimate.value, signed=True)}"
                + (f" ({between})" if between else "")
                + f": {_claim(difference.claim)}"
            )
        lines.append(f"{each.algorithm} against {reference}: {'; '.join(parts)}.")
    return lines


def result_table(found: Sequence[Statistics]) -> Table:
    """Every algorithm's measures."""
    rows = tuple(
        Row(
            each.algorithm,
            colour(each.algorithm),
            tuple(
                Cell(
                    value(measure, each.measures[measure.name].value),
                    interval(measure, each.measures[measure.name].interval),
                )
                for measure in MEASURES
            ),
        )
        for each in found
    )
    return Table(
        "Results",
        tuple(measure.title for measure in MEASURES),
        rows,
        "Below each number its 95 % interval over the seeds. Rewards are the environment's"
        " documented one, whatever a learner learned from. Completed: applications whose result was"
        " there in time. Overload: ticks of nodes whose queue was full.",
        "algorithm",
    )


def difference_table(found: Sequence[Statistics], reference: str, note: str = "") -> Table | None:
    """Against the reference, paired; None without it."""
    rows = []
    for each in found:
        if not each.differences:
            continue
        cells = []
        for measure in MEASURES:
            difference = each.differences[measure.name]
            cells.append(
                Cell(
                    value(measure, difference.estimate.value, signed=True),
                    interval(measure, difference.estimate.interval, signed=True),
                    _claim(difference.claim),
                )
            )
        rows.append(Row(each.algorithm, colour(each.algorithm), tuple(cells)))
    if not rows:
        return None
    return Table(
        f"Difference to {reference}",
        tuple(measure.title for measure in MEASURES),
        tuple(rows),
        note + "Paired by seed: both are asked for the same tasks at the same moments. Nothing is"
        " claimed where the interval holds zero, nor of fewer than five seeds.",
        "algorithm",
    )


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


def _claim(claim: Claim | None) -> str:
    if claim is None:
        return ""
    return "too few seeds" if claim is Claim.TOO_FEW else claim.value
