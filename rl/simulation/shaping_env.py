"""Shaping as a PettingZoo environment: each client is an agent that moves its own rule, once an
interval, inside the operator's envelope.

What is seen, allowed, done and paid is computed by the functions of ``rl.shaping``, which the live
node's agents use as well; clients, rules and queues are whatever stage it is handed. Needs the
extra ``fog``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from pettingzoo import ParallelEnv

from rl.shaping.encoding import SIZE, features
from rl.shaping.envelope import Envelope, Moves
from rl.shaping.reading import Reading, Targets
from rl.shaping.reward import Reward, Weights, Yardstick, reward
from rl.shaping.settings import ACTIONS, Setting

Floats: TypeAlias = npt.NDArray[np.float32]
Observation: TypeAlias = dict[str, Any]


class Stage(Protocol):
    """What is played on, from its first second on.

    Attributes:
        envelopes, targets: of each client, in the order of the agents.
        seconds: of an episode.
    """

    envelopes: Mapping[str, Envelope]
    targets: Mapping[str, Targets]
    seconds: float

    def setting(self, name: str) -> Setting:
        """As the operator's rule has it."""
        ...

    def hold(self, name: str, setting: Setting) -> None:
        """Hold a client by this setting from now on."""
        ...

    def play(self, second: float) -> Mapping[str, Reading]:
        """Let time pass until that second; every client's interval, figures of others included."""
        ...

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        ...


class _Seat:
    """One agent's."""

    __slots__ = ("before", "envelope", "moves", "setting", "targets", "yardstick")

    def __init__(self, setting: Setting, envelope: Envelope, targets: Targets) -> None:
        self.setting = envelope.clamp(setting)
        self.envelope = envelope
        self.targets = targets
        self.moves = Moves()
        self.yardstick = Yardstick()
        self.before: Reading | None = None


class ShapingEnv(ParallelEnv[str, Observation, int]):  # type: ignore[misc,unused-ignore]
    """See the module's text.

    An observation is a dict of ``features`` (``rl.shaping.encoding.FEATURES``, float32) and
    ``action_mask`` (int8, one for each of ``rl.shaping.settings.ACTIONS``); an action is the index
    of one of those. One that the mask forbids changes nothing. An episode has a fixed length, so
    that it is truncated and never terminated. ``infos`` has the parts of each reward.

    Args:
        build: makes the stage of a seed.
        interval: seconds of a step.
        cooperative: others' missed targets are part of a reward.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "shaping_v0", "render_modes": []}

    def __init__(
        self,
        build: Callable[[int], Stage],
        interval: float = 1.0,
        weights: Weights | None = None,
        cooperative: bool = True,
    ) -> None:
        self._build = build
        self._interval = interval
        self._weights = weights if weights is not None else Weights()
        self._cooperative = cooperative
        self._seed = 0
        self._step = 0
        self._stage = stage = build(0)
        self._seats: dict[str, _Seat] = {}
        self.possible_agents = list(stage.envelopes)
        self.agents: list[str] = []
        self.render_mode = None
        self._observed = spaces.Dict(
            {
                "features": spaces.Box(-1.0, 1.0, (SIZE,), np.float32),
                "action_mask": spaces.Box(0, 1, (len(ACTIONS),), np.int8),
            }
        )
        self._acted = spaces.Discrete(len(ACTIONS))
        # Every agent's are its own: a space has dice in it.
        self.observation_spaces = {
            name: spaces.Dict(dict(self._observed.spaces)) for name in self.possible_agents
        }
        self.action_spaces = {name: spaces.Discrete(len(ACTIONS)) for name in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Dict:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """A new stage, and its first interval under the operator's rules. Without a seed the one
        after the last."""
        self._seed = self._seed + 1 if seed is None else seed
        self._stage = stage = self._build(self._seed)
        self._step = 1
        self.agents = list(self.possible_agents)
        self._seats = {
            name: _Seat(stage.setting(name), stage.envelopes[name], stage.targets[name])
            for name in self.agents
        }
        readings = stage.play(self._interval)
        for name, seat in self._seats.items():
            seat.yardstick.measure(readings[name])
            seat.before = readings[name]
        return self._observations(readings), {name: {} for name in self.agents}

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[
        dict[str, Observation],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Every agent's action, then an interval under what they have set."""
        stage = self._stage
        for name in self.agents:
            seat = self._seats[name]
            action = int(actions[name])
            seat.setting = seat.envelope.apply(seat.setting, action, stage.now, seat.moves)
            stage.hold(name, seat.setting)
        self._step += 1
        readings = stage.play(self._step * self._interval)
        paid = {name: self._paid(self._seats[name], readings[name]) for name in self.agents}
        over = (self._step + 1) * self._interval > stage.seconds
        found = (
            self._observations(readings),
            {name: each.total for name, each in paid.items()},
            dict.fromkeys(self.agents, False),
            dict.fromkeys(self.agents, over),
            {name: dict(each._asdict()) for name, each in paid.items()},
        )
        if over:
            self.agents = []
        return found

    def _paid(self, seat: _Seat, reading: Reading) -> Reward:
        got = seat.yardstick.measure(reading)
        found = reward(seat.before, reading, seat.targets, self._weights, self._cooperative, got)
        seat.before = reading
        return found

    def _observations(self, readings: Mapping[str, Reading]) -> dict[str, Observation]:
        now = self._stage.now
        found = {}
        for name in self.agents:
            seat = self._seats[name]
            seen: Floats = np.array(
                features(readings[name], seat.targets, seat.setting, seat.envelope), np.float32
            )
            mask = np.array(seat.envelope.mask(seat.setting, now, seat.moves), np.int8)
            found[name] = {"features": seen, "action_mask": mask}
        return found
