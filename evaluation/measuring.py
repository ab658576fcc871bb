"""From a measurement to its report: the steps that every experiment's command goes through."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from evaluation.arguments import INTERRUPTED
from evaluation.export import ReportError, discard, make_folder
from evaluation.notation import length

FAILED = 2
"""Exit status where a process died, and the report is made of what was measured before."""


class Ending(Protocol):
    """How an experiment ended."""

    @property
    def interrupted(self) -> bool: ...

    @property
    def problem(self) -> str: ...


Result = TypeVar("Result", bound=Ending)
Published = TypeVar("Published")


def need_packages() -> None:
    """Ends early what could not be reported. Raises ReportError, naming the package."""
    for name in ("matplotlib", "jinja2"):
        if importlib.util.find_spec(name) is None:
            raise ReportError(
                f"the package {name} is missing: run make setup, or pip install '.[report]'"
            )


def announcement(what: str, seconds: float) -> str:
    """What will be done, and how long it takes."""
    return f"{what}, about {length(seconds)}; Ctrl-C keeps what is measured"


def report(
    out: Path,
    results: str,
    measure: Callable[[], Result],
    publish: Callable[[Result, Path], Published],
) -> tuple[Result, Published]:
    """Measures, and publishes into a new folder in ``out``; without a result none is left there.

    Args:
        results: the file that will hold the results.
    """
    folder = make_folder(out, datetime.now(UTC), results)
    try:
        result = measure()
        if result.problem:
            sys.stderr.write(result.problem + "\n")
        elif result.interrupted:
            sys.stderr.write("interrupted: the report is made of what was measured\n")
        return result, publish(result, folder)
    except BaseException:
        discard(folder, results)
        raise


def status(result: Ending) -> int:
    """The exit status of a measurement that has its report."""
    return FAILED if result.problem else INTERRUPTED if result.interrupted else 0
