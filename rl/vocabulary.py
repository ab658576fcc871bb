"""The words that every room shares: what a policy sees, what it answers, and what came of it.

    Observation --select--> Decision --(the request runs)--> Outcome --reward--> Transition
                                                                                     |
    Policy <-------------------------------observe------------------------------------

Knows neither sockets nor clocks: time arrives as ``now``, monotonic seconds. Latency is in seconds,
sizes in bytes. The records of the hot path are slotted classes that nobody changes once they are
made; a frozen dataclass costs several times as much to build and a request builds four of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol, TypeAlias, runtime_checkable

from rl.encoding import request_class
from rl.endpoint import Endpoint as Endpoint
from rl.endpoint import EndpointStats as EndpointStats

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
"""Plain data, as ``json.loads`` gives it: the form of everything that a learner stores."""

Parameters: TypeAlias = dict[str, JSON]


class RequestContext:
    """What a policy may know of a request. Made once a request, never changed.

    Attributes:
        client: who asks; the peer address by default.
        domain: the Host field without its port, lower case.
        method: as sent.
        path: the request target's path and query, as sent.
        affinity_key: what repeats should be kept together by; the path by default.
        hops: proxies passed before this one, from ``Via``.
        size: bytes of the request body if it was announced, else 0.
        header_values: of the fields that request classes may be told by, as configured; "" for one
            that is absent, and no more of each than its first 64 characters.
    """

    __slots__ = (
        "_request_class",
        "affinity_key",
        "client",
        "domain",
        "header_values",
        "hops",
        "method",
        "path",
        "size",
    )

    def __init__(
        self,
        method: str = "GET",
        path: str = "/",
        domain: str = "",
        client: str = "",
        hops: int = 0,
        size: int = 0,
        affinity_key: str | None = None,
        header_values: tuple[str, ...] = (),
    ) -> None:
        self.method = method
        self.path = path
        self.domain = domain
        self.client = client
        self.hops = hops
        self.size = size
        self.affinity_key = path if affinity_key is None else affinity_key
        self.header_values = header_values
        self._request_class: str | None = None

    @property
    def request_class(self) -> str:
        """Method and route template (``GET /report/{n}``), worked out when first asked for."""
        if self._request_class is None:
            self._request_class = request_class(self.method, self.path)
        return self._request_class


class Observation:
    """What a policy decides from.

    Attributes:
        request: the request to place.
        candidates: the endpoints that may take it, at least one; a view that the policy must not
            change. It is the same object as long as its members are the same, so a policy may keep
            it to tell by identity that nothing has changed.
        now: monotonic seconds.
    """

    __slots__ = ("candidates", "now", "request")

    def __init__(
        self, request: RequestContext, candidates: Sequence[EndpointStats], now: float
    ) -> None:
        self.request = request
        self.candidates = candidates
        self.now = now


class Decision:
    """A policy's answer. It travels with its request and comes back with what became of it.

    Attributes:
        index: into the observation's candidates.
        propensity: the probability with which this policy gave this index, in (0, 1].
        value: cost-to-go that the node advertises for it, in the unit of the reward.
        explored: chosen to learn rather than because it looked best.
        memo: whatever the policy must remember of this choice; nobody else looks inside.
    """

    __slots__ = ("explored", "index", "memo", "propensity", "value")

    def __init__(
        self,
        index: int,
        propensity: float = 1.0,
        value: float = 0.0,
        explored: bool = False,
        memo: Any = None,
    ) -> None:
        self.index = index
        self.propensity = propensity
        self.value = value
        self.explored = explored
        self.memo = memo


class Verdict(Enum):
    """How a request ended, as far as the endpoint is answerable for it."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    """The client went away, our own refusal, our own cache: teaches nothing."""


class Outcome:
    """What came of one attempt.

    Attributes:
        verdict: see Verdict.
        latency: seconds from the routing decision to the answer's first byte; for a failure, to
            the moment that it was noticed.
        status: HTTP status of the endpoint's answer; 0 if none came.
        upstream_value: the ``Q`` that a trusted next node sent, in the reward's unit; else None.
        upstream_reward: its ``QReward``; else None.
    """

    __slots__ = ("latency", "status", "upstream_reward", "upstream_value", "verdict")

    def __init__(
        self,
        verdict: Verdict,
        latency: float,
        status: int = 0,
        upstream_value: float | None = None,
        upstream_reward: float | None = None,
    ) -> None:
        self.verdict = verdict
        self.latency = latency
        self.status = status
        self.upstream_value = upstream_value
        self.upstream_reward = upstream_reward


class Transition:
    """One completed decision, as a policy learns from it. Never made from IGNORED.

    Attributes:
        endpoint: the stats of the endpoint that was used, after this completion.
        observation: what can be seen at the completion (the next state); its request is the
            completed one, its candidates may differ from those of the decision.
        decision: the very object that ``select`` returned.
        outcome: what came of it.
        reward: by the node's reward function.
        next_value: the value that the next node advertised for the rest of the way; None at the
            end of a chain, where a policy that bootstraps looks at ``observation`` itself.
    """

    __slots__ = ("decision", "endpoint", "next_value", "observation", "outcome", "reward")

    def __init__(
        self,
        endpoint: EndpointStats,
        observation: Observation,
        decision: Decision,
        outcome: Outcome,
        reward: float,
        next_value: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.observation = observation
        self.decision = decision
        self.outcome = outcome
        self.reward = reward
        self.next_value = next_value


class Event(Enum):
    """What a proxy node did with a request, in document 000's words."""

    END_POINT = "EndPoint"
    """It had the answer from an origin."""
    CACHE_HIT = "CacheHit"
    MIDWAY = "MidWay"
    """It had the answer from another proxy node."""
    NO_SERVICE = "NoService"
    """It refused: too much load, or no way to that domain."""


class Reward(Protocol):
    """What a node pays, and realises.

    Attributes:
        scale: reward units per unit on the wire, which is the second for ``latency``.
    """

    @property
    def scale(self) -> float:
        """See the attributes."""
        ...

    def __call__(self, outcome: Outcome) -> float:
        """What teaches the policy. Asked for SUCCESS and FAILURE only, never for IGNORED."""
        ...

    def realised(self, event: Event, elapsed: float, load: float) -> float:
        """What this node tells the node before it.

        Args:
            elapsed: seconds from the request's arrival to the head of its answer.
            load: this node's own, between 0 and 100.
        """
        ...


def learn_nothing(policy: object, transition: Transition) -> None:
    """The ``observe`` of a policy that nothing teaches. The node knows it and spares the call."""


class Policy(Protocol):
    """Decides, and is told what came of it. Both synchronous, neither does I/O."""

    def select(self, observation: Observation) -> Decision:
        """The endpoint for this request. Changes nothing that the observation holds."""
        ...

    def observe(self, transition: Transition) -> None:
        """Learn from one completed decision in O(1)."""
        ...


@runtime_checkable
class Learner(Policy, Protocol):
    """A policy whose knowledge can be stored, shipped and merged."""

    def parameters(self) -> Parameters:
        """All that was learned, as plain JSON-able data with a ``version``."""
        ...

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Take up what ``parameters`` gave.

        Raises:
            ValueError: the data are of another version or malformed; nothing was changed.
        """
        ...


@runtime_checkable
class Advertising(Policy, Protocol):
    """A policy whose node can tell the node before it what a domain is worth here."""

    def advertised(self, transition: Transition) -> float:
        """The value of the best choice for that request's domain as it will be once ``transition``
        is learned, in the unit of the reward; changes nothing.

        The head of an answer goes down before its body has ended, and only the end teaches.
        """
        ...


@runtime_checkable
class Explainable(Protocol):
    """A policy that can show its knowledge to a person."""

    def table(self) -> list[dict[str, JSON]]:
        """Rows of plain data, most used first; what ``GET /q`` prints."""
        ...


@runtime_checkable
class Explaining(Policy, Protocol):
    """A policy that can give the reasons of a decision to a person."""

    def explain(self, observation: Observation) -> list[dict[str, JSON]]:
        """A row for each candidate, in their order: its ``endpoint``, whether it is ``chosen``, and
        what speaks for and against it. It is what ``select`` would decide without its dice; asking
        changes nothing of what ``select`` will decide.
        """
        ...


@runtime_checkable
class Prober(Policy, Protocol):
    """A policy that asks endpoints how they are, beside the requests it places (Prequal)."""

    def probes(self, candidates: Sequence[EndpointStats], now: float) -> Sequence[EndpointStats]:
        """Whom to ask now that one more request was placed; mostly few, often nobody."""
        ...

    def probed(self, stats: EndpointStats, active: int, latency: float, now: float) -> None:
        """An answer has come.

        Args:
            active: requests that the endpoint says it is working on.
            latency: seconds that it expects one more to take.
        """
        ...


@runtime_checkable
class Improvable(Protocol):
    """A policy with work too long for ``observe``: gradient steps, periodic fits."""

    def improve(self) -> None:
        """Runs off the event loop; swaps new parameters in by one assignment."""
        ...
