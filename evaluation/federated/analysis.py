"""From tries to what may be said: each arm against the node alone, paired by seed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.federated.study import ALONE, LONGER, POISONED, TOGETHER, Tried, seeds_of
from evaluation.seeds import Measure, Statistics, statistics

ALL_NODES = "all"
MEASURES = (
    Measure("reward", "reward", more_is_better=True, digits=3),
    Measure("missed", "interactive target missed", percent=True, more_is_better=False),
    Measure("missed_any", "any client's target missed", percent=True, more_is_better=False),
    Measure("completed", "completed", more_is_better=True, digits=0),
)
"""Their names are those of the fields of ``Tried``."""


def analyze(tried: Sequence[Tried], reference: str = ALONE) -> dict[str, list[Statistics]]:
    """Of all nodes and of each one the arms, in the order in which they were tried: over traffic
    that was not seen, against the arm that is the reference."""
    arms = dict.fromkeys(each.arm for each in tried)
    return {
        node: statistics(
            {arm: by_seed(tried, arm, node) for arm in arms},
            MEASURES,
            lambda measure, means: means[measure.name],
            reference,
        )
        for node in (ALL_NODES, *dict.fromkeys(each.node for each in tried))
    }


def against(tried: Sequence[Tried]) -> dict[str, dict[str, list[Statistics]]]:
    """The same by reference: nodes alone, those that were it for longer, and, where one lied,
    together without it."""
    arms = {each.arm for each in tried}
    wanted = {ALONE: True, LONGER: LONGER in arms, TOGETHER: bool(arms & POISONED.keys())}
    return {each: analyze(tried, each) for each, is_wanted in wanted.items() if is_wanted}


def by_seed(tried: Sequence[Tried], arm: str, node: str) -> dict[int, dict[str, float]]:
    """The means of a seed's tries: a seed is what is independent, and nothing smaller."""
    found = {}
    for seed in seeds_of(tried):
        own = [
            each
            for each in tried
            if (each.arm, each.seed) == (arm, seed) and node in (ALL_NODES, each.node)
        ]
        if own:
            found[seed] = {
                measure.name: sum(float(getattr(each, measure.name)) for each in own) / len(own)
                for measure in MEASURES
            }
    return found
