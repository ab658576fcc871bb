"""What an action of a fog's agent is worth: the formulas.

An agent leaves the first task of its queue to its own node (local) or sends one or more to a
neighbour, the target. All times are seconds, ``power`` instructions per second, queues tasks. Each
formula gives a ``Reward``: what it adds up to, and the utility, delay and overload in it.

- ``documented``: the original's description, ``u - (D + x O)``.
- ``dense``: the original's code where it departs from that: delays are capped instead of weighted,
  a target's queue counts in tasks over instructions per second (so as good as nothing), the work
  of a task is that of the last task type.
- ``sparse``: the original's code and default: tasks completed against tasks dropped.
- ``baek2019``: Baek et al. 2019, "Managing fog networks using reinforcement learning based load
  balancing algorithm", as document 002 has it, for any number of tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rl.fog.settings import FogSettings

FLOOR = 0.001
"""The least free share of a queue that counts; its logarithm to base 10 is -3."""

NOISE_DENSITY_MILLIWATTS = 10.0 ** (-174.0 / 10.0)
"""Per hertz, at room temperature: -174 dBm."""

BITS = 8


@dataclass(frozen=True, slots=True)
class DelayWeights:
    """Of the three delays: waiting in queues, sending, executing.

    ``dense`` does not multiply by them: they cap the delays, in units of the utility.
    """

    queue: float = 1.0
    comm: float = 1.0
    exec: float = 1.0


EQUAL = DelayWeights()


class Reward(NamedTuple):
    """``total`` is the reward; the others have the signs of their formulas."""

    total: float
    utility: float = 0.0
    delay: float = 0.0
    overload: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What the formulas take from the settings.

    Attributes:
        work: instructions of a task, on average.
        last_work: of the last task type.
        size_bytes, last_size_bytes: the same of a task's size.
    """

    utility: float = 10.0
    overload_weight: float = 50.0
    no_op: float = 0.0
    weights: DelayWeights = EQUAL
    work: float = 4e7
    last_work: float = 4e7
    size_bytes: float = 38e6
    last_size_bytes: float = 38e6
    bandwidth_hertz: float = 2e6
    power_dbm: float = 20.0
    path_loss_constant: float = 0.001
    path_loss_exponent: float = 4.0

    @classmethod
    def of(cls, settings: FogSettings) -> Terms:
        if settings.application == "trace" and settings.trace:
            jobs = settings.trace
            work = last_work = math.fsum(each.instructions for each in jobs) / len(jobs)
            size = last_size = math.fsum(each.size_bytes for each in jobs) / len(jobs)
        else:
            types = settings.task_types
            total = math.fsum(each.weight for each in types)
            work = math.fsum(each.weight * each.work for each in types) / total
            size = math.fsum(each.weight * each.size_bytes for each in types) / total
            last_work, last_size = types[-1].work, types[-1].size_bytes
        return cls(
            utility=settings.utility_reward,
            overload_weight=settings.overload_weight,
            no_op=settings.no_op_reward,
            weights=settings.delay_weights,
            work=work,
            last_work=last_work,
            size_bytes=size,
            last_size_bytes=last_size,
            bandwidth_hertz=settings.bandwidth_hertz,
            power_dbm=settings.power_dbm,
            path_loss_constant=settings.path_loss_constant,
            path_loss_exponent=settings.path_loss_exponent,
        )


def no_op(terms: Terms) -> Reward:
    """Of an action for which there was no task."""
    return Reward(terms.no_op, terms.no_op)


def out_of_range(terms: Terms) -> Reward:
    """Of an index that no neighbour has."""
    return Reward(-terms.utility, -terms.utility)


def sparse(terms: Terms, completed: int, dropped: int) -> Reward:
    """Of what became of tasks since the last action: of applications that the node owns those
    completed, and those dropped at it."""
    gained, lost = completed * terms.utility, dropped * terms.utility
    return Reward(gained - lost, gained, lost)


def documented(
    terms: Terms,
    own_queue: float,
    own_power: float,
    queue: float,
    power: float,
    limit: float,
    send_seconds: float,
    local: bool,
) -> Reward:
    """Args:
    own_queue, own_power: of the agent's node.
    queue, power, limit: of the target, which is the node itself if local.
    send_seconds: of one task to the target, 0 if local.
    """
    work, weights = terms.work, terms.weights
    wait = own_queue * work / own_power
    if not local:
        wait += queue * work / power
    execution = work / power - work / own_power
    delay = weights.queue * wait + weights.comm * send_seconds + weights.exec * execution
    expected = min(max(0.0, queue - power / work) + 1.0, limit)
    overload = -math.log10(max((limit - expected) / limit, FLOOR)) / 3.0
    return Reward(
        terms.utility - (delay + terms.overload_weight * overload),
        terms.utility,
        delay,
        terms.overload_weight * overload,
    )


def dense(
    terms: Terms,
    own_queue: float,
    own_power: float,
    queue: float,
    power: float,
    limit: float,
    arrivals: float,
    send_seconds: float,
    local: bool,
) -> Reward:
    """Args:
    own_queue, own_power: of the agent's node.
    queue, power, limit: of the target, which is the node itself if local.
    arrivals: tasks per second that clients are expected to send to the target: the rate times
        the clients that reach it, 0 where its layer gets no tasks.
    send_seconds: of one task to the target, 0 if local, by documented noise.
    """
    utility, work, weights = terms.utility, terms.last_work, terms.weights
    wait = max(own_queue - 1.0, 0.0) * work / own_power
    if not local:
        wait += queue / power
    execution = work / power - work / own_power
    most = utility * weights.exec
    delay = (
        min(wait, utility * weights.queue)
        + min(send_seconds, utility * weights.comm)
        + max(min(execution, most), -most)
    )
    expected = queue + arrivals - power / work
    if not local:
        expected += 1.0
    expected = max(min(expected, limit), 0.0)
    overload = -terms.overload_weight * math.log10(max((limit - expected) / limit, FLOOR))
    return Reward(utility - (delay + overload), utility, delay, overload)


def baek2019(
    terms: Terms,
    own_queue: float,
    own_power: float,
    own_limit: float,
    own_arrivals: float,
    queue: float,
    power: float,
    limit: float,
    arrivals: float,
    distance_meters: float,
    kept: int,
    sent: int,
) -> Reward:
    """Document 002's reward of keeping some tasks and sending others to a neighbour.

    Args:
        own_queue … own_arrivals: of the agent's node.
        queue … arrivals: of the neighbour; if none is sent, whatever.
        arrivals: tasks per second that are expected from clients.
        kept, sent: numbers of tasks; not both 0.
    """
    work, count = terms.work, kept + sent
    waiting = own_queue * work / own_power
    wait = (waiting if kept else 0.0) + (waiting + queue * work / power if sent else 0.0)
    send = 0.0
    if sent and distance_meters > 0:
        send = 2.0 * terms.size_bytes * BITS * sent / baek2019_rate(terms, distance_meters)
    execution = work * (kept / own_power + (sent / power if sent else 0.0))
    weights = terms.weights
    delay = (weights.queue * wait + weights.comm * send + weights.exec * execution) / count
    risk = kept * _risk(own_queue, own_limit, own_power / work, own_arrivals, kept)
    if sent:
        risk += sent * _risk(queue, limit, power / work, arrivals, sent)
    overload = terms.overload_weight * risk / count
    utility = terms.utility * math.log1p(count)
    return Reward(utility - (delay + overload), utility, delay, overload)


def baek2019_rate(terms: Terms, distance_meters: float) -> float:
    """Bits per second over a channel that fades with a power of the distance."""
    gain = terms.path_loss_constant * distance_meters**-terms.path_loss_exponent
    received = gain * 10.0 ** (terms.power_dbm / 10.0)
    ratio = received / (terms.bandwidth_hertz * NOISE_DENSITY_MILLIWATTS)
    return max(terms.bandwidth_hertz * math.log1p(ratio) / math.log(2.0), 1e-9)


def _risk(queue: float, limit: float, rate: float, arrivals: float, more: int) -> float:
    """The share of the arrivals expected that would not fit any more."""
    if arrivals <= 0:
        return 0.0
    expected = min(max(0.0, queue - rate) + more, limit)
    return max(0.0, arrivals - (limit - expected)) / arrivals
