"""``python -m tests.conformance.table``: every row, and a summary by area and kind of failure.

``--against nginx`` or ``haproxy`` plays the same rows through that one instead, by the same judge.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter

from tests.conformance.judge import KINDS, PASS, Verdict, judge
from tests.conformance.play import Player
from tests.conformance.rows import ROWS
from tests.conformance.rows.model import MUST, SHOULD, Row
from tests.conformance.subjects import COMMANDS, play_ours, theirs
from tests.live.origin import Origin

LONGEST_SECONDS = 30.0
"""A row that takes longer hangs."""


async def run(rows: list[Row], against: str) -> list[tuple[Row, Verdict]]:
    """Each row with its verdict."""
    if against == "ours":
        return [(row, judge(row, await play_ours(row))) for row in rows]
    found = []
    async with Origin() as origin, theirs(against, origin) as subject:
        player = Player(origin)
        for row in rows:
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    record = await player.play(row, subject)
            except (TimeoutError, AssertionError) as error:
                found.append((row, Verdict("HANG", f"it cannot be played to its end: {error!r}")))
            else:
                found.append((row, judge(row, record)))
            origin.failures.clear()
    return found


def summary(found: list[tuple[Row, Verdict]]) -> str:
    """Counts by area and kind, as a Markdown table."""
    lines = [
        f"| area | rows | MUST | SHOULD | {' | '.join(KINDS)} |",
        "|---|" + "---|" * (3 + len(KINDS)),
    ]
    areas = list(dict.fromkeys(row.area for row, _ in found))
    for area in [*areas, "all"]:
        part = [each for each in found if area in (each[0].area, "all")]
        kinds = Counter(verdict.kind for _, verdict in part)
        levels = []
        for level in (MUST, SHOULD):
            of_level = [verdict.kind == PASS for row, verdict in part if row.level == level]
            levels.append(f"{sum(of_level)}/{len(of_level)}")
        counts = [str(kinds[kind]) for kind in KINDS]
        lines.append(f"| {' | '.join([area, str(len(part)), *levels, *counts])} |")
    return "\n".join(lines)


def main() -> int:
    """Print the table; the exit code is 1 if one row of ours fails that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.table", description=__doc__)
    parser.add_argument("--against", choices=["ours", *COMMANDS], default="ours")
    parser.add_argument("--only", default="", help="rows whose id contains this")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if arguments.only in row.id]
    found = asyncio.run(run(rows, arguments.against))
    failed = [(row, verdict) for row, verdict in found if verdict.kind != PASS]
    for row, verdict in failed:
        print(
            f"{verdict.kind} {row.level} {row.id} (RFC {row.rfc}: {row.law}): {verdict.why[:300]}"
        )
    print(summary(found))
    must = any(row.level == MUST for row, _ in failed)
    return int(arguments.against == "ours" and must)


if __name__ == "__main__":
    sys.exit(main())
