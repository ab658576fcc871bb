"""The production agents, told of a world's intervals."""

import pytest

from evaluation.shaping.adapting import AdaptedCast
from evaluation.shaping.records import CLIENTS
from evaluation.shaping.scenario import TUNED
from rl.shaping.agents import Conduct
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_agents_act_and_what_they_set_is_in_force() -> None:
    conduct = Conduct(explore_most=1.0, explore_least=1.0)
    adapted = AdaptedCast(SHORT, TUNED, 1, "tabular", conduct=conduct, guard=False)
    seconds: list[float] = []
    adapted.run(8.0, seconds.append)
    assert [float(second) for second in range(1, 9)] == seconds
    assert set(CLIENTS) == set(adapted.agents.clients())
    rates = {each.requests_per_second for each in adapted.decided["batch"]}
    assert len(rates) > 1 and 0 == adapted.left_envelope
    client = adapted.cast.shaper.clients.get("batch")
    assert client is not None
    assert adapted.decided["batch"][-1].requests_per_second == client.rule.requests_per_second


def test_a_stale_checkpoint_is_refused() -> None:
    stale = {"version": 1, "agents": {"*": {"kind": "tabular", "encoder": 0}}}
    with pytest.raises(ValueError, match="encoder"):
        AdaptedCast(SHORT, TUNED, 1, "tabular", stale)  # type: ignore[arg-type]
