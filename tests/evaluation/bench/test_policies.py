"""What a decision costs, measured small."""

import json

import pytest

from evaluation.bench import policies

pytestmark = pytest.mark.unit


def test_every_column_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A few requests are too few for a figure, but not for the way to it."""
    arguments = ["--strategies", "round_robin,marginal_cost", "--sizes", "3,20"]
    assert 0 == policies.main([*arguments, "--requests", "60", "--runs", "1"])
    printed = capsys.readouterr().out.splitlines()
    found = json.loads(printed[-1])

    assert 5 == len(printed)
    assert [
        ("round_robin", 3),
        ("marginal_cost", 3),
        ("round_robin", 20),
        ("marginal_cost", 20),
    ] == [(row["strategy"], row["endpoints"]) for row in found["rows"]]
    for row in found["rows"]:
        assert 0.0 <= row["select"] <= row["sum"]
    assert [None, None, None] == [row["bytes_per_endpoint"] for row in found["rows"][:3]]
    assert 1000 < found["rows"][3]["bytes_per_endpoint"] < 100_000


def test_only_json_if_so_asked(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--strategies", "random", "--sizes", "2", "--requests", "20", "--runs", "1"]
    assert 0 == policies.main([*arguments, "--json"])

    assert 1 == len(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    "arguments", [["--strategies", "nobody"], ["--sizes", "x"], ["--requests", "0"]]
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        policies.main(arguments)
