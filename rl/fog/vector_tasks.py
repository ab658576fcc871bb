"""Tasks of many runs as rows of arrays: what they are, where they wait, when they arrive."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rl.fog.streams import Integers

Codes: TypeAlias = Integers
"""A task's id while the task is on its way, and ``~id`` while its result is."""

NO_DEADLINE = 2**62
_SORTED_FAST = 2**16


class Table:
    """By id of a task. Ids of ended tasks are used again.

    Attributes:
        kind: its type.
        created, deadline: ticks.
        pair: flat pair of client and home.
        to: the flat place where it, or its result, is going to.
        length: of its path; 0 on its way from the client.
        path: flat places that held it.
    """

    def __init__(self, size: int) -> None:
        self.kind: Integers = np.zeros(size, dtype=np.int64)
        self.created: Integers = np.zeros(size, dtype=np.int64)
        self.deadline: Integers = np.full(size, NO_DEADLINE, dtype=np.int64)
        self.pair: Integers = np.zeros(size, dtype=np.int64)
        self.to: Integers = np.zeros(size, dtype=np.int64)
        self.length: Integers = np.zeros(size, dtype=np.int64)
        self.path: Integers = np.zeros((size, 4), dtype=np.int64)
        self._free: Integers = np.arange(size, dtype=np.int64)
        self._left = size

    def __len__(self) -> int:
        return len(self.kind) - self._left

    def new(self, count: int) -> Integers:
        """Ids for so many more tasks."""
        if count > self._left:
            self._grow(max(count, len(self.kind)))
        self._left -= count
        return self._free[self._left : self._left + count].copy()

    def release(self, ids: Integers) -> None:
        """They have ended, and have no deadline any more."""
        self.deadline[ids] = NO_DEADLINE
        self._free[self._left : self._left + len(ids)] = ids
        self._left += len(ids)

    def lengthen(self) -> None:
        """Twice as much room for paths."""
        self.path = np.concatenate((self.path, np.zeros_like(self.path)), axis=1)

    def _grow(self, more: int) -> None:
        size = len(self.kind)
        for name in ("kind", "created", "pair", "to", "length", "path", "deadline"):
            old = getattr(self, name)
            fresh = np.zeros((more, *old.shape[1:]), dtype=old.dtype)
            if name == "deadline":
                fresh += NO_DEADLINE
            setattr(self, name, np.concatenate((old, fresh)))
        free = np.empty(size + more, dtype=np.int64)
        free[: self._left] = self._free[: self._left]
        free[self._left : self._left + more] = np.arange(size, size + more)
        self._free = free
        self._left += more


class Rings:
    """Queues of ids, all in one array, each with room for ``room`` of them.

    Attributes:
        count: by queue, how many are in it.
    """

    def __init__(self, queues: int, room: int) -> None:
        self._room = 1 << max(1, room - 1).bit_length()
        self._mask = self._room - 1
        self._ids: Integers = np.zeros(queues * self._room, dtype=np.int64)
        self._head: Integers = np.zeros(queues, dtype=np.int64)
        self._base: Integers = np.arange(queues, dtype=np.int64) * self._room
        self.count: Integers = np.zeros(queues, dtype=np.int64)

    @property
    def room(self) -> int:
        return self._room

    def heads(self, queues: Integers) -> Integers:
        """The first id of each; anything where there is none."""
        at = self._head.take(queues)
        at &= self._mask
        at += self._base.take(queues)
        return self._ids.take(at)

    def pop(self, queues: Integers) -> Integers:
        """The same, removed; no queue twice, and none that is empty."""
        first = self._head.take(queues)
        at = first & self._mask
        at += self._base.take(queues)
        first += 1
        self._head[queues] = first
        self.count[queues] -= 1
        return self._ids.take(at)

    def push(self, queues: Integers, ids: Integers, rank: Integers | None = None) -> None:
        """Add an id to each; where queues come twice ``rank`` says whose turn it is, from 0.

        With ranks the caller sees to ``count``.
        """
        at = self.count.take(queues)
        at += self._head.take(queues)
        if rank is None:
            self.count[queues] += 1
        else:
            at += rank
        at &= self._mask
        at += self._base.take(queues)
        self._ids[at] = ids

    def remove(self, ids: Integers, queues: Integers) -> tuple[Integers, Integers]:
        """Take these out where they are in one of the queues: (queues, ids) of those that were."""
        queues = np.unique(queues)
        offsets = np.arange(self._room)
        at = self._base[queues, None] + ((self._head[queues, None] + offsets) & self._mask)
        inside = self._ids[at]
        outside = offsets >= self.count[queues, None]
        gone = np.isin(inside, ids)
        gone &= ~outside
        rows, columns = gone.nonzero()
        removed = inside[rows, columns]
        if len(removed):
            # What is not in the queue stays behind what is, in any order.
            order = (gone | outside).argsort(axis=1, kind="stable")
            self._ids[at] = np.take_along_axis(inside, order, axis=1)
            self.count[queues] -= gone.sum(axis=1)
        return queues[rows], removed

    def grow(self) -> None:
        """Twice as much room for each."""
        at = (self._head[:, None] + np.arange(self._room)) & self._mask
        ids = np.zeros((len(self._head), 2 * self._room), dtype=np.int64)
        ids[:, : self._room] = self._ids[at + self._base[:, None]]
        self._ids, self._room = ids.ravel(), 2 * self._room
        self._mask = self._room - 1
        self._head[:] = 0
        self._base *= 2


class Calendar:
    """What arrives when, in the order of sending."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Codes, Integers]] = []
        self._noted: dict[int, list[Codes]] = {}

    def send(self, codes: Codes, ticks: Integers) -> None:
        """In so many ticks from the tick of the next ``dispatch``; at least one."""
        self._waiting.append((codes, ticks))

    def dispatch(self, now: int) -> None:
        """All that was sent in this tick is on its way."""
        waiting = self._waiting
        if not waiting:
            return
        codes = np.concatenate([each for each, _ in waiting])
        ticks = np.concatenate([each for _, each in waiting])
        waiting.clear()
        if not len(codes):
            return
        # Small numbers are sorted many times faster.
        small = ticks.astype(np.uint16) if ticks.max() < _SORTED_FAST else ticks
        order = small.argsort(kind="stable")
        codes, ticks = codes.take(order), ticks.take(order)
        cuts = (ticks[1:] != ticks[:-1]).nonzero()[0]
        cuts += 1
        for begin, end in pairwise((0, *cuts.tolist(), len(codes))):
            arrival = now + int(ticks[begin])
            self._noted.setdefault(arrival, []).append(codes[begin:end])

    def arriving(self, now: int) -> Codes | None:
        """Once; None if nothing does."""
        noted = self._noted.pop(now, None)
        if noted is None:
            return None
        return noted[0] if len(noted) == 1 else np.concatenate(noted)


def ranks(keys: npt.NDArray[np.int64], most: int) -> tuple[Integers, Integers]:
    """An order that puts equal keys together, and by place in it the how-manieth of its key it is.

    Args:
        most: all keys are below that.
    """
    small = keys.astype(np.uint16) if most <= _SORTED_FAST else keys
    order = small.argsort(kind="stable")
    ordered = keys.take(order)
    place = np.arange(len(keys))
    begins = np.where(np.concatenate(((True,), ordered[1:] != ordered[:-1])), place, 0)
    place -= np.maximum.accumulate(begins)
    return order, place
