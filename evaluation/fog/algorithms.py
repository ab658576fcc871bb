"""Every algorithm by its name, and who plays an episode of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from config.loading import nearest
from evaluation.checkpoint_file import CheckpointError
from evaluation.fog import checkpoints
from evaluation.fog.checkpoints import Checkpoint
from evaluation.fog.playing import LIVE, STRATEGIES, Measured, play, play_live
from rl.fog import baselines, scorer
from rl.fog.observing import width
from rl.fog.settings import FogSettings
from rl.fog.single import Play
from rl.fog.tabular import Tabular, TabularParameters

LEARNERS = ("tabular", "deep_q", "dqn", "ppo")
DEEP = ("deep_q", "dqn", "ppo")
"""Those that need PyTorch to learn; none needs it to play."""
DRAWS = ("ppo",)
"""Those that learn a distribution, and play by drawing from it."""


class AlgorithmError(Exception):
    """No such algorithm; the message says which there are."""


def names() -> tuple[str, ...]:
    """Baselines, strategies of the live balancer, learners."""
    return (*baselines.names(), *(LIVE + each for each in STRATEGIES), *LEARNERS)


def check(given: Sequence[str], known: Sequence[str] | None = None) -> None:
    """Raises AlgorithmError for the first name that is none."""
    known = names() if known is None else known
    for name in given:
        if name not in known:
            raise AlgorithmError(
                f"--algorithm: no algorithm {name!r}{nearest(name, known)}; there are"
                f" {', '.join(known)}"
            )


class Cast:
    """Plays whatever algorithm in one fog.

    Args:
        learned: by algorithm its checkpoints; an episode is played with the one that its seed
            comes to when they are dealt out in turn.
    """

    def __init__(
        self, settings: FogSettings, learned: dict[str, list[tuple[Path, Checkpoint]]]
    ) -> None:
        self._settings = settings
        self.learned = learned

    def play(self, algorithm: str, seed: int) -> Measured:
        """One episode.

        Raises:
            CheckpointError: what was learned cannot be used.
        """
        settings = self._settings
        if algorithm.startswith(LIVE):
            return play_live(settings, algorithm.removeprefix(LIVE), seed)
        if algorithm in LEARNERS:
            found = self.learned[algorithm]
            path, checkpoint = found[seed % len(found)]
            return play(settings, algorithm, seed, player(settings, checkpoint, path, seed))
        return play(
            settings, algorithm, seed, baselines.build(algorithm, random.Random(f"{seed} dice"))
        )


def player(settings: FogSettings, checkpoint: Checkpoint, path: Path, seed: int) -> Play:
    """Who plays what was learned.

    Raises:
        CheckpointError: the parameters are of another version, or damaged.
    """
    algorithm = checkpoint.algorithm
    try:
        if algorithm == "tabular":
            tabular = Tabular(TabularParameters(), width(settings), random.Random(seed))
            tabular.load(checkpoint.parameters)
            return tabular
        if algorithm in DEEP:
            weights = scorer.of_data(checkpoint.parameters)
            dice = np.random.default_rng(seed) if algorithm in DRAWS else None
            return scorer.Scored(weights, dice)
    except ValueError as error:
        raise CheckpointError(f"{path}: parameters.{error}") from None
    raise CheckpointError(f"{path}: there is no learner {algorithm!r}")


def gather(
    folder: Path, fingerprint: str, given: Sequence[str], files: Sequence[Path], elsewhere: bool
) -> dict[str, list[tuple[Path, Checkpoint]]]:
    """The checkpoints of all learners among ``given``, from files or from the folder.

    Args:
        elsewhere: checkpoints in ``files`` may have learned in another fog.

    Raises:
        CheckpointError: one cannot be read or may not be used, or a learner has none.
    """
    found: dict[str, list[tuple[Path, Checkpoint]]] = {}
    for path in files:
        checkpoint = checkpoints.read(path, None if elsewhere else fingerprint)
        found.setdefault(checkpoint.algorithm, []).append((path, checkpoint))
    for name in given:
        if name not in LEARNERS or name in found:
            continue
        paths = checkpoints.there(folder, fingerprint, name)
        if not paths:
            raise CheckpointError(
                f"{folder}: holds nothing that {name} has learned in this fog; run"
                f" python -m evaluation.fog train --algorithm {name}"
            )
        found[name] = [(path, checkpoints.read(path, fingerprint)) for path in paths]
    return found
