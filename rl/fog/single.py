"""One agent of the fog as a Gymnasium environment; a function of ours plays the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium

from rl.fog.env import FogEnv
from rl.fog.observing import Observation

Play: TypeAlias = Callable[[str, Observation], int]
"""From an agent and what it sees to its action."""


def stay_local(agent: str, observation: Observation) -> int:
    """Every task is processed where it came in."""
    return 0


class SingleFogEnv(gymnasium.Env[Observation, Any]):
    """Args:
    env: whose agent it is; nobody else may step or reset it.
    agent: by default the first one.
    others: how the other agents act.
    """

    def __init__(self, env: FogEnv, agent: str | None = None, others: Play = stay_local) -> None:
        self.agent = env.possible_agents[0] if agent is None else agent
        if self.agent not in env.possible_agents:
            raise ValueError(f"there is no agent {agent!r}; there are {env.possible_agents}")
        self.fog = env
        self.metadata = {name: env.metadata[name] for name in ("render_modes", "render_fps")}
        self.render_mode = env.render_mode
        self.observation_space = env.observation_space(self.agent)
        self.action_space = env.action_space(self.agent)
        self._others = others
        self._seen: dict[str, Observation] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        self._seen, infos = self.fog.reset(seed=seed, options=options)
        return self._seen[self.agent], infos[self.agent]

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Raises:
        RuntimeError: the episode is over, or has not begun.
        """
        if not self.fog.agents:
            raise RuntimeError("reset the environment first")
        actions = {
            agent: action if agent == self.agent else self._others(agent, seen)
            for agent, seen in self._seen.items()
        }
        self._seen, rewards, terminations, truncations, infos = self.fog.step(actions)
        agent = self.agent
        return (
            self._seen[agent],
            rewards[agent],
            terminations[agent],
            truncations[agent],
            infos[agent],
        )

    def render(self) -> Any:
        return self.fog.render()

    def close(self) -> None:
        self.fog.close()
