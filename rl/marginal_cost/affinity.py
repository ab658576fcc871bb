"""Whether it pays to send a key again to where it was: who served which key lately, where each key
is at home, and how much cheaper repeats were measured to be.

A cell says what an endpoint is to a key: 0 nothing, else how recently it was sent that key (1 more
than 8 s ago, 2 more than 1 s, 3 less), and 4 more if it is the key's home. The factor of a cell
multiplies the service of a request; that of cell 0 is 1.

Homes are by rendezvous hashing (Thaler and Ravishankar 1998): the same for every balancer, and when
an endpoint leaves only its own keys move. They matter only once repeats were found to be cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from rl.vocabulary import EndpointStats

CELLS = 8
HOME = 4

RECENT, LATELY = 1.0, 8.0
"""Seconds."""

CHEAPER = 0.85
"""A factor below that is worth acting on."""

ENOUGH = 30.0
"""Samples, before a factor is acted on at all."""

DEVIATIONS = 4.0
"""Of the mean by which a factor must lie below 1: heavy-tailed requests look cheap by chance."""

FLOOR_RATE = 0.02
"""Of the factors' averages."""

FEW = 8.0
"""Samples without which a factor is taken for 1."""

JUDGE_EVERY = 32.0
"""Samples of a cell between two looks at whether repeats pay."""

LEAST, MOST = 0.02, 3.0
"""Samples are cut off there."""


class Placement:
    """Where a key was sent lately: the last two endpoints, and its home among the candidates of the
    ``roster`` of that number."""

    __slots__ = ("at", "before", "before_at", "home", "last", "roster")

    def __init__(self, last: str, at: float) -> None:
        self.last = last
        self.at = at
        self.before = ""
        self.before_at = at
        self.home = ""
        self.roster = 0

    def sent(self, id: str, now: float) -> int:
        """The key goes to this endpoint; the cell that it had there."""
        if id == self.last:
            place = cell(now, self.at)
        else:
            place = cell(now, self.before_at) if id == self.before else 0
            self.before = self.last
            self.before_at = self.at
            self.last = id
        self.at = now
        return place


class Keys:
    """Placements of the latest keys, between half of ``most`` and ``most`` of them."""

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[str, Placement] = {}
        self._old: dict[str, Placement] = {}

    def find(self, key: str) -> Placement | None:
        """Where it was sent lately, if that is known."""
        return self._young.get(key) or self._old.get(key)

    def recall(self, key: str) -> Placement | None:
        """The same, for a key that is sent somewhere now: it counts among the latest."""
        placement = self._young.get(key)
        if placement is None:
            placement = self._old.get(key)
            if placement is not None:
                self.put(key, placement)
        return placement

    def put(self, key: str, placement: Placement) -> None:
        """Remember a key that is not among the younger half."""
        if len(self._young) >= self._half:
            self._old = self._young
            self._young = {}
        self._young[key] = placement


def cell(now: float, at: float) -> int:
    """Of an endpoint that was sent the key at that time."""
    age = now - at
    return 3 if age < RECENT else 2 if age < LATELY else 1


def seed_of(id: str) -> int:
    """An endpoint's part in the hash of homes; the same in every process."""
    return crc32(id.encode())


def home_of(key: str, candidates: Sequence[EndpointStats], seeds: Sequence[int]) -> str:
    """The id of the key's home among the candidates."""
    hashed = crc32(key.encode())
    best, home = -1, ""
    for stats, seed in zip(candidates, seeds, strict=True):
        mixed = ((hashed ^ seed) * 0x9E3779B1) & 0xFFFFFFFF
        mixed = ((mixed ^ mixed >> 15) * 0x85EBCA77) & 0xFFFFFFFF
        mixed ^= mixed >> 13
        if mixed > best:
            best, home = mixed, stats.id
    return home


class Factors:
    """How much cheaper repeats are, for one class of requests.

    Attributes:
        factor, count, spread: by cell: mean of the samples, how many, and their variance. A sample
            is what a request took over what its class takes here; that of cell 0 says how far off
            this is for everybody.
        applied: the factor of a cell over that of cell 0, where it is known; what is learned of the
            service must mind it.
        chosen: the same as choices are made with: all 1 unless it ``pays``.
        pays: repeats were found cheaper.
        home: share of its cost that a key's home costs less, as much as repeats save: keys must
            gather there before they are cheap there; 0 unless it ``pays``.
    """

    __slots__ = ("applied", "chosen", "count", "factor", "home", "pays", "spread")

    def __init__(self) -> None:
        self.factor = [1.0] * CELLS
        self.count = [0.0] * CELLS
        self.spread = [0.0] * CELLS
        self.applied = [1.0] * CELLS
        self.chosen = [1.0] * CELLS
        self.pays = False
        self.home = 0.0

    def learn(self, cell: int, sample: float) -> None:
        """A request in this cell took so many times what its class takes."""
        counts, factors, spreads = self.count, self.factor, self.spread
        counts[cell] = count = counts[cell] + 1.0
        rate = 1.0 / count
        if rate < FLOOR_RATE:
            rate = FLOOR_RATE
        if sample > MOST:
            sample = MOST
        elif sample < LEAST:
            sample = LEAST
        factor = factors[cell]
        spread = spreads[cell]
        error = sample - factor
        factors[cell] = factor + rate * error
        spreads[cell] = spread + rate * (error * error - spread)
        if not count % JUDGE_EVERY:
            self.judge()

    def judge(self) -> None:
        """Find out anew what repeats save, and whether they pay."""
        base = self.factor[0] if self.count[0] >= FEW else 1.0
        pays = False
        lowest = 1.0
        for cell in range(1, CELLS):
            count = self.count[cell]
            factor = min(max(self.factor[cell] / base, LEAST), MOST)
            self.applied[cell] = factor if count >= FEW else 1.0
            if count >= ENOUGH and factor < CHEAPER:
                lowest = min(lowest, factor)
                # The variance of the difference of both means.
                doubt = self._doubt(cell) + (self._doubt(0) if self.count[0] >= FEW else 0.0)
                pays = pays or (base - self.factor[cell]) ** 2 > DEVIATIONS**2 * doubt
        self.pays = pays
        self.home = 1.0 - lowest if pays else 0.0
        for cell in range(1, CELLS):
            self.chosen[cell] = self.applied[cell] if pays else 1.0

    def _doubt(self, cell: int) -> float:
        return self.spread[cell] / min(self.count[cell], 2.0 / FLOOR_RATE)
