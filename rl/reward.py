"""From an outcome to a reward, by name; and what a node tells the node before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from rl.vocabulary import Event, Outcome, Reward, Verdict

Name: TypeAlias = Literal["latency", "proxy_network"]


@dataclass(frozen=True, slots=True)
class RewardParameters:
    """Which reward a node pays.

    Attributes:
        name: ``latency``: minus the seconds to the first byte, times ``scale``, without those that
            the next proxy node answers for. ``proxy_network``: document 000's, where the next node
            says what it realised.
        scale: of ``latency``: reward units per second; 100 is document 003's "minus milliseconds
            over ten".
        failure_penalty: of ``latency``: the reward of a failure, whatever its latency.
        end_point, cache_hit, no_service: of ``proxy_network``: what these events are worth; one
            midway costs the node's load.
    """

    name: Name = "latency"
    scale: float = 100.0
    failure_penalty: float = -1000.0
    end_point: float = 500.0
    cache_hit: float = 500.0
    no_service: float = -500.0

    def __post_init__(self) -> None:
        if self.name not in get_args(Name):
            raise ValueError(f"name must be one of {', '.join(get_args(Name))}, not {self.name!r}")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be a finite number above 0, not {self.scale}")
        for key in ("failure_penalty", "no_service"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value <= 0):
                raise ValueError(f"{key} must be a finite number, at most 0, not {value}")
        for key in ("end_point", "cache_hit"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{key} must be a finite number, 0 or more, not {value}")


def build(parameters: RewardParameters) -> Reward:
    """The reward that ``parameters`` name."""
    return _Latency(parameters) if parameters.name == "latency" else _ProxyNetwork(parameters)


class _Latency:
    """Seconds, negative. Every second is paid for once: what a node in the middle of the way says
    it took is in its ``Q`` already, as the mean of what it usually takes. Where the way ends (a
    ``Q`` of 0) nobody else pays, so the whole latency counts."""

    __slots__ = ("_penalty", "scale")

    def __init__(self, parameters: RewardParameters) -> None:
        self.scale = parameters.scale
        self._penalty = parameters.failure_penalty

    def __call__(self, outcome: Outcome) -> float:
        value = outcome.upstream_value
        told = outcome.upstream_reward
        latency = outcome.latency
        if outcome.verdict is Verdict.FAILURE:
            # A failure's own latency must not count: a server that refuses at once would look fast.
            # But a node that only passed a failure on has learned of it itself. One of these that
            # knows a way untried also says 0; unlike one that refuses it took what it says it took.
            if value is None or told is None:
                return self._penalty
            if value == 0.0 and (told <= self._penalty or -told > self.scale * latency):
                return self._penalty
        if value is None or told is None:
            return -self.scale * latency
        if value == 0.0:
            # A refusal may bear a status that is no failure.
            return min(-self.scale * latency, told)
        return min(0.0, -self.scale * latency - told)

    def realised(self, event: Event, elapsed: float, load: float) -> float:
        return self._penalty if event is Event.NO_SERVICE else -self.scale * elapsed


class _ProxyNetwork:
    """Document 000's: the next node says what it realised; an origin says nothing and is worth the
    end of the way."""

    __slots__ = ("_worth", "scale")

    def __init__(self, parameters: RewardParameters) -> None:
        self.scale = 1.0
        self._worth = {
            Event.END_POINT: parameters.end_point,
            Event.CACHE_HIT: parameters.cache_hit,
            Event.NO_SERVICE: parameters.no_service,
        }

    def __call__(self, outcome: Outcome) -> float:
        if outcome.upstream_reward is not None:
            return outcome.upstream_reward
        failed = outcome.verdict is Verdict.FAILURE
        return self._worth[Event.NO_SERVICE if failed else Event.END_POINT]

    def realised(self, event: Event, elapsed: float, load: float) -> float:
        return -load if event is Event.MIDWAY else self._worth[event]
