"""evaluation.bench.cache_disk: what it measures is there."""

from pathlib import Path

import pytest

from evaluation.bench.cache_disk import Costs, main, measured


@pytest.mark.integration
def test_every_look_is_measured(tmp_path: Path) -> None:
    costs = measured(tmp_path, 200, 100, 50)
    assert len(costs.found) == len(costs.missing) == 50
    assert min(costs.found) > 0
    assert costs.written > 0


@pytest.mark.unit
def test_it_says_the_middle_and_the_slowest_hundredth() -> None:
    values = tuple(float(number) for number in range(100))
    assert Costs(7.25, values, (3.0,)).lines() == [
        "written: 7.2 µs a response",
        "found: 50.0 µs, the slowest hundredth from 99.0 µs on",
        "missing: 3.0 µs, the slowest hundredth from 3.0 µs on",
    ]


@pytest.mark.unit
def test_nothing_to_write_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--responses", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
