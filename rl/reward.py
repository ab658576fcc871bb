"""From an outcome to a reward, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from rl.vocabulary import Outcome, Verdict

Name: TypeAlias = Literal["latency"]

Reward: TypeAlias = Callable[[Outcome], float]
"""What a node pays for an outcome. It is asked for SUCCESS and FAILURE only, never for IGNORED."""


@dataclass(frozen=True, slots=True)
class RewardParameters:
    """Which reward a node pays.

    Attributes:
        name: ``latency``: minus the seconds to the first byte, times ``scale``.
        scale: reward units per second; 100 is document 003's "minus milliseconds over ten".
        failure_penalty: the reward of a failure, whatever its latency.
    """

    name: Name = "latency"
    scale: float = 100.0
    failure_penalty: float = -1000.0

    def __post_init__(self) -> None:
        if self.name not in get_args(Name):
            raise ValueError(f"name must be one of {', '.join(get_args(Name))}, not {self.name!r}")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be a finite number above 0, not {self.scale}")
        if not (math.isfinite(self.failure_penalty) and self.failure_penalty <= 0):
            raise ValueError(
                f"failure_penalty must be a finite number, at most 0, not {self.failure_penalty}"
            )


def build(parameters: RewardParameters) -> Reward:
    """The reward function that ``parameters`` name."""
    scale = parameters.scale
    failure_penalty = parameters.failure_penalty

    # A failure's own latency must not count: a server that refuses at once would look fast.
    def latency(outcome: Outcome) -> float:
        return failure_penalty if outcome.verdict is Verdict.FAILURE else -scale * outcome.latency

    return latency
