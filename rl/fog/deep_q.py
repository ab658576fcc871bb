"""Deep Q-learning with masks: one network for all agents, learned from decisions alone.

Double Q-learning with a target network: H. van Hasselt, A. Guez and D. Silver (2016). Two things
are as the fog needs them. What the mask forbids is neither tried nor valued. And a transition goes
from one decision of an agent to its next one: ticks in which its node has nothing to decide about
are no decisions, they only discount what comes after them.

Needs PyTorch (extra ``deep``); what was learned is served without it, by ``scorer``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rl.fog import features, scorer
from rl.fog.features import Mask
from rl.fog.observing import Floats
from rl.fog.rows import Rows
from rl.fog.scorer import Indexes, Weights


@dataclass(frozen=True, slots=True)
class DeepQParameters:
    """How it learns.

    Attributes:
        discount: per tick.
        explore: share of decisions at random, at the beginning; it falls to ``explore_least``
            over the first ``explore_share`` of the steps.
        memory: transitions; the oldest are overwritten.
        first: transitions before the first gradient step.
        decisions_per_update: of all rows together.
        follow: how far the target network goes towards the learned one in each update.
        scale: of rewards, so that values are of the order of one.
    """

    hidden: int = scorer.HIDDEN
    learning_rate: float = 1e-3
    discount: float = 0.9
    explore: float = 1.0
    explore_least: float = 0.02
    explore_share: float = 0.4
    memory: int = 50_000
    batch: int = 128
    first: int = 500
    decisions_per_update: int = 4
    follow: float = 0.01
    scale: float = 0.1


class Memory:
    """Transitions from decision to decision, in arrays."""

    def __init__(self, size: int, columns: int) -> None:
        self._size = size
        shape = (size, columns, features.WIDTH)
        self.seen = np.zeros(shape, np.float32)
        self.seen_next = np.zeros(shape, np.float32)
        self.index: Indexes = np.zeros(size, np.int64)
        self.reward = np.zeros(size, np.float32)
        self.discount = np.zeros(size, np.float32)
        self.count = 0
        self._place = 0

    def add(
        self, seen: Floats, index: int, reward: float, discount: float, seen_next: Floats
    ) -> None:
        place = self._place
        self.seen[place] = seen
        self.index[place] = index
        self.reward[place] = reward
        self.discount[place] = discount
        self.seen_next[place] = seen_next
        self._place = (place + 1) % self._size
        self.count = min(self.count + 1, self._size)


class DeepQ:
    """The learner.

    Args:
        dice: exploration, batches, and the weights to begin with.
        weights: to go on from; drawn if None.
    """

    def __init__(
        self,
        parameters: DeepQParameters,
        dice: np.random.Generator,
        weights: Weights | None = None,
    ) -> None:
        self.parameters = parameters
        self._dice = dice
        begun = scorer.drawn(dice, parameters.hidden) if weights is None else weights
        self._learned = {name: torch.tensor(each) for name, each in begun.items()}
        self._target = {name: each.clone() for name, each in self._learned.items()}
        for each in self._learned.values():
            each.requires_grad_(True)
        self._adam = Adam(self._learned, parameters.learning_rate)
        self.updates = 0

    @property
    def weights(self) -> Weights:
        """A copy, for ``scorer``."""
        return {name: each.detach().numpy().copy() for name, each in self._learned.items()}

    def select(self, seen: Floats, explore: float) -> Indexes:
        """An allowed index per row."""
        with torch.no_grad():
            found: Floats = score(self._learned, torch.from_numpy(seen)).numpy()
        best: Indexes = found.argmax(axis=1)
        wild = self._dice.random(len(best)) < explore
        if wild.any():
            # The largest of equally drawn numbers among what is allowed.
            drawn = np.where(seen[:, :, 0] > 0, self._dice.random(found.shape), -1.0)
            best = np.where(wild, drawn.argmax(axis=1), best)
        return best

    def update(self, memory: Memory) -> float:
        """One gradient step on a batch; its loss."""
        parameters = self.parameters
        picked = self._dice.integers(0, memory.count, parameters.batch)
        seen = torch.from_numpy(memory.seen[picked])
        after = torch.from_numpy(memory.seen_next[picked])
        index = torch.from_numpy(memory.index[picked])
        reward = torch.from_numpy(memory.reward[picked])
        discount = torch.from_numpy(memory.discount[picked])
        with torch.no_grad():
            best = score(self._learned, after).argmax(1, keepdim=True)
            worth = score(self._target, after).gather(1, best)[:, 0]
            goal = reward + discount * worth
        found = score(self._learned, seen).gather(1, index[:, None])[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(found, goal)
        loss.backward()
        self._adam.step()
        with torch.no_grad():
            for name, each in self._target.items():
                each.lerp_(self._learned[name], parameters.follow)
        self.updates += 1
        return float(loss.detach())


class Adam:
    """D. Kingma and J. Ba (2015), algorithm 1. PyTorch's own takes seconds to be imported."""

    def __init__(self, weights: dict[str, Any], rate: float) -> None:
        self._weights = weights
        self._rate = rate
        self._mean = {name: torch.zeros_like(each) for name, each in weights.items()}
        self._square = {name: torch.zeros_like(each) for name, each in weights.items()}
        self._steps = 0

    def step(self) -> None:
        """Down the gradients, which begin anew after it."""
        self._steps += 1
        with torch.no_grad():
            unbiased = (1 - 0.999**self._steps) ** 0.5 / (1 - 0.9**self._steps)
            for name, each in self._weights.items():
                mean, square = self._mean[name], self._square[name]
                mean.lerp_(each.grad, 0.1)
                square.mul_(0.999).addcmul_(each.grad, each.grad, value=0.001)
                each.addcdiv_(mean, square.sqrt().add_(1e-8), value=-self._rate * unbiased)
                each.grad = None


def score(weights: dict[str, Any], seen: Any) -> Any:
    """What ``scorer.scores`` computes, of tensors and with gradients."""
    used = seen[:, :, :1]
    read = torch.relu(seen @ weights["read"] + weights["read_bias"]) * used
    mean = read.sum(1) / used.sum(1).clamp(min=1.0)
    mixed = read @ weights["own"] + (mean @ weights["all"])[:, None, :] + weights["bias"]
    found = torch.relu(mixed) @ weights["score"] + weights["score_bias"]
    return found[:, :, 0].masked_fill(used[:, :, 0] == 0, scorer.NEVER)


class _Pending:
    """A row's last decision and what it has been paid since."""

    __slots__ = ("discount", "index", "reward", "seen")

    def __init__(self, seen: Floats, index: int) -> None:
        self.seen = seen
        self.index = index
        self.reward = 0.0
        self.discount = 1.0


Tell = Callable[[int, Floats, Mask], None]
"""Told of each step: how many there were, the rewards by row, and which rows had decided."""


def learn(learner: DeepQ, rows: Rows, steps: int, tell: Tell) -> None:
    """Play ``steps`` ticks in all rows and learn from them. ``tell`` may end it by raising."""
    parameters = learner.parameters
    memory = Memory(parameters.memory, rows.columns)
    pending: list[_Pending | None] = [None] * rows.size
    due = 0
    for step in range(1, steps + 1):
        fallen = min(1.0, step / max(1.0, steps * parameters.explore_share))
        explore = parameters.explore + fallen * (parameters.explore_least - parameters.explore)
        seen, deciding = rows.seen, rows.waiting
        indexes = learner.select(seen, explore)
        for row in np.flatnonzero(deciding).tolist():
            before = pending[row]
            if before is not None:
                memory.add(before.seen, before.index, before.reward, before.discount, seen[row])
            pending[row] = _Pending(seen[row], int(indexes[row]))
        indexes = np.where(deciding, indexes, 0)
        rewards, last = rows.step(indexes)
        for row, each in enumerate(pending):
            if each is not None:
                each.reward += each.discount * float(rewards[row]) * parameters.scale
                each.discount *= parameters.discount
        if last is not None:
            pending = [None] * rows.size
        due += int(deciding.sum())
        if memory.count >= parameters.first:
            while due >= parameters.decisions_per_update:
                due -= parameters.decisions_per_update
                learner.update(memory)
        tell(step, rewards, deciding)
