"""python -m evaluation.faults: options, what is written, exit codes."""

import json
from pathlib import Path

import pytest

from evaluation.faults import __main__ as module
from evaluation.faults.__main__ import main
from evaluation.faults.catalogue import FAULTS, Fault
from evaluation.faults.play import Load, Played
from evaluation.faults.stage import StageError
from tests.evaluation.faults.test_page import played

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--seconds", "1"], "--seconds 1: must be 4 or more"),
        (["--rate", "nan"], "--rate nan: must be 1 or more"),
        (["--strategy", "best"], "--strategy best: there is none; valid: round_robin"),
        (["--only", "flood"], "--only: no fault 'flood'; valid: killed"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--page", str(tmp_path / "p.md"), "--json", str(tmp_path / "p.json")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"faults: {message}")
    assert said.count("\n") == 1


def test_the_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FAULTS)


def test_an_unwritable_page_is_found_before_playing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--page", str(tmp_path / "file" / "p.md")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failed", "problem", "exit_code"), [(0, "", 0), (2, "", 1), (0, "it did not start", 1)]
)
def test_what_was_played_is_written_and_the_exit_code_says_whether_all_is_well(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failed: int,
    problem: str,
    exit_code: int,
) -> None:
    async def play(fault: Fault, load: Load) -> Played:
        assert load.seconds == 5.0
        if problem:
            raise ExceptionGroup("tasks", [StageError(problem)])
        return played(fault.name, failed)

    monkeypatch.setattr(module, "play", play)
    out, figures = tmp_path / "deep" / "p.md", tmp_path / "p.json"
    argv = ["--seconds", "5", "--only", "killed", "--page", str(out), "--json", str(figures)]
    assert main(argv) == exit_code
    page, document = out.read_text(), json.loads(figures.read_text())
    assert "`python -m evaluation.faults --seconds 5 --only killed" in page
    assert document["load"]["seconds"] == 5.0
    if problem:
        assert f"- not played: killed: {problem}" in page
        assert document["left_out"] == [f"killed: {problem}"]
    else:
        assert document["faults"][0]["seen"]["failed"] == failed
    assert "[1/1] killed" in capsys.readouterr().err


def test_interrupted_it_writes_what_was_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(fault: Fault, load: Load) -> Played:
        if fault.name == "frozen":
            raise KeyboardInterrupt
        return played(fault.name)

    monkeypatch.setattr(module, "play", play)
    out, figures = tmp_path / "p.md", tmp_path / "p.json"
    only = ["--only", "killed", "--only", "frozen"]
    assert main([*only, "--page", str(out), "--json", str(figures)]) == 130
    assert [each["fault"] for each in json.loads(figures.read_text())["faults"]] == ["killed"]
