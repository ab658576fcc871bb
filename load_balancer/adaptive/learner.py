"""The gradient steps of agents that decide by networks, in a process of their own: steps come in on
standard input, weights go out on standard output, a JSON object a line each way.

    {"agent": name, "kind": "dqn", "parameters": {...}, "steps": [[...], ...]}
    {"agent": name, "parameters": {...}}

``parameters`` comes where an agent has begun anew, or has got what others learned. It ends with its
input. Needs PyTorch (extra ``deep``).
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # run by path: our folder is on the module path, the project is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from rl.shaping.agents import Step
from rl.vocabulary import JSON, Parameters

NICENESS = 10
"""It must not take the processor from requests."""

FIRST_STEPS = 100
"""That a ``dqn`` has seen before it learns."""

MEMORY_STEPS = 20_000
MOST_UPDATES = 64
"""Gradient steps of a ``dqn`` for one line, one for each of its steps."""

PPO_STEPS = 64
"""That a ``ppo`` learns from at once; fewer wait for more."""

MOST_AGENTS = 1000


class Learns(Protocol):
    """One agent's learner."""

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Go on from there."""

    def learn(self, steps: list[Step]) -> bool:
        """Whether the weights are other ones now."""

    def parameters(self) -> Parameters:
        """For the agent."""


class _DeepQ:
    def __init__(self, seed: int) -> None:
        from rl.shaping.deep_q import DeepQ, DeepQParameters

        wanted = DeepQParameters(memory=MEMORY_STEPS, first=FIRST_STEPS)
        self._learner = DeepQ(wanted, np.random.default_rng(seed))
        self.load = self._learner.load
        self.parameters = self._learner.parameters

    def learn(self, steps: list[Step]) -> bool:
        for step in steps:
            self._learner.add(step)
        if not self._learner.ready:
            return False
        for _ in steps[:MOST_UPDATES]:
            self._learner.update()
        return bool(steps)


class _Proximal:
    def __init__(self, seed: int) -> None:
        from rl.shaping.proximal import Proximal, ProximalParameters

        self._learner = Proximal(ProximalParameters(), np.random.default_rng(seed))
        self._waiting: list[Step] = []
        self.parameters = self._learner.parameters

    def load(self, parameters: Mapping[str, JSON]) -> None:
        self._learner.load(parameters)
        self._waiting.clear()  # they were made by other weights

    def learn(self, steps: list[Step]) -> bool:
        self._waiting += steps
        if len(self._waiting) < PPO_STEPS:
            return False
        episodes: dict[str, list[Step]] = {}
        for step in self._waiting:
            episodes.setdefault(step.client, []).append(step)
        self._waiting = []
        self._learner.learn(list(episodes.values()))
        return True


KINDS: dict[str, Callable[[int], Learns]] = {"dqn": _DeepQ, "ppo": _Proximal}


class Learners:
    """Those of all agents, each made when it is first told of."""

    def __init__(self) -> None:
        self._learners: dict[str, Learns] = {}

    def answer(self, line: str) -> dict[str, Any] | None:
        """To one line; None if there is nothing new.

        Raises:
            ValueError: the line is malformed, or what is in it is stale.
        """
        told = json.loads(line)
        name, steps = told["agent"], [step_of(each) for each in told["steps"]]
        learner = self._learners.get(name)
        if learner is None:
            while len(self._learners) >= MOST_AGENTS:
                del self._learners[next(iter(self._learners))]
            learner = self._learners[name] = KINDS[told["kind"]](len(self._learners))
        if "parameters" in told:
            learner.load(told["parameters"])
        if not learner.learn(steps):
            return None
        return {"agent": name, "parameters": learner.parameters()}


def row_of(step: Step) -> list[Any]:
    """A step as a line holds it."""
    return [
        step.client,
        list(step.features),
        list(step.levels),
        list(step.mask),
        step.action,
        step.probability,
        step.reward,
        list(step.next_features),
        list(step.next_levels),
        list(step.next_mask),
        step.last,
    ]


def step_of(row: list[Any]) -> Step:
    """The same the other way."""
    return Step(*row)


def serve(lines: Iterable[str], write: Callable[[str], object]) -> None:
    """Answer every line until there are no more; what is wrong with one is told and is the end of
    that line only."""
    learners = Learners()
    for line in lines:
        try:
            answer = learners.answer(line)
        except (ValueError, KeyError, TypeError) as error:
            answer = {"problem": f"{type(error).__name__}: {error}"}
        if answer is not None:
            write(json.dumps(answer) + "\n")


def main() -> None:
    """Until standard input ends."""
    os.nice(NICENESS)
    os.environ["OMP_NUM_THREADS"] = "1"  # read when PyTorch is imported

    def write(line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()

    serve(sys.stdin, write)


if __name__ == "__main__":
    main()
