"""What was compared seed by seed, in words and tables; see ``evaluation.seeds``. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.bootstrap import Interval
from evaluation.metrics_analyzer import Claim, Estimate
from evaluation.notation import number, per_cent, span
from evaluation.seeds import Difference, Measure, Statistics
from evaluation.style import colour
from evaluation.tables import Cell, Row, Table

TOO_FEW = "too few seeds"
PAIRED = (
    "Paired by seed: both are asked for the same {} at the same moments. Nothing is claimed where"
    " the interval holds zero, nor of fewer than five seeds."
)


def value(measure: Measure, figure: float, signed: bool = False) -> str:
    """A measure's number, with its sign where it is a difference."""
    if measure.percent:
        return per_cent(figure, signed)
    return number(figure, signed, measure.digits)


def interval(measure: Measure, between: Interval | None, signed: bool = False) -> str:
    """``−0.50 to +0.25``, without a unit; nothing where there is none."""
    if measure.percent:
        return span(between, 100, signed)
    return span(between, signed=signed, digits=measure.digits)


def claimed(difference: Difference) -> str:
    """What may be said of it; nothing where neither is better."""
    claim = difference.claim
    if claim is None:
        return ""
    return TOO_FEW if claim is Claim.TOO_FEW else claim.value


def result_table(
    found: Sequence[Statistics], measures: Sequence[Measure], first: str, note: str
) -> Table:
    """Everybody's measures.

    Args:
        first: the head of the names.
        note: follows the word of the intervals.
    """
    return Table(
        "Results",
        tuple(measure.title for measure in measures),
        tuple(
            Row(
                each.name,
                colour(each.name),
                tuple(cell(measure, each.measures[measure.name]) for measure in measures),
            )
            for each in found
        ),
        f"Below each number its 95 % interval over the seeds. {note}",
        first,
    )


def difference_table(
    found: Sequence[Statistics],
    measures: Sequence[Measure],
    reference: str,
    first: str,
    asked: str,
    note: str = "",
) -> Table | None:
    """Everybody's differences to the reference, paired; None without any.

    Args:
        first: the head of the names.
        asked: what both are asked for under one seed.
        note: stands ahead of the usual one.
    """
    rows = tuple(
        Row(
            each.name,
            colour(each.name),
            tuple(difference_cell(measure, each) for measure in measures),
        )
        for each in found
        if each.differences
    )
    if not rows:
        return None
    return Table(
        f"Difference to {reference}",
        tuple(measure.title for measure in measures),
        rows,
        note + PAIRED.format(asked),
        first,
    )


def cell(measure: Measure, estimate: Estimate) -> Cell:
    """A number with its interval."""
    return Cell(value(measure, estimate.value), interval(measure, estimate.interval))


def difference_cell(measure: Measure, statistics: Statistics) -> Cell:
    """A difference with its interval, and what may be claimed of it."""
    difference = statistics.differences[measure.name]
    estimate = difference.estimate
    return Cell(
        value(measure, estimate.value, signed=True),
        interval(measure, estimate.interval, signed=True),
        claimed(difference),
    )
