"""What an agent is, whatever is inside: it chooses an action that the mask allows, learns from what
became of it, and can be written down and read back."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rl.vocabulary import JSON, Parameters


class Choice(NamedTuple):
    """What an agent has chosen.

    Attributes:
        action: its index.
        explored: it was not what looked best.
        reason: in plain words, a part of a sentence.
        probability: with which it was chosen.
    """

    action: int
    explored: bool
    reason: str
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One action and what it led to.

    Attributes:
        client: whose steps follow each other.
        features, levels, mask: in which it was chosen.
        action: that was taken.
        probability: with which.
        reward: of the interval after it.
        next_features, next_levels, next_mask: at the end of that.
        last: nothing follows: the client is gone, or its setting was put back.
    """

    client: str
    features: Sequence[float]
    levels: tuple[int, ...]
    mask: Sequence[bool]
    action: int
    probability: float
    reward: float
    next_features: Sequence[float]
    next_levels: tuple[int, ...]
    next_mask: Sequence[bool]
    last: bool = False


class Agent(Protocol):
    """See the module's text.

    Attributes:
        kind: its name in settings and parameters.
        learns: steps teach it.
        shareable: one may choose for several clients in turn.
        experience: steps that it, or whoever it learned from, was taught.
    """

    kind: str
    learns: bool
    shareable: bool
    experience: int

    def choose(
        self,
        features: Sequence[float],
        levels: tuple[int, ...],
        mask: Sequence[bool],
        dice: random.Random,
        explore: bool = True,
    ) -> Choice:
        """An action that ``mask`` allows.

        Args:
            explore: now and then something else than what looks best, as the agent's schedule says.
        """

    def learn(self, step: Step) -> None:
        """What became of an action. Takes no longer than choosing does."""

    def parameters(self) -> Parameters:
        """All that was learned, as plain data: ``kind``, ``encoder`` (the version), ``experience``
        and what else there is."""

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Take up what ``parameters`` gave, instead of what is there.

        Raises:
            ValueError: it is of another kind or encoder, or malformed; the message names the key,
                and nothing was changed.
        """


class Trained(Agent, Protocol):
    """An agent whose gradient steps are taken elsewhere."""

    def transitions(self) -> list[Step]:
        """What it was taught since it was last asked; so many of the latest at the most."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How an agent learns and explores.

    Attributes:
        explore_most: the probability of another action than the best, to begin with and at the
            most.
        explore_least: what it shrinks to.
        explore_decay: by which factor a step.
        discount: of what is an interval later.
        prior: weight of what is known before anything was learned; 0 knows nothing.
        hidden: units of a network's layers.
    """

    explore_most: float = 0.1
    explore_least: float = 0.01
    explore_decay: float = 0.995
    discount: float = 0.95
    prior: float = 1.0
    hidden: int = 32
