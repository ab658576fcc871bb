"""What the suites found, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BEGIN = "<!-- written by make conformance -->"
END = "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Result:
    """What one suite found.

    Attributes:
        suite: its name.
        version: of it, such as a commit.
        found: the figures; "" if it was left out.
        aim: what they should be.
        met: whether they are; None if nobody can say.
        details: what went otherwise than it should, one line each.
        left_out: why it was not run, or "".
    """

    suite: str
    version: str
    found: str
    aim: str
    met: bool | None
    details: tuple[str, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """When, where and how they were run."""

    date: str
    command: str
    source: str
    machine: str


def page(run: Run, results: Sequence[Result], tables: Sequence[tuple[str, str]]) -> str:
    """The part of the page that a run writes.

    Args:
        tables: who was played, and the summary of the table of exchanges.
    """
    lines = [
        BEGIN,
        "",
        f"- date: {run.date}",
        f"- command: `{run.command}`",
        f"- source: {run.source}",
        f"- machine: {run.machine}",
        "",
        "| suite | version | found | aim | |",
        "|---|---|---|---|---|",
    ]
    for each in results:
        met = {True: "met", False: "missed", None: ""}[each.met]
        found = each.found or f"left out: {each.left_out}"
        lines.append(f"| {each.suite} | {each.version} | {found} | {each.aim} | {met} |")
    for each in results:
        if each.details:
            lines += ["", f"{each.suite}:", "", *(f"- {line}" for line in each.details)]
    for who, table in tables:
        lines += ["", f"The table of exchanges, {who}:", "", table]
    return "\n".join([*lines, "", END])


def put(text: str, part: str) -> str:
    """``text`` with the part of an earlier run replaced, or with this one at its end."""
    start, stop = text.find(BEGIN), text.find(END)
    if start < 0 or stop < start:
        return f"{text.rstrip()}\n\n## Results\n\n{part}\n"
    return text[:start] + part + text[stop + len(END) :]
