"""The command line."""

from pathlib import Path

import pytest

from evaluation.shaping import __main__ as program
from evaluation.shaping import arms, training, tuning
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(arms.PARTS, arms.SHIFT, SHORT)
    monkeypatch.setattr(training, "STRETCHES", 1)
    monkeypatch.setattr(training, "STRETCH_SECONDS", 5)
    monkeypatch.setattr(training, "TRIALS", 1)


def test_what_is_trained_can_be_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["--checkpoints", str(tmp_path)]
    assert 0 == program.main(["train", "--agent", "tabular", "--episodes", "2", *kept])
    assert "2 episodes" in capsys.readouterr().out
    assert 0 == program.main(["evaluate", "--arms", "static,tabular", "--seeds", "0-1", *kept])
    printed = capsys.readouterr().out
    assert "Difference to static" in printed and "Where the target was missed" in printed


def test_the_static_rules_are_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tuning, "SEEDS", (1,))
    monkeypatch.setattr(tuning, "grid", lambda: iter([(60.0, 9.0, 1e7, 8)]))
    assert 0 == program.main(["tune"])
    assert "static_rules(60.0, 9.0, 10000000.0, 8):" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["train", "--agent", "aimd"], "aimd learns nothing"),
        (["train", "--agent", ","], "--agent: names none"),
        (["train", "--minutes", "0"], "--minutes"),
        (["evaluate", "--arms", "clever"], "'clever'"),
        (["evaluate", "--arms", "tabular", "--checkpoints", "nowhere"], "train first"),
        (["evaluate", "--seeds", "x"], "--seeds"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_line(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == program.main(typed)
    assert said in capsys.readouterr().err


def test_ctrl_c_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(arms, "play", break_off)
    assert 130 == program.main(["evaluate", "--arms", "static", "--seeds", "0"])
    monkeypatch.setattr(training, "train", break_off)
    assert 130 == program.main(["train", "--agent", "tabular"])
