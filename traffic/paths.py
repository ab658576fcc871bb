"""Paths with placeholders: what a mix entry's path becomes, request by request.

Knows no time; the dice come in as ``random.Random``.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

from config.traffic import PLACEHOLDER, MixEntry

NUMBERS = 1_000_000_000
"""``{n}`` is below it."""


def drawer(entry: MixEntry, dice: random.Random) -> Callable[[], str]:
    """A function that draws the path of one more request."""
    parts = PLACEHOLDER.split(entry.path)  # text and names in turn, text first and last
    if len(parts) == 1:
        path = entry.path
        return lambda: path
    if parts[1:-1] == ["key"]:
        return _one_key(entry, parts[0], parts[-1], dice)
    draws = [_value(name, entry, dice) for name in parts[1::2]]
    texts = parts[0::2]

    def draw() -> str:
        found = texts[0]
        for value, text in zip(draws, texts[1:], strict=True):
            found += value() + text
        return found

    return draw


def _one_key(entry: MixEntry, before: str, after: str, dice: random.Random) -> Callable[[], str]:
    """The same with every path made once: requests for one key then share one string."""
    key = _key(entry, dice)
    made: dict[int, str] = {}

    def draw() -> str:
        number = key()
        path = made.get(number)
        if path is None:
            path = made[number] = f"{before}{number}{after}"
        return path

    return draw


def _value(name: str, entry: MixEntry, dice: random.Random) -> Callable[[], str]:
    if name == "key":
        key = _key(entry, dice)
        return lambda: str(key())
    if name == "n":
        return lambda: str(int(dice.random() * NUMBERS))
    return lambda: _uuid(dice.getrandbits(128))


def _uuid(bits: int) -> str:
    """A random UUID (RFC 9562, version 4): six of the 128 bits say what it is."""
    bits = bits & ~(0xF000 << 64 | 0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _key(entry: MixEntry, dice: random.Random) -> Callable[[], int]:
    keys = entry.keys or 1
    draw = dice.random
    if entry.distribution == "uniform":
        return lambda: int(draw() * keys)
    table = _zipf(keys, entry.exponent)
    total, last = table[-1], keys - 1
    # The last one by rounding, should a draw times the total be the total itself.
    return lambda: min(bisect_right(table, draw() * total), last)


@lru_cache(maxsize=8)
def _zipf(keys: int, exponent: float) -> tuple[float, ...]:
    """Cumulative weights. A table is made once for all the runs of a comparison."""
    return tuple(accumulate((rank + 1) ** -exponent for rank in range(keys)))
