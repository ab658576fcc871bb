"""Tables of values, one per agent, each learned on its own (C. Watkins 1989; for several agents M.
Tan 1993, whose independent agents these are).

A state is coarse: how full the own queue is, by levels, and which neighbour's queue is emptiest. A
table so small learns in a few episodes, and where the nodes stay what they are it is all that is
needed; it cannot see powers, delays or a second neighbour.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from rl import stored
from rl.fog.baselines import action_of, allowed
from rl.fog.observing import Observation
from rl.vocabulary import JSON

VERSION = 1
LEVELS = (0.0, 0.15, 0.25, 0.45, 0.75)
"""The own load over its limit, above which the next level begins."""


@dataclass(frozen=True, slots=True)
class TabularParameters:
    """How it learns.

    Attributes:
        rate: of learning.
        discount: per tick.
        initial: the value of what was never tried.
    """

    rate: float = 0.05
    discount: float = 0.9
    initial: float = 0.0


class _Last:
    """An agent's last decision and what it has been paid since."""

    __slots__ = ("discount", "index", "reward", "state")

    def __init__(self, state: int, index: int) -> None:
        self.state = state
        self.index = index
        self.reward = 0.0
        self.discount = 1.0


class Tabular:
    """All agents' tables.

    Args:
        columns: neighbours that an agent can have, itself included.
        dice: exploration.

    Attributes:
        explore: probability of a choice at random.
    """

    def __init__(self, parameters: TabularParameters, columns: int, dice: random.Random) -> None:
        self.explore = 0.0
        self._parameters = parameters
        self._columns = columns
        self._dice = dice
        self._tables: dict[str, list[list[float]]] = {}
        self._last: dict[str, _Last] = {}

    def __call__(self, agent: str, observation: Observation) -> int:
        """To the best neighbour, or to one at random; keeps what nothing is to be decided about."""
        if not observation["nextTask"][0]:
            return 0
        there = allowed(observation)
        state = self._state(observation)
        values = self._table(agent)[state]
        if self.explore and self._dice.random() < self.explore:
            index = self._dice.choice(there)
        else:
            index = max(there, key=values.__getitem__)
        if self.explore:
            best = max(values[each] for each in there)
            self._learn(agent, best)
            self._last[agent] = _Last(state, index)
        return action_of(observation, index)

    def paid(self, rewards: Mapping[str, float]) -> None:
        """What the last step brought."""
        for agent, reward in rewards.items():
            last = self._last.get(agent)
            if last is not None:
                last.reward += last.discount * reward
                last.discount *= self._parameters.discount

    def end(self) -> None:
        """The episode is over; what would have come is not known."""
        self._last.clear()

    def parameters(self) -> dict[str, JSON]:
        """For JSON."""
        tables: dict[str, JSON] = {
            agent: [list(row) for row in table] for agent, table in self._tables.items()
        }
        return {"version": VERSION, "columns": self._columns, "tables": tables}

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """What ``parameters`` gave.

        Raises:
            ValueError: it is of another version or width, or holds no numbers.
        """
        stored.version(parameters, VERSION)
        columns = stored.count(stored.member(parameters, "columns"), "columns")
        if columns != self._columns:
            raise ValueError(f"columns: must be {self._columns}, not {columns}")
        given = stored.member(parameters, "tables")
        if not isinstance(given, dict):
            raise ValueError("tables: must hold a table per agent")
        self._tables = {
            agent: [
                [
                    stored.number(value, f"tables.{agent}[{state}]")
                    for value in stored.items(row, f"tables.{agent}[{state}]", columns)
                ]
                for state, row in enumerate(
                    stored.items(table, f"tables.{agent}", len(LEVELS) * columns)
                )
            ]
            for agent, table in given.items()
        }

    def _state(self, observation: Observation) -> int:
        own = float(observation["queueSize"][0])
        level = max(0, sum(own > bound for bound in LEVELS) - 1)
        queues = observation["Q"]
        others = range(1, int(observation["numberOfNeighbours"][0]))
        emptiest = min(others, key=lambda index: float(queues[index]), default=0)
        return level * self._columns + emptiest

    def _table(self, agent: str) -> list[list[float]]:
        table = self._tables.get(agent)
        if table is None:
            begun = [self._parameters.initial] * self._columns
            states = len(LEVELS) * self._columns
            table = self._tables[agent] = [begun.copy() for _ in range(states)]
        return table

    def _learn(self, agent: str, best: float) -> None:
        last = self._last.get(agent)
        if last is None:
            return
        goal = last.reward + last.discount * best
        values = self._tables[agent][last.state]
        values[last.index] += self._parameters.rate * (goal - values[last.index])
