"""Agents by name."""

from __future__ import annotations

import random

from rl.shaping.agents import Agent, Conduct
from rl.shaping.aimd import Aimd
from rl.shaping.network_agent import Dqn, Ppo
from rl.shaping.static import Static
from rl.shaping.tabular import Tabular

KINDS = ("tabular", "dqn", "ppo", "aimd", "static")


def make(kind: str, conduct: Conduct, dice: random.Random) -> Agent:
    """A new agent.

    Args:
        dice: for the weights that a network begins with.

    Raises:
        ValueError: there is no such kind.
    """
    if kind == "tabular":
        return Tabular(conduct)
    if kind == "dqn":
        return Dqn(conduct, dice)
    if kind == "ppo":
        return Ppo(conduct, dice)
    if kind == "aimd":
        return Aimd()
    if kind == "static":
        return Static()
    raise ValueError(f"agent: must be one of {', '.join(KINDS)}, not {kind!r}")
