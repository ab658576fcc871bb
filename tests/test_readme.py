"""What the README says works: its length, its links, its strategy in a few lines."""

import re
from pathlib import Path

import pytest

from load_balancer import strategies
from rl.vocabulary import (
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_can_be_read_in_five_minutes() -> None:
    """600 words at the most."""
    assert len(README.split()) <= 600


def test_every_link_leads_somewhere() -> None:
    """Files that are linked exist."""
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert links
    assert [] == [link for link in links if not (ROOT / link).exists()]


def test_every_strategy_there_is_stands_in_it() -> None:
    """And none that is not there."""
    listed = re.search(r"Strategies: (.*?)\.\n", README, re.DOTALL)

    assert listed is not None
    assert set(strategies.names()) == set(re.findall(r"`(\w+)`", listed[1]))


def test_the_strategy_in_a_few_lines_works() -> None:
    """The class as printed is a policy."""
    block = re.search(r"```python\n(.*?)# load_balancer/strategies/__init__", README, re.DOTALL)
    assert block is not None
    names: dict[str, type] = {}
    exec(block[1], names)
    policy = names["Fastest"]()
    slow, fast = (EndpointStats(Endpoint(id, "localhost", 80)) for id in ("slow", "fast"))
    slow.latency, fast.latency = 0.2, 0.1
    observation = Observation(RequestContext(), [slow, fast], 1.0)
    decision = policy.select(observation)
    outcome = Outcome(Verdict.SUCCESS, 0.1, 200)

    assert 1 == decision.index
    assert policy.observe(Transition(fast, observation, decision, outcome, -10.0)) is None
