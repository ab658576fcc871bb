"""python -m evaluation.conformance: a few rows of the table, and suites that are not there."""

from pathlib import Path

import pytest

from evaluation.conformance import __main__ as conformance
from evaluation.conformance.page import BEGIN

pytestmark = pytest.mark.integration


def test_it_writes_a_page_and_says_what_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text that stood on the page stays; a variable that names nothing of the kind is said so."""
    page = tmp_path / "page.md"
    page.write_text("# Ours\n\nText.\n", encoding="utf-8")
    for variable in conformance.SUITES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GUNICORN", str(tmp_path))
    assert conformance.main(["--only", "interim-103", "--page", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Ours\n\nText.\n\n## Results\n\n" + BEGIN)
    assert "left out: GUNICORN: no tests/requests/invalid in it" in text
    assert "left out: H1SPEC is not set" in text
    assert "| all | 2 | 2/2 | 0/0 | 0 | 0 | 0 | 0 | 0 |" in text
    assert BEGIN in capsys.readouterr().out


def test_it_knows_whom_it_can_play(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["--against", "nginx,squid"]) == 2
    assert capsys.readouterr().err == "--against: nginx, haproxy, not squid\n"


def test_a_version_is_what_the_program_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours is the source that the page names; who is not there has none."""
    for name, says in (("nginx", "echo nginx version: nginx/1.22.1 >&2"), ("haproxy", "true")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
    monkeypatch.setattr(conformance, "WHERE", str(tmp_path))
    found = [conformance.version(who) for who in ("ours", "nginx", "haproxy", "other")]
    assert found == ["ours", "nginx 1.22.1", "haproxy", "other"]
