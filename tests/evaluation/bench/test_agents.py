"""What agents cost."""

import json

import pytest

from evaluation.bench import agents
from rl.shaping.making import KINDS

pytestmark = pytest.mark.unit


def test_every_agent_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert agents.main(["--clients", "2", "--intervals", "5", "--runs", "1"]) == 0

    *lines, data = capsys.readouterr().out.splitlines()
    rows = json.loads(data)["microseconds"]
    assert [row["agent"] for row in rows] == list(KINDS)
    assert [line.split()[0] for line in lines] == list(KINDS)
    assert all(0 < row["decision"] and 0 < row["interval"] for row in rows)


def test_nothing_cannot_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        agents.main(["--runs", "0"])
    assert "--runs must be at least 1" in capsys.readouterr().err
