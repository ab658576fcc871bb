"""``Q`` and ``QReward``: what a proxy node tells the node before it of the way from there on.

``Q`` is the value of the way for the request's domain, as the node sees it after this answer; 0 is
the end of the way. ``QReward`` is the reward that the node realised. On the wire both are decimal
numbers in the reward's own unit: seconds, negative, or plain points.

Knows no connection, and not whom to believe: bytes and numbers in and out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isnan

LONGEST = 32
"""Bytes of a number; the longest that is written has 19."""

# Not all that Python takes for a number: no NaN, no infinity, no underscores.
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def read(value: bytes, largest: float) -> float | None:
    """The number that a field holds; None if it holds none, or one that is further from 0 than
    ``largest``."""
    value = value.strip(b" \t")
    if len(value) > LONGEST or _NUMBER.fullmatch(value) is None:
        return None
    number = float(value)
    return number if abs(number) <= largest else None


class Told:
    """What an answer's field lines say.

    Attributes:
        sent: there is a Q or QReward among them.
        value, reward: the numbers; both or neither, for one says nothing without the other.
    """

    __slots__ = ("reward", "sent", "value")

    def __init__(self, fields: Iterable[tuple[bytes, bytes]], largest: float) -> None:
        values, rewards = [], []
        # By length first: an answer that came over many hops has many lines, and few are these.
        for name, text in fields:
            size = len(name)
            if size == 1 and name in b"qQ":
                values.append(text)
            elif size == 7 and name.lower() == b"qreward":
                rewards.append(text)
        self.sent = bool(values or rewards)
        self.value: float | None = None
        self.reward: float | None = None
        if len(values) == len(rewards) == 1:
            value, reward = read(values[0], largest), read(rewards[0], largest)
            if value is not None and reward is not None:
                self.value, self.reward = value, reward


def lines(value: float, reward: float, largest: float) -> bytes:
    """The field lines that tell both; numbers beyond ``largest`` are told as that. None at all if
    one of them is not a number."""
    if isnan(value) or isnan(reward):
        return b""
    return b"Q: %b\r\nQReward: %b\r\n" % (_written(value, largest), _written(reward, largest))


def _written(number: float, largest: float) -> bytes:
    bounded = max(-largest, min(largest, number))
    return b"%.12g" % (bounded + 0.0)  # without the sign of -0.0
