"""What the experiment runs, and what it keeps when it ends early."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from evaluation.network import experiment
from evaluation.network.analysis import CLEAN_WITHIN, REFERENCE
from evaluation.network.cast import ORACLE
from evaluation.network.experiment import (
    DOCUMENT,
    SMALL,
    NetworkExperiment,
    Plan,
    make_plan,
)
from evaluation.network.records import Purpose, Run, Setting, Variant
from evaluation.seeds import FEWEST_SEEDS
from evaluation.testbed import ExperimentError

BOTH = (Setting.VIRTUAL, Setting.LIVE)


@pytest.mark.unit
def test_the_usual_one_has_what_the_bars_need_and_lasts_twelve_minutes() -> None:
    plan = make_plan(BOTH)
    assert plan.seeds == tuple(range(20))
    assert plan.virtual is not None and plan.virtual.most_windows >= CLEAN_WITHIN
    assert {variant.strategy for variant in plan.variants} >= {"q_routing", "random", ORACLE}
    learning = [
        (course.shape, variant)
        for course, variant, _ in plan.runs
        if course.purpose is Purpose.LEARNING
    ]
    assert learning.count((SMALL, REFERENCE)) == 20
    assert learning.count((DOCUMENT, REFERENCE)) >= 3
    for name in ("random", "round_robin", "least_request"):
        for cache in (True, False):
            assert learning.count((SMALL, Variant(name, cache))) >= FEWEST_SEEDS
    changing = {course.shape for course, *_ in plan.runs if course.purpose is Purpose.CHANGES}
    assert changing == {SMALL, DOCUMENT}
    assert plan.seconds <= 12 * 60


@pytest.mark.unit
def test_a_quick_one_lasts_a_minute_and_shows_everything() -> None:
    plan = make_plan(BOTH, quick=True)
    assert plan.seconds <= 70
    assert {course.purpose for course, *_ in plan.runs} == set(Purpose)
    assert {course.shape for course, *_ in plan.runs} == {SMALL, DOCUMENT}


@pytest.mark.unit
def test_one_setting_alone_and_few_seeds() -> None:
    assert make_plan([Setting.VIRTUAL]).runs == []
    live = make_plan([Setting.LIVE], seeds=(4, 7))
    assert live.virtual is None
    assert {seed for _, _, seed in live.runs} == {4, 7}


@pytest.mark.unit
def test_changes_come_in_the_steady_phase_with_time_to_watch_them() -> None:
    course = next(c for c, *_ in make_plan(BOTH).runs if c.purpose is Purpose.CHANGES)
    learning, steady = course.phases
    times = [at for at, _ in course.changes()]
    assert times[0] > learning.seconds
    assert course.seconds - times[-1] >= course.watched
    assert steady.rate == 50.0
    assert course.requests == learning.requests + steady.requests


@pytest.fixture(name="plan")
def virtual_plan() -> Plan:
    plan = make_plan([Setting.VIRTUAL], seeds=(0, 1))
    return Plan(plan.seeds, plan.virtual, (REFERENCE, Variant("random")), ())


def playing(runs: list[Run], ending: BaseException | None = None) -> Callable[..., Any]:
    def play(*given: object, **named: object) -> Generator[Run, None, None]:
        yield from runs
        if ending is not None:
            raise ending

    return play


@pytest.mark.unit
def test_virtual_runs_are_put_in_order_and_the_first_seed_keeps_its_links(
    plan: Plan, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        make_run(Setting.VIRTUAL, variant=Variant(strategy), seed=seed, windows=1)
        for seed in (1, 0)
        for strategy in ("random", "q_routing")
    ]
    monkeypatch.setattr(experiment, "play_all", playing(runs))
    found = NetworkExperiment(plan, "typed").measure()
    assert [(run.variant.strategy, run.seed) for run in found.runs] == [
        ("q_routing", 0),
        ("q_routing", 1),
        ("random", 0),
        ("random", 1),
    ]
    assert [bool(run.snapshots) for run in found.runs] == [True, False, False, False]
    assert found.circumstances.command == "typed" and not found.interrupted


@pytest.mark.unit
def test_ctrl_c_keeps_what_was_measured(
    plan: Plan, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make_run(Setting.VIRTUAL, windows=1)]
    monkeypatch.setattr(experiment, "play_all", playing(runs, KeyboardInterrupt()))
    found = NetworkExperiment(plan).measure()
    assert found.interrupted and len(found.runs) == 1 and not found.problem


@pytest.mark.unit
def test_ctrl_c_before_anything_was_measured_ends_it(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "play_all", playing([], KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        NetworkExperiment(plan).measure()


@pytest.mark.unit
def test_a_problem_is_kept_beside_what_was_measured(
    plan: Plan, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = ExperimentError("the network ended with code 1")
    monkeypatch.setattr(experiment, "play_all", playing([make_run(windows=1)], problem))
    found = NetworkExperiment(plan).measure()
    assert found.interrupted and found.problem == "the network ended with code 1"
    monkeypatch.setattr(experiment, "play_all", playing([], problem))
    with pytest.raises(ExperimentError):
        NetworkExperiment(plan).measure()
