"""Who takes part in a virtual network, as the network sees it, and one request's way through it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from rl.simulation.loads import Load
from rl.simulation.service import ServiceBehaviour, Slots
from rl.vocabulary import Decision, EndpointStats, Outcome, RequestContext

Told: TypeAlias = tuple[float, float] | None
"""What an answer says of the way: ``Q`` and ``QReward`` in the reward's unit; None if nothing."""

OK = 200


class Attempt(Protocol):
    """One try at one endpoint, as the node made it."""

    stats: EndpointStats
    decision: Decision
    started: float


AttemptT = TypeVar("AttemptT", bound=Attempt)


class Routing(Protocol[AttemptT]):
    """The part of a node that a network drives."""

    def declines(self) -> bool: ...

    def route(
        self, context: RequestContext, request_id: str, now: float, tried: Collection[str] = ()
    ) -> AttemptT | None: ...

    def answered(self, attempt: AttemptT, outcome: Outcome, now: float) -> Told: ...

    def hit(self, elapsed: float) -> Told: ...

    def refused(self, elapsed: float) -> Told: ...

    def complete(self, attempt: AttemptT, outcome: Outcome, now: float) -> None: ...


class Store(Protocol):
    """A node's cache."""

    def holds(self, domain: str, path: str, now: float) -> bool:
        """Whether it can answer this; a use of what it holds."""
        ...

    def keep(self, domain: str, path: str, requested_at: float, now: float) -> None:
        """An answer has come by."""
        ...


class Site(Generic[AttemptT]):
    """A node with all that it needs to take part.

    Attributes:
        behaviour: how long it works on each request; None for no time at all.
        slots: who waits for whom while it does.
        tries: how many next hops it asks for one request at the most.
    """

    __slots__ = ("behaviour", "level", "load", "name", "routing", "slots", "store", "tries")

    def __init__(
        self,
        name: str,
        level: int,
        routing: Routing[AttemptT],
        load: Load,
        store: Store | None = None,
        behaviour: ServiceBehaviour | None = None,
        tries: int = 1,
    ) -> None:
        self.name = name
        self.level = level
        self.routing = routing
        self.load = load
        self.store = store
        self.behaviour = behaviour
        self.slots: Slots[Journey] | None = None
        if behaviour is not None:
            self.slots = Slots(behaviour.profile.slots, behaviour.profile.queue_limit)
        self.tries = tries


class Stop:
    """A node on a request's way that waits for its answer."""

    __slots__ = ("admitted", "arrived_at", "attempt", "site", "tried")

    def __init__(self, site: Site[Any], arrived_at: float) -> None:
        self.site = site
        self.arrived_at = arrived_at
        self.admitted = False
        self.attempt: Any = None
        self.tried: tuple[str, ...] = ()


class Journey:
    """One request, from the client to wherever it gets and back.

    Attributes:
        way: names of the nodes that took it, in order.
        steps: the same as document 000 prints it: ``*`` after a node that explored, ``+`` after one
            that had it in its cache.
        rewards: realised on the way, by the nodes in the order of their answers.
        hit_level: level of the node whose cache had it; None if none had.
        told: what the client is told of the way.
        seconds: from the asking to the answer, once there is one.
    """

    __slots__ = (
        "asked_at",
        "context",
        "hit_level",
        "number",
        "rewards",
        "seconds",
        "status",
        "steps",
        "stops",
        "told",
        "way",
    )

    def __init__(self, number: int, context: RequestContext, asked_at: float) -> None:
        self.number = number
        self.context = context
        self.asked_at = asked_at
        self.way: list[str] = []
        self.steps: list[str] = []
        self.stops: list[Stop] = []
        self.rewards: list[float] = []
        self.hit_level: int | None = None
        self.status = 0
        self.told: Told = None
        self.seconds = 0.0

    @property
    def success(self) -> bool:
        return self.status == OK

    def trajectory(self) -> str:
        """As document 000 prints it."""
        steps = "".join(f"{step}>" for step in self.steps)
        return f"{steps}{'*' if self.success else 'X'}  {self.context.domain}"
