"""The registry: every strategy by its configured name. A new one is one line here."""

from __future__ import annotations

import random
from collections.abc import Callable

from config.loading import nearest
from config.schema import Settings
from load_balancer.strategies.draw import WeightedRandom
from load_balancer.strategies.least_request import LeastRequest, PowerOfTwo
from load_balancer.strategies.peak_ewma import PeakEwma
from load_balancer.strategies.round_robin import RoundRobin
from rl.q_learning import QLearning
from rl.q_routing import QRouting
from rl.vocabulary import Policy

_BUILDERS: dict[str, Callable[[Settings, random.Random], Policy]] = {
    "round_robin": lambda s, dice: RoundRobin(),
    "random": lambda s, dice: WeightedRandom(dice),
    "least_request": lambda s, dice: LeastRequest(dice),
    "power_of_two": lambda s, dice: PowerOfTwo(s.strategies.power_of_two.choices, dice),
    "peak_ewma": lambda s, dice: PeakEwma(
        s.strategies.peak_ewma.decay_seconds, s.strategies.peak_ewma.failure_seconds, dice
    ),
    "q_learning": lambda s, dice: QLearning(s.q_learning, s.state_encoding, dice),
    "q_routing": lambda s, dice: QRouting(s.q_routing, dice),
}


def names() -> tuple[str, ...]:
    """The strategies there are, the classics first."""
    return tuple(_BUILDERS)


def build(name: str, settings: Settings, rng: random.Random) -> Policy:
    """A new policy of the strategy ``name``, knowing nothing yet.

    Raises:
        ValueError: there is no such strategy.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise ValueError(f"unknown strategy {name!r}{nearest(name, _BUILDERS)}")
    return builder(settings, rng)
