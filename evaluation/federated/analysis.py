"""From tries to what may be said: each arm against the node alone, paired by seed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.federated.study import ALONE, Tried, seeds_of
from evaluation.metrics_analyzer import Estimate
from evaluation.network.analysis import over_seeds

ALL_NODES = "all"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a try.

    Attributes:
        name: of the field of Tried.
        title: for a reader.
        percent: it is a share.
    """

    name: str
    title: str
    percent: bool = False


MEASURES = (
    Measure("reward", "reward"),
    Measure("missed", "interactive target missed", percent=True),
    Measure("completed", "completed"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One arm of one node, or of all.

    Attributes:
        values: means over traffic that was not seen, over the seeds; by measure.
        differences: the same minus that of the node alone, paired; none for that itself.
    """

    arm: str
    node: str
    values: dict[str, Estimate]
    differences: dict[str, Estimate]


def analyze(tried: Sequence[Tried]) -> list[Row]:
    """Arms in the order in which they were tried; of each all nodes, then each of them."""
    arms = list(dict.fromkeys(each.arm for each in tried))
    nodes = [ALL_NODES, *dict.fromkeys(each.node for each in tried)]
    rows = []
    for arm in arms:
        for node in nodes:
            values, differences = {}, {}
            for measure in MEASURES:
                mine = by_seed(tried, arm, node, measure.name)
                theirs = by_seed(tried, ALONE, node, measure.name)
                values[measure.name] = over_seeds(list(mine.values()))
                shared = [seed for seed in mine if seed in theirs]
                if arm != ALONE and shared:
                    differences[measure.name] = over_seeds(
                        [mine[seed] - theirs[seed] for seed in shared]
                    )
            rows.append(Row(arm, node, values, differences))
    return rows


def by_seed(tried: Sequence[Tried], arm: str, node: str, measure: str) -> dict[int, float]:
    """The mean of a seed's tries: a seed is what is independent, and nothing smaller."""
    found = {}
    for seed in seeds_of(tried):
        values = [
            float(getattr(each, measure))
            for each in tried
            if (each.arm, each.seed) == (arm, seed) and node in (ALL_NODES, each.node)
        ]
        if values:
            found[seed] = sum(values) / len(values)
    return found
