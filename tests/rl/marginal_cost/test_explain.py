import json
from typing import Any

import pytest

from rl.vocabulary import Observation, RequestContext
from tests.rl.marginal_cost.test_policy import Scene, steady

pytestmark = pytest.mark.unit


def rows(scene: Scene, path: str = "/7") -> list[dict[str, Any]]:
    observation = Observation(RequestContext("GET", path), scene.candidates, scene.now)
    return scene.policy.explain(observation)


def served() -> Scene:
    scene = Scene("abc", slots=2)
    scene.run(1500, 40, steady(a=0.05, b=0.1, c=0.1))
    while scene._pending:
        scene._end()
    return scene


def test_the_parts_of_a_cost_add_up() -> None:
    for row in rows(served()):
        parts = ("service", "wait", "externality", "failing", "bonus")
        assert row["cost"] == pytest.approx(sum(row[part] for part in parts))
        assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_the_chosen_one_is_the_one_that_select_gives() -> None:
    scene = served()
    found = rows(scene)
    decision = scene.policy.select(
        Observation(RequestContext("GET", "/7"), scene.candidates, scene.now)
    )

    assert [True, False, False] == [row["chosen"] for row in found]
    assert 0 == decision.index


def test_a_busy_endpoint_is_waited_for() -> None:
    scene = served()
    idle = rows(scene)[0]
    scene.candidates[0].in_flight = 8
    busy = rows(scene)[0]

    assert 0.0 == idle["wait"] < busy["wait"]
    assert idle["externality"] < busy["externality"]


def test_failures_show() -> None:
    scene = served()
    scene.failing.add("a")
    scene.run(200, 40, steady(a=0.05, b=0.1, c=0.1))

    assert rows(scene)[0]["failing"] > 0.05


def test_explaining_changes_nothing() -> None:
    scene = served()
    before = json.dumps(scene.policy.parameters()["endpoints"])
    first = rows(scene)

    assert rows(scene) == first
    assert json.dumps(scene.policy.parameters()["endpoints"]) == before


def test_the_table_has_a_row_for_each_endpoint_and_class() -> None:
    scene = served()
    found = scene.policy.table()

    assert {"a", "b", "c"} == {row["endpoint"] for row in found}
    requests = [row["requests"] for row in found]
    assert sorted(requests, reverse=True) == requests  # type: ignore[type-var]
