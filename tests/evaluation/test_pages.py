"""The files of a report: one template for all, which stands alone and escapes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.export import ReportError
from evaluation.machine import Beginning
from evaluation.pages import (
    Page,
    Picture,
    picture,
    render,
    surroundings,
    write_page,
    write_text,
)
from evaluation.tables import Cell, Row, Table
from tests.evaluation.tags import Tags

pytestmark = pytest.mark.unit
PICTURES = tuple(
    Picture(f"{name}.png", "data:image/png;base64,AA==", name, f"What {name} shows.")
    for name in ("first", "second")
)
PAGE = Page(
    title="An <experiment>",
    subtitle="two of them",
    headlines=["a won."],
    warnings=["It was short."],
    facts=[("Seeds", "0, 1")],
    tables=[Table("Results", ("mean",), (Row("a", "#000000", (Cell("1", "0 to 2", "win"),)),))],
    pictures=PICTURES,
    method=["As usual."],
    limits=["Many."],
    commands=["python one", "python two"],
    beside=[("all numbers", "all.json"), ("every run", "runs.csv")],
    who="An arm",
    ways=[("first seed", ("1>2*", "1>3X"))],
)


def test_page_and_summary_say_all(tmp_path: Path) -> None:
    path = write_page(PAGE, tmp_path)
    html, text = path.read_text(), (tmp_path / "summary_report.md").read_text()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert [each.uri for each in PICTURES] == tags.addresses
    for words in (
        "two of them", "a won.", "It was short.", "Seeds", "0, 1", "Results", "0 to 2", "win",
        "What second shows.", "As usual.", "Many.", "python one\npython two", "first seed",
    ):  # fmt: skip
        assert words in html and words in text, words
    assert "An &lt;experiment&gt;" in html and "1&gt;2*\n1&gt;3X" in html
    assert "all numbers in <code>all.json</code>, every run in <code>runs.csv</code>.</p>" in html
    assert "all numbers in `all.json`, every run in `runs.csv`.\n" in text
    assert "An arm has the same colour" in html
    assert "![first](first.png)" in text and "| a | 1 (0 to 2) **win** |" in text
    assert not re.search(r"https?:|@import|url\(", html)


def test_what_there_is_not_has_no_heading(tmp_path: Path) -> None:
    html = write_page(replace(PAGE, warnings=(), ways=()), tmp_path).read_text()
    assert "warning" not in html.partition("<body>")[2] and "<h2>Ways" not in html


def test_a_picture_is_named_by_its_way_from_the_report(tmp_path: Path) -> None:
    path = tmp_path / "part" / "learning_curve.png"
    path.parent.mkdir()
    path.write_bytes(b"\x89PNG")
    found = picture(path, "It falls.", tmp_path)
    assert ("part/learning_curve.png", "Learning curve") == (found.file, found.title)
    assert "learning_curve.png" == picture(path, "It falls.").file
    assert found.uri == "data:image/png;base64,iVBORw=="


def test_surroundings_name_machine_source_and_time() -> None:
    made = Beginning("2026-01-02T03:04:05Z", 0.25).circumstances("python typed", "", "")
    machine = replace(made.machine, load_after=None)
    bare = replace(made, commit=None, machine=machine)
    found = dict(surroundings(made))
    assert "load average 0.25 before" in found["Machine"]
    assert found["Time"].startswith("2026-01-02T03:04:05Z to ")
    assert "load average" not in dict(surroundings(bare))["Machine"]
    assert "not in git" == dict(surroundings(bare))["Source"]


def test_an_unwritable_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be written: Is a directory"):
        write_text(tmp_path, "text")


def test_missing_jinja2_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(ReportError, match=r"pip install '\.\[report\]'"):
        render("page.html", {})
