"""Deep Q-learning of the network that ``network_agent.Dqn`` chooses by, from agents' steps.

Double Q-learning with a target network: H. van Hasselt, A. Guez and D. Silver (2016). What the mask
forbids is neither tried nor valued. The learner never acts: steps come in by ``add``, wherever they
were made, and weights go out by ``parameters``; so it may live in a process of its own.

Needs PyTorch (extra ``deep``); what was learned is served without it, by ``network``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rl import stored
from rl.fog.deep_q import Adam
from rl.shaping import network
from rl.shaping.agents import Step
from rl.shaping.encoding import SIZE, VERSION
from rl.shaping.network import Arrays
from rl.shaping.settings import ACTIONS
from rl.shaping.tabular import head
from rl.vocabulary import JSON, Parameters

KIND = "dqn"
NEVER = -1e9
"""The value of what may not be done."""


@dataclass(frozen=True, slots=True)
class DeepQParameters:
    """How it learns.

    Attributes:
        hidden: units of a layer.
        discount: per interval.
        memory: steps; the oldest are overwritten.
        first: steps before the first gradient step.
        ahead: rewards that are added up before a value is asked for what follows, for what an
            action is good for may show after some intervals only (R. Sutton 1988).
        follow: how far the target network goes towards the learned one in each update.
        scale: of rewards, so that values are of the order of one.
    """

    hidden: int = 32
    learning_rate: float = 1e-3
    discount: float = 0.9
    memory: int = 100_000
    batch: int = 128
    first: int = 500
    ahead: int = 4
    follow: float = 0.01
    scale: float = 0.2


class Memory:
    """Steps, in arrays."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.seen = np.zeros((size, SIZE), np.float32)
        self.after = np.zeros((size, SIZE), np.float32)
        self.may_after = np.zeros((size, len(ACTIONS)), np.bool_)
        self.action = np.zeros(size, np.int64)
        self.reward = np.zeros(size, np.float32)
        self.discount = np.zeros(size, np.float32)
        self.count = 0
        self._place = 0

    def add(self, first: Step, last: Step, reward: float, discount: float) -> None:
        """An action, and what came of it until the end of a later step.

        Args:
            reward: of all of them.
            discount: of what follows the last one.
        """
        place = self._place
        self.seen[place] = first.features
        self.after[place] = last.next_features
        self.may_after[place] = last.next_mask
        self.action[place] = first.action
        self.reward[place] = reward
        self.discount[place] = 0.0 if last.last else discount
        self._place = (place + 1) % self._size
        self.count = min(self.count + 1, self._size)


class DeepQ:
    """The learner.

    Args:
        dice: batches, and the weights to begin with.

    Attributes:
        experience: steps that it was taught, those included that its beginning had been.
        updates: gradient steps.
    """

    def __init__(self, parameters: DeepQParameters, dice: np.random.Generator) -> None:
        self._parameters = parameters
        self._dice = dice
        self._memory = Memory(parameters.memory)
        self._rows: dict[str, list[Step]] = {}
        self.experience = self.updates = 0
        self._begin(drawn(dice, parameters.hidden))

    def _begin(self, arrays: Arrays) -> None:
        self._learned = {name: torch.tensor(each) for name, each in arrays.items()}
        self._target = {name: each.clone() for name, each in self._learned.items()}
        for each in self._learned.values():
            each.requires_grad_(True)
        self._adam = Adam(self._learned, self._parameters.learning_rate)

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Go on from what a ``dqn`` has learned.

        Raises:
            ValueError: it is stale or malformed; the message names the key.
        """
        experience = head(parameters, KIND)
        self._begin(network.of_data(stored.member(parameters, "arrays")))
        self.experience = experience

    def parameters(self) -> Parameters:
        """For ``network_agent.Dqn.load``."""
        arrays = {name: each.detach().numpy() for name, each in self._learned.items()}
        return {
            "kind": KIND,
            "encoder": VERSION,
            "experience": self.experience,
            "arrays": network.as_data(arrays),
        }

    def add(self, step: Step) -> None:
        """Something to learn from; each client's steps in their order."""
        self.experience += 1
        row = self._rows.setdefault(step.client, [])
        if row and row[-1].next_features != step.features:
            self._shorten(row, 0)  # there was a pause between them
        row.append(step)
        self._shorten(row, 0 if step.last else self._parameters.ahead - 1)

    def _shorten(self, row: list[Step], length: int) -> None:
        """Remember the first ones, until so many are left."""
        discount = self._parameters.discount
        while len(row) > length:
            reward = sum(each.reward * discount**place for place, each in enumerate(row))
            self._memory.add(row[0], row[-1], reward, discount ** len(row))
            del row[0]

    @property
    def ready(self) -> bool:
        """There is enough to learn from."""
        return self._memory.count >= self._parameters.first

    def update(self) -> float:
        """One gradient step on a batch; its loss."""
        parameters, memory = self._parameters, self._memory
        picked = self._dice.integers(0, memory.count, parameters.batch)
        seen, after = torch.from_numpy(memory.seen[picked]), torch.from_numpy(memory.after[picked])
        forbidden = torch.from_numpy(~memory.may_after[picked])
        action = torch.from_numpy(memory.action[picked])
        reward = torch.from_numpy(memory.reward[picked]) * parameters.scale
        discount = torch.from_numpy(memory.discount[picked])
        with torch.no_grad():
            best = score(self._learned, after).masked_fill(forbidden, NEVER).argmax(1, keepdim=True)
            goal = reward + discount * score(self._target, after).gather(1, best)[:, 0]
        found = score(self._learned, seen).gather(1, action[:, None])[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(found, goal)
        loss.backward()
        self._adam.step()
        with torch.no_grad():
            for name, each in self._target.items():
                each.lerp_(self._learned[name], parameters.follow)
        self.updates += 1
        return float(loss.detach())


def score(arrays: Mapping[str, Any], seen: Any, before: str = "") -> Any:
    """What ``network.Network.scores`` computes, of tensors and with gradients.

    Args:
        before: the arrays' names.
    """
    for layer in range(3):
        seen = seen @ arrays[f"{before}weight_{layer}"] + arrays[f"{before}bias_{layer}"]
        if layer < 2:
            seen = torch.relu(seen)
    return seen


def drawn(
    dice: np.random.Generator, hidden: int, outputs: int = len(ACTIONS), before: str = ""
) -> Arrays:
    """To begin with: K. He et al. (2015), outputs near 0."""
    found: Arrays = {}
    for name, shape in network.shapes(hidden, outputs, before).items():
        if len(shape) == 1:
            found[name] = np.zeros(shape, np.float32)
        else:
            spread = 0.01 if name.endswith("weight_2") else (2.0 / shape[0]) ** 0.5
            found[name] = (dice.standard_normal(shape) * spread).astype(np.float32)
    return found
