"""The production parts fit where a cluster wants them."""

import random
from collections.abc import Callable

import pytest

from config.balancer import LoadBalancer
from config.schema import Settings
from evaluation.simulate.cast import Cast, NodePolls, NodeRetries
from load_balancer.node import Attempt, Node
from rl.simulation.balancer import Balancer, Polls, Retries, Routing

pytestmark = pytest.mark.unit


def test_a_node_alone_is_a_balancer() -> None:
    (node,) = Cast(Settings(), "round_robin", 1).nodes
    balancer: Balancer[Attempt] = Balancer(node)
    assert (balancer.polls, balancer.retries, balancer.improve) == (None, None, None)


def test_the_protocols_are_those_of_the_production_parts() -> None:
    """For the type checker; and every name is there."""
    (node,) = Cast(Settings(), "round_robin", 1).nodes
    routing: Routing[Attempt] = node
    polls: Polls = NodePolls(Settings(), node, random.Random(1))
    retries: Retries = NodeRetries(LoadBalancer(), node)
    improve: Callable[[], object] = node.refresh
    balancer = Balancer(routing, polls, retries, improve)
    assert isinstance(balancer.node, Node)
    for part, protocol in ((node, Routing), (polls, Polls), (retries, Retries)):
        names = [name for name in vars(protocol) if not name.startswith("_")]
        assert names and all(hasattr(part, name) for name in names)
