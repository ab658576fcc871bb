import json
import random
from typing import Any

import pytest

from rl.marginal_cost.policy import MarginalCost, MarginalCostParameters
from rl.vocabulary import RequestContext
from tests.rl.marginal_cost.test_policy import Scene, Seconds

pytestmark = pytest.mark.unit


def path(number: int) -> str:
    return f"report/{number}" if number % 3 else f"page/{number}"


def learned(ids: str, seconds: float, seed: int, base: Any = None) -> dict[str, Any]:
    scene = Scene(ids, slots=4, seed=seed)
    if base is not None:
        scene.policy.load(base)

    def serve(id: str, request: RequestContext) -> float:
        return seconds * scene.dice.uniform(0.9, 1.1) * (5 if "r" in request.path else 1)

    take: Seconds = serve
    scene.run(1200, 40, take, path)
    found: dict[str, Any] = json.loads(json.dumps(scene.policy.parameters()))
    return found


def merged(base: Any, *parts: Any) -> dict[str, Any]:
    scene = Scene("a")
    found: dict[str, Any] = json.loads(json.dumps(scene.policy.merged(base, parts)))
    return found


def service(parameters: Any, id: str, request: RequestContext) -> float:
    policy = MarginalCost(MarginalCostParameters(), random.Random(1))
    policy.load(parameters)
    number = policy._classes.number(request)
    model = policy._models[id]
    return model.speed * model.service[number]


@pytest.mark.parametrize("kind", ["/report/1", "/page/3"])
def test_a_merged_service_lies_between_those_that_were_learned(kind: str) -> None:
    parts = learned("ab", 0.02, 1), learned("ab", 0.04, 2)
    request = RequestContext("GET", kind)
    low, high = sorted(service(each, "a", request) for each in parts)

    assert low <= service(merged(None, *parts), "a", request) <= high


def test_endpoints_of_all_are_known_to_all() -> None:
    found = merged(None, learned("ab", 0.02, 1), learned("bc", 0.02, 2))

    assert {"a", "b", "c"} == {row["id"] for row in found["endpoints"]}


def test_what_the_base_knew_counts_once() -> None:
    base = learned("ab", 0.02, 1)
    parts = [learned("ab", 0.02, seed, base) for seed in (2, 3)]
    found = merged(base, *parts)
    count = {row["id"]: row["completions"] for row in found["endpoints"]}
    began = {row["id"]: row["completions"] for row in base["endpoints"]}
    ended = [{row["id"]: row["completions"] for row in part["endpoints"]} for part in parts]

    for id in "ab":
        assert count[id] == began[id] + sum(each[id] - began[id] for each in ended)


def test_a_malformed_part_is_refused() -> None:
    good = learned("ab", 0.02, 1)

    with pytest.raises(ValueError, match="version"):
        merged(None, good, {"version": 99})
