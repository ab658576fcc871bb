"""The fog as a PettingZoo environment: agents decide where the tasks of their nodes go.

env = FogEnv({"SIZE": 10, "CONTROLLERS": "0;5"})
observations, infos = env.reset(seed=1)
actions = {agent: env.action_space(agent).sample(observations[agent]["action_mask"]) ...}
observations, rewards, terminations, truncations, infos = env.step(actions)
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from rl.fog import observing, payment
from rl.fog.brush import Frame
from rl.fog.observing import Floats, Observation, Sight
from rl.fog.payment import Deed, Pay, RewardName
from rl.fog.rendering import Painter
from rl.fog.reporting import everything
from rl.fog.settings import FogSettings, read_properties
from rl.fog.world import World

Configs: TypeAlias = FogSettings | Mapping[str, object] | str | Path | None


def settings_of(configs: Configs) -> FogSettings:
    """Settings as they are, the original's or our keys, a properties file, or all defaults.

    Raises:
        FogConfigError: naming the key at fault.
        OSError: the file cannot be read.
        ValueError: it is a YAML file.
    """
    if configs is None:
        return FogSettings()
    if isinstance(configs, FogSettings):
        return configs
    if isinstance(configs, Mapping):
        return FogSettings.from_keys(configs, files=_text)
    path = Path(configs)
    if path.suffix in (".yaml", ".yml"):
        raise ValueError(f"{path}: read it with config.fog.load_fog and give the settings")
    # The files that it names stand beside it.
    return FogSettings.from_keys(
        read_properties(_text(str(path))), files=lambda named: _text(str(path.parent / named))
    )


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


class FogEnv(ParallelEnv[str, Observation, Any]):  # type: ignore[misc]  # pettingzoo is untyped
    """See ``observing.space`` for what agents see.

    An action is an index into the neighbours of the agent's node, 0 being the node itself; it is
    about the next undecided task there. With ``actions: batch`` it is ``index * most + count - 1``
    for that many tasks (``batch_action`` makes it), or the pair (index, count). The original's
    ``{"neighbourIndex": index}`` is understood as well. An agent may be left out: it does nothing.

    All agents are truncated together at the time limit; none terminates before.

    Args:
        configs: see ``settings_of``.
        reward: by name, or a function of a Deed.
        compat: behave as the original's code; may also be said in the settings.
        seed: of the first episode, unless ``reset`` gives one; the settings' by default.
        render_mode: ``rgb_array`` makes ``render`` give a picture; that needs Pillow.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "smart_fog_v0",
        "render_modes": ["rgb_array"],
        "render_fps": 10,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        configs: Configs = None,
        reward: RewardName | Pay = "documented",
        compat: bool = False,
        seed: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be rgb_array or None, not {render_mode!r}")
        self.render_mode = render_mode
        self._painter: Painter | None = None
        settings = settings_of(configs)
        if compat and not settings.compat:
            settings = replace(settings, compat=True)
        self.settings = settings
        self._pay = payment.build(reward, settings) if isinstance(reward, str) else reward
        self._seed = settings.seed if seed is None else operator.index(seed)
        self._episode = 0
        self._nodes = {f"worker_{node}": node for node in settings.agents}
        self._columns = observing.width(settings)
        self._batch = observing.batch_width(settings)
        self.possible_agents = list(self._nodes)
        self.agents: list[str] = []
        seen = observing.space(settings, self._columns)
        self.observation_spaces = dict.fromkeys(self.possible_agents, seen)
        self.action_spaces = {
            agent: spaces.Discrete(self._columns * self._batch) for agent in self.possible_agents
        }
        self.state_space = observing.state_space(settings)
        self._world: World | None = None
        self._sight: Sight | None = None
        self._seen: list[list[int]] = []

    @property
    def world(self) -> World:
        """The one of this episode.

        Raises:
            RuntimeError: there is none before the first ``reset``.
        """
        if self._world is None:
            raise RuntimeError("reset the environment first")
        return self._world

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    @property
    def batch_width(self) -> int:
        """How many actions there are per neighbour: 1, or the largest count of a batch."""
        return self._batch

    def believed(self, agent: str) -> list[int]:
        """By index, the loads that the agent believes in now, its own true."""
        return self._seen[self.possible_agents.index(agent)]

    def batch_action(self, index: int, count: int) -> int:
        """The action that offloads up to ``count`` tasks to the neighbour ``index``."""
        return index * self._batch + min(max(count, 1), self._batch) - 1

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """A new episode. Without a seed it differs from the last one, but is as repeatable.

        Raises:
            TypeError: the seed is no whole number.
        """
        if seed is not None:
            self._seed, self._episode = operator.index(seed), 0
        self._world = World(self.settings, self._seed, self._episode, self._world)
        self._episode += 1
        self._world.begin()
        self._sight = Sight(self._world, self._columns, self._sight)
        self.agents = list(self.possible_agents)
        observations = self._look()
        told = everything(self._world)
        return observations, {agent: dict(told) for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[
        dict[str, Observation],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Raises:
        ValueError: an action for somebody who is no agent, or of an unknown form.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        world = self.world
        for agent in actions:
            if agent not in self._nodes:
                raise ValueError(f"there is no agent {agent!r}")
        read = {agent: self._read(agent, action) for agent, action in actions.items()}
        completed_before = world.tallies.completed_lately
        world.tallies.begin_period()
        deeds = [
            self._do(world, agent, read.get(agent), seen)
            for agent, seen in zip(self.agents, self._seen, strict=True)
        ]
        for _ in range(self.settings.decision_ticks):
            world.advance()
        observations = self._look()
        rewards, infos, told = {}, {}, everything(world)
        completed, dropped = world.tallies.completed_lately, world.tallies.dropped_lately
        for deed, seen in zip(deeds, self._seen, strict=True):
            deed.seen_after = seen
            deed.completed_before = completed_before[deed.node]
            rewards[deed.agent] = float(self._pay(deed))
            infos[deed.agent] = {
                **told,
                "success": deed.moved > 0,
                "moved": deed.moved,
                "completed": completed[deed.node],
                "dropped": dropped[deed.node],
            }
        over = world.now + self.settings.decision_ticks >= self.settings.last_tick
        terminations = dict.fromkeys(self.agents, False)
        truncations = dict.fromkeys(self.agents, over)
        if over:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def state(self) -> Floats:
        """The whole truth, for a critic of all agents: see ``Sight.state``."""
        if self._sight is None:
            raise RuntimeError("reset the environment first")
        return self._sight.state()

    def render(self) -> Frame | None:
        """A picture of the fog as it is now, if ``render_mode`` asks for one."""
        if self.render_mode is None:
            return None
        if self._painter is None:
            self._painter = Painter()
        return self._painter.frame(self.world)

    def close(self) -> None:
        """There is nothing to close; as often as one likes."""

    def _look(self) -> dict[str, Observation]:
        assert self._sight is not None
        world = self.world
        if world.rearranged:
            world.rearranged = False
            self._sight.arrange()
        observations, seen = self._sight.look()
        self._seen = seen.tolist()
        return dict(zip(self._nodes, observations, strict=True))

    def _read(self, agent: str, action: Any) -> tuple[int, int]:
        """Index and count of an action in any of its forms."""
        if self._batch == 1 and isinstance(action, int | np.integer):
            return int(action), 1
        try:
            if isinstance(action, Mapping):
                return operator.index(action["neighbourIndex"]), operator.index(
                    action.get("count", 1)
                )
            if isinstance(action, int) or np.ndim(action) == 0:
                index = operator.index(action)
                if self._batch == 1:
                    return index, 1
                index, count = divmod(index, self._batch)
                return index, count + 1
            index, count = action
            return operator.index(index), operator.index(count)
        except (TypeError, ValueError, KeyError):
            raise ValueError(
                f"{agent}: {action!r} is no action; give an index, or index and count"
            ) from None

    def _do(
        self, world: World, agent: str, action: tuple[int, int] | None, seen: list[int]
    ) -> Deed:
        node = self._nodes[agent]
        if action is None:
            return Deed(world, agent, node, -1, True, seen)
        index, count = action
        deed = Deed(world, agent, node, index, False, seen)
        deed.moved = world.act(node, index, count)
        return deed
