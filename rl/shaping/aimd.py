"""Additive increase, multiplicative decrease (D. Chiu and R. Jain 1989), by the envelope's steps: a
baseline that learns nothing.

While the client or another misses a target, or the node is under pressure, its rate is divided by a
step each interval. Else it rises slowly: the envelope's steps are factors, so that the same amount
is a step more rarely where the rate is large, and it waits for more intervals the higher the rate
stands.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from rl.shaping import priors
from rl.shaping.agents import Choice, Step
from rl.shaping.encoding import EASY, FLOODING, MISSED, VERSION
from rl.shaping.settings import KEEP
from rl.shaping.tabular import head
from rl.vocabulary import JSON, Parameters

DOWN = tuple(map(priors.action, ("requests_per_second-", "download_bytes_per_second-")))
UP = tuple(map(priors.action, ("requests_per_second+", "download_bytes_per_second+")))
PATIENCE = 2
"""Calm intervals before a step up, for each quarter of the envelope that lies below the rate."""


class Aimd:
    """``rl.shaping.agents.Agent`` says what it does; one for each client."""

    kind = "aimd"
    learns = False
    shareable = False

    def __init__(self) -> None:
        self.experience = 0
        self._calm = 0

    def choose(
        self,
        features: Sequence[float],
        levels: tuple[int, ...],
        mask: Sequence[bool],
        dice: random.Random,
        explore: bool = True,
    ) -> Choice:
        """Down at once, up after a while."""
        own, others, _, pressure, held, place = levels
        if own >= MISSED or others >= MISSED or pressure:
            self._calm = 0
            return self._first(DOWN, mask, "targets are missed, or the node is under pressure")
        self._calm += 1
        if self._calm <= PATIENCE * place or others > EASY or held == FLOODING:
            return Choice(KEEP, False, f"calm for {self._calm} intervals, but not calm enough")
        self._calm = 0
        return self._first(UP, mask, "it was calm for long enough")

    def learn(self, step: Step) -> None:
        """Nothing to be learned."""

    def parameters(self) -> Parameters:
        """See Agent."""
        return {"kind": self.kind, "encoder": VERSION, "experience": 0}

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """See Agent."""
        head(parameters, self.kind)

    def _first(self, actions: Sequence[int], mask: Sequence[bool], reason: str) -> Choice:
        for action in actions:
            if mask[action]:
                return Choice(action, False, reason)
        return Choice(KEEP, False, f"{reason}, but no step is left")
