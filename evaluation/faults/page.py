"""The table of faults for a person, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.faults.measures import PERCENT, QUIET, WINDOW
from evaluation.faults.play import MIX, TIMEOUT, Load, Played
from evaluation.tables import markdown

INTRODUCTION = """\
# Faults under load

What clients see while something breaks. Each fault has processes of its own: three FastAPI backends
that answer in about 10 ms, and one balancer before them. Requests come open loop (a request leaves
when the plan says, whether or not earlier answers came), all of idempotent methods. This page is
written by one command:

    make faults

`ARGS="--seconds 20 --only frozen"` is a shorter look at one of them; without `--page` the page goes
to `reports/faults.md`, with every figure beside it in `reports/faults.json`.
"""

LEGEND = f"""\
**failed**: no answer at all, or one with a status from 400 on; the goal is 0. **lost**: those of
them to which no answer came; the goal is 0. **broke off**: answers that ended after their first
byte, which no proxy can mend and must not hide. **recovers**: from the fault to the first of
{QUIET} windows of {WINDOW:g} s without a failure and with a P{PERCENT} of the latency within 20 %
of what it was before (or within what windows before the fault showed by themselves); 0 means that
no window was worse."""

HEADING = (
    "fault",
    "requests",
    "failed",
    "lost",
    "broke off",
    "recovers after the fault",
    "… after its end",
    f"P{PERCENT} before → worst",
    "retries",
    "goal",
)


def page(
    played: Sequence[Played], load: Load, facts: Mapping[str, str], left_out: Sequence[str] = ()
) -> str:
    """The whole page."""
    methods = ", ".join(f"{100 * each.weight:.0f} % {each.method}" for each in MIX)
    parts = [INTRODUCTION, "## The run", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    parts += [
        f"- load: {load.rate:g} requests/s, Poisson, {load.seconds:g} s for each fault, {methods};"
        f" a client waits {TIMEOUT:g} s",
        f"- strategy: {load.strategy}",
        *(f"- not played: {each}" for each in left_out),
        "",
        "## What clients saw",
        "",
        table(played),
        "",
    ]
    parts += [
        f"- **{each.fault}**: {each.about}."
        + (f" Excused: {each.excused}." if each.excused else "")
        + (f" Seen: {_reasons(each)}." if each.seen.reasons else "")
        + "".join(f" Note: {warning}." for warning in each.warnings)
        for each in played
    ]
    parts += ["", LEGEND]
    return "\n".join(parts) + "\n"


def table(played: Sequence[Played]) -> str:
    return "\n".join(markdown(HEADING, [_row(each) for each in played]))


def line(each: Played) -> str:
    """One fault in one line, while the others run."""
    seen = each.seen
    return (
        f"{each.fault:15} {seen.requests:6} requests, {seen.failed} failed, {seen.lost} lost,"
        f" {seen.begun} broke off, recovers {_seconds(seen.recovery)}"
        + (f" / {_seconds(seen.recovery_after_end)}" if seen.has_end else "")
        + f", goal {_goal(each)}"
    )


def _row(each: Played) -> tuple[str, ...]:
    seen = each.seen
    return (
        each.fault,
        str(seen.requests),
        str(seen.failed),
        str(seen.lost),
        str(seen.begun),
        _seconds(seen.recovery),
        _seconds(seen.recovery_after_end) if seen.has_end else "",
        f"{1000 * seen.usual:.0f} → {1000 * seen.worst:.0f} ms",
        "" if each.retries is None else str(each.retries),
        _goal(each),
    )


def _goal(each: Played) -> str:
    if not each.met:
        return "missed"
    return "met" if not each.seen.failed else "excused"


def _seconds(value: float | None) -> str:
    return "not in time" if value is None else f"{value:.1f} s"


def _reasons(each: Played) -> str:
    return ", ".join(f"{count} × {reason}" for reason, count in each.seen.reasons.items())
