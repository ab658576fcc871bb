"""Many fogs at once, a step of all of them in one call: for learners that want many samples.

    env = VectorFogEnv({"SIZE": 10}, environments=64, seed=1)
    observations = env.reset()
    observations, rewards, truncated, info = env.step(actions)  # (64, agents)

Environment ``e`` is ``FogEnv(configs, reward, seed=seed + e)`` to the number: the same dice, the
same observations and rewards (those with logarithms to 1e-9). All of them go through time together
and so are truncated together; the next episode begins in the same step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rl.fog import observing, vector_pay
from rl.fog.env import Configs, settings_of
from rl.fog.keys import FogConfigError
from rl.fog.payment import RewardName
from rl.fog.settings import FogSettings
from rl.fog.streams import Booleans, Floats, Integers
from rl.fog.vector_ground import Floats32, Grounds
from rl.fog.vector_pay import VectorDeeds
from rl.fog.vector_sight import VectorObservation, VectorSight
from rl.fog.vector_tallies import late_rows
from rl.fog.vector_world import VectorWorld

MOST_CELLS = 50_000_000
"""Numbers that all environments together may take, about: 400 MB."""

Info: TypeAlias = dict[str, Any]


class VectorFogEnv:
    """See ``observing.space`` for what agents see; here each array has runs and agents before it.

    An action is an index into the neighbours of the agent's node, 0 being the node itself. Every
    agent has one; what points at no neighbour, such as -1, does nothing and is paid as that.

    Not everything that a single fog can do is done here: graphs and traces of tasks, batch actions,
    losses, jitter, contention, what walks or fails, and ``compat`` are refused by name.

    Args:
        configs: see ``settings_of``; one fog, of which there are many runs.
        environments: how many.
        seed: of the first one's first episode; each has one more than the one before it. The
            settings' by default.
        reward: by name.

    Attributes:
        agents: their names, in the order of the arrays.
        single_observation_space, single_action_space: of one agent.
        state_space: of one environment.

    Raises:
        FogConfigError: naming the key that cannot be had here, or that makes this too large.
    """

    def __init__(
        self,
        configs: Configs = None,
        environments: int = 64,
        seed: int | None = None,
        reward: RewardName = "documented",
    ) -> None:
        settings = settings_of(configs)
        if environments < 1:
            raise ValueError(f"environments must be at least 1, not {environments}")
        if reward not in get_args(RewardName):
            names = ", ".join(get_args(RewardName))
            raise ValueError(f"reward must be one of {names}, not {reward!r}")
        check(settings, environments)
        self.settings = settings
        self.environments = environments
        self.agents = [f"worker_{node}" for node in settings.agents]
        columns = observing.width(settings)
        self._columns = columns
        self.single_observation_space = observing.space(settings, columns)
        self.state_space = observing.state_space(settings)
        self.single_action_space = spaces.Discrete(columns)
        self._reward: RewardName = reward
        first = settings.seed if seed is None else seed
        self._seeds = [first + each for each in range(environments)]
        self._episode = 0
        self._rows: Integers = np.arange(environments * len(self.agents)) * columns
        self._run: _Run | None = None

    def reset(self, seeds: Sequence[int] | None = None) -> VectorObservation:
        """A new episode everywhere. Without seeds it differs from the last, but is as repeatable.

        Raises:
            ValueError: not one seed per environment.
        """
        if seeds is not None:
            if len(seeds) != self.environments:
                raise ValueError(f"there must be {self.environments} seeds, not {len(seeds)}")
            self._seeds, self._episode = [int(each) for each in seeds], 0
        before = self._run.grounds if self._run else None
        grounds = Grounds(self.settings, self._seeds, self._episode, self._columns, before)
        self._run = _Run(self.settings, grounds, self._seeds, self._episode, self._reward)
        self._episode += 1
        return self._run.sight.look(self._run.world)

    def step(self, actions: npt.ArrayLike) -> tuple[VectorObservation, Floats, Booleans, Info]:
        """All agents of all environments act.

        Args:
            actions: (environments, agents).

        Returns:
            Observations; rewards, (environments, agents); whether the episode ended, by
            environment; and by agent ``moved``, ``completed`` and ``dropped``, with ``time``. If
            it ended, observations are the next episode's first, and those of its end are in
            ``final_observations``, what ``everything`` would have said in ``final``.

        Raises:
            ValueError: the actions are no whole numbers or too few.
            RuntimeError: before the first ``reset``.
        """
        run, settings = self._running(), self.settings
        world, sight = run.world, run.sight
        deeds = self._act(run, self._read(actions))
        for _ in range(settings.decision_ticks):
            world.advance()
        observations = sight.look(world)
        shape = self.environments, len(self.agents)
        lately = world.tallies.lately()
        deeds.completed = lately[0].take(sight.places)
        deeds.dropped = lately[1].take(sight.places)
        rewards = run.pay(deeds).reshape(shape)
        info: Info = {
            "time": world.now,
            "moved": deeds.moved.reshape(shape),
            "completed": deeds.completed.reshape(shape),
            "dropped": deeds.dropped.reshape(shape),
        }
        over = world.now + settings.decision_ticks >= settings.last_tick
        truncated: Booleans = np.full(self.environments, over)
        if over:
            info["final_observations"] = observations
            info["final"] = self.everything()
            observations = self.reset()
        return observations, rewards, truncated, info

    def everything(self) -> Info:
        """What ``reporting.everything`` says of one fog, by node with a row of environments."""
        world, nodes = self._running().world, self.settings.nodes
        tallies, limits = world.tallies, np.array(self.settings.all_queue_limits)

        def by_node(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return values.reshape(self.environments, -1)[:, :nodes].copy()

        loads, finished = by_node(world.load), by_node(tallies.finished)
        responses, lately = by_node(tallies.responses), tallies.lately()
        in_all = finished.sum(axis=1)
        return {
            "time": world.now,
            "true_Q": loads,
            "overloadedNodes": (loads >= limits).astype(np.int64),
            "occupancy": loads / limits,
            "averageCompletionTimes": responses / np.maximum(finished, 1),
            "averageResponseTime": responses.sum(axis=1) / np.maximum(in_all, 1),
            "droppedTasks": by_node(tallies.late),
            "finishedTasks": finished,
            "totalTasks": by_node(tallies.asked),
            "energyConsumed": by_node(tallies.energy),
            "timesOverloaded": by_node(tallies.overloaded),
            "noExpired": by_node(tallies.expired),
            "noFailedOnArrival": by_node(tallies.refused),
            "totalTasksReceived": by_node(tallies.received),
            "totalTasksProcessedPerNode": by_node(tallies.processed),
            "totalTasksOffloadedFromNode": by_node(tallies.sent),
            "totalTasksOffloadedToNode": by_node(tallies.taken),
            "tasksRecievedSinceLastCycle": by_node(lately[2]),
            "droppedThisCycle": by_node(lately[1]),
        }

    def state(self) -> Floats32:
        """The whole truth of each environment, for a critic; in ``state_space``, a row for each."""
        run = self._running()
        return run.sight.state(run.world)

    def _running(self) -> _Run:
        if self._run is None:
            raise RuntimeError("reset the environment first")
        return self._run

    def _read(self, actions: npt.ArrayLike) -> Integers:
        found = np.asarray(actions)
        shape = self.environments, len(self.agents)
        if found.shape != shape or found.dtype.kind not in "iu":
            raise ValueError(
                f"actions must be whole numbers of shape {shape}, not {found.dtype} of "
                f"{found.shape}"
            )
        return found.astype(np.int64).ravel()

    def _act(self, run: _Run, chosen: Integers) -> VectorDeeds:
        world, places = run.world, run.sight.places
        world.tallies.begin_period()
        own = world.load.take(places)
        valid = (chosen >= 0) & (chosen < run.counts)
        local = chosen == 0
        at = self._rows + np.where(valid, chosen, 0)
        targets = run.slots.take(at)
        queue = np.where(local, own, world.shown.take(targets))
        moved = world.undecided(places) > 0
        moved &= valid
        acting = moved.nonzero()[0]
        world.act(places.take(acting), targets.take(acting), local.take(acting))
        return VectorDeeds(at, valid, local, moved, own, queue, own, own)


class _Run:
    """One episode of all environments.

    Attributes:
        counts, slots: of the grounds, flat.
    """

    def __init__(
        self,
        settings: FogSettings,
        grounds: Grounds,
        seeds: Sequence[int],
        episode: int,
        reward: RewardName,
    ) -> None:
        self.grounds = grounds
        self.world = VectorWorld(settings, grounds, seeds, episode)
        self.sight = VectorSight(settings, grounds)
        self.pay = vector_pay.build(reward, settings, grounds)
        self.counts = grounds.counts.ravel()
        self.slots = grounds.slots.ravel()
        self.world.begin()


def check(settings: FogSettings, environments: int) -> None:
    """Raises FogConfigError for the first thing that many at once cannot do."""
    refused: dict[str, tuple[object, object]] = {
        "compat": (settings.compat, False),
        "application": (settings.application, "basic"),
        "actions": (settings.actions, "index"),
        "drop_probability": (settings.drop_probability, 0.0),
        "most_jitter_ticks": (settings.most_jitter_ticks, 0.0),
        "link_contention": (settings.link_contention, False),
        "node_meters_per_second": (settings.node_meters_per_second, 0.0),
        "client_meters_per_second": (settings.client_meters_per_second, 0.0),
        "failures_per_second": (settings.failures_per_second, 0.0),
    }
    for field, (value, only) in refused.items():
        if value != only:
            raise FogConfigError(field, f"must be {only!r} for many environments, not {value!r}")
    places = environments * (settings.nodes + settings.clouds + 1)
    cells = {
        "queue_limits": 4 * max(settings.all_queue_limits),
        "task_types": len(settings.task_types) * (settings.nodes + settings.clouds + 1),
        "least_deadline_seconds": late_rows(settings),
    }
    for field, each in cells.items():
        if places * each > MOST_CELLS:
            raise FogConfigError(
                field, f"makes {environments} environments too large: {places * each:,} numbers"
            )
