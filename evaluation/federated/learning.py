"""Nodes in virtual time that learn to shape, each alone or in rounds with the others.

A node plays an episode of its own traffic, then a round is closed: by the very objects that a live
coordinator and its sites have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evaluation.federated.traffic import NODES, drawn
from evaluation.shaping.adapting import AdaptedCast
from evaluation.shaping.records import CLIENTS, INTERACTIVE
from load_balancer.federation.memory import Memory, Model
from load_balancer.federation.rounds import Rounds
from load_balancer.shaping.agent_pool import CHECKPOINT_VERSION
from rl.federated.terms import Terms
from rl.shaping.agents import Conduct
from rl.vocabulary import JSON, Parameters

AGENT = "tabular"

LEARNING_SEEDS = 1_000_000
"""From which on the seeds of episodes lie that are learned from."""
SEEDS_APART = 10_000

Known: TypeAlias = dict[str, JSON]
"""What a node has learned, by agent."""

Poison: TypeAlias = Callable[[Known], Known]
"""What a site offers instead of what it has learned."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How nodes learn.

    Attributes:
        explore: share of the choices that are tried to learn from.
        prior: weight of what agents are born knowing, as in ``Conduct``.
    """

    explore: float = 0.3
    prior: float = 1.0


USUAL = Manner()


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of one.

    Attributes:
        known: afterwards.
        reward: mean of all clients and intervals.
        missed: share of the intervals in which the interactive client's target was missed.
        completed: requests of all clients.
    """

    known: Known
    reward: float
    missed: float
    completed: int


def play(
    node: str, seed: int, known: Known | None, learns: bool, manner: Manner = USUAL
) -> Episode:
    """One episode of a node's traffic.

    Args:
        known: by the agents, at its beginning; None knows nothing but what agents are born with.
        learns: else the agents do what looks best, and learn nothing.
    """
    scenario, rules = drawn(node, seed)
    checkpoint: Parameters = {"version": CHECKPOINT_VERSION, "agents": dict(known or {})}
    epsilon = manner.explore if learns else 0.0
    conduct = Conduct(
        explore_most=epsilon, explore_least=epsilon, explore_decay=1.0, prior=manner.prior
    )
    adapted = AdaptedCast(scenario, rules, seed, AGENT, checkpoint, conduct, guard=False, keep=True)
    agents = adapted.agents
    if not learns:
        for name in CLIENTS:
            agents.freeze(name)
    adapted.run(scenario.seconds)
    rewards = [each.reward for name in CLIENTS for each in adapted.decided[name]]
    interactive = agents.state(INTERACTIVE)
    return Episode(
        {f"rule:{name}": agents.agents()[f"client:{name}"].parameters() for name in CLIENTS},
        sum(rewards) / len(rewards),
        interactive.violated / max(1, interactive.intervals),
        sum(asked.status < 400 for asked, _ in adapted.cast.ended),
    )


def learning_seed(seed: int, episode: int) -> int:
    """Of an episode that is learned from: the same alone and together."""
    return LEARNING_SEEDS + seed * SEEDS_APART + episode


def alone(node: str, seed: int, episodes: Sequence[int], manner: Manner = USUAL) -> list[Known]:
    """A node that knows only its own traffic; what it knows after so many episodes each."""
    known: Known | None = None
    found = []
    for episode in range(max(episodes)):
        known = play(node, learning_seed(seed, episode), known, True, manner).known
        if episode + 1 in episodes:
            found.append(known)
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
    sites = list(NODES)
    own = sites[0]
    others = [*sites[1:], *(["poisoned"] if poison else [])]
    rounds = Rounds("virtual", own, others, 1, terms, random.Random(seed), lambda name: None)
    memories = {site: Memory(site, lambda name: None) for site in sites}
    known: dict[str, Known] = {}
    for episode in range(episodes):
        for site in sites:
            played = play(site, learning_seed(seed, episode), known.get(site), True, manner)
            known[site] = played.known
            id = memories[site].offer(played.known)
            rounds.receive(site, rounds.run, rounds.round, id, rounds.examine(played.known))
        if poison is not None:
            bad = rounds.examine(poison(known[own]))
            rounds.receive("poisoned", rounds.run, rounds.round, str(episode), bad)
        work = rounds.close()
        assert work is not None
        outcome = work.done()
        rounds.finish(work, outcome)
        whole: Known = {name: each.parameters for name, each in outcome.merged.items()}
        for site in sites:
            included = rounds.sites[site].included
            model = Model(rounds.run, rounds.round, whole, included)
            known[site] = memories[site].join(model, known[site]).parameters
            memories[site].begin(model)
    return known


def turned_round(known: Known) -> Known:
    """Poison that no check of its form can find: every value's sign is turned, a hundredfold, and
    much experience is claimed."""
    found: Known = {}
    for name, parameters in known.items():
        assert isinstance(parameters, dict)
        states = parameters["states"]
        assert isinstance(states, list)
        found[name] = {
            **parameters,
            "experience": 10**9,
            "states": [_turned(state) for state in states],
        }
    return found


def _turned(state: JSON) -> JSON:
    assert isinstance(state, dict)
    values, visits = state["values"], state["visits"]
    assert isinstance(values, list) and isinstance(visits, list)
    turned: list[JSON] = [-100.0 * float(str(value)) for value in values]
    return {**state, "values": turned, "visits": [10**8] * len(visits)}
