"""The rewards of many runs at once: the formulas of ``rewards`` over arrays.

The steps are those of the formulas, one by one; only logarithms may differ in the last digit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rl.fog import rewards
from rl.fog.payment import RewardName
from rl.fog.rewards import Terms
from rl.fog.settings import FogSettings
from rl.fog.streams import Booleans, Floats, Integers
from rl.fog.vector_ground import Grounds


@dataclass(slots=True)
class VectorDeeds:
    """What all agents of all runs did in one step and what came of it; see ``Deed``.

    Every array has a value per agent, runs first.

    Attributes:
        at: where their choice is in tables of (run, agent, column); of one out of range, column 0.
        valid, local, moved: there is such a neighbour; it is the node itself; there was a task.
        own, queue: the own load, and that of the target as the agent believed it.
        completed, dropped: as of Deed.
    """

    at: Integers
    valid: Booleans
    local: Booleans
    moved: Booleans
    own: Integers
    queue: Integers
    completed: Integers
    dropped: Integers


VectorPay: TypeAlias = Callable[[VectorDeeds], Floats]


def build(name: RewardName, settings: FogSettings, grounds: Grounds) -> VectorPay:
    """The reward of that name."""
    terms = Terms.of(settings)
    out_of_range = rewards.out_of_range(terms).total
    if name == "sparse":

        def sparse(deeds: VectorDeeds) -> Floats:
            total = deeds.completed * terms.utility - deeds.dropped * terms.utility
            return np.where(deeds.valid, total, out_of_range)

        return sparse
    tables = _Tables(terms, settings, grounds)
    formula = {"documented": _documented, "dense": _dense, "baek": _baek}[name](terms, tables)
    no_op = rewards.no_op(terms).total

    def pay(deeds: VectorDeeds) -> Floats:
        total = formula(deeds)
        idle = ~deeds.moved
        total[idle] = no_op
        total[~deeds.valid] = out_of_range
        return total

    return pay


class _Tables:
    """By (run, agent, column), flat: what the formulas need of the target; by agent, of the own.

    Attributes:
        own_power, power: instructions per second.
        limit: of a cloud, the agent's own.
        arrivals: per second that clients are expected to send to the target.
        seconds, meters: to the target, 0 to itself.
    """

    def __init__(self, terms: Terms, settings: FogSettings, grounds: Grounds) -> None:
        power = grounds.power * settings.ticks_per_second
        power[:, grounds.N :] = settings.cloud_instructions_per_second
        power[:, -1] = 1.0
        self.power: Floats = power.ravel()[grounds.slots].ravel()
        self.own_power: Floats = power[:, list(settings.agents)].ravel()
        limits: Floats = np.array(
            [*settings.all_queue_limits, *[0] * (grounds.W - grounds.N)], dtype=np.float64
        )
        shown = np.broadcast_to(limits, (grounds.E, grounds.W)).ravel()[grounds.slots]
        own = limits[list(settings.agents)][None, :, None]
        self.limit: Floats = np.where(shown == 0, own, shown).ravel()
        asking = grounds.asking.ravel()[grounds.slots] * settings.arrivals_per_second
        self.arrivals: Floats = asking.ravel()
        self.seconds = grounds.seconds.ravel()
        self.meters = grounds.meters.ravel()
        self.columns = grounds.K

    def spread(self, own: Floats) -> Floats:
        """By agent -> by agent and column."""
        return np.repeat(own, self.columns)


def _documented(terms: Terms, tables: _Tables) -> Callable[[VectorDeeds], Floats]:
    work, weights = terms.work, terms.weights
    execution = weights.exec * (work / tables.power - work / tables.spread(tables.own_power))
    sending = weights.comm * tables.seconds
    done = tables.power / work

    def formula(deeds: VectorDeeds) -> Floats:
        at, own = deeds.at, deeds.own * work
        own /= tables.own_power
        wait = deeds.queue.astype(np.float64)
        wait *= work
        wait /= tables.power.take(at)
        wait[deeds.local] = 0.0
        wait += own
        delay = wait
        delay *= weights.queue
        delay += sending.take(at)
        delay += execution.take(at)
        limit = tables.limit.take(at)
        expected = deeds.queue - done.take(at)
        np.maximum(expected, 0.0, out=expected)
        expected += 1.0
        np.minimum(expected, limit, out=expected)
        overload = _log_free(expected, limit)
        overload /= -3.0
        overload *= terms.overload_weight
        delay += overload
        delay *= -1.0
        delay += terms.utility
        return delay

    return formula


def _dense(terms: Terms, tables: _Tables) -> Callable[[VectorDeeds], Floats]:
    utility, work, weights = terms.utility, terms.last_work, terms.weights
    most = utility * weights.exec
    execution = work / tables.power - work / tables.spread(tables.own_power)
    execution = np.maximum(np.minimum(execution, most), -most)
    sending = np.minimum(tables.seconds, utility * weights.comm)
    done = tables.power / work

    def formula(deeds: VectorDeeds) -> Floats:
        at, away = deeds.at, ~deeds.local
        wait = np.maximum(deeds.own - 1.0, 0.0) * work / tables.own_power
        wait += np.where(away, deeds.queue / tables.power.take(at), 0.0)
        delay = np.minimum(wait, utility * weights.queue)
        delay += sending.take(at)
        delay += execution.take(at)
        limit = tables.limit.take(at)
        expected = deeds.queue + tables.arrivals.take(at) - done.take(at)
        expected += away
        expected = np.maximum(np.minimum(expected, limit), 0.0)
        delay += -terms.overload_weight * _log_free(expected, limit)
        total: Floats = utility - delay
        return total

    return formula


def _baek(terms: Terms, tables: _Tables) -> Callable[[VectorDeeds], Floats]:
    work, weights = terms.work, terms.weights
    # What sending one task costs is the same every time.
    send: Floats = np.array(
        [
            2.0 * terms.size_bytes * rewards.BITS / rewards.baek2019_rate(terms, each)
            if each > 0
            else 0.0
            for each in tables.meters.tolist()
        ]
    )
    utility = terms.utility * np.log1p(1)
    arrivals, rates = tables.arrivals, tables.power / work

    def formula(deeds: VectorDeeds) -> Floats:
        at = deeds.at
        power = tables.power.take(at)
        wait = deeds.own * work / tables.own_power
        wait += np.where(deeds.local, 0.0, deeds.queue * work / power)
        delay = weights.queue * wait + weights.comm * send.take(at)
        delay += weights.exec * (work * (1.0 / power))
        limit, expected = tables.limit.take(at), arrivals.take(at)
        queue = np.minimum(np.maximum(deeds.queue - rates.take(at), 0.0) + 1.0, limit)
        some = expected > 0
        risk = np.maximum(expected - (limit - queue), 0.0) / np.where(some, expected, 1.0)
        risk[~some] = 0.0
        found: Floats = utility - (delay + terms.overload_weight * risk)
        return found

    return formula


def _log_free(expected: Floats, limit: Floats) -> Floats:
    """Logarithm to base 10 of the share of a queue that is left free."""
    free = limit - expected
    free /= limit
    np.maximum(free, rewards.FLOOR, out=free)
    return np.log10(free, out=free)
