"""Does it help to learn together? Nodes that took part in rounds against the same nodes alone, on
traffic that each has not seen, paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evaluation.federated.learning import (
    USUAL,
    Known,
    Manner,
    alone,
    play,
    together,
    turned_round,
)
from evaluation.federated.traffic import NODES
from rl.federated.terms import Terms

UNTRAINED = "untrained"
ALONE = "alone"
LONGER = "alone, three times as long"
TOGETHER = "together"
UNGUARDED = "together, one poisoned, no bounds"
CLIPPED = "together, one poisoned, mean with bounds"
MEDIAN = "together, one poisoned, median"

ARMS = (UNTRAINED, ALONE, TOGETHER)
POISONED = {
    UNGUARDED: Terms(clip_ratio=None, most_share=1.0),
    CLIPPED: Terms(),
    MEDIAN: Terms(method="median", clip_ratio=None),
}
"""How rounds with a poisoned site are merged."""

RUNS = 2
"""Episodes of each traffic that a node is tried on."""


class Tried(NamedTuple):
    """A node on traffic that it has not learned from.

    Attributes:
        arm: how it has learned.
        node: whose daily traffic it knows, and whose it is ``tried_on``.
        reward, missed, completed: of the episode, as ``evaluation.federated.learning`` has them.
    """

    arm: str
    seed: int
    node: str
    tried_on: str
    run: int
    reward: float
    missed: float
    completed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared.

    Attributes:
        episodes: that each node learns from, and in which ``manner``.
        poisoned: try rounds with a poisoned site as well.
        longer: try nodes as well that were alone for three times as long.
    """

    seeds: tuple[int, ...]
    episodes: int = 6
    manner: Manner = USUAL
    poisoned: bool = False
    longer: bool = False

    @property
    def steps(self) -> int:
        """That ``compare`` tells of."""
        arms = len(ARMS) + self.longer + (len(POISONED) if self.poisoned else 0)
        return len(self.seeds) * arms


def compare(plan: Plan, step: Callable[[str], None] = lambda name: None) -> Iterator[Tried]:
    """Everything, seed by seed."""
    for seed in plan.seeds:
        lengths = (plan.episodes, 3 * plan.episodes) if plan.longer else (plan.episodes,)
        apart = {node: alone(node, seed, lengths, plan.manner) for node in NODES}
        once = {node: found[0] for node, found in apart.items()}
        longer = {node: found[-1] for node, found in apart.items()}
        arms: dict[str, Callable[[], dict[str, Known]]] = {
            UNTRAINED: lambda: {node: {} for node in NODES},
            ALONE: lambda once=once: once,  # type: ignore[misc]
            TOGETHER: lambda seed=seed: _together(plan, seed),  # type: ignore[misc]
        }
        if plan.longer:
            arms[LONGER] = lambda longer=longer: longer  # type: ignore[misc]
        if plan.poisoned:
            for arm, terms in POISONED.items():
                arms[arm] = lambda seed=seed, terms=terms: together(  # type: ignore[misc]
                    seed, plan.episodes, terms, turned_round, plan.manner
                )
        for arm, learned in arms.items():
            step(f"{arm}, seed {seed}")
            yield from _tried(arm, seed, learned(), plan.manner)


def _together(plan: Plan, seed: int) -> dict[str, Known]:
    return together(seed, plan.episodes, Terms(), manner=plan.manner)


def _tried(arm: str, seed: int, known: dict[str, Known], manner: Manner) -> Iterator[Tried]:
    # Nodes that know the same do the same: in rounds all do, and untrained ones.
    done: dict[tuple[str, int], list[tuple[Known, tuple[float, float, int]]]] = {}
    for node, mine in known.items():
        for tried_on in NODES:
            if tried_on == node:
                continue
            for run in range(RUNS):
                before = done.setdefault((tried_on, run), [])
                found = next((figures for each, figures in before if each == mine), None)
                if found is None:
                    episode = play(tried_on, RUNS * seed + run, mine, False, manner)
                    found = episode.reward, episode.missed, episode.completed
                    before.append((mine, found))
                yield Tried(arm, seed, node, tried_on, run, *found)


def seeds_of(tried: Sequence[Tried]) -> list[int]:
    """In their order."""
    return list(dict.fromkeys(each.seed for each in tried))
