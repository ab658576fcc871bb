"""What an agent did in one step and what came of it, and how much that is worth by name.

The formulas are in ``rewards``; here they are given their numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

from rl.fog import rewards
from rl.fog.rewards import Terms
from rl.fog.settings import FogSettings
from rl.fog.world import World

RewardName: TypeAlias = Literal["documented", "sparse", "dense", "baek"]


class Deed:
    """One agent's step.

    Attributes:
        world: as it is after the step.
        agent, node: who; ``worker_3`` and 3.
        index: into the node's neighbours, as chosen; -1 if the agent was left out.
        idle: the agent was left out.
        valid: there is a neighbour of that index.
        target: the node or cloud of that index; the agent's own if there is none.
        moved: how many tasks it was about; 0 if there was none to decide about.
        seen: by index, the loads that the agent believed in when it chose, its own true.
        seen_after: the same after the step.
        completed_before: what ``completed`` was in the step before.
    """

    __slots__ = (
        "agent",
        "completed_before",
        "idle",
        "index",
        "moved",
        "node",
        "seen",
        "seen_after",
        "target",
        "valid",
        "world",
    )

    def __init__(
        self,
        world: World,
        agent: str,
        node: int,
        index: int,
        idle: bool,
        seen: Sequence[int],
    ) -> None:
        self.world = world
        self.agent = agent
        self.node = node
        self.index = index
        self.idle = idle
        self.seen = seen
        self.seen_after = seen
        self.moved = 0
        self.completed_before = 0
        neighbours = world.ground.neighbours[node]
        self.valid = 0 <= index < len(neighbours)
        self.target = neighbours[index] if self.valid else node

    @property
    def completed(self) -> int:
        """Tasks of applications that the node took, completed in this step."""
        return self.world.tallies.completed_lately[self.node]

    @property
    def dropped(self) -> int:
        """Tasks that were dropped at the node in this step."""
        return self.world.tallies.dropped_lately[self.node]


Pay: TypeAlias = Callable[[Deed], float]


def build(name: RewardName, settings: FogSettings) -> Pay:
    """The reward of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in get_args(RewardName):
        raise ValueError(f"reward must be one of {', '.join(get_args(RewardName))}, not {name!r}")
    terms = Terms.of(settings)
    formula = {
        "documented": _documented,
        "sparse": _sparse_told if settings.compat else _sparse,
        "dense": _dense,
        "baek": _baek,
    }[name]
    always = name == "sparse"
    # The original asks whether the queue was empty, and not whether a task was there to be moved.
    believing = name == "dense" and settings.compat

    def pay(deed: Deed) -> float:
        if not deed.idle and not deed.valid:
            return rewards.out_of_range(terms).total
        acted = always or deed.moved or (believing and not deed.idle and deed.seen[0] > 0)
        if not acted:
            return rewards.no_op(terms).total
        return formula(terms, deed).total

    return pay


def _sparse(terms: Terms, deed: Deed) -> rewards.Reward:
    return rewards.sparse(terms, deed.completed, deed.dropped)


def _sparse_told(terms: Terms, deed: Deed) -> rewards.Reward:
    """The original's client reads what was completed in the answer to its *next* action."""
    return rewards.sparse(terms, deed.completed_before, deed.dropped)


def _documented(terms: Terms, deed: Deed) -> rewards.Reward:
    world, node, target = deed.world, deed.node, deed.target
    local = deed.index == 0
    return rewards.documented(
        terms,
        deed.seen[0],
        world.speeds[node],
        deed.seen[deed.index],
        world.speeds[target],
        _limit(world, node, target),
        0.0 if local else world.ground.seconds(node, target, terms.size_bytes),
        local,
    )


def _dense(terms: Terms, deed: Deed) -> rewards.Reward:
    world, node, target = deed.world, deed.node, deed.target
    local = deed.index == 0
    return rewards.dense(
        terms,
        deed.seen[0],
        world.speeds[node],
        deed.seen[deed.index],
        world.speeds[target],
        _limit(world, node, target),
        _arrivals(world, target),
        0.0 if local else world.ground.seconds(node, target, terms.size_bytes),
        local,
    )


def _baek(terms: Terms, deed: Deed) -> rewards.Reward:
    world, node, target = deed.world, deed.node, deed.target
    local = deed.index == 0
    positions = world.ground.positions
    return rewards.baek2019(
        terms,
        deed.seen[0],
        world.speeds[node],
        world.nodes.limits[node],
        _arrivals(world, node),
        deed.seen[deed.index],
        world.speeds[target],
        _limit(world, node, target),
        _arrivals(world, target),
        math.dist(positions[node], positions[target]),
        deed.moved if local else 0,
        0 if local else deed.moved,
    )


def _limit(world: World, node: int, target: int) -> int:
    """A cloud has none; it shows the agent's own."""
    limits = world.nodes.limits
    return limits[target] if target < len(limits) else limits[node]


def _arrivals(world: World, node: int) -> float:
    """Applications per second that clients are expected to send there."""
    return world.settings.arrivals_per_second * world.clients_of(node)
