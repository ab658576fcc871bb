"""Nodes in virtual time that learn to shape, each alone or in rounds with the others.

A node plays an episode of its own traffic, then a round is closed: by the very objects that a live
coordinator and its sites have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from evaluation.federated.sites import USUAL, Known, Manner, Site, site
from evaluation.federated.traffic import NODES
from load_balancer.federation.memory import Memory, Model
from load_balancer.federation.rounds import Rounds
from rl.federated.terms import Terms
from rl.vocabulary import JSON

LEARNING_SEEDS = 1_000_000
"""From which on the seeds of episodes lie that are learned from."""
SEEDS_APART = 10_000

LIAR = "poisoned"
LARGEST_LIE = 10_000.0
"""Of a number: what is far larger is refused before long."""
CLAIMED_VISITS = 10**8
CLAIMED_EXPERIENCE = 10**9

Poison: TypeAlias = Callable[[Known], Known]
"""What a site offers instead of what it has learned."""


def learning_seed(seed: int, episode: int) -> int:
    """Of an episode that is learned from: the same alone and together."""
    return LEARNING_SEEDS + seed * SEEDS_APART + episode


def alone(node: str, seed: int, episodes: Sequence[int], manner: Manner = USUAL) -> list[Known]:
    """A node that knows only its own traffic; what it knows after so many episodes each. After the
    first of these numbers no network explores more than the least."""
    learner = site(node, seed, manner)
    found = []
    for episode in range(max(episodes)):
        learner.learn(learning_seed(seed, episode), episode / episodes[0])
        if episode + 1 in episodes:
            found.append(learner.known)
    return found


def together(
    seed: int,
    episodes: int,
    terms: Terms,
    poison: Poison | None = None,
    manner: Manner = USUAL,
) -> dict[str, Known]:
    """All nodes, with a round after each episode; what each knows in the end. The first is the
    coordinator.

    Args:
        poison: one more site takes part, which offers this of what the first has learned.
    """
    sites = {node: site(node, seed, manner) for node in NODES}
    circle = _Circle(sites, seed, terms, poison)
    if all(each.known for each in sites.values()):
        circle.close()  # a base in common, from which on changes can be averaged
    for episode in range(episodes):
        for each in sites.values():
            each.learn(learning_seed(seed, episode), episode / episodes)
        circle.close()
    return {node: each.known for node, each in sites.items()}


class _Circle:
    """A coordinator and all sites, and no network between them."""

    def __init__(
        self, sites: Mapping[str, Site], seed: int, terms: Terms, poison: Poison | None
    ) -> None:
        self._sites = sites
        self._own, *others = sites
        self._poison = poison
        if poison is not None:
            others.append(LIAR)
        dice = random.Random(seed)
        self._rounds = Rounds("virtual", self._own, others, 1, terms, dice, lambda name: None)
        self._memories = {name: Memory(name, lambda name: None) for name in sites}

    def close(self) -> None:
        """A round: every site offers what it knows, and goes on from what all know."""
        rounds = self._rounds
        offers = {name: each.known for name, each in self._sites.items()}
        for name, known in offers.items():
            id = self._memories[name].offer(known)
            rounds.receive(name, rounds.run, rounds.round, id, rounds.examine(known))
        if self._poison is not None:
            bad = rounds.examine(self._poison(offers[self._own]))
            rounds.receive(LIAR, rounds.run, rounds.round, str(rounds.round), bad)
        work = rounds.close()
        assert work is not None
        outcome = work.done()
        rounds.finish(work, outcome)
        whole: Known = {name: each.parameters for name, each in outcome.merged.items()}
        for name, each in self._sites.items():
            memory = self._memories[name]
            model = Model(rounds.run, rounds.round, whole, rounds.sites[name].included)
            each.load(memory.join(model, offers[name]).parameters)
            memory.begin(model)


def turned_round(known: Known) -> Known:
    """Poison that no check of its form can find: every number's sign is turned, a hundredfold, and
    far more experience is claimed than anybody has, in every round anew."""
    found: Known = {}
    for name, parameters in known.items():
        assert isinstance(parameters, dict)
        lie = {**parameters, "experience": _number(parameters["experience"]) + CLAIMED_EXPERIENCE}
        for key in ("states", "arrays"):
            if key in parameters:
                lie[key] = _turned(parameters[key])
        found[name] = lie
    return found


def _turned(data: JSON, key: str = "") -> JSON:
    """Numbers of tables and networks, however deep they are."""
    if isinstance(data, dict):
        return {name: _turned(each, name) for name, each in data.items()}
    if isinstance(data, list):
        return data if key == "levels" else [_turned(each, key) for each in data]
    if key == "visits":
        return _number(data) + CLAIMED_VISITS
    assert isinstance(data, int | float)
    return max(-LARGEST_LIE, min(LARGEST_LIE, -100.0 * data))


def _number(data: JSON) -> int:
    assert isinstance(data, int)
    return data
