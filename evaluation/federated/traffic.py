"""Three nodes, each with traffic of its own: what one meets every day, the others never see.

All are variations of the three clients of ``evaluation/shaping/scenario.py``, in front of the same
backends. An episode's rates and the static rules that agents begin at are drawn anew.
"""

from __future__ import annotations

import random
from math import exp, log
from typing import Any

from evaluation.shaping.scenario import Scenario, Stretch
from evaluation.shaping.training import drawn_rules

STRETCHES = 3
STRETCH_SECONDS = 30.0

USUAL = {"interactive": (30.0, 50.0), "batch": (30.0, 50.0), "bulk": (6.0, 12.0)}
"""Requests per second, from and to, of a client that does nothing special."""

NODES: dict[str, dict[str, tuple[float, float]]] = {
    "rush": {"interactive": (90.0, 180.0)},
    "batches": {"interactive": (15.0, 40.0), "batch": (70.0, 110.0)},
    "flood": {"bulk": (60.0, 200.0)},
}
"""By node, what is special: many people, much batch work, a bulk client that misbehaves."""


def drawn(node: str, seed: int) -> tuple[Scenario, tuple[dict[str, Any], ...]]:
    """A node's traffic in one episode, and the rules that it begins with."""
    dice = random.Random(f"{node} {seed}")
    wanted = {**USUAL, **NODES[node]}
    stretches = tuple(
        Stretch(
            str(number),
            STRETCH_SECONDS,
            (
                _between(dice, *wanted["interactive"]),
                _between(dice, *wanted["batch"]),
                _between(dice, *wanted["bulk"]),
            ),
        )
        for number in range(STRETCHES)
    )
    return Scenario(stretches=stretches), drawn_rules(dice)


def _between(dice: random.Random, low: float, high: float) -> float:
    return exp(dice.uniform(log(low), log(high)))
