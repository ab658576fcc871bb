"""What a deep learner is shown of an observation: numbers of about one, a row per neighbour.

All neighbours are described in the same words, so that one network scores each of them, however
many there are, in whatever order, in whichever fog. Whoever changes the words raises ``VERSION``:
weights that were learned with others are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rl.fog.observing import Floats, Observation

VERSION = 1
NAMES = (
    "used",  # by a neighbour, not a filler, and allowed by the mask
    "self",  # the agent's own node
    "load",  # of the neighbour as believed, over its limit
    "own load",
    "power",  # w / (w + 1), w the neighbour's power over the own
    "delay",  # d / (d + 5), d the ticks on the way there
    "work",  # t / (t + 2), t the ticks that the next task would take there
    "on the way",  # n / (n + 1), n the tasks that the agent sent there and that it cannot see yet
    "waiting",  # whether there is a task to decide about
)
WIDTH = len(NAMES)

Mask = npt.NDArray[np.bool_]


def mask_of(observation: Observation) -> Mask:
    """By index of a neighbour, whether a task may go there, however many go at once."""
    columns = len(observation["Q"])
    allowed = np.asarray(observation["action_mask"]).reshape(columns, -1)
    found: Mask = allowed[:, 0] > 0
    return found


def encode(observations: Sequence[Observation], on_the_way: Floats) -> Floats:
    """Of shape (observations, columns, ``WIDTH``), all between 0 and 1.

    Args:
        on_the_way: (observations, columns), as ``Sent`` counts.
    """

    def column(key: str) -> Floats:
        return np.stack([each[key] for each in observations])

    queues, powers, delays = column("Q"), column("neighbourPower"), column("neighbourDelay")
    tasks = column("nextTask")
    allowed = np.stack([mask_of(each) for each in observations])
    relative = powers / np.maximum(powers[:, :1], 1e-6)
    ticks = tasks[:, 1:2] / np.maximum(relative, 1e-6)
    way = delays * tasks[:, 2:3]
    found = np.zeros((*queues.shape, WIDTH), np.float32)
    found[:, :, 0] = allowed
    found[:, 0, 1] = 1.0
    found[:, :, 2] = np.maximum(queues, 0.0)
    found[:, :, 3] = column("queueSize")
    found[:, :, 4] = relative / (relative + 1.0)
    found[:, :, 5] = way / (way + 5.0)
    found[:, :, 6] = ticks / (ticks + 2.0)
    found[:, :, 7] = on_the_way / (on_the_way + 1.0)
    found[:, :, 8] = tasks[:, :1]
    found *= allowed[:, :, None]
    return found


class Sent:
    """What agents have sent away and cannot see yet at those they sent it to.

    A neighbour's load as an agent believes it is older than its own decisions: a task is on its way
    for ``neighbourDelay`` ticks, and one more passes until its receiver's report is there. So each
    task counts 1 when it is sent and fades as fast as such a task arrives on average.

    Attributes:
        counts: (rows, columns); a row is one agent of one fog.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.counts: Floats = np.zeros((rows, columns), np.float32)

    def note(self, row: int, observation: Observation, index: int) -> None:
        """One decision, and the tick that goes by after it."""
        counts = self.counts[row]
        if index and observation["nextTask"][0]:
            counts[index] += 1.0
        counts *= 1.0 - 1.0 / (observation["neighbourDelay"] + 2.0)

    def begin(self, row: int) -> None:
        """Another episode."""
        self.counts[row] = 0.0
