"""Tries as a study would have made them."""

from __future__ import annotations

from typing import Any

from evaluation.federated.sites import Known
from evaluation.federated.study import ALONE, TOGETHER, Tried
from evaluation.federated.traffic import NODES


def tries(
    seeds: int = 8, better: float = 0.3, arms: tuple[str, ...] = (ALONE, TOGETHER)
) -> list[Tried]:
    """Together is so much better in reward, and misses half as often."""
    return [
        Tried(
            arm,
            seed,
            node,
            other,
            0,
            0.5 + 0.1 * (seed % 3) + (better if arm == TOGETHER else 0.0),
            0.1 if arm == TOGETHER else 0.2,
            0.05 if arm == TOGETHER else 0.1,
            1000 + seed,
        )
        for arm in arms
        for seed in range(seeds)
        for node in NODES
        for other in NODES
        if other != node
    ]


def states(known: Known) -> dict[str, set[tuple[int, ...]]]:
    """Those that tables know, by agent."""
    found: Any = known
    return {
        name: {tuple(state["levels"]) for state in parameters["states"]}
        for name, parameters in found.items()
    }
