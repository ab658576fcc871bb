"""Many agents as the rows of arrays: every agent of several fogs, for learners that share one
network among all of them.

Episodes of equal settings are equally long, so that all fogs end together; the next ones begin at
once, with the seeds that follow.
"""

from __future__ import annotations

import numpy as np

from rl.fog import features
from rl.fog.env import FogEnv
from rl.fog.observing import Floats, Observation, width
from rl.fog.payment import Pay, RewardName
from rl.fog.scorer import Indexes
from rl.fog.settings import FogSettings


class Rows:
    """Args:
        fogs: how many there are at once.
        first_seed: of the first fog's first episode; every further episode takes the next one.

    Attributes:
        size, columns: rows, and the neighbours that a row has room for.
        seen: what the rows' agents see now, as ``features.encode`` makes it.
        waiting: by row, whether there is a task to decide about.
        episodes: that are over, of all fogs.
    """

    def __init__(
        self, settings: FogSettings, reward: RewardName | Pay, fogs: int, first_seed: int
    ) -> None:
        self._envs = [FogEnv(settings, reward) for _ in range(fogs)]
        self._next_seed = first_seed
        agents = self._envs[0].possible_agents
        self._agents = agents
        self._observations: list[Observation] = []
        self.size = fogs * len(agents)
        self._batch = self._envs[0].batch_width
        self.columns = width(settings)
        self._sent = features.Sent(self.size, self.columns)
        self.seen: Floats = np.zeros((self.size, self.columns, features.WIDTH), np.float32)
        self.waiting: features.Mask = np.zeros(self.size, np.bool_)
        self.episodes = 0
        self.begin()

    def begin(self) -> None:
        """New episodes in all fogs."""
        self._observations = []
        for env in self._envs:
            observations, _ = env.reset(seed=self._next_seed)
            self._next_seed += 1
            self._observations += observations.values()
        self._sent.counts[:] = 0.0
        self._look()

    def step(self, indexes: Indexes) -> tuple[Floats, Floats | None]:
        """All agents act, each by the index of a neighbour.

        Returns:
            The rewards by row; and if the episodes ended with this step, what was seen last, since
            ``seen`` then shows the next ones already.
        """
        rewards: list[float] = []
        count = len(self._agents)
        for row, (seen, index) in enumerate(zip(self._observations, indexes.tolist(), strict=True)):
            self._sent.note(row, seen, index)
        observations: list[Observation] = []
        over = False
        for number, env in enumerate(self._envs):
            own = indexes[number * count : (number + 1) * count].tolist()
            actions = {
                agent: index * self._batch for agent, index in zip(self._agents, own, strict=True)
            }
            seen_now, paid, _, _, _ = env.step(actions)
            observations += seen_now.values()
            rewards += paid.values()
            over = not env.agents
        self._observations = observations
        self._look()
        last = None
        if over:
            last = self.seen
            self.episodes += len(self._envs)
            self.begin()
        return np.array(rewards, np.float32), last

    def _look(self) -> None:
        self.seen = features.encode(self._observations, self._sent.counts)
        self.waiting = self.seen[:, 0, features.NAMES.index("waiting")] > 0
