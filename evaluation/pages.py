"""An experiment's report as files: ``report.html`` and ``summary_report.md``, from one template.

The page stands alone: style and plots are in the file, and it asks no other host for anything.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from evaluation.export import ReportError
from evaluation.records import Circumstances
from evaluation.tables import Table

TEMPLATES = Path(__file__).resolve().parent / "templates"
SUMMARY = "summary_report.md"
PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: its file's name, its data as a URI, what it shows and what one sees in it."""

    file: str
    uri: str
    title: str
    caption: str


@dataclass(frozen=True, slots=True)
class Page:
    """What the templates need of an experiment.

    Attributes:
        headlines: what a reader in a hurry must know; ``warnings`` before believing it.
        facts: what was run, as pairs of a word and its value.
        pictures: the first one stands ahead of the tables.
        commands: that measure it again.
        beside: what lies beside the page, as pairs of what it is and its file.
        who: has the same colour in every plot.
        ways: titles, each with requests' ways.
    """

    title: str
    subtitle: str
    headlines: Sequence[str]
    warnings: Sequence[str]
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    method: Sequence[str]
    limits: Sequence[str]
    commands: Sequence[str]
    beside: Sequence[tuple[str, str]]
    who: str = "A strategy"
    ways: Sequence[tuple[str, Sequence[str]]] = ()


def write_page(page: Page, folder: Path) -> Path:
    """Markdown and page into ``folder``; the path of the page.

    Raises:
        ReportError: a file cannot be written, or jinja2 is missing.
    """
    context = {field.name: getattr(page, field.name) for field in fields(page)}
    write_text(folder / SUMMARY, render("page.md", context))
    write_text(folder / PAGE, render("page.html", context))
    return folder / PAGE


def render(template: str, context: Mapping[str, object]) -> str:
    """A template of the folder, filled; in HTML whatever comes from outside is escaped.

    Raises:
        ReportError: jinja2 is missing.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise ReportError(
            "reports need jinja2: run make setup, or pip install '.[report]'"
        ) from None
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(context)


def write_text(path: Path, text: str) -> None:
    """Raises ReportError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror}") from None


def picture(path: Path, caption: str, folder: Path | None = None) -> Picture:
    """The plot at ``path``, its title made of the file's name.

    Args:
        folder: the report's, where the plot may lie below it.
    """
    return Picture(
        path.relative_to(folder).as_posix() if folder and folder in path.parents else path.name,
        "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(),
        path.stem.replace("_", " ").capitalize(),
        caption,
    )


def surroundings(circumstances: Circumstances) -> list[tuple[str, str]]:
    """Where and when something was measured, with which source."""
    machine = circumstances.machine
    load = ""
    if machine.load_before is not None and machine.load_after is not None:
        load = f"; load average {machine.load_before:g} before, {machine.load_after:g} after"
    return [
        (
            "Machine",
            f"{machine.processor}, {machine.cores} processors, {machine.platform}{load}",
        ),
        (
            "Versions",
            ", ".join(
                [machine.python, *(f"{name} {each}" for name, each in machine.versions.items())]
            ),
        ),
        ("Source", circumstances.commit or "not in git"),
        ("Time", f"{circumstances.started} to {circumstances.finished}"),
    ]
