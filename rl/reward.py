"""From an outcome to a reward, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RewardParameters:
    """Which reward a node pays.

    Attributes:
        name: ``latency``: minus the seconds to the first byte, times ``scale``.
        scale: reward units per second; 100 is document 003's "minus milliseconds over ten".
        failure_penalty: the reward of a failure, whatever its latency.
    """

    name: Literal["latency"] = "latency"
    scale: float = 100.0
    failure_penalty: float = -1000.0
