"""Clients with agents, as they are shown."""

from __future__ import annotations

import pytest

from load_balancer.adaptive.view import TargetsBody, agent_state, client_row, seen_of
from rl.shaping.reading import Targets
from tests.load_balancer.adaptive.port import KEY, KEYED, OTHER, Port

pytestmark = pytest.mark.unit


def test_targets_there_and_back() -> None:
    targets = Targets(0.1, 5, 2, 3, {"fps": 24.0})
    assert targets == TargetsBody.of(targets).targets()
    assert Targets() == TargetsBody().targets()


def test_an_agent_that_has_seen_nothing_is_shown() -> None:
    port = Port()
    port.agents.enable(KEYED, 0.0, expected=True)
    state = port.agents.state(KEYED)

    shown = agent_state(state, 5.0)
    assert (None, [], []) == (shown.reading, shown.missed, shown.history)
    assert 0.0 == client_row(state).requests_per_second


def test_metrics_are_of_those_in_the_mode() -> None:
    port = Port()
    port.come()
    port.come(key=KEY)
    port.agents.enable(KEYED, 0.0)
    port.agents.targets(OTHER, Targets(p95_seconds=1))
    port.step(arrivals=5, completed=4, retransmitted=2, seconds=2.0)

    seen = seen_of(port.agents, 0.25)
    assert seen is not None and [KEYED] == list(seen.agents)
    agent = seen.agents[KEYED]
    assert (0.25, 2.0, 2, "keyed") == (
        seen.step_seconds,
        agent.requests_per_second,
        agent.retransmitted,
        agent.rule,
    )
    assert "burst" not in agent.levers and 100 == agent.levers["requests_per_second"]
    assert seen_of(None) is None
