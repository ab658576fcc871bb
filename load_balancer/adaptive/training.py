"""Agents that decide by networks learn while the node runs: what became of their actions goes to a
process that takes the gradient steps, and its weights are loaded when they come.

Agents choose without it as well. When the process cannot run, or ends, that is said once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from load_balancer.adaptive.learner import row_of
from load_balancer.shaping.adaptive import Adaptive
from rl.shaping.agents import Agent, Step
from rl.vocabulary import Parameters

LEARNER = Path(__file__).resolve().parent / "learner.py"
TURN_SECONDS = 10.0
"""How often steps are brought."""

LINE_BYTES = 16 << 20
BEHIND_BYTES = 4 << 20
"""More than so much unread by the process, and nothing is added; agents remember their steps."""

END_SECONDS = 5.0


@runtime_checkable
class Trained(Protocol):
    """An agent whose gradient steps are taken elsewhere."""

    kind: str

    def transitions(self) -> list[Step]: ...


class AgentTraining:
    """See the module's text."""

    def __init__(
        self,
        agents: Callable[[], Adaptive | None],
        say: Callable[[str], None],
        learner: Path = LEARNER,
    ) -> None:
        """
        Args:
            agents: as they are now, if there are any.
            say: takes one line for the operator.
            learner: the process's script.
        """
        self._agents = agents
        self._say = say
        self._learner = learner
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._given_up = False
        # What the process goes on from, by agent: the object, and the weights that both sides have.
        self._known: dict[str, tuple[Agent, object]] = {}

    async def turn(self) -> None:
        """Bring what there is."""
        adaptive = self._agents()
        if adaptive is None or self._given_up:
            return
        for name, agent in adaptive.agents().items():
            if isinstance(agent, Trained):
                process = self._process or await self._start()
                if process is None:
                    return
                await self._bring(process, name, agent)

    async def stop(self) -> None:
        """End the process."""
        self._given_up = True
        process, reading = self._process, self._reading
        if process is None or reading is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.gather(reading, return_exceptions=True)

    async def _start(self) -> asyncio.subprocess.Process | None:
        if self._learner is LEARNER and find_spec("torch") is None:
            self._give_up("PyTorch is not installed (extra deep)")
            return None
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self._learner),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(process))
        return process

    def _give_up(self, why: str) -> None:
        self._given_up = True
        self._say(f"adaptive shaping: agents choose but do not learn: {why}")

    async def _bring(self, process: asyncio.subprocess.Process, name: str, agent: Agent) -> None:
        assert isinstance(agent, Trained) and process.stdin is not None
        if process.stdin.transport.get_write_buffer_size() > BEHIND_BYTES:
            return
        steps = agent.transitions()
        if not steps:
            return
        known = self._known.get(name)
        parameters = agent.parameters()
        weights = parameters.get("arrays")
        begins = known is None or known[0] is not agent or known[1] != weights
        if begins:
            self._known[name] = agent, weights
        line = await asyncio.to_thread(
            _line, name, agent.kind, parameters if begins else None, steps
        )
        if not process.stdin.is_closing():
            process.stdin.write(line)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            told: dict[str, Any] = json.loads(line)
            if "problem" in told:
                self._say(f"adaptive shaping: the learner: {told['problem']}")
            else:
                self._take(told["agent"], told["parameters"])
        if not self._given_up:
            self._give_up("the process of the learner has ended")

    def _take(self, name: str, parameters: Parameters) -> None:
        """Weights have come; not for an agent that has begun anew or learned elsewhere since, or
        that was frozen."""
        adaptive, known = self._agents(), self._known.get(name)
        if adaptive is None or known is None:
            return
        agent = adaptive.agents().get(name)
        if agent is None or agent is not known[0] or agent.parameters().get("arrays") != known[1]:
            return
        client = name.removeprefix("client:")
        if client != name and adaptive.state(client).frozen:
            return
        try:
            agent.load(parameters)
        except ValueError as error:
            self._say(f"adaptive shaping: weights for {name}: {error}")
            return
        self._known[name] = agent, agent.parameters().get("arrays")


def _line(name: str, kind: str, parameters: Parameters | None, steps: list[Step]) -> bytes:
    """One line. Step by step, so that other threads come in between."""
    rows = ", ".join([json.dumps(row_of(step)) for step in steps])
    begins = "" if parameters is None else f', "parameters": {json.dumps(parameters)}'
    head = f'{{"agent": {json.dumps(name)}, "kind": "{kind}"{begins}'
    return f'{head}, "steps": [{rows}]}}\n'.encode()
