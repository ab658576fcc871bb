"""Agents that decide by a network: ``dqn`` by values (V. Mnih et al. 2015), ``ppo`` by odds (J.
Schulman et al. 2017).

They only choose, and keep what became of it for whoever takes the gradient steps elsewhere and
brings new weights by ``load``. So a decision takes microseconds, and nothing here needs more than
numpy.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from math import exp

from rl import stored
from rl.exploration import DecayingEpsilon
from rl.shaping import network
from rl.shaping.agents import Choice, Conduct, Step
from rl.shaping.encoding import VERSION
from rl.shaping.network import Network
from rl.shaping.tabular import head
from rl.vocabulary import JSON, Parameters

KEPT_STEPS = 4096
"""For the training; more than an hour of one client's."""


class _NetworkAgent:
    """What both have in common."""

    kind = ""
    learns = True
    shareable = True

    def __init__(self, conduct: Conduct, dice: random.Random) -> None:
        self._conduct = conduct
        self._network = Network(network.drawn(dice, conduct.hidden))
        self._steps: deque[Step] = deque(maxlen=KEPT_STEPS)
        self.experience = 0
        self._epsilon = DecayingEpsilon(
            conduct.explore_most, conduct.explore_decay, conduct.explore_least
        )

    @property
    def epsilon(self) -> float:
        """The probability of a choice by the dice."""
        return self._epsilon.epsilon

    def learn(self, step: Step) -> None:
        """Keeps it."""
        self._steps.append(step)
        self.experience += 1
        self._epsilon.step()

    def transitions(self) -> list[Step]:
        """See Trained."""
        found = list(self._steps)
        self._steps.clear()
        return found

    def parameters(self) -> Parameters:
        """See Agent."""
        return {
            "kind": self.kind,
            "encoder": VERSION,
            "experience": self.experience,
            "epsilon": self.epsilon,
            "arrays": network.as_data(self._network.arrays),
        }

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """See Agent. ``epsilon`` may be missing: then it is as it was."""
        experience = head(parameters, self.kind)
        epsilon = stored.share(parameters.get("epsilon", self.epsilon), "epsilon")
        arrays = network.of_data(stored.member(parameters, "arrays"))
        self.experience = experience
        self._network = Network(arrays)
        conduct = self._conduct
        self._epsilon = DecayingEpsilon(
            min(epsilon, conduct.explore_most), conduct.explore_decay, conduct.explore_least
        )


class Dqn(_NetworkAgent):
    """``rl.shaping.agents.Trained`` says what it does."""

    kind = "dqn"

    def choose(
        self,
        features: Sequence[float],
        levels: tuple[int, ...],
        mask: Sequence[bool],
        dice: random.Random,
        explore: bool = True,
    ) -> Choice:
        """The most valuable of those that are allowed; or now and then any of them."""
        scores = self._network.scores(features)
        allowed = [action for action, may in enumerate(mask) if may]
        best = chosen = max(allowed, key=scores.__getitem__)
        epsilon = self.epsilon if explore else 0.0
        if epsilon and dice.random() < epsilon:
            chosen = dice.choice(allowed)
        probability = epsilon / len(allowed) + (1.0 - epsilon if chosen == best else 0.0)
        if chosen != best:
            return Choice(chosen, True, "tried to learn what it does", probability)
        gain = scores[best] - scores[0]
        reason = f"valued the highest of {len(allowed)} steps, {gain:.2f} above keeping"
        return Choice(chosen, False, reason, probability)


class Ppo(_NetworkAgent):
    """``rl.shaping.agents.Trained`` says what it does."""

    kind = "ppo"

    def choose(
        self,
        features: Sequence[float],
        levels: tuple[int, ...],
        mask: Sequence[bool],
        dice: random.Random,
        explore: bool = True,
    ) -> Choice:
        """The most likely of those that are allowed; or now and then one by its odds."""
        scores = self._network.scores(features)
        allowed = [action for action, may in enumerate(mask) if may]
        best = chosen = max(allowed, key=scores.__getitem__)
        odds = [exp(scores[action] - scores[best]) for action in allowed]
        whole = sum(odds)
        epsilon = self.epsilon if explore else 0.0
        if epsilon and dice.random() < epsilon:
            chosen = dice.choices(allowed, odds)[0]
        drawn = odds[allowed.index(chosen)] / whole
        probability = epsilon * drawn + (1.0 - epsilon if chosen == best else 0.0)
        if chosen != best:
            return Choice(chosen, True, "tried by its odds", probability)
        reason = f"the likeliest of {len(allowed)} steps, with odds of {drawn:.0%}"
        return Choice(chosen, False, reason, probability)
