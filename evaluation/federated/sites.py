"""What learns at a node, from episodes of its own traffic: tables as a live node keeps them, or one
network for all clients with the gradient steps that a live node leaves to its training process."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from evaluation.federated.traffic import drawn
from evaluation.shaping.adapting import AdaptedCast
from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import CLIENTS, INTERACTIVE
from evaluation.shaping.rollout import roll
from evaluation.shaping.stage import CastStage
from evaluation.shaping.training import DeepQLearner, Pace, need_torch, weights
from load_balancer.shaping.agent_pool import ANYBODY, CHECKPOINT_VERSION
from rl.shaping.agents import Conduct
from rl.vocabulary import JSON, Parameters

TABULAR, DQN = AGENTS = ("tabular", "dqn")
EXPLORE = {TABULAR: 0.3, DQN: 0.1}
"""Share of the choices that are tried to learn from, where nothing else is asked for."""

UPDATES = 4
"""Gradient steps of a network for each step of a client; see docs/federation.md."""

FIRST_STEPS = 200
"""Of a network's memory before its first gradient step; an episode has some more."""

Known: TypeAlias = dict[str, JSON]
"""What a node has learned, by agent."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How nodes learn.

    Attributes:
        agent: one of ``AGENTS``.
        explore: share of the choices that are tried to learn from; a network begins with all of
            them, and comes down to it.
        prior: weight of what tables are born knowing, as in ``Conduct``.
        updates: gradient steps of a network for each step of a client.
    """

    agent: str = TABULAR
    explore: float = EXPLORE[TABULAR]
    prior: float = 1.0
    updates: int = UPDATES


USUAL = Manner()


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of one.

    Attributes:
        known: afterwards.
        reward: mean of all clients and intervals.
        missed: share of the intervals in which the interactive client's target was missed;
            ``missed_any`` of all clients' intervals, each with its own target.
        completed: requests of all clients.
    """

    known: Known
    reward: float
    missed: float
    missed_any: float
    completed: int


class Site(Protocol):
    """A node that learns.

    Attributes:
        known: what it has learned; empty before there is anything to merge.
    """

    @property
    def known(self) -> Known: ...

    def learn(self, seed: int, share: float) -> None:
        """From one episode.

        Args:
            share: of the episodes of its life that have been.
        """

    def load(self, known: Known) -> None:
        """Go on from what all know."""


def site(node: str, seed: int, manner: Manner = USUAL) -> Site:
    """One that has learned nothing. Networks of one seed begin with the same weights, for federated
    averaging needs a base that all have in common.

    Raises:
        TrainingError: PyTorch is missing.
    """
    return Network(node, seed, manner) if manner.agent == DQN else Tables(node, manner)


def begun(seed: int, manner: Manner = USUAL) -> Known:
    """What every site of that seed begins with.

    Raises:
        TrainingError: PyTorch is missing.
    """
    if manner.agent != DQN:
        return {}
    need_torch(DQN)
    learner = DeepQLearner(random.Random(f"weights {seed}").getrandbits(32))
    return _agents(learner.known(manner.explore))


class Tables:
    """A table for each client, learned as the episode goes."""

    def __init__(self, node: str, manner: Manner) -> None:
        self._node = node
        self._manner = manner
        self.known: Known = {}

    def learn(self, seed: int, share: float) -> None:
        """See Site. As much is explored at any time."""
        self.known = play(self._node, seed, self.known, True, self._manner).known

    def load(self, known: Known) -> None:
        """See Site."""
        self.known = known


class Network:
    """One network; the steps that it learns from never leave the node."""

    def __init__(self, node: str, seed: int, manner: Manner) -> None:
        need_torch(DQN)
        self._node = node
        self._explore = manner.explore
        pace = Pace(FIRST_STEPS, 1, manner.updates, manner.explore)
        self._learner = DeepQLearner(random.Random(f"{node} {seed}").getrandbits(32), pace)
        self.load(begun(seed, manner))

    @property
    def known(self) -> Known:
        """See Site."""
        return _agents(self._learner.known(self._explore))

    def learn(self, seed: int, share: float) -> None:
        """See Site."""
        scenario, rules = drawn(self._node, seed)
        stage = CastStage(ShapedCast(scenario, rules, seed))
        agents = self._learner.agents(share)
        dice = random.Random(f"{self._node} {seed}")
        roll(stage, agents, dice, weights(DQN), self._learner.tell)
        self._learner.ended()

    def load(self, known: Known) -> None:
        """See Site."""
        parameters = known[ANYBODY]
        assert isinstance(parameters, dict)
        self._learner.load(parameters)


def _agents(checkpoint: Mapping[str, Any]) -> Known:
    return dict(checkpoint["agents"])


def play(
    node: str, seed: int, known: Known | None, learns: bool, manner: Manner = USUAL
) -> Episode:
    """One episode of a node's traffic, with the agents of a live node.

    Args:
        known: by the agents, at its beginning; None knows nothing but what agents are born with.
        learns: else the agents do what looks best, and learn nothing.
    """
    scenario, rules = drawn(node, seed)
    checkpoint: Parameters = {"version": CHECKPOINT_VERSION, "agents": dict(known or {})}
    epsilon = manner.explore if learns else 0.0
    conduct = Conduct(
        explore_most=epsilon, explore_least=epsilon, explore_decay=1.0, prior=manner.prior
    )
    adapted = AdaptedCast(
        scenario, rules, seed, manner.agent, checkpoint, conduct, guard=False, keep=True
    )
    agents = adapted.agents
    if not learns:
        for name in CLIENTS:
            agents.freeze(name)
    adapted.run(scenario.seconds)
    rewards = [each.reward for name in CLIENTS for each in adapted.decided[name]]
    states = {name: agents.state(name) for name in CLIENTS}
    interactive = states[INTERACTIVE]
    return Episode(
        {f"rule:{name}": agents.agents()[f"client:{name}"].parameters() for name in CLIENTS},
        sum(rewards) / len(rewards),
        interactive.violated / max(1, interactive.intervals),
        sum(each.violated for each in states.values())
        / max(1, sum(each.intervals for each in states.values())),
        sum(asked.status < 400 for asked, _ in adapted.cast.ended),
    )
