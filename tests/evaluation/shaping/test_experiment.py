"""What runs, and what is kept of it."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.progress import Steps
from evaluation.shaping import experiment
from evaluation.shaping.arms import SHIFT, Task
from evaluation.shaping.experiment import LIVE, VIRTUAL, Plan, make_plan, measure
from evaluation.shaping.records import Played
from evaluation.shaping.scenario import Scenario
from evaluation.testbed import ExperimentError
from tests.evaluation.shaping.made import run

pytestmark = pytest.mark.unit


def quiet(plan: Plan) -> Steps:
    return Steps(len(plan.tasks), stream=io.StringIO())


def fake(task: Task, scenario: Scenario) -> Played:
    return run(task.arm, task.seed)


def test_arms_that_were_not_trained_are_left_out(tmp_path: Path) -> None:
    plan = make_plan((0,), True, tmp_path)
    assert {"tabular", "dqn", "ppo"} == set(plan.without)
    assert ("none", "static", "aimd", "tabular_untrained") == plan.arms
    assert VIRTUAL == plan.setting and 0 < plan.run_seconds < 60
    assert 10 == len(make_plan(None, False, tmp_path).seeds)


def test_every_run_is_kept(tmp_path: Path) -> None:
    plan = make_plan((0, 1), True, tmp_path)
    result = measure(plan, "python typed", fake, quiet(plan))
    assert len(plan.tasks) == sum(map(len, result.played.values()))
    assert not result.interrupted and "python typed" == result.circumstances.command


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    plan = make_plan((0, 1), True, tmp_path)
    left = [3]

    def break_off(task: Task, scenario: Scenario) -> Played:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return fake(task, scenario)

    result = measure(plan, "", break_off, quiet(plan))
    assert result.interrupted and 3 == len(result.played[SHIFT])
    with pytest.raises(KeyboardInterrupt):
        measure(plan, "", break_off, quiet(plan))


def test_a_process_that_fails_ends_it_and_is_told_of(tmp_path: Path) -> None:
    plan = make_plan((0,), True, tmp_path)

    def fail(task: Task, scenario: Scenario) -> Played:
        if task.arm == "static":
            raise ExperimentError("a server died")
        return fake(task, scenario)

    result = measure(plan, "", fail, quiet(plan))
    assert "a server died" == result.problem and 1 == len(result.played[SHIFT])
    with pytest.raises(ExperimentError):
        measure(replace(plan, tasks=plan.tasks[1:]), "", fail, quiet(plan))


def test_a_live_plan_takes_its_time(tmp_path: Path) -> None:
    plan = make_plan((0,), True, tmp_path)
    live = Plan(LIVE, plan.arms, plan.seeds, plan.tasks, plan.scenarios, {}, {})
    assert live.run_seconds > sum(live.scenarios[each.part].seconds for each in live.tasks)
    assert experiment.LIVE_SECONDS > 0
