"""The live experiment: its plan, its settings, and one short run on real processes."""

import json
from pathlib import Path

import pytest

from evaluation.shaping import live
from evaluation.shaping.arms import FIRST, FLOOD_PART, SHIFT, Task
from evaluation.shaping.records import CLIENTS, INTERACTIVE
from evaluation.shaping.scenario import Scenario, Stretch
from tests.evaluation.shaping.made import SHORT

SECONDS = 2


@pytest.mark.unit
def test_a_plan_has_a_few_arms_and_all_parts(tmp_path: Path) -> None:
    plan = live.live_plan(None, False, tmp_path)
    assert "live" == plan.setting and 5 == len(plan.seeds)
    assert ("none", "static", "aimd", "tabular_untrained") == plan.arms
    assert {SHIFT, "calm", FLOOD_PART} == {each.part for each in plan.tasks}
    assert 1 == len(live.live_plan(None, True, tmp_path).seeds)
    tasks = live.live_tasks(["static", "tabular"], [3])
    assert Task(FIRST, "tabular_untrained", 3) in tasks


@pytest.mark.unit
def test_settings_are_those_of_virtual_time(tmp_path: Path) -> None:
    none = live.settings_for(SHORT, "none", tmp_path)
    assert not none.load_balancer.shaping.enabled
    static = live.settings_for(SHORT, "static", tmp_path).load_balancer.shaping
    assert static.enabled and not static.adaptive.enabled
    path = tmp_path / "a.json"
    known = live.settings_for(SHORT, "tabular", tmp_path, path).load_balancer.shaping.adaptive
    assert known.enabled and (str(path), str(tmp_path / live.LOG)) == (known.checkpoint, known.log)
    assert 24 == none.load_balancer.admission.requests_per_endpoint


@pytest.mark.unit
def test_requests_are_those_of_virtual_time() -> None:
    found = live.requests_of(SHORT, 1)
    assert found == live.requests_of(SHORT, 1) != live.requests_of(SHORT, 2)
    offsets = [request.offset for _, request in found]
    assert offsets == sorted(offsets) and set(CLIENTS) == {name for name, _ in found}


@pytest.mark.unit
def test_what_a_node_shows_is_held_against_the_envelope() -> None:
    inside = {"requests_per_second": 50.0}
    assert live.within("batch", inside)
    assert not live.within("batch", {"requests_per_second": 101.0})
    assert not live.within("batch", {"requests_per_second": None})
    assert live.within("nobody", {})


@pytest.mark.unit
def test_the_log_says_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "log"
    after = {"requests_per_second": 50.0, "download_bytes_per_second": None, "urgency": 4}
    lines: list[dict[str, object]] = [
        {"time": 101.5, "action": "keep", "held_by": "agent", "reward": None, "after": after},
        {
            "time": 102.5,
            "action": "keep",
            "held_by": "agent",
            "reward": 0.5,
            "after": {**after, "requests_per_second": 200.0},
        },
    ]
    path.write_text("".join(json.dumps({"client": "batch", **each}) + "\n" for each in lines))
    decided, left = live.read_log(path, 100.0)
    assert [(1.5, 50.0, 0.0), (2.5, 200.0, 0.5)] == [
        (each.second, each.requests_per_second, each.reward) for each in decided["batch"]
    ]
    assert 1 == left and not decided["bulk"]


@pytest.mark.integration
async def test_a_run_on_real_processes(tmp_path: Path) -> None:
    scenario = Scenario((Stretch("only", SECONDS, (20.0, 10.0, 2.0)),))
    played = await live.play(Task(SHIFT, "aimd", 1), scenario, tmp_path, {})
    windows = played.windows[INTERACTIVE]
    assert SECONDS == len(windows) and sum(each.completed for each in windows) > 20
    assert all(played.decided[name] for name in CLIENTS)
    assert 0 == played.left_envelope
