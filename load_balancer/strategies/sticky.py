"""Stickiness: repeats go where the first one went, under another policy and never around it.

A ``Sticky`` is a policy that holds another one. For each request a pin says which candidate it
belongs to, or that it belongs to none. If it belongs to one, the policy inside is asked all the
same, with that candidate as its only one, so that what comes of the request is observed for a
decision that the policy inside has made itself: it learns from every outcome and never meets a
decision of somebody else's. A pinned decision is certain given its request, so its propensity is 1.
If it belongs to none (no key, no cookie, or the cookie's endpoint is no candidate) the policy
inside decides among all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from config.endpoints import Stickiness
from load_balancer.strategies.rendezvous import Rendezvous, with_room
from rl.vocabulary import (
    JSON,
    Advertising,
    Decision,
    EndpointStats,
    Explaining,
    Observation,
    Policy,
    RequestContext,
    Transition,
    learn_nothing,
)

Pin: TypeAlias = Callable[[RequestContext, Sequence[EndpointStats]], int | None]
"""The index of the candidate that a request belongs to, if it belongs to any."""

BESIDES = ("parameters", "load", "merged", "table", "improve", "probes", "probed")
"""What some policies can do besides: learners, and those that explain or improve themselves or
probe."""


class Pinned:
    """The memo of a pinned decision: the one that the policy inside made."""

    __slots__ = ("decision",)

    def __init__(self, decision: Decision) -> None:
        self.decision = decision


class Sticky:
    """See the module's text. It can do besides whatever the policy inside can."""

    def __init__(self, inner: Policy, pin: Pin) -> None:
        self._inner = inner
        self._pin = pin
        self._alone: dict[str, list[EndpointStats]] = {}
        _pass_on(self, inner)
        if isinstance(inner, Advertising):
            advertised = inner.advertised
            self.advertised = lambda transition: advertised(_of_inner(transition))
        if isinstance(inner, Explaining):
            self.explain = partial(explained, inner, pin)

    def select(self, observation: Observation) -> Decision:
        candidates = observation.candidates
        request = observation.request
        index = self._pin(request, candidates)
        if index is None:
            return self._inner.select(observation)
        only = self._only(candidates[index], len(candidates))
        inner = self._inner.select(Observation(request, only, observation.now))
        return Decision(index, 1.0, inner.value, False, Pinned(inner))

    def observe(self, transition: Transition) -> None:
        self._inner.observe(_of_inner(transition))

    def _only(self, stats: EndpointStats, size: int) -> list[EndpointStats]:
        """A list of one, the same object as long as it is the same endpoint."""
        only = self._alone.get(stats.id)
        if only is None or only[0] is not stats:
            if len(self._alone) > 2 * size + 16:
                self._alone.clear()
            only = self._alone[stats.id] = [stats]
        return only


def _pass_on(around: Sticky | StickyUnlearned, inner: Policy) -> None:
    for name in BESIDES:
        if hasattr(inner, name):
            setattr(around, name, getattr(inner, name))


def explained(inner: Explaining, pin: Pin, observation: Observation) -> list[dict[str, JSON]]:
    """The reasons of the policy inside, and the pin where it decides."""
    rows = inner.explain(observation)
    pinned = pin(observation.request, observation.candidates)
    if pinned is not None:
        for index, row in enumerate(rows):
            row["pinned"] = row["chosen"] = index == pinned
    return rows


def _of_inner(transition: Transition) -> Transition:
    """As the policy inside made its decision."""
    memo = transition.decision.memo
    if type(memo) is not Pinned:
        return transition
    return Transition(
        transition.endpoint,
        transition.observation,
        memo.decision,
        transition.outcome,
        transition.reward,
        transition.next_value,
    )


class StickyUnlearned:
    """The same around a policy that nothing teaches: a pinned request does not concern it."""

    def __init__(self, inner: Policy, pin: Pin) -> None:
        self._inner = inner
        self._pin = pin
        _pass_on(self, inner)

    def select(self, observation: Observation) -> Decision:
        index = self._pin(observation.request, observation.candidates)
        return self._inner.select(observation) if index is None else Decision(index)

    observe = learn_nothing


class ByHash:
    """By a text of the request: its rendezvous choice, or the next one with room."""

    def __init__(
        self, key: Callable[[RequestContext], str], factor: float, free: int, remembered: int
    ) -> None:
        self._key = key
        self._factor = factor
        self._free = free
        self._rendezvous = Rendezvous(remembered)

    def __call__(self, request: RequestContext, candidates: Sequence[EndpointStats]) -> int | None:
        key = self._key(request)
        if not key:
            return None
        index = self._rendezvous.first(key, candidates)
        if candidates[index].in_flight < self._free:
            return index
        ranking = self._rendezvous.ranked(key, candidates)
        return with_room(ranking, candidates, self._factor, self._free)


class ByToken:
    """By the token of an endpoint, which the request's affinity key holds if it holds any."""

    def __init__(self, token: Callable[[str], str]) -> None:
        self._token = token
        self._candidates: Sequence[EndpointStats] = ()
        self._index: dict[str, int] = {}

    def __call__(self, request: RequestContext, candidates: Sequence[EndpointStats]) -> int | None:
        key = request.affinity_key
        if not key:
            return None
        if candidates is not self._candidates:
            self._candidates = candidates
            token = self._token
            self._index = {token(each.id): index for index, each in enumerate(candidates)}
        return self._index.get(key)


def path_of(request: RequestContext) -> str:
    """Its path without the query."""
    return request.path.partition("?")[0]


def client_of(request: RequestContext) -> str:
    """Its client's address."""
    return request.client


def field_of(request: RequestContext) -> str:
    """What the data path read from the configured field; "" without one."""
    return request.affinity_key


def sticky(policy: Policy, settings: Stickiness, token: Callable[[str], str]) -> Policy:
    """The policy with the stickiness that is configured around it, if any is.

    Args:
        token: that of an endpoint, by its id.
    """
    pin: Pin
    match settings.kind:
        case "none":
            return policy
        case "cookie":
            pin = ByToken(token)
        case kind:
            key = {"header": field_of, "uri": path_of, "client": client_of}[kind]
            pin = ByHash(
                key, settings.load_factor, settings.free_in_flight, settings.remembered_keys
            )
    if getattr(type(policy), "observe", None) is learn_nothing:
        return StickyUnlearned(policy, pin)
    return Sticky(policy, pin)
