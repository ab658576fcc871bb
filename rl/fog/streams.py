"""Dice by purpose, and the same dice read ahead by many rows at once.

Python's and numpy's Mersenne Twister make the same numbers from the same state, so that what the
one draws number by number the other can give in blocks.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Booleans: TypeAlias = npt.NDArray[np.bool_]

AHEAD = 32
"""So many times the most that may be asked for is made at once: few pages, seldom."""


def dice(seed: int, episode: int, purpose: str) -> random.Random:
    """Of one purpose in one run; what is drawn for another does not touch them."""
    return random.Random(f"{seed} {episode} {purpose}")


class Ahead:
    """What many dice will give, a row each, made as it is needed.

    Args:
        rows: the dice, which stay where they are.
        most: how many groups a row may be asked for at a time.
        group: numbers that belong together.

    Attributes:
        at: by row, where its next group begins in ``numbers`` once that is made flat to groups.
        numbers: shape (rows, width, group).
    """

    def __init__(
        self,
        rows: Sequence[random.Random],
        most: int,
        group: int = 1,
    ) -> None:
        self._sources = [_source(each) for each in rows]
        self._most = max(1, most)
        self._width = AHEAD * self._most
        self.numbers: Floats = np.empty((len(rows), self._width, group))
        self._begins: Integers = np.arange(len(rows), dtype=np.int64) * self._width
        self._limit = self._begins + self._width - self._most
        self.at = self._begins.copy()
        for row in range(len(rows)):
            self._fill(row, 0)

    def provide(self) -> None:
        """See to it that every row has as many groups ahead as it may be asked for."""
        if (self.at <= self._limit).all():
            return
        for row, at in enumerate((self.at - self._begins).tolist()):
            left = self._width - at
            self.numbers[row, :left] = self.numbers[row, at:].copy()
            self._fill(row, left)
        self.at[:] = self._begins

    def _fill(self, row: int, begin: int) -> None:
        target = self.numbers[row, begin:]
        target[:] = self._sources[row].random(target.shape)


def _source(drawn: random.Random) -> np.random.Generator:
    """Goes on as the dice would."""
    *key, at = drawn.getstate()[1]
    bits = np.random.MT19937(0)
    bits.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(key, dtype=np.uint32), "pos": at},
    }
    return np.random.Generator(bits)
