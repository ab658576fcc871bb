"""``python -m evaluation.conformance``: the table of exchanges and the public suites, as one page.

Where a checkout of a suite is, a variable says: GUNICORN, H1SPEC and CACHE_TESTS name folders,
AUTOBAHN the program ``wstest``, SCHEMATHESIS that of its name. A suite whose variable is missing is
left out, and the page says so. Needs the project's ``tests/``, which hold the table and its strict
reader.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from evaluation.conformance import suites
from evaluation.conformance.api_suite import schemathesis
from evaluation.conformance.cache_suite import cache_tests
from evaluation.conformance.page import Result, Run, page, put
from evaluation.machine import commit, this_machine
from tests.conformance.judge import PASS
from tests.conformance.rows import ROWS
from tests.conformance.rows.model import MUST
from tests.conformance.subjects import COMMANDS
from tests.conformance.table import run, summary

WHERE = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
PAGE = Path("reports") / "conformance.md"
Suite = Callable[[Path], Awaitable[Result]]
SUITES: dict[str, tuple[str, Suite]] = {
    "GUNICORN": ("gunicorn's invalid requests", suites.gunicorn),
    "H1SPEC": ("h1spec --strict", suites.h1spec),
    "CACHE_TESTS": ("cache-tests", cache_tests),
    "AUTOBAHN": ("Autobahn, sections 1-7 and 10", suites.autobahn),
    "SCHEMATHESIS": ("schemathesis on the APIs of adaptive shaping", schemathesis),
}


async def public(variables: Mapping[str, str], *, accept: bool = False) -> list[Result]:
    """What each public suite found, or why it was left out.

    Args:
        accept: what cache-tests finds becomes its baseline.
    """
    results = []
    for variable, (name, suite) in SUITES.items():
        where = variables.get(variable)
        why = "" if where else f"{variable} is not set"
        if where:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                checkout = Path(os.getcwd(), where)
                accepted = accept and suite is cache_tests
                found = cache_tests(checkout, accept=True) if accepted else suite(checkout)
                results.append(await found)
                continue
            except (suites.Broken, OSError) as error:
                why = f"{variable}: {error}"
        results.append(Result(name, "", "", "", None, left_out=why))
    return results


async def tables(against: Sequence[str], only: str) -> tuple[list[tuple[str, str]], bool]:
    """The table of exchanges, for us and for others; whether all of its MUST rows pass with us."""
    rows = [row for row in ROWS if only in row.id]
    found, good = [], True
    for who in ("ours", *against):
        print(f"the table of exchanges, {who} …", file=sys.stderr, flush=True)
        verdicts = await run(rows, who)
        found.append((version(who), summary(verdicts)))
        if who == "ours":
            good = all(verdict.kind == PASS for row, verdict in verdicts if row.level == MUST)
    return found, good


def version(who: str) -> str:
    """A proxy with its version, as it says itself; "ours" is the source that the page names."""
    program = None if who == "ours" else shutil.which(who, path=WHERE)
    if program is None:
        return who
    told = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=10)
    number = re.search(r"\d+\.\d[\d.]*", told.stdout + told.stderr)
    return f"{who} {number[0]}" if number else who


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; 1 if an aim was missed."""
    arguments = _parser().parse_args(argv)
    against = [each for each in arguments.against.split(",") if each]
    unknown = set(against) - set(COMMANDS)
    if unknown:
        print(f"--against: {', '.join(COMMANDS)}, not {', '.join(unknown)}", file=sys.stderr)
        return 2
    text = arguments.page.read_text(encoding="utf-8") if arguments.page.exists() else ""
    given = list(sys.argv[1:] if argv is None else argv)
    machine = this_machine(None)
    when = Run(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        shlex.join(["python", "-m", "evaluation.conformance", *given]),
        commit() or "not known",
        f"{machine.cores} × {machine.processor}, {machine.python},"
        f" httptools {machine.versions.get('httptools', 'not known')}",
    )
    played, good = asyncio.run(tables(against, arguments.only))
    results = asyncio.run(public(os.environ, accept=arguments.accept))
    part = page(when, results, played)
    arguments.page.parent.mkdir(parents=True, exist_ok=True)
    arguments.page.write_text(put(text or "# Conformance\n", part), encoding="utf-8")
    print(part)
    return int(not good or any(each.met is False for each in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--against", default="", help="the table for these too: nginx,haproxy")
    parser.add_argument("--only", default="", help="rows of the table whose id contains this")
    parser.add_argument("--page", type=Path, default=PAGE, help="(%(default)s)")
    parser.add_argument(
        "--accept",
        action="store_true",
        help="what cache-tests finds is its baseline from now on (CACHE_TESTS)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
