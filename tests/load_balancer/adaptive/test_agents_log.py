"""One JSON line a step of an agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from load_balancer.adaptive.agents_log import AgentsLog
from load_balancer.shaping.adaptive import StepRecord
from rl.shaping.reward import Reward
from rl.shaping.settings import Setting

pytestmark = pytest.mark.integration


def test_a_step_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "agents.jsonl"
    log = AgentsLog(path, 1000.0)
    reward = Reward(1.5, 1.0, 0.5, 0.0, 0.0, 0.0, ("p95_seconds",))
    record = StepRecord(
        2.5,
        "urgency-",
        True,
        "Tried \u2026 it.",
        Setting(10.0),
        Setting(20.0),
        reward,
        ("p95_seconds",),
        0.25,
        "agent",
    )
    log.append("a/\ud800", record)
    log.append("b", record)
    log.flush()
    log.close()

    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert ("a/\ud800", "b") == (first["client"], second["client"])
    assert (1002.5, "urgency-", True, 1.5, ["p95_seconds"]) == (
        second["time"],
        second["action"],
        second["explored"],
        second["reward"],
        second["missed"],
    )
    assert (10.0, 20.0) == tuple(second[at]["requests_per_second"] for at in ("before", "after"))
    assert 0 == log.dropped
