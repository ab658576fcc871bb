"""Does it help to learn together? Nodes that took part in rounds against the same nodes alone, on
traffic that each has not seen, paired by seed."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from evaluation.federated.learning import alone, together, turned_round
from evaluation.federated.sites import USUAL, Episode, Known, Manner, begun, play
from evaluation.federated.traffic import NODES
from evaluation.progress import Steps
from evaluation.workers import played
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
        reward, missed, missed_any, completed: of the episode, as ``evaluation.federated.sites`` has
            them.
    """

    arm: str
    seed: int
    node: str
    tried_on: str
    run: int
    reward: float
    missed: float
    missed_any: float
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
    def arms(self) -> list[str]:
        """In the order in which they are told of."""
        poisoned = POISONED if self.poisoned else ()
        return [*ARMS, *([LONGER] if self.longer else []), *poisoned]


Task: TypeAlias = tuple[Plan, int, str]
"""A seed's arm; that of the nodes alone has those of more episodes as well."""


def tasks(plan: Plan) -> list[Task]:
    """All that there is to do, seed by seed."""
    return [(plan, seed, arm) for seed in plan.seeds for arm in plan.arms if arm != LONGER]


def compare(
    plan: Plan, progress: Steps | None = None, workers: int | None = 1
) -> Generator[list[Tried], None, None]:
    """Everything, as it gets ready. Whoever stops listening ends it all.

    Args:
        workers: processes; as many as there are cores if None.

    Raises:
        TrainingError: PyTorch is missing.
    """
    with closing(played(_played, tasks(plan), workers, progress, _name)) as done:
        yield from done


def _name(tried: Sequence[Tried]) -> str:
    return f"{tried[0].arm}, seed {tried[0].seed}"


def _played(task: Task) -> list[Tried]:
    plan, seed, arm = task
    manner = plan.manner
    if arm == UNTRAINED:
        known = dict.fromkeys(NODES, begun(seed, manner))
    elif arm == TOGETHER:
        known = together(seed, plan.episodes, Terms(), manner=manner)
    elif arm in POISONED:
        known = together(seed, plan.episodes, POISONED[arm], turned_round, manner)
    else:
        return _apart(plan, seed)
    return list(_tried(arm, seed, known, manner))


def _apart(plan: Plan, seed: int) -> list[Tried]:
    arms = {ALONE: plan.episodes, **({LONGER: 3 * plan.episodes} if plan.longer else {})}
    learned = {node: alone(node, seed, list(arms.values()), plan.manner) for node in NODES}
    found: list[Tried] = []
    for place, arm in enumerate(arms):
        known = {node: after[place] for node, after in learned.items()}
        found.extend(_tried(arm, seed, known, plan.manner))
    return found


def _tried(arm: str, seed: int, known: dict[str, Known], manner: Manner) -> Iterator[Tried]:
    # Nodes that know the same do the same: in rounds all do, and untrained ones.
    done: dict[tuple[str, int], list[tuple[Known, Episode]]] = {}
    for node, mine in known.items():
        for tried_on in NODES:
            if tried_on == node:
                continue
            for run in range(RUNS):
                before = done.setdefault((tried_on, run), [])
                found = next((episode for each, episode in before if each == mine), None)
                if found is None:
                    found = play(tried_on, RUNS * seed + run, mine, False, manner)
                    before.append((mine, found))
                yield Tried(
                    arm,
                    seed,
                    node,
                    tried_on,
                    run,
                    found.reward,
                    found.missed,
                    found.missed_any,
                    found.completed,
                )


def ordered(tried: Sequence[Tried], plan: Plan) -> list[Tried]:
    """As if all had been done one by one."""
    arms = plan.arms
    return sorted(tried, key=lambda each: (each.seed, arms.index(each.arm)))


def seeds_of(tried: Sequence[Tried]) -> list[int]:
    """In their order."""
    return list(dict.fromkeys(each.seed for each in tried))
