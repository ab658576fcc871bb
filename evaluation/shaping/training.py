"""Learning in virtual time, ahead of a node: random loads, one agent's knowledge for all clients.

The loads are drawn anew for each episode, as are the rules that agents begin at, so that what is
learned is how to read a load and not the course of one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import exp, inf, log
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from evaluation.shaping import checkpoints
from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import CLIENTS
from evaluation.shaping.rollout import roll
from evaluation.shaping.scenario import Scenario, Stretch, adaptive_section, static_rules
from evaluation.shaping.stage import CastStage
from load_balancer.shaping.agent_pool import ANYBODY, CHECKPOINT_VERSION
from rl.shaping.agents import Agent, Conduct, Step
from rl.shaping.making import make
from rl.shaping.reward import Weights
from rl.shaping.tabular_model import TabularModel
from rl.vocabulary import JSON, Parameters

AGENTS = ("tabular", "dqn", "ppo")
DEEP = ("dqn", "ppo")

STRETCHES = 4
STRETCH_SECONDS = 30
FIRST_SEED = 1_000_000
"""Of episodes; those that are compared have small ones."""
SEEDS_APART = 100_000
FIRST_TRIAL = 900_000
TRIALS = 12
EPISODES_PER_TRIAL = 25
DISCOUNT = 0.9
"""What a step down is good for shows when what waits at the endpoints is gone, after seconds."""
EXPLORE_LEAST = 0.05
EXPLORE_SHARE = 0.6
"""Of the episodes, after which no more is explored than the least."""
STEPS_PER_UPDATE = 3
UPDATES_PER_LOAD = 10
EPISODES_PER_UPDATE = 4
EPISODES_PER_TABLE = 10
EPSILON_AFTER = 0.02
"""With which an agent that begins with what was learned explores."""


class TrainingError(Exception):
    """It cannot be trained; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Point:
    """One episode, or the last one before a trial and what came of that.

    Attributes:
        reward: mean of all clients and intervals.
        missed: share of the intervals in which a target of theirs was missed.
    """

    episode: int
    reward: float
    missed: float


def drawn_scenario(dice: random.Random) -> Scenario:
    """A random load: every stretch by itself, on machines and links of which one cannot tell by
    their look how loaded they are: a server that waits for others uses little of its processor."""
    stretches = []
    for number in range(STRETCHES):
        bulk = _between(dice, 30, 200) if dice.random() < 0.15 else _between(dice, 3, 15)
        rates = (_between(dice, 10, 180), _between(dice, 15, 110), bulk)
        slow = dice.uniform(1.5, 3.0) if dice.random() < 0.5 else 1.0
        stretches.append(Stretch(str(number), STRETCH_SECONDS, rates, slow))
    return Scenario(
        stretches=tuple(stretches),
        link_bytes_per_second=inf if dice.random() < 0.3 else _between(dice, 20e6, 200e6),
        round_trip_seconds=_between(dice, 5e-5, 0.05),
        processor_share=_between(dice, 0.02, 1.0),
        memory_share=dice.random(),
    )


def drawn_rules(dice: random.Random) -> tuple[dict[str, Any], ...]:
    """Static rules as somebody else might have set them."""
    return static_rules(
        _between(dice, 25, 90),
        _between(dice, 4, 12),
        _between(dice, 5e6, 15e6),
        dice.choice((5, 6, 8, 16, None)),
    )


def _between(dice: random.Random, low: float, high: float) -> float:
    return exp(dice.uniform(log(low), log(high)))


@dataclass(frozen=True, slots=True)
class Pace:
    """How eagerly a network is learned.

    Attributes:
        first: steps before the first gradient step.
        steps, updates: every so many steps so many gradient steps.
        explore_least: the share of choices by the dice that exploring comes down to.
    """

    first: int = 500
    steps: int = STEPS_PER_UPDATE
    updates: int = 1
    explore_least: float = EXPLORE_LEAST


class Learner(Protocol):
    """Who learns from episodes."""

    def agents(self, share: float) -> Mapping[str, Agent]:
        """Who plays the next episode, after this share of them; by client."""

    def tell(self, step: Step) -> None:
        """One step of it."""

    def ended(self) -> None:
        """It is over."""

    def known(self, epsilon: float) -> Parameters:
        """A checkpoint of what was learned so far.

        Args:
            epsilon: with which agents that begin with it explore.
        """


def _explore(share: float, least: float = EXPLORE_LEAST) -> float:
    return max(least, 1.0 - share / EXPLORE_SHARE * (1.0 - least))


def steady(epsilon: float) -> Conduct:
    """To explore so much, and no less later."""
    return Conduct(explore_most=epsilon, explore_least=epsilon, explore_decay=1.0)


def agents_of(
    agent: str, checkpoint: Mapping[str, JSON] | None, epsilon: float
) -> dict[str, Agent]:
    """Every client's agent, that explores so much, as a node makes it of a checkpoint."""
    found = {}
    known = {} if checkpoint is None else cast(dict[str, Any], checkpoint["agents"])
    for name in CLIENTS:
        made = found[name] = make(agent, steady(epsilon), random.Random(0))
        parameters = known.get(f"rule:{name}") or known.get(ANYBODY)
        if parameters is not None:
            made.load({**parameters, "epsilon": epsilon})
    return found


class TabularLearner:
    """``rl.shaping.tabular_model``: a table for the clients of each rule, which are of different
    kinds, for a table has no room for what tells them apart."""

    def __init__(self) -> None:
        self._models = {name: TabularModel() for name in CLIENTS}
        self._count = 0
        self._checkpoint: Parameters | None = None

    def agents(self, share: float) -> Mapping[str, Agent]:
        """See Learner."""
        return agents_of("tabular", self._checkpoint, 0.5 * _explore(share))

    def tell(self, step: Step) -> None:
        """See Learner."""
        self._models[step.client].add(step)

    def ended(self) -> None:
        """See Learner."""
        self._count += 1
        if self._count % EPISODES_PER_TABLE == 0:
            self._checkpoint = self.known(0.0)

    def known(self, epsilon: float) -> Parameters:
        """See Learner."""
        agents: dict[str, JSON] = {
            f"rule:{name}": model.parameters(DISCOUNT, epsilon)
            for name, model in self._models.items()
            if model.experience
        }
        return {"version": CHECKPOINT_VERSION, "agents": agents}


class DeepQLearner:
    """``rl.shaping.deep_q``: one network for all clients."""

    def __init__(self, seed: int, pace: Pace | None = None) -> None:
        from rl.shaping.deep_q import DeepQ, DeepQParameters

        self._pace = pace or Pace()
        self._learner = DeepQ(DeepQParameters(first=self._pace.first), np.random.default_rng(seed))
        self._agents: Mapping[str, Agent] = {}
        self._steps = 0
        self._epsilon = 1.0

    def agents(self, share: float) -> Mapping[str, Agent]:
        """See Learner."""
        self._epsilon = _explore(share, self._pace.explore_least)
        self._agents = agents_of("dqn", self.known(self._epsilon), self._epsilon)
        return self._agents

    def tell(self, step: Step) -> None:
        """See Learner."""
        learner = self._learner
        learner.add(step)
        self._steps += 1
        if learner.ready and self._steps % self._pace.steps == 0:
            before = learner.updates // UPDATES_PER_LOAD
            for _ in range(self._pace.updates):
                learner.update()
            if learner.updates // UPDATES_PER_LOAD > before:
                parameters = {**learner.parameters(), "epsilon": self._epsilon}
                for agent in self._agents.values():
                    agent.load(parameters)

    def ended(self) -> None:
        """See Learner."""

    def known(self, epsilon: float) -> Parameters:
        """See Learner."""
        return checkpoints.for_anybody({**self._learner.parameters(), "epsilon": epsilon})

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Go on from these; the steps that were told are kept.

        Raises:
            ValueError: they are no network's, or malformed; the message names the key.
        """
        self._learner.load(parameters)


class ProximalLearner:
    """``rl.shaping.proximal``, some rounds of gradient steps after some episodes: one network for
    all clients."""

    def __init__(self, seed: int) -> None:
        from rl.shaping.proximal import Proximal, ProximalParameters

        self._learner = Proximal(ProximalParameters(), np.random.default_rng(seed))
        self._rows: dict[tuple[int, str], list[Step]] = {}
        self._count = 0

    def agents(self, share: float) -> Mapping[str, Agent]:
        """See Learner. All choices are drawn by their odds."""
        return agents_of("ppo", self.known(1.0), 1.0)

    def tell(self, step: Step) -> None:
        """See Learner."""
        self._rows.setdefault((self._count, step.client), []).append(step)

    def ended(self) -> None:
        """See Learner."""
        self._count += 1
        if self._count % EPISODES_PER_UPDATE == 0:
            self._learner.learn(list(self._rows.values()))
            self._rows = {}

    def known(self, epsilon: float) -> Parameters:
        """See Learner."""
        return checkpoints.for_anybody({**self._learner.parameters(), "epsilon": epsilon})


def learner(agent: str, seed: int) -> Learner:
    """
    Raises:
        TrainingError: there is no such agent, or PyTorch is missing.
    """
    if agent == "tabular":
        return TabularLearner()
    if agent not in DEEP:
        raise TrainingError(f"--agent: {agent} learns nothing; there are {', '.join(AGENTS)}")
    need_torch(agent)
    return DeepQLearner(seed) if agent == "dqn" else ProximalLearner(seed)


def need_torch(agent: str) -> None:
    """For who learns with it, in this process.

    Raises:
        TrainingError: PyTorch is missing.
    """
    if find_spec("torch") is None:
        raise TrainingError(f"{agent} learns with the package torch: run pip install '.[deep]'")
    import torch

    torch.set_num_threads(1)  # such small networks are only slowed down by more


def train(
    agent: str,
    seed: int,
    episodes: int,
    path: Path,
    tell: Callable[[Point], None],
    minutes: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> list[Point]:
    """Learn, and keep in ``path`` what did best, whatever ends it: from time to time what was
    learned so far is played, without exploring, under loads that nothing is learned from.

    Args:
        tell: of each episode.

    Returns:
        The points of those trials.

    Raises:
        TrainingError: it cannot be trained.
        CheckpointError: the checkpoint cannot be written.
        KeyboardInterrupt: after the checkpoint was written.
    """
    learns = learner(agent, seed)
    first = FIRST_SEED + seed * SEEDS_APART
    began = clock()
    trials: list[Point] = []
    for episode in range(episodes):
        stage, dice = drawn_stage(first + episode)
        agents = learns.agents(episode / episodes)
        try:
            reward, missed = roll(stage, agents, dice, weights(agent), learns.tell)
            learns.ended()
            tell(Point(episode, reward, missed))
        except KeyboardInterrupt:
            if not trials:
                checkpoints.write(learns.known(EPSILON_AFTER), path)
            raise
        over = episode + 1 == episodes or clock() - began > minutes * 60
        if over or (episode + 1) % EPISODES_PER_TRIAL == 0:
            known = learns.known(EPSILON_AFTER)
            point = trial(agent, known, episode)
            if not trials or point.reward > max(each.reward for each in trials):
                checkpoints.write(known, path)
            trials.append(point)
        if over:
            break
    return trials


def trial(agent: str, known: Mapping[str, JSON], episode: int) -> Point:
    """What was learned, played under other loads."""
    found = []
    for number in range(TRIALS):
        stage, dice = drawn_stage(FIRST_TRIAL + number)
        found.append(roll(stage, agents_of(agent, known, 0.0), dice, weights(agent), _nothing))
    return Point(
        episode,
        sum(reward for reward, _ in found) / len(found),
        sum(missed for _, missed in found) / len(found),
    )


def drawn_stage(number: int) -> tuple[CastStage, random.Random]:
    """A random load and rules, and the dice of who plays there."""
    dice = random.Random(f"episode {number}")
    return CastStage(ShapedCast(drawn_scenario(dice), drawn_rules(dice), number)), dice


def weights(agent: str) -> Weights:
    """Of the rewards, as the operator has them."""
    return adaptive_section(agent).weights


def _nothing(step: Step) -> None:
    """Is told, and learns nothing."""
