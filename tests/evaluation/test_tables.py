"""Tables in a terminal and in Markdown are in columns."""

import pytest

from evaluation.tables import Cell, Row, Table, aligned, markdown, plain_table

pytestmark = pytest.mark.unit


def test_columns_are_aligned() -> None:
    assert "a     b\nlong  1" == aligned([("a", "b"), ("long", "1")])


def test_the_terminal_s_table_has_the_interval_of_the_first_number_only() -> None:
    rows = (
        Row("one", "#000000", (Cell("78.6 ms", "78.0 to 79.3"), Cell("9", "8 to 10", "win"))),
        Row("the other", "#000000", (Cell("101.6 ms"), Cell("10"))),
    )
    lines = plain_table(Table("Results", ("mean", "hops"), rows)).splitlines()
    assert lines[0].split() == ["mean", "95", "%", "hops"]
    assert len({line.index(" ms") for line in lines[1:]}) == 1
    assert lines[1].split("  ")[0] == "one"
    assert lines[1].endswith("78.0 to 79.3     9")
    bare = plain_table(Table("Results", ("mean", "hops"), rows[1:]))
    assert bare.splitlines()[0].split() == ["mean", "hops"]


def test_a_markdown_table_is_aligned() -> None:
    assert markdown(("a", "long heading"), [("wide cell", "b")]) == [
        "| a         | long heading |",
        "|-----------|--------------|",
        "| wide cell | b            |",
    ]
    assert markdown(("a",), []) == ["| a   |", "|-----|"]
