"""Stable-Baselines3 in the fog: PPO and DQN over the rows of ``rl.fog.rows``, with masks.

Neither knows masks by itself, so both are given the network of ``rl.fog.scorer``, whose score of
what is forbidden is far below all others: PPO draws from these scores, DQN takes the best, and its
random actions are drawn from what is allowed. An agent with nothing to decide about is shown its
own node alone, so that its one action is certain and teaches nothing. What was learned is served by
``scorer``, as is that of ``rl.fog.deep_q``.

Needs the extra ``deep``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import DQNPolicy
from torch import nn

from rl.fog import features, scorer
from rl.fog.deep_q import Tell, score
from rl.fog.observing import Floats
from rl.fog.rows import Rows
from rl.fog.scorer import Weights

SCALE = 0.1
"""Of rewards, so that values are of the order of one; as of ``DeepQParameters``."""


class RowsEnv(VecEnv):
    """``Rows`` as Stable-Baselines3 wants environments: every row is one.

    Args:
        tell: of each step, what ``deep_q.learn`` tells.
    """

    def __init__(self, rows: Rows, tell: Tell) -> None:
        seen = spaces.Box(0.0, 1.0, (rows.columns, features.WIDTH), np.float32)
        self.render_mode = None
        super().__init__(rows.size, seen, spaces.Discrete(rows.columns))
        self._rows = rows
        self._tell = tell
        self._steps = 0
        self._actions: Any = None

    def reset(self) -> Floats:
        return shown(self._rows.seen, self._rows.waiting)

    def step_async(self, actions: Any) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Floats, Floats, Any, list[dict[str, Any]]]:
        rows = self._rows
        deciding = rows.waiting
        indexes = np.where(deciding, np.asarray(self._actions, dtype=np.int64), 0)
        rewards, last = rows.step(indexes)
        self._steps += 1
        self._tell(self._steps, rewards, deciding)
        infos: list[dict[str, Any]] = [{} for _ in range(rows.size)]
        if last is not None:
            ended = shown(last, last[:, 0, features.NAMES.index("waiting")] > 0)
            infos = [{"terminal_observation": each, "TimeLimit.truncated": True} for each in ended]
        over = np.full(rows.size, last is not None)
        return shown(rows.seen, rows.waiting), rewards * SCALE, over, infos

    def close(self) -> None:
        """There is nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **more: Any) -> Any:
        raise NotImplementedError(f"rows have no method {method_name}")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))


def shown(seen: Floats, waiting: features.Mask) -> Floats:
    """What the learners see: of those who have nothing to decide about the own node alone."""
    found = seen.copy()
    found[~waiting, 1:] = 0.0
    return found


class ScoringNet(nn.Module):
    """``scorer`` as a module; with ``pooled`` the mean of what was read instead of scores."""

    def __init__(self, weights: Weights, pooled: bool = False) -> None:
        super().__init__()
        self.arrays = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(each)) for name, each in weights.items()}
        )
        self._pooled = pooled

    def forward(self, seen: Any) -> Any:
        weights = dict(self.arrays.items())
        seen = seen.reshape(len(seen), -1, features.WIDTH)
        if not self._pooled:
            return score(weights, seen)
        used = seen[:, :, :1]
        read = torch.relu(seen @ weights["read"] + weights["read_bias"]) * used
        mean = read.sum(1) / used.sum(1).clamp(min=1.0)
        return torch.relu(mean @ weights["all"] + read[:, 0] @ weights["own"] + weights["bias"])

    @property
    def weights(self) -> Weights:
        """A copy, for ``scorer``."""
        return {name: each.detach().numpy().copy() for name, each in self.arrays.items()}


class _Extractor(nn.Module):
    """The two halves of an actor-critic, each with weights of its own."""

    def __init__(self, columns: int, dice: np.random.Generator) -> None:
        super().__init__()
        self.latent_dim_pi = columns
        self.latent_dim_vf = scorer.HIDDEN
        self.policy_net = ScoringNet(scorer.drawn(dice))
        self.value_net = ScoringNet(scorer.drawn(dice), pooled=True)

    def forward(self, seen: Any) -> Any:
        return self.policy_net(seen), self.value_net(seen)

    def forward_actor(self, seen: Any) -> Any:
        return self.policy_net(seen)

    def forward_critic(self, seen: Any) -> Any:
        return self.value_net(seen)


class ScoringActorCritic(ActorCriticPolicy):
    """Draws actions from the softmax of the scores.

    Args:
        dice: of the first weights.
    """

    def __init__(self, *given: Any, dice: np.random.Generator, **more: Any) -> None:
        self._dice = dice
        super().__init__(*given, ortho_init=False, **more)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = _Extractor(int(self.action_space.n), self._dice)

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()  # scores are the logits already
        self.optimizer = self.optimizer_class(
            self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
        )


class ScoringQ(DQNPolicy):
    """Values actions by the scores.

    Args:
        dice: of the first weights.
    """

    def __init__(self, *given: Any, dice: np.random.Generator, **more: Any) -> None:
        self._dice = dice
        super().__init__(*given, **more)

    def make_q_net(self) -> Any:
        made = super().make_q_net()
        made.q_net = ScoringNet(scorer.drawn(self._dice))
        return made


class MaskedDQN(DQN):
    """Explores among what is allowed, each row on its own.

    Args:
        dice: of exploration.
    """

    def __init__(self, *given: Any, dice: np.random.Generator, **more: Any) -> None:
        self._wild = dice
        super().__init__(*given, **more)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        best, state = self.policy.predict(observation, state, episode_start, True)
        if not deterministic:
            used = np.asarray(observation)[:, :, 0]
            drawn = np.where(used > 0, self._wild.random(used.shape), -1.0).argmax(axis=1)
            wild = self._wild.random(len(drawn)) < self.exploration_rate
            best = np.where(wild, drawn, best)
        return best, state


class Stable:
    """One of the two, ready to learn.

    Args:
        steps: ticks that will be played; schedules go by them.
        seed: of the library's own global dice.
    """

    def __init__(self, name: str, rows: Rows, steps: int, seed: int, tell: Tell) -> None:
        self._steps = steps * rows.size
        dice = np.random.default_rng(seed)
        env = RowsEnv(rows, tell)
        common: dict[str, Any] = {"seed": seed, "device": "cpu", "verbose": 0}
        self._model: Any
        if name == "ppo":
            ticks = 64
            self._model = PPO(
                ScoringActorCritic,
                env,
                n_steps=ticks,
                batch_size=max(64, ticks * rows.size // 4),
                n_epochs=6,
                learning_rate=_falling(2e-3),
                gamma=0.9,
                gae_lambda=0.9,
                ent_coef=0.003,
                policy_kwargs={"dice": dice},
                **common,
            )
        elif name == "dqn":
            self._model = MaskedDQN(
                ScoringQ,
                env,
                learning_rate=1e-3,
                buffer_size=100_000,
                learning_starts=0,
                batch_size=128,
                gamma=0.9,
                train_freq=(1, "step"),
                gradient_steps=max(1, rows.size // 8),
                target_update_interval=max(1, 200 // rows.size) * rows.size,
                exploration_fraction=0.4,
                exploration_final_eps=0.02,
                policy_kwargs={"dice": dice},
                dice=dice,
                **common,
            )
        else:
            raise ValueError(f"{name!r} is neither ppo nor dqn")

    @property
    def weights(self) -> Weights:
        policy = self._model.policy
        found: ScoringNet = (
            policy.q_net.q_net if hasattr(policy, "q_net") else policy.mlp_extractor.policy_net
        )
        return found.weights

    def learn(self) -> None:
        """To the end; what ``tell`` raises ends it."""
        self._model.learn(self._steps)


def _falling(rate: float) -> Any:
    return lambda left: rate * max(left, 0.05)


def names() -> Sequence[str]:
    return ("dqn", "ppo")
