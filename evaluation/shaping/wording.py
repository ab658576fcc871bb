"""What the experiment with shaping says, in words and tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation import seed_tables
from evaluation.notation import capital, number, per_cent, span
from evaluation.seeds import Statistics
from evaluation.shaping.analysis import MEASURES, STATIC, Bar
from evaluation.shaping.records import INTERACTIVE, Played
from evaluation.style import colour
from evaluation.tables import Cell, Row, Table

ABOUT = {
    "none": "no rules, first come first served",
    "static": "rules that stay as they were tuned",
    "aimd": "additive increase, multiplicative decrease within the envelopes",
    "tabular_untrained": "tables as they are shipped, which learn while they run",
    "tabular": "tables that have learned random loads before",
    "dqn": "a network of values, trained under random loads",
    "ppo": "a network of odds, trained under random loads",
}


def result_table(found: Sequence[Statistics]) -> Table:
    """Every arm's measures."""
    return seed_tables.result_table(
        found,
        MEASURES,
        "arm",
        "Target missed: share of the seconds after the first shift in which the interactive"
        " client's 95th percentile was above its target, where a request without a good answer"
        " took for ever.",
    )


def difference_table(found: Sequence[Statistics]) -> Table | None:
    """Against the static rules, paired; None without them."""
    return seed_tables.difference_table(found, MEASURES, STATIC, "arm", "requests")


def stretch_table(missed: Mapping[str, Sequence[float]], names: Sequence[str]) -> Table:
    """Where the target was missed, by arm."""
    return Table(
        "Where the target was missed",
        tuple(names),
        tuple(
            Row(arm, colour(arm), tuple(Cell(per_cent(share)) for share in shares))
            for arm, shares in missed.items()
        ),
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
                Cell(per_cent(bar.estimate.value), span(bar.estimate.interval, 100)),
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
                    number(bar.estimate.value, signed=True, digits=2),
                    span(bar.estimate.interval, signed=True, digits=2),
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
        return seed_tables.TOO_FEW
    return "win" if bar.reached else "not reached"


def headlines(bars: Sequence[Bar], found: Sequence[Statistics]) -> list[str]:
    """What the bars say."""
    lines = []
    violated = {each.name: each.measures["violations"].value for each in found}
    if STATIC in violated:
        told = ", ".join(f"{arm} {per_cent(share)}" for arm, share in violated.items())
        lines.append(f"Seconds after the first shift in which the target was missed: {told}.")
    for text in dict.fromkeys(bar.text for bar in bars):
        own = [bar for bar in bars if bar.text == text]
        reached = [bar.arm for bar in own if bar.reached]
        missed = [bar.arm for bar in own if not bar.reached]
        lines.append(
            f"{capital(text)}: "
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
