"""One run in virtual time: an arm and a seed, from the first second to the last answer."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from evaluation.shaping.adapting import AdaptedCast
from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import Answer, Decided, Played, played
from evaluation.shaping.scenario import Scenario
from rl.shaping.agents import Conduct
from rl.simulation.shaping_world import REFUSED
from rl.vocabulary import JSON

DRAIN_SECONDS = 15.0
"""After the last arrival, for what is under way."""


def play_rules(
    scenario: Scenario, arm: str, rules: tuple[dict[str, Any], ...] | None, seed: int
) -> Played:
    """With rules that stay as they are; None for no shaping."""
    cast = ShapedCast(scenario, rules, seed, keep=True)
    cast.world.run_until(scenario.seconds + DRAIN_SECONDS)
    decided = {
        rule.name: (
            Decided(0.0, rule.requests_per_second, rule.download_bytes_per_second, rule.urgency),
        )
        for rule in cast.shaper.rules
    }
    return played(arm, seed, answers(cast), scenario.begins(), scenario.seconds, decided)


def play_adaptive(
    scenario: Scenario,
    arm: str,
    rules: tuple[dict[str, Any], ...],
    seed: int,
    agent: str,
    checkpoint: Mapping[str, JSON] | None = None,
    conduct: Conduct | None = None,
) -> Played:
    """With agents that begin at these rules.

    Raises:
        ValueError: the checkpoint is stale or malformed.
    """
    adapted = AdaptedCast(scenario, rules, seed, agent, checkpoint, conduct)
    adapted.run(scenario.seconds)
    adapted.cast.world.run_until(scenario.seconds + DRAIN_SECONDS)
    return played(
        arm,
        seed,
        answers(adapted.cast),
        scenario.begins(),
        scenario.seconds,
        {name: tuple(each) for name, each in adapted.decided.items()},
        adapted.left_envelope,
    )


def answers(cast: ShapedCast) -> list[Answer]:
    """Of all requests of a cast that keeps them; those that are not over yet got none."""
    found = [
        Answer(
            asked.load.name,
            asked.arrival.offset,
            asked.first_byte if asked.status < 400 else inf,
            asked.status == REFUSED,
            asked.sent,
        )
        for asked, _ in cast.ended
    ]
    found += [
        Answer(name, asked.arrival.offset, inf, False, asked.sent)
        for name, opened in cast.world.open.items()
        for asked in opened
    ]
    return found
