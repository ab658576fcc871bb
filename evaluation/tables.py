"""Tables as every report draws them: rows of what was compared, cells of text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A number and, below it, its interval; and what may be claimed of it."""

    value: str
    interval: str = ""
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was compared, and its cells."""

    name: str
    colour: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Heads above the cells; ``first`` is that of the names."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    first: str = "strategy"


def plain_table(table: Table) -> str:
    """For a terminal: the numbers in columns, the interval of the first one only, if it has any."""
    heads = ["", *table.heads]
    lines = [[row.name, *(cell.value for cell in row.cells)] for row in table.rows]
    if any(row.cells[0].interval for row in table.rows):
        heads.insert(2, "95 %")
        for row, line in zip(table.rows, lines, strict=True):
            line.insert(2, row.cells[0].interval)
    return aligned([heads, *lines])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns for a terminal; the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index == 0 else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table whose columns are aligned in plain text too."""
    widths = [max(3, *map(len, column)) for column in zip(heads, *body, strict=True)]
    lines = [_line(heads, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    return [*lines, *(_line(row, widths) for row in body)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text.ljust(width) for text, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
