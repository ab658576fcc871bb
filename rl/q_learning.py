"""Document 003's agent: tabular Q-learning on the joint load levels of all servers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QLearningParameters:
    """Document 003's hyper-parameters and defaults."""

    learning_rate: float = 0.1
    discount_factor: float = 0.9
    exploration_rate: float = 0.1
    exploration_decay: float = 0.995
    min_exploration_rate: float = 0.01

    def __post_init__(self) -> None:
        for name in (
            "learning_rate",
            "discount_factor",
            "exploration_rate",
            "exploration_decay",
            "min_exploration_rate",
        ):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not at {value}")
