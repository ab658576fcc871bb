"""A reward for agents that are to help each other: the cost of the whole fog, the same for all.

By Little's law the tasks in the system, summed over the ticks, are the times that all tasks spend
in it; so that minus their number, tick by tick, is minus the response times. A task that is lost
would be cheap by that; it costs ``LOST_TICKS`` more.
"""

from __future__ import annotations

from rl.fog.payment import Deed

LOST_TICKS = 50.0
"""What losing a task costs, in ticks of one task in the system."""


def shared_cost(deed: Deed) -> float:
    """Of one step and one node, so that it is about the same in fogs of any size."""
    world = deed.world
    tallies = world.tallies
    inside = tallies.created - tallies.completed - tallies.dropped - tallies.expired
    lost = sum(tallies.dropped_lately)
    return -(inside + LOST_TICKS * lost) / len(world.nodes)
