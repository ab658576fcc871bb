"""Agents that learn in another process: one of our own making, and the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from load_balancer.adaptive.learner import FIRST_STEPS
from load_balancer.adaptive.training import LEARNER, AgentTraining
from rl.shaping.reading import Targets
from rl.vocabulary import JSON
from tests.load_balancer.adaptive.port import OTHER, Port
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration

ECHO = """
import json, sys
known = {}
for line in sys.stdin:
    told = json.loads(line)
    known.update({told["agent"]: told["parameters"]} if "parameters" in told else {})
    answer = known[told["agent"]]
    answer["experience"] += len(told["steps"])
    answer["arrays"]["bias_0"][0] += 1.0
    print(json.dumps({"agent": told["agent"], "parameters": answer}), flush=True)
"""


def learning(kind: str = "dqn") -> Port:
    port = Port(agent=kind)
    port.come()
    port.agents.enable(OTHER, port.now)
    port.agents.targets(OTHER, Targets(p95_seconds=0.1))
    return port


def go_on(port: Port, steps: int) -> None:
    for number in range(steps):
        port.step(arrivals=10, completed=10, p95_seconds=0.05 + number % 3 / 10)


def first_bias(port: Port) -> float:
    arrays = port.agents.export(OTHER)["arrays"]
    assert isinstance(arrays, dict)
    found: JSON = arrays["bias_0"]
    assert isinstance(found, list) and isinstance(found[0], float)
    return found[0]


@asynccontextmanager
async def training(port: Port, learner: Path) -> AsyncIterator[tuple[AgentTraining, list[str]]]:
    said: list[str] = []
    found = AgentTraining(lambda: port.agents, said.append, learner)
    try:
        yield found, said
    finally:
        await found.stop()


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A learner that moves one weight by 1 for each line."""
    path = tmp_path / "learner.py"
    path.write_text(ECHO)
    return path


async def test_weights_come_back_and_are_gone_on_from(echo: Path) -> None:
    port = learning()
    async with training(port, echo) as (found, said):
        await found.turn()
        assert found._process is not None and 0.0 == first_bias(port)
        for expected in (1.0, 2.0):
            go_on(port, 3)
            await found.turn()
            await until(lambda expected=expected: first_bias(port) == expected)
    assert [] == said


async def test_weights_of_another_beginning_are_left(echo: Path) -> None:
    """Who was reset or has got what others learned goes on from that."""
    port = learning()
    async with training(port, echo) as (found, said):
        go_on(port, 3)
        await found.turn()
        port.agents.reset(OTHER)
        begun = first_bias(port)
        go_on(port, 3)
        await found.turn()
        await until(lambda: first_bias(port) == begun + 1.0)
    assert [] == said


async def test_a_frozen_one_takes_no_weights(echo: Path) -> None:
    port = learning()
    async with training(port, echo) as (found, said):
        go_on(port, 3)
        await found.turn()
        port.agents.freeze(OTHER)
        await found.stop()
        assert 0.0 == first_bias(port)
    assert [] == said


async def test_tables_need_no_other_process(echo: Path) -> None:
    port = learning("tabular")
    async with training(port, echo) as (found, _):
        go_on(port, 3)
        await found.turn()
        assert found._process is None
    nobody = AgentTraining(lambda: None, lambda text: None)
    await nobody.turn()


async def test_an_end_of_the_process_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "learner.py"
    path.write_text("import json\nprint(json.dumps({'problem': 'it is late'}), flush=True)\n")
    port = learning()
    async with training(port, path) as (found, said):
        go_on(port, 2)
        await found.turn()
        await until(lambda: len(said) == 2)
        go_on(port, 2)
        await found.turn()
    assert ["it is late", "has ended"] == [
        each[-len(end) :] for each, end in zip(said, ("it is late", "has ended"), strict=True)
    ]


async def test_without_torch_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load_balancer.adaptive.training.find_spec", lambda name: None)
    port = learning()
    async with training(port, LEARNER) as (found, said):
        for _ in range(2):
            go_on(port, 2)
            await found.turn()
    assert 1 == len(said) and "PyTorch" in said[0]


@pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")
async def test_the_real_one_learns() -> None:
    port = learning()
    before = port.agents.export(OTHER)["arrays"]
    async with training(port, LEARNER) as (found, said):
        go_on(port, 2 * FIRST_STEPS)
        await found.turn()
        async with asyncio.timeout(60):
            while port.agents.export(OTHER)["arrays"] == before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert [] == said
