"""What the experiment with shaping says, in words and tables. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from evaluation.bootstrap import Interval
from evaluation.metrics_analyzer import Claim, Estimate
from evaluation.report_tables import Cell, Row, Table
from evaluation.shaping.analysis import MEASURES, STATIC, Bar, Measure, Statistics
from evaluation.shaping.records import INTERACTIVE, Played
from evaluation.style import colour

ABOUT = {
    "none": "no rules, first come first served",
    "static": "rules that stay as they were tuned",
    "aimd": "additive increase, multiplicative decrease within the envelopes",
    "tabular_untrained": "tables as they are shipped, which learn while they run",
    "tabular": "tables that have learned random loads before",
    "dqn": "a network of values, trained under random loads",
    "ppo": "a network of odds, trained under random loads",
}


def number(measure: Measure, value: float, signed: bool = False) -> str:
    """A measure's number, with its sign where it is a difference."""
    if not math.isfinite(value):
        return "–"
    sign = "+" if signed and value > 0 else ""
    text = f"{value * 100:.1f} %" if measure.percent else f"{value:.1f}"
    if not any(digit in text for digit in "123456789"):
        return text.replace("-", "")  # what rounds to nothing has no sign
    return sign + text.replace("-", "−")


def between(measure: Measure, interval: Interval | None, signed: bool = False) -> str:
    """From … to …; nothing where there is none."""
    if interval is None:
        return ""
    low, high = (number(measure, end, signed) for end in (interval.low, interval.high))
    return f"{low} to {high}"


def result_table(found: Sequence[Statistics]) -> Table:
    """Every arm's measures."""
    rows = tuple(
        Row(
            each.arm,
            colour(each.arm),
            tuple(
                Cell(
                    number(measure, each.measures[measure.name].value),
                    between(measure, each.measures[measure.name].interval),
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
        "Below each number its 95 % interval over the seeds. Target missed: share of the seconds"
        " after the first shift in which the interactive client's 95th percentile was above its"
        " target, where a request without a good answer took for ever.",
        "arm",
    )


def difference_table(found: Sequence[Statistics]) -> Table | None:
    """Against the static rules, paired; None without them."""
    rows = []
    for each in found:
        if not each.differences:
            continue
        cells = []
        for measure in MEASURES:
            difference = each.differences[measure.name]
            cells.append(
                Cell(
                    number(measure, difference.estimate.value, signed=True),
                    between(measure, difference.estimate.interval, signed=True),
                    _claim(difference.claim),
                )
            )
        rows.append(Row(each.arm, colour(each.arm), tuple(cells)))
    if not rows:
        return None
    return Table(
        f"Difference to {STATIC}",
        tuple(measure.title for measure in MEASURES),
        tuple(rows),
        "Paired by seed: both are asked for the same requests at the same moments. Nothing is"
        " claimed where the interval holds zero, nor of fewer than five seeds.",
        "arm",
    )


def stretch_table(found: Sequence[Statistics], names: Sequence[str]) -> Table:
    """Where the target was missed."""
    rows = tuple(
        Row(each.arm, colour(each.arm), tuple(Cell(f"{share:.0%}") for share in each.by_stretch))
        for each in found
    )
    return Table(
        "Where the target was missed",
        tuple(names),
        rows,
        "Share of the seconds of each stretch of the load.",
        "arm",
    )


def bar_table(bars: Sequence[Bar]) -> Table | None:
    """What was to be reached, and was or was not."""
    if not bars:
        return None
    rows = tuple(
        Row(
            f"{bar.arm}: {bar.text}",
            colour(bar.arm),
            (
                Cell(_share(bar.estimate.value), _span(bar.estimate)),
                Cell(f"{'below' if bar.below else 'above'} {bar.bound * 100:.0f} %"),
                Cell("", "", verdict(bar)),
            ),
        )
        for bar in bars
        if "reward" not in bar.text
    )
    return Table(
        "What was to be reached",
        ("measured", "wanted", ""),
        rows,
        "Reached: with all of the 95 % interval, of differences or ratios paired by seed.",
        "bar",
    )


def first_table(bars: Sequence[Bar]) -> Table | None:
    """What training ahead was worth; None without any."""
    if not bars:
        return None
    rows = tuple(
        Row(
            bar.arm,
            colour(bar.arm),
            (
                Cell(
                    f"{bar.estimate.value:+.2f}".replace("-", "−"),
                    ""
                    if bar.estimate.interval is None
                    else f"{bar.estimate.interval.low:+.2f} to"
                    f" {bar.estimate.interval.high:+.2f}".replace("-", "−"),
                    verdict(bar),
                ),
            ),
        )
        for bar in bars
    )
    return Table(
        "The first minute",
        ("reward, trained minus untrained",),
        rows,
        "Agents that have just been let in, at rules for another load; mean reward per interval.",
        "agent",
    )


def verdict(bar: Bar) -> str:
    """In a word or two."""
    if bar.reached is None:
        return "too few seeds"
    return "win" if bar.reached else "not reached"


def headlines(bars: Sequence[Bar], found: Sequence[Statistics]) -> list[str]:
    """What the bars say."""
    lines = []
    violated = {each.arm: each.measures["violations"].value for each in found}
    if STATIC in violated:
        told = ", ".join(f"{arm} {share:.1%}" for arm, share in violated.items())
        lines.append(f"Seconds after the first shift in which the target was missed: {told}.")
    for text in dict.fromkeys(bar.text for bar in bars):
        own = [bar for bar in bars if bar.text == text]
        reached = [bar.arm for bar in own if bar.reached]
        missed = [bar.arm for bar in own if not bar.reached]
        lines.append(
            f"{text[0].upper()}{text[1:]}: "
            + "; ".join(
                part
                for part in (
                    f"reached by {', '.join(reached)}" if reached else "",
                    f"not by {', '.join(missed)}" if missed else "",
                )
                if part
            )
            + "."
        )
    return lines


def left_envelope(played: Mapping[str, Sequence[Played]]) -> str:
    """What is to be said of the operator's bounds."""
    runs = [each for part in played.values() for each in part]
    decisions = sum(len(own) for each in runs for own in each.decided.values() if len(own) > 1)
    left = sum(each.left_envelope for each in runs)
    return f"{left} of {decisions:,} settings of agents lay outside of the operator's bounds."


def method(seeds: Sequence[int], setting: str) -> list[str]:
    """How it was measured."""
    where = (
        "In virtual time: the production shaper, fair queue, node, meters and agents, in front of"
        " simulated backends."
        if setting == "virtual"
        else "Live: a node, backends and open-loop clients, each a process."
    )
    return [
        where,
        f"Seeds {', '.join(map(str, seeds))}; under one seed all arms have the same requests, at"
        " the same moments and of the same sizes.",
        "Static rules are the result of a search over rates, byte rates and requests in flight"
        " under the load of the first stretch (python -m evaluation.shaping tune); agents begin at"
        " these rules.",
        "Trained agents have learned random loads (python -m evaluation.shaping train), not the"
        " course that is played here.",
        *(f"{arm}: {text}." for arm, text in ABOUT.items()),
    ]


def limits() -> list[str]:
    """What does not follow from it."""
    return [
        "One course of the load, on two backends. A course in which the static rules never fit"
        " would show a larger difference, one in which they always fit none.",
        "Endpoints are given more requests than they work on at once. Where the limit of the node"
        " is as tight as theirs, urgency alone keeps the interactive client's latency low.",
        "Of many measures some differ by chance; claims are not corrected for their number.",
    ]


def captions() -> dict[str, str]:
    """By the plot's name."""
    return {
        "summary": "Every arm; target missed: less is better, completed: more. Bars: 95 %"
        " intervals over the seeds.",
        INTERACTIVE: "The interactive client: the 95th percentile of each second, the median of"
        " the seeds. The dashed line is its target; a line that ends above had no answer.",
        "batch": "The batch client: what was completed, and the rate that its rule allowed.",
        "bulk": "The bulk client: what was completed, and the rate that its rule allowed.",
    }


def _claim(claim: Claim | None) -> str:
    if claim is None:
        return ""
    return "too few seeds" if claim is Claim.TOO_FEW else claim.value


def _share(value: float) -> str:
    return f"{value * 100:.1f} %".replace("-", "−") if math.isfinite(value) else "–"


def _span(estimate: Estimate) -> str:
    interval = estimate.interval
    return "" if interval is None else f"{_share(interval.low)} to {_share(interval.high)}"
