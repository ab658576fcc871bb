"""What the bench of the fog prints; the figures are the machine's."""

import json

import pytest

from evaluation.bench import fog as bench
from evaluation.bench.fog import Effort, Figure, clouded, fog, main, rest

pytestmark = pytest.mark.unit

SHORT = ["--rounds", "1", "--seconds", "0.001"]


def test_it_prints_a_line_a_figure_beside_the_original(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHORT, "--cases", "single,reset"]) == 0

    *lines, caveat = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all("steps/s" in line for line in lines[:4])
    assert "bar >= 3000; original 9.6" in lines[0]
    assert "bar < 5; original 10400" in lines[4]
    assert caveat == bench.CAVEAT


def test_json_has_every_sample(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "ENVIRONMENTS", 2)
    assert main([*SHORT, "--cases", "vector", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["rounds"] == 1
    assert told["caveat"] == bench.CAVEAT
    names = [figure["name"] for figure in told["figures"]]
    assert names[0] == "vector, 2 x 10 nodes"
    assert all(figure["value"] == figure["samples"][0] > 0 for figure in told["figures"])


def test_the_rest_face_is_stepped_over_loopback() -> None:
    figures = list(rest(Effort(1, 0.01)))

    assert [figure.unit for figure in figures] == ["steps/s"] * 4
    assert all(figure.value > 0 for figure in figures)


def test_memory_is_that_of_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def output(command: list[str], cwd: object) -> bytes:
        asked.append(command[-2:])
        return b"12.5\n"

    monkeypatch.setattr("subprocess.check_output", output)
    figures = list(bench.memory(Effort(1)))

    assert asked == [["single", "10"], ["single", "50"], ["vector", "10"]]
    assert figures[0].line.startswith("memory, 10 nodes")
    assert figures[0].value == 12.5


def test_a_figure_is_a_median() -> None:
    figure = Figure("steps", "steps/s", (30.0, 1.0, 2000.0))

    assert figure.value == 30.0
    assert figure.line.split() == ["steps", "30", "steps/s", "(1", "to", "2,000)"]


def test_fogs_are_what_they_are_called() -> None:
    assert fog(10).agents == tuple(range(10))
    assert clouded(10).clouds == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--cases", "single,much"], "there is no 'much'"),
        (["--rounds", "0"], "--rounds must be at least 1"),
        (["--seconds", "0"], "--seconds above 0"),
    ],
)
def test_bad_arguments_are_told(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert problem in capsys.readouterr().err
