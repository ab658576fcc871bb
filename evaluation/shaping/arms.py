"""The ways of holding clients that are compared, and the parts of the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.shaping import checkpoints
from evaluation.shaping.playing import play_adaptive, play_rules
from evaluation.shaping.records import Played
from evaluation.shaping.scenario import CALM, FIRST_MINUTE, FLOOD, SHIFTING, TUNED, Scenario
from rl.vocabulary import JSON

NONE, STATIC = "none", "static"
UNTRAINED = "_untrained"
LEARNERS = ("tabular", "dqn", "ppo")
ADAPTIVE = ("aimd", f"tabular{UNTRAINED}", *LEARNERS)
ARMS = (NONE, STATIC, *ADAPTIVE)
LEARNED = Path(__file__).resolve().parent / "learned"
"""What agents begin with who have been trained: of ``python -m evaluation.shaping train``."""

SHIFT, CALM_PART, FLOOD_PART, FIRST = "shift", "calm", "flood", "first"
PARTS = {
    SHIFT: Scenario(SHIFTING),
    CALM_PART: Scenario(CALM),
    FLOOD_PART: Scenario(FLOOD),
    FIRST: Scenario(FIRST_MINUTE),
}


class ArmError(Exception):
    """An arm cannot be played; the message names it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A run to be played.

    Attributes:
        part: a key of ``PARTS``.
    """

    part: str
    arm: str
    seed: int


def agent_of(arm: str) -> str:
    """The kind of its agents."""
    return arm.removesuffix(UNTRAINED)


def check(arms: Sequence[str]) -> None:
    """
    Raises:
        ArmError: there is no such arm.
    """
    known = (*ARMS, *(f"{name}{UNTRAINED}" for name in LEARNERS))
    for arm in arms:
        if arm not in known:
            raise ArmError(f"there is no arm {arm!r}; there are {', '.join(known)}")


def learned(arms: Sequence[str], folder: Path = LEARNED) -> dict[str, Mapping[str, JSON]]:
    """What the arms that were trained begin with.

    Raises:
        CheckpointError: one of them is missing or stale.
    """
    return {
        arm: checkpoints.read(checkpoints.place(folder, arm), arm)
        for arm in arms
        if arm in LEARNERS
    }


def tasks(arms: Sequence[str], seeds: Sequence[int]) -> list[Task]:
    """All runs of a comparison, seed by seed."""
    found = []
    for seed in seeds:
        found += [Task(SHIFT, arm, seed) for arm in arms]
        found += [
            Task(part, arm, seed)
            for arm in arms
            if arm != NONE and not arm.endswith(UNTRAINED)
            for part in (CALM_PART, FLOOD_PART)
        ]
        found += [
            Task(FIRST, each, seed)
            for arm in arms
            if arm in LEARNERS
            for each in (arm, f"{arm}{UNTRAINED}")
        ]
    return found


def play(
    task: Task, known: Mapping[str, Mapping[str, JSON]], scenario: Scenario | None = None
) -> Played:
    """One run in virtual time.

    Args:
        known: as ``learned`` gives it.
        scenario: in the place of the part's own.
    """
    scenario = PARTS[task.part] if scenario is None else scenario
    arm = task.arm
    if arm == NONE:
        return play_rules(scenario, arm, None, task.seed)
    if arm == STATIC:
        return play_rules(scenario, arm, TUNED, task.seed)
    return play_adaptive(scenario, arm, TUNED, task.seed, agent_of(arm), known.get(arm))
