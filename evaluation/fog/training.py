"""Learning, watched: progress, a curve, checkpoints, an end by steps, by time or by Ctrl-C."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from evaluation.fog import checkpoints
from evaluation.fog.algorithms import DEEP
from evaluation.fog.checkpoints import Checkpoint, Point
from evaluation.progress import Steps
from rl.fog import scorer
from rl.fog.env import FogEnv
from rl.fog.features import Mask
from rl.fog.observing import Floats, width
from rl.fog.payment import Pay, RewardName
from rl.fog.rows import Rows
from rl.fog.settings import FogSettings
from rl.fog.shared_cost import shared_cost
from rl.fog.tabular import Tabular, TabularParameters
from rl.vocabulary import JSON

REWARDS = ("documented", "shared_cost", "sparse", "dense", "baek")
FIRST_SEED = 1_000_000
"""Episodes that are learned from begin there; each seed of a learner has a thousand of them."""
SEEDS_APART = 1_000
POINT_STEPS = 100
SAVE_SECONDS = 10.0
EXPLORE_SHARE = 0.4
EXPLORE_LEAST = 0.02


class TrainingError(Exception):
    """Nothing can be learned; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learned.

    Attributes:
        steps: ticks in each of ``fogs``.
        minutes: after which learning ends, wherever it is.
    """

    algorithm: str
    configuration: str
    fingerprint: str
    reward: str
    seed: int
    steps: int
    fogs: int
    minutes: float
    path: Path


class _TimeIsUp(Exception):
    """Learning ends here and what was learned is kept."""


class _Watch:
    """Is told of every step: makes the curve, saves, and ends what takes too long."""

    def __init__(self, task: Task, progress: Steps, clock: Callable[[], float]) -> None:
        self._task = task
        self._progress = progress
        self._clock = clock
        self._began = self._saved = clock()
        self._paid = 0.0
        self._decisions = 0
        self._curve: list[Point] = []
        self.steps = 0
        self.parameters: Callable[[], dict[str, JSON]] = dict

    def tell(self, step: int, rewards: Floats, deciding: Mask) -> None:
        self.steps = step
        self._paid += float(rewards.sum())
        self._decisions += int(deciding.sum())
        if step % POINT_STEPS:
            return
        now = self._clock()
        reward = self._paid / max(1, self._decisions)
        self._curve.append(Point(step, now - self._began, reward))
        self._paid, self._decisions = 0.0, 0
        task = self._task
        self._progress.step(f"{task.algorithm}, seed {task.seed}, reward {reward:.2f} per decision")
        if now - self._saved >= SAVE_SECONDS:
            self.save()
            self._saved = now
        if now - self._began >= task.minutes * 60:
            raise _TimeIsUp

    def save(self) -> Checkpoint:
        """Write what there is."""
        task = self._task
        made = Checkpoint(
            algorithm=task.algorithm,
            configuration=task.configuration,
            fingerprint=task.fingerprint,
            reward=task.reward,
            seed=task.seed,
            steps=self.steps,
            planned=task.steps,
            fogs=task.fogs,
            seconds=self._clock() - self._began,
            parameters=self.parameters(),
            curve=self._curve,
        )
        checkpoints.write(made, task.path)
        return made


def train(
    settings: FogSettings,
    task: Task,
    progress: Steps,
    clock: Callable[[], float] = time.monotonic,
) -> Checkpoint:
    """Learn, and keep what was learned in ``task.path``, whatever ends it.

    Raises:
        TrainingError: PyTorch or Stable-Baselines3 is missing.
        CheckpointError: the checkpoint cannot be written.
        KeyboardInterrupt: after the checkpoint was written.
    """
    watch = _Watch(task, progress, clock)
    learn = _prepared(settings, task, watch)
    try:
        learn()
    except _TimeIsUp:
        pass
    except KeyboardInterrupt:
        if watch.steps:
            watch.save()
        raise
    made = watch.save()
    if made.steps < task.steps:  # the minutes were up: that is the end that was asked for
        made = replace(made, planned=made.steps)
        checkpoints.write(made, task.path)
    return made


def _prepared(settings: FogSettings, task: Task, watch: _Watch) -> Callable[[], None]:
    pay = _pay(task.reward)
    first = FIRST_SEED + task.seed * SEEDS_APART
    if task.algorithm == "tabular":
        return lambda: _tabular(settings, task, watch, pay, first)
    torch = _torch(task.algorithm)
    torch.set_num_threads(1)  # such small networks are only slowed down by more
    rows = Rows(settings, pay, task.fogs, first)
    if task.algorithm == "deep_q":
        from rl.fog import deep_q

        learner = deep_q.DeepQ(deep_q.DeepQParameters(), np.random.default_rng(task.seed))
        watch.parameters = lambda: scorer.as_data(learner.weights)
        return lambda: deep_q.learn(learner, rows, task.steps, watch.tell)
    from evaluation.fog.stable import Stable

    stable = Stable(task.algorithm, rows, task.steps, task.seed, watch.tell)
    watch.parameters = lambda: scorer.as_data(stable.weights)
    return stable.learn


def _pay(reward: str) -> RewardName | Pay:
    if reward == "shared_cost":
        return shared_cost
    known: dict[str, RewardName] = {
        "documented": "documented",
        "sparse": "sparse",
        "dense": "dense",
        "baek": "baek",
    }
    return known[reward]


def _torch(algorithm: str) -> ModuleType:
    packages = ["torch"] if algorithm == "deep_q" else ["torch", "stable_baselines3"]
    assert algorithm in DEEP
    for name in packages:
        if find_spec(name) is None:
            raise TrainingError(
                f"{algorithm} learns with the package {name}: run pip install '.[deep]'"
            )
    import torch

    found: ModuleType = torch
    return found


def _tabular(
    settings: FogSettings, task: Task, watch: _Watch, pay: RewardName | Pay, first: int
) -> None:
    """One fog after the other; ``task.fogs`` of them count as one step."""
    env = FogEnv(settings, pay)
    learner = Tabular(TabularParameters(), width(settings), random.Random(task.seed))
    watch.parameters = learner.parameters
    count = len(env.possible_agents)
    rewards: Floats = np.zeros((task.fogs, count), np.float32)
    deciding: Mask = np.zeros((task.fogs, count), np.bool_)
    seed = first
    observations, _ = env.reset(seed=seed)
    for step in range(1, task.steps + 1):
        fallen = min(1.0, step / max(1.0, task.steps * EXPLORE_SHARE))
        learner.explore = 1.0 + fallen * (EXPLORE_LEAST - 1.0)
        for turn in range(task.fogs):
            deciding[turn] = [observations[each]["nextTask"][0] > 0 for each in env.agents]
            actions_now = {each: learner(each, observations[each]) for each in env.agents}
            observations, paid, _, _, _ = env.step(actions_now)
            learner.paid(paid)
            rewards[turn] = list(paid.values())
            if not env.agents:
                learner.end()
                seed += 1
                observations, _ = env.reset(seed=seed)
        watch.tell(step, rewards, deciding)
