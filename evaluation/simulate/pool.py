"""Runs in virtual time over all cores; the same run gives the same figures on any of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

from config.loading import load
from config.scenario_scale import live
from config.schema import Settings
from evaluation.progress import Steps
from evaluation.simulate import random_scenarios, reference
from evaluation.simulate.measures import Measured, measure
from evaluation.simulate.run import simulate
from evaluation.simulate.variants import apply, with_setting
from evaluation.workers import played


@dataclass(frozen=True, slots=True)
class Task:
    """One run.

    Attributes:
        scenario: a name that ``settings_of`` knows.
        strategy: with its parameters, or one of ``reference.NAMES``.
        as_served: with the settings that would be served live.
        overrides: ``key.key=value`` each.
    """

    scenario: str
    strategy: str
    seed: int
    as_served: bool = False
    overrides: tuple[str, ...] = ()


def settings_of(task: Task) -> Settings:
    """What the task's scenario says, before the strategy's own parameters.

    Raises:
        ConfigError: there is no such scenario, or it cannot be used.
        VariantError: an override of a random scenario is wrong.
    """
    if random_scenarios.is_one(task.scenario):
        settings = random_scenarios.settings_of(task.scenario, task.seed)
        for override in task.overrides:
            settings = with_setting(settings, override, "--set")
    else:
        settings = load(scenario=task.scenario, overrides=task.overrides, environ={})
    return live(settings) if task.as_served else settings


def fingerprint(settings: Settings, strategy: str) -> str:
    """Equal for equal settings and strategies."""
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{strategy}\n{text}".encode()).hexdigest()[:16]


def play(task: Task) -> Measured:
    """The task's run.

    Raises:
        ConfigError: of ``settings_of``.
        ValueError: the strategy is unknown, or the run impossible.
    """
    settings = settings_of(task)
    if task.strategy in reference.NAMES:
        settings, _ = apply(settings, "random-ejection")
        run = simulate(settings, task.strategy, task.seed, reference.Builder(task.seed))
    else:
        settings, name = apply(settings, task.strategy)
        run = simulate(settings, name, task.seed)
    return measure(
        settings, run, task.scenario, task.strategy, fingerprint(settings, task.strategy)
    )


def play_all(
    tasks: Sequence[Task], processes: int | None = None, progress: Steps | None = None
) -> Generator[Measured, None, None]:
    """Every task, as they get ready. Whoever stops listening ends them all.

    Args:
        processes: as many as there are cores if None; 1 is this one.
    """
    return played(play, tasks, processes, progress, _name)


def tasks_of(
    scenarios: Iterable[str],
    strategies: Sequence[str],
    seeds: Sequence[int],
    as_served: bool = False,
    overrides: tuple[str, ...] = (),
) -> list[Task]:
    """Every combination; runs of one scenario and seed stand together."""
    return [
        Task(scenario, strategy, seed, as_served, overrides)
        for scenario in scenarios
        for seed in seeds
        for strategy in strategies
    ]


def _name(measured: Measured) -> str:
    row = measured.row
    return f"{row.scenario}, {row.strategy}, seed {row.seed}"
