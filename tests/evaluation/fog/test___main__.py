"""The command line of learning in the fog."""

from pathlib import Path

import pytest

from evaluation.fog import __main__ as command
from evaluation.fog import checkpoints
from evaluation.fog.algorithms import LEARNERS, Cast
from evaluation.fog.configurations import load_configuration
from evaluation.fog.playing import Measured

pytestmark = pytest.mark.unit
FOG = """CYCLES 30
NO_NODES_PER_LAYERS 3
CONTROLLERS 0;1;2
"""


@pytest.fixture
def fog(tmp_path: Path) -> str:
    path = tmp_path / "small.properties"
    path.write_text(FOG)
    return str(path)


def test_train_evaluate_compare(
    fog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing to a report; the learner is found by its fog."""
    common = ["--configuration", fog, "--checkpoints", str(tmp_path / "kept")]
    train = ["train", "--algorithm", "tabular", "--seeds", "0,1", "--steps", "100", "--fogs", "1"]
    assert command.main([*train, *common]) == 0
    assert capsys.readouterr().out.count("100 ticks in") == 2

    assert command.main(["evaluate", "--algorithm", "tabular", "--seeds", "0", *common]) == 0
    assert "tabular" in capsys.readouterr().out

    out = tmp_path / "reports"
    algorithms = ["--algorithm", "least_queue,local,tabular"]
    compare = ["compare", *algorithms, "--seeds", "0-1", "--out", str(out), *common]
    assert command.main(compare) == 0
    assert "report: " in capsys.readouterr().out
    text = (out / "latest" / "summary_report.md").read_text()
    assert "tabular, seed 0" in text and "tabular, seed 1" in text


def test_checkpoints_play_elsewhere_only_if_told(
    fog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["--checkpoints", str(tmp_path / "kept")]
    assert (
        command.main(
            ["train", "--algorithm", "tabular", "--configuration", fog, "--steps", "50", *kept]
        )
        == 0
    )
    other = tmp_path / "other.properties"
    other.write_text(FOG + "protocol.clt.I 8e7\n")
    (path,) = (tmp_path / "kept").rglob("*.json")
    asked = ["evaluate", "--algorithm", "local", "--configuration", str(other), "--seeds", "0"]
    assert command.main([*asked, *kept, "--checkpoint", str(path)]) == 2
    assert "learned in another fog" in capsys.readouterr().err
    assert command.main([*asked, *kept, "--checkpoint", str(path), "--elsewhere"]) == 0
    assert "tabular" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--algorithm", "leastqueue"], "no algorithm 'leastqueue'"),
        (["evaluate", "--algorithm", ","], "--algorithm: names none"),
        (["evaluate", "--configuration", "nowhere"], "no fog and no file 'nowhere'"),
        (["evaluate", "--seeds", "x"], "--seeds x: must be numbers"),
        (["train", "--algorithm", "least_queue"], "no algorithm 'least_queue'"),
        (["train", "--minutes", "0"], "--minutes: must be above 0"),
        (["compare", "--algorithm", "ppo", "--checkpoints", "nowhere"], "train --algorithm ppo"),
    ],
)
def test_what_cannot_be_run_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("python -m evaluation.fog: ")
    assert message in told
    assert list(tmp_path.iterdir()) == []


def test_all_leaves_out_who_never_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = command._parser().parse_args(["compare", "--checkpoints", str(tmp_path)])
    algorithms, _ = command._cast(asked, load_configuration("default"))
    assert "least_queue" in algorithms and "live_q_learning" in algorithms
    assert not set(algorithms) & set(LEARNERS)


def test_interrupted_it_reports_what_was_played(
    fog: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Cast.play
    made: list[Measured] = []

    def play(cast: Cast, algorithm: str, seed: int) -> Measured:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(real(cast, algorithm, seed))
        return made[-1]

    monkeypatch.setattr(Cast, "play", play)
    out = tmp_path / "reports"
    asked = ["--algorithm", "least_queue,local", "--configuration", fog, "--seeds", "0-4"]
    assert command.main(["compare", *asked, "--out", str(out)]) == 130
    assert "3 of 10 episodes" in (out / "latest" / "summary_report.md").read_text()
    monkeypatch.setattr(Cast, "play", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    assert command.main(["evaluate", "--algorithm", "local", "--configuration", fog]) == 130


def test_interrupted_learning_leaves_its_checkpoint(
    fog: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evaluation.progress.Steps.step", interrupted)
    kept = tmp_path / "kept"
    asked = ["train", "--algorithm", "tabular", "--configuration", fog, "--checkpoints", str(kept)]
    assert command.main(asked) == 130
    (path,) = kept.rglob("*.json")
    assert checkpoints.read(path).steps == 100
