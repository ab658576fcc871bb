"""The gradient steps of agents, by lines."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from load_balancer.adaptive.learner import FIRST_STEPS, PPO_STEPS, row_of, serve, step_of
from rl.shaping.agents import Conduct, Step
from rl.shaping.encoding import SIZE
from rl.shaping.making import make
from rl.shaping.settings import ACTIONS

pytest.importorskip("torch")
pytestmark = pytest.mark.unit


def steps(count: int) -> list[Step]:
    dice = random.Random(0)
    mask = [True] * len(ACTIONS)

    def seen() -> list[float]:
        return [dice.uniform(-1, 1) for _ in range(SIZE)]

    return [
        Step(
            "a" if number % 2 else "b",
            seen(),
            (0, 0, 0, 0, 0),
            mask,
            dice.randrange(len(ACTIONS)),
            0.5,
            dice.random(),
            seen(),
            (0, 0, 0, 0, 0),
            mask,
            number % 50 == 49,
        )
        for number in range(count)
    ]


def line(kind: str, count: int, name: str = "client:a", **more: Any) -> str:
    rows = [row_of(each) for each in steps(count)]
    return json.dumps({"agent": name, "kind": kind, "steps": rows, **more})


def answers(*lines: str) -> list[Any]:
    written: list[str] = []
    serve(lines, written.append)
    return [json.loads(each) for each in written]


def test_a_step_there_and_back() -> None:
    (step,) = steps(1)
    assert step_of(json.loads(json.dumps(row_of(step)))) == Step(*row_of(step))


@pytest.mark.parametrize(("kind", "few"), [("dqn", FIRST_STEPS), ("ppo", PPO_STEPS)])
def test_weights_come_once_there_is_enough_and_an_agent_takes_them(kind: str, few: int) -> None:
    agent = make(kind, Conduct(), random.Random(1))
    begun = agent.parameters()
    assert [] == answers(line(kind, few // 2, parameters=begun))

    told = answers(line(kind, few // 2, parameters=begun), line(kind, few))[-1]
    assert "client:a" == told["agent"]
    agent.load(told["parameters"])
    assert agent.parameters()["arrays"] != begun["arrays"]
    assert few // 2 + few == told["parameters"]["experience"]


def test_what_is_wrong_with_a_line_is_told_and_the_next_one_is_answered() -> None:
    told = answers(
        "{",
        "{}",
        json.dumps({"agent": "a", "kind": "oracle", "steps": []}),
        line("dqn", 1, parameters={"kind": "ppo"}),
        json.dumps({"agent": "a", "kind": "dqn", "steps": [[1]]}),
        line("dqn", 2 * FIRST_STEPS),
    )
    assert [True] * 5 == ["problem" in each for each in told[:5]]
    assert "parameters" in told[5]
