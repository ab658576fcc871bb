"""From a measurement to its report, however it ends."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluation.arguments import INTERRUPTED
from evaluation.export import ReportError
from evaluation.measuring import FAILED, announcement, need_packages, report, status

pytestmark = pytest.mark.unit
RESULTS = "results.json"


@dataclass(frozen=True)
class Result:
    interrupted: bool = False
    problem: str = ""


def publish(result: Result, folder: Path) -> Path:
    path = folder / RESULTS
    path.write_text("all", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("result", "code", "said"),
    [
        (Result(), 0, ""),
        (Result(interrupted=True), INTERRUPTED, "the report is made of what was measured"),
        (Result(interrupted=True, problem="a server died"), FAILED, "a server died"),
    ],
)
def test_the_ending_is_told_and_the_report_written(
    result: Result, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, path = report(tmp_path, RESULTS, lambda: result, publish)
    assert (result, code) == (found, status(found))
    assert "all" == path.read_text(encoding="utf-8")
    assert tmp_path == path.parent.parent
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_without_a_result_nothing_is_left(error: type[BaseException], tmp_path: Path) -> None:
    def fail() -> Result:
        raise error

    with pytest.raises(error):
        report(tmp_path, RESULTS, fail, publish)
    assert [] == list(tmp_path.iterdir())


def test_how_long_it_takes_is_announced() -> None:
    assert "3 runs, about 90 s; Ctrl-C keeps what is measured" == announcement("3 runs", 90)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    need_packages()
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "jinja2" else find(name)
    )
    with pytest.raises(ReportError, match=r"jinja2 is missing.*pip install '\.\[report\]'"):
        need_packages()
