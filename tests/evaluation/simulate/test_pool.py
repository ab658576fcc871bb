"""Runs over all cores."""

import multiprocessing
from contextlib import closing
from pathlib import Path

import pytest

from config.scenario_scale import live
from evaluation.progress import Steps
from evaluation.simulate.pool import Task, fingerprint, play, play_all, settings_of, tasks_of

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("no_process_is_left")]

SHORT = ("simulation.duration_seconds=3", "simulation.warmup_seconds=0.5")


def short(scenario: str, strategy: str, seed: int) -> Task:
    return Task(scenario, strategy, seed, overrides=SHORT)


def test_every_combination_is_a_task() -> None:
    tasks = tasks_of(["S2", "S1u"], ["a", "b"], [0, 1], True, ("x=1",))

    assert 8 == len(tasks)
    assert Task("S2", "b", 0, True, ("x=1",)) == tasks[1]
    assert ("S1u", "a", 0) == (tasks[4].scenario, tasks[4].strategy, tasks[4].seed)


def test_a_task_says_its_settings() -> None:
    assert 3 == settings_of(short("S1u", "random", 0)).simulation.duration_seconds
    assert settings_of(Task("random#1", "random", 3)) != settings_of(Task("random#1", "random", 4))
    whole = settings_of(Task("S10", "random", 0))
    assert live(whole) == settings_of(Task("S10", "random", 0, as_served=True))


def test_equal_settings_have_equal_fingerprints() -> None:
    first, second = settings_of(Task("S1u", "", 0)), settings_of(Task("S2", "", 0))

    assert fingerprint(first, "a") == fingerprint(first, "a")
    assert 3 == len({fingerprint(first, "a"), fingerprint(first, "b"), fingerprint(second, "a")})


def test_a_run_is_called_as_it_was_asked_for() -> None:
    run = play(short("S1u", "peak_ewma-ejection:decay_seconds=1", 7))

    assert ("S1u", "peak_ewma-ejection:decay_seconds=1", 7) == (
        run.row.scenario,
        run.row.strategy,
        run.row.seed,
    )
    assert 100 < run.row.requests < 200
    assert run.decisions >= run.row.requests
    oracle = play(short("S1u", "oracle", 7))
    assert oracle.row.cost < run.row.cost
    assert oracle.settings != run.settings


def test_processes_give_what_one_gives() -> None:
    told: list[str] = []

    class Told(Steps):
        def step(self, name: str) -> None:
            told.append(name)

    tasks = [short("S1u", name, seed) for name in ("random", "oracle") for seed in (0, 1)]
    alone = [run.row for run in play_all(tasks, 1)]
    spread = [run.row for run in play_all(tasks, 2, Told(4))]

    assert sorted(map(repr, alone)) == sorted(map(repr, spread))
    assert "S1u, oracle, seed 1" in told


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_who_stops_listening_ends_the_workers() -> None:
    tasks = [Task("S1u", "random", seed) for seed in range(50)]
    with closing(play_all(tasks, 2)) as runs:
        next(runs)
        assert multiprocessing.active_children()

    assert not multiprocessing.active_children()
