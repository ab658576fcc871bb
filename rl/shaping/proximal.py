"""Proximal policy optimisation of the network that ``network_agent.Ppo`` chooses by.

J. Schulman et al. (2017), with generalised advantages (J. Schulman et al. 2016). Choices are drawn
among what the mask allows. The learner never acts: whole episodes come in by ``learn``, with the
probabilities that their choices were made with, and weights go out by ``parameters``.

Needs PyTorch (extra ``deep``); what was learned is served without it, by ``network``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rl import stored
from rl.fog.deep_q import Adam
from rl.shaping import network
from rl.shaping.agents import Step
from rl.shaping.deep_q import NEVER, drawn, score
from rl.shaping.encoding import VERSION
from rl.shaping.network import CRITIC, Arrays
from rl.shaping.tabular import head
from rl.vocabulary import JSON, Parameters

KIND = "ppo"


@dataclass(frozen=True, slots=True)
class ProximalParameters:
    """How it learns.

    Attributes:
        hidden: units of a layer.
        discount: per interval.
        trace: the lambda of generalised advantages.
        clip: how far a choice's probability may move, as a share.
        rounds: over the steps of one ``learn``.
        entropy: what choices that are not certain are worth.
        scale: of rewards, so that values are of the order of one.
    """

    hidden: int = 32
    learning_rate: float = 5e-4
    discount: float = 0.9
    trace: float = 0.9
    clip: float = 0.2
    rounds: int = 6
    batch: int = 256
    entropy: float = 0.01
    largest_gradient: float = 0.5
    scale: float = 0.2


class Proximal:
    """The learner.

    Args:
        dice: batches, and the weights to begin with.

    Attributes:
        experience: steps that it was taught, those included that its beginning had been.
    """

    def __init__(self, parameters: ProximalParameters, dice: np.random.Generator) -> None:
        self._parameters = parameters
        self._dice = dice
        self.experience = 0
        actor = drawn(dice, parameters.hidden)
        self._begin(actor | drawn(dice, parameters.hidden, 1, CRITIC))

    def _begin(self, arrays: Arrays) -> None:
        self._arrays = {name: torch.tensor(each) for name, each in arrays.items()}
        for each in self._arrays.values():
            each.requires_grad_(True)
        self._adam = Adam(self._arrays, self._parameters.learning_rate)

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Go on from what a ``ppo`` has learned.

        Raises:
            ValueError: it is stale or malformed; the message names the key.
        """
        experience = head(parameters, KIND)
        arrays = network.of_data(stored.member(parameters, "arrays"))
        if not any(name.startswith(CRITIC) for name in arrays):
            hidden = len(arrays["bias_0"])
            arrays = arrays | drawn(self._dice, hidden, 1, CRITIC)
        self._begin(arrays)
        self.experience = experience

    def parameters(self) -> Parameters:
        """For ``network_agent.Ppo.load``; with the critic, so that learning can go on."""
        arrays = {name: each.detach().numpy() for name, each in self._arrays.items()}
        return {
            "kind": KIND,
            "encoder": VERSION,
            "experience": self.experience,
            "arrays": network.as_data(arrays),
        }

    def learn(self, episodes: Sequence[Sequence[Step]]) -> None:
        """Some rounds of gradient steps.

        Args:
            episodes: each of one client, its steps in the order in which they were made, by the
                weights as they stand.
        """
        steps = [step for episode in episodes for step in episode]
        if not steps:
            return
        self.experience += len(steps)
        parameters = self._parameters
        seen = torch.from_numpy(np.array([each.features for each in steps], np.float32))
        forbidden = torch.from_numpy(~np.array([each.mask for each in steps], np.bool_))
        action = torch.from_numpy(np.array([each.action for each in steps], np.int64))
        chosen = torch.from_numpy(np.array([each.probability for each in steps], np.float32))
        before = torch.log(chosen.clamp(min=1e-6))
        advantage, goal = self._judged(episodes)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        for _ in range(parameters.rounds):
            order = self._dice.permutation(len(steps))
            for begin in range(0, len(order), parameters.batch):
                rows = torch.from_numpy(order[begin : begin + parameters.batch])
                self._update(
                    seen[rows],
                    forbidden[rows],
                    action[rows],
                    before[rows],
                    advantage[rows],
                    goal[rows],
                )

    def _judged(self, episodes: Sequence[Sequence[Step]]) -> tuple[Any, Any]:
        """Of every step its advantage, and what its state should have been valued at."""
        parameters = self._parameters
        advantages: list[float] = []
        values: list[float] = []
        for episode in episodes:
            if not episode:
                continue
            at = [each.features for each in episode]
            with torch.no_grad():
                own = self._values(at).tolist()
                after = self._values([each.next_features for each in episode]).tolist()
            found = [0.0] * len(episode)
            trace = 0.0
            for place in range(len(episode) - 1, -1, -1):
                step = episode[place]
                goes_on = 0.0 if step.last else 1.0
                error = (
                    step.reward * parameters.scale
                    + goes_on * parameters.discount * after[place]
                    - own[place]
                )
                trace = error + goes_on * parameters.discount * parameters.trace * trace
                found[place] = trace
            advantages += found
            values += own
        advantage = torch.tensor(advantages)
        return advantage, advantage + torch.tensor(values)

    def _values(self, seen: Sequence[Sequence[float]]) -> Any:
        return score(self._arrays, torch.from_numpy(np.array(seen, np.float32)), CRITIC)[:, 0]

    def _update(
        self, seen: Any, forbidden: Any, action: Any, before: Any, advantage: Any, goal: Any
    ) -> None:
        parameters = self._parameters
        odds = torch.log_softmax(score(self._arrays, seen).masked_fill(forbidden, NEVER), dim=1)
        ratio = torch.exp(odds.gather(1, action[:, None])[:, 0] - before)
        held = ratio.clamp(1 - parameters.clip, 1 + parameters.clip)
        gain = torch.minimum(ratio * advantage, held * advantage).mean()
        entropy = -(odds.exp() * odds.masked_fill(forbidden, 0.0)).sum(1).mean()
        value = score(self._arrays, seen, CRITIC)[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(value, goal)
        (loss - gain - parameters.entropy * entropy).backward()
        torch.nn.utils.clip_grad_norm_(list(self._arrays.values()), parameters.largest_gradient)
        self._adam.step()
