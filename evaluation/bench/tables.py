"""The figures of a benchmark for a person: Markdown, which a terminal shows just as well.

Knows neither processes nor clocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.bench.cases import Case, Figure
from evaluation.bench.comparison import (
    SATURATED,
    Ratio,
    Result,
    Sample,
    Spread,
    Verdict,
    results,
    verdicts,
)
from evaluation.tables import markdown


def case_table(case: Case, samples: Sequence[Sample]) -> str:
    """One case's peers, medians with the lowest and the highest round beside them."""
    base = case.base if any(each.peer == case.base for each in samples) else None
    found = results(samples, base, case.figure)
    lines = [f"### {case.name}: {case.about}", ""]
    if case.figure is Figure.MEMORY:
        lines += markdown(
            ("", "bytes per idle connection"),
            [(each.peer, _spread(each.idle_bytes, 0)) for each in found],
        )
    elif case.figure is Figure.RATE:
        lines += markdown(
            ("", "MB/s", *([f"× {base}"] if base else []), "CPU s/GB", "of its core"),
            [
                (
                    each.peer,
                    _spread(each.megabytes, 0),
                    *([_ratio(each.ratio)] if base else []),
                    _spread(each.seconds_per_gigabyte, 2),
                    f"{100 * each.busy.median:.0f} %",
                )
                for each in found
            ],
        )
    else:
        lines += markdown(
            (
                "",
                "CPU µs/request",
                "user / system",
                *([f"× {base}"] if base else []),
                "requests/s",
                "of its core",
            ),
            [_cpu_row(each, base) for each in found],
        )
    idle = [each.peer for each in found if each.busy.median < SATURATED]
    if idle and case.figure is not Figure.MEMORY:
        which = "too low" if case.figure is Figure.RATE else "too high"
        lines += [
            "",
            f"Not saturated, so {which} if anything: {', '.join(idle)}"
            " (the load, the backend or other work on this machine was the limit).",
        ]
    wrong = [f"{each.peer} ({each.errors})" for each in found if each.errors]
    if wrong:
        lines += ["", f"Wrong answers, so these figures say nothing: {', '.join(wrong)}."]
    return "\n".join(lines)


def goal_table(found: Sequence[Verdict]) -> str:
    """Every goal with what was measured and its verdict."""
    return "\n".join(
        markdown(
            ("goal", "measured", "95 % interval", "verdict"),
            [
                (
                    each.goal.says(),
                    "" if each.ratio is None else _number(each.ratio.median),
                    ""
                    if each.ratio is None
                    else f"{_number(each.ratio.low)} to {_number(each.ratio.high)}",
                    each.word,
                )
                for each in found
            ],
        )
    )


def document(
    cases: Sequence[Case],
    samples: Sequence[Sample],
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
) -> str:
    """The whole page: what it ran on, the goals, each case."""
    parts = ["## The run", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    parts += [f"- {note}" for note in notes]
    found = verdicts(samples)
    if found:
        parts += ["", "## Goals", "", goal_table(found)]
    parts += ["", "## Cases"]
    for case in cases:
        own = [each for each in samples if each.case == case.name]
        if own:
            parts += ["", case_table(case, own)]
    return "\n".join(parts)


def _cpu_row(each: Result, base: str | None) -> tuple[str, ...]:
    median = each.microseconds.median
    return (
        each.peer,
        _spread(each.microseconds, 1),
        f"{median * each.user:.1f} / {median * (1 - each.user):.1f}",
        *([_ratio(each.ratio)] if base else []),
        f"{each.rate.median:.0f}",
        f"{100 * each.busy.median:.0f} %",
    )


def _spread(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}..{spread.high:.{digits}f})"


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"
