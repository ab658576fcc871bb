"""The registry: every strategy by its configured name. A new one is one line here."""

from __future__ import annotations

import random
from collections.abc import Callable

from config import strategies as parameters
from config.loading import nearest
from config.schema import Settings
from load_balancer.strategies.bounded_hash import BoundedHash
from load_balancer.strategies.client_weighted import ClientWeighted
from load_balancer.strategies.draw import WeightedRandom
from load_balancer.strategies.least_request import LeastRequest, PowerOfTwo
from load_balancer.strategies.peak_ewma import PeakEwma
from load_balancer.strategies.prequal import Prequal
from load_balancer.strategies.round_robin import RoundRobin
from load_balancer.strategies.weighted_round_robin import WeightedRoundRobin
from rl.bandits import Thompson, Ucb
from rl.marginal_cost.policy import MarginalCost
from rl.q_learning import QLearning
from rl.q_routing import QRouting
from rl.vocabulary import Policy


def _peak_ewma(p: parameters.PeakEwma, dice: random.Random) -> Policy:
    choices = None if p.full_scan else p.choices
    return PeakEwma(p.decay_seconds, p.failure_seconds, dice, choices)


def _prequal(p: parameters.Prequal, dice: random.Random) -> Policy:
    return Prequal(
        p.q_rif, p.probes_per_request, p.pool_size, p.max_age_seconds, p.remove_rate, dice
    )


def _client_weighted(p: parameters.ClientWeighted, dice: random.Random) -> Policy:
    return ClientWeighted(
        p.blackout_seconds, p.expiration_seconds, p.update_seconds, p.error_penalty, dice
    )


_BUILDERS: dict[str, Callable[[Settings, random.Random], Policy]] = {
    "round_robin": lambda s, dice: RoundRobin(),
    "weighted_round_robin": lambda s, dice: WeightedRoundRobin(dice),
    "random": lambda s, dice: WeightedRandom(dice),
    "least_request": lambda s, dice: LeastRequest(dice),
    "power_of_two": lambda s, dice: PowerOfTwo(s.strategies.power_of_two.choices, dice),
    "peak_ewma": lambda s, dice: _peak_ewma(s.strategies.peak_ewma, dice),
    "prequal": lambda s, dice: _prequal(s.strategies.prequal, dice),
    "bounded_hash": lambda s, dice: BoundedHash(
        s.strategies.bounded_hash.load_factor, s.strategies.bounded_hash.remembered_keys, dice
    ),
    "client_weighted": lambda s, dice: _client_weighted(s.strategies.client_weighted, dice),
    "q_learning": lambda s, dice: QLearning(s.q_learning, s.state_encoding, dice),
    "q_routing": lambda s, dice: QRouting(s.q_routing, dice),
    "marginal_cost": lambda s, dice: MarginalCost(s.marginal_cost, dice),
    "ucb": lambda s, dice: Ucb(s.bandits, dice),
    "thompson": lambda s, dice: Thompson(s.bandits, dice),
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
