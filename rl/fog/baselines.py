"""Rules that learn nothing, for learners to be compared with.

Each sees what an agent sees and no more. Of equally good neighbours the first one is taken, and the
node itself is the first of all; only ``Random`` and ``WeightedByPower`` throw dice. One object
plays all agents; what it remembers it remembers by agent.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from rl.fog.features import mask_of
from rl.fog.observing import Observation
from rl.fog.single import Play, stay_local

QUEUE_LIMIT = 10
"""Tasks that ``least_time`` takes a queue to hold: agents see shares of limits, not limits. By
default it is the limit of the nodes that have clients."""


def allowed(observation: Observation) -> list[int]:
    """The indexes of the neighbours to whom the mask lets a task go."""
    found: list[int] = np.flatnonzero(mask_of(observation)).tolist()
    return found


def action_of(observation: Observation, index: int) -> int:
    """The action that sends one task to that neighbour."""
    return index * (len(observation["action_mask"]) // len(observation["Q"]))


class Random:
    """Any allowed neighbour, all as likely."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def __call__(self, agent: str, observation: Observation) -> int:
        return action_of(observation, self._dice.choice(allowed(observation)))


def least_queue(agent: str, observation: Observation) -> int:
    """Where the queue is emptiest, as a share of its limit; a cloud shows none.

    The task to decide about stands in the own queue and counts there, as in the original's agent.
    """
    queues = observation["Q"]
    index = min(allowed(observation), key=lambda each: float(queues[each]))
    return action_of(observation, index)


def nearest(agent: str, observation: Observation) -> int:
    """Always to the neighbour that a task reaches first; at home if there is no neighbour."""
    delays = observation["neighbourDelay"]
    others = [index for index in allowed(observation) if index]
    index = min(others, key=lambda each: float(delays[each]), default=0)
    return action_of(observation, index)


def least_time(agent: str, observation: Observation) -> int:
    """Where the result would be back first, if nothing else came: the way there and back, and the
    work of the queue and of the task itself at the power of the place. All tasks are taken to be
    like this one, and all queues to have the limit that ``QUEUE_LIMIT`` says."""
    exists, ticks, size = observation["nextTask"].tolist()
    if not exists:
        return 0
    powers, delays = observation["neighbourPower"], observation["neighbourDelay"]
    queues, own = observation["Q"], float(observation["neighbourPower"][0])

    def back(index: int) -> float:
        power = float(powers[index])
        if power <= 0:
            return float("inf")
        work = ticks * own / power
        waiting = max(0.0, float(queues[index])) * QUEUE_LIMIT
        way = 0.0 if index == 0 else 2.0 * float(delays[index]) * max(size, 0.0)
        before = waiting + 1.0 if index else max(waiting, 1.0)
        return float(way + work * before)

    return action_of(observation, min(allowed(observation), key=back))


class RoundRobin:
    """One allowed neighbour after the other, by agent."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def __call__(self, agent: str, observation: Observation) -> int:
        if not observation["nextTask"][0]:
            return 0  # nobody's turn is used up by an action about nothing
        last = self._last.get(agent, -1)
        there = allowed(observation)
        chosen = next((index for index in there if index > last), there[0])
        self._last[agent] = chosen
        return action_of(observation, chosen)


class WeightedByPower:
    """At random, in proportion to the power of each place."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def __call__(self, agent: str, observation: Observation) -> int:
        there = allowed(observation)
        powers = observation["neighbourPower"]
        weights = [float(powers[index]) for index in there]
        if sum(weights) <= 0:
            weights = [1.0] * len(there)
        return action_of(observation, self._dice.choices(there, weights)[0])


_BUILDERS: dict[str, Callable[[random.Random], Play]] = {
    "local": lambda dice: stay_local,
    "random": Random,
    "least_queue": lambda dice: least_queue,
    "least_time": lambda dice: least_time,
    "nearest": lambda dice: nearest,
    "round_robin": lambda dice: RoundRobin(),
    "weighted_by_power": WeightedByPower,
}


def names() -> tuple[str, ...]:
    return tuple(_BUILDERS)


def build(name: str, dice: random.Random) -> Play:
    """A new one of that name.

    Raises:
        ValueError: there is none.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise ValueError(f"there is no baseline {name!r}; there are {', '.join(_BUILDERS)}")
    return builder(dice)
