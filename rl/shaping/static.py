"""Keeps every setting as it is: what the operator's rule does by itself, measured like an agent."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from rl.shaping.agents import Choice, Step
from rl.shaping.encoding import VERSION
from rl.shaping.settings import KEEP
from rl.shaping.tabular import head
from rl.vocabulary import JSON, Parameters


class Static:
    """``rl.shaping.agents.Agent`` says what it does."""

    kind = "static"
    learns = False
    shareable = True

    def __init__(self) -> None:
        self.experience = 0

    def choose(
        self,
        features: Sequence[float],
        levels: tuple[int, ...],
        mask: Sequence[bool],
        dice: random.Random,
        explore: bool = True,
    ) -> Choice:
        """Nothing to be done."""
        return Choice(KEEP, False, "it keeps every setting")

    def learn(self, step: Step) -> None:
        """Nothing to be learned."""

    def parameters(self) -> Parameters:
        """See Agent."""
        return {"kind": self.kind, "encoder": VERSION, "experience": 0}

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """See Agent."""
        head(parameters, self.kind)
