"""How a network reaches its nodes."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path

import pytest

from load_balancer import workers
from load_balancer.hand_over import GroupHandOver
from load_balancer.network.group import Group
from load_balancer.network.links import OtherProcess, OwnProcess
from load_balancer.workers import NoAnswer
from tests.load_balancer.network.test_group import named

pytestmark = pytest.mark.integration


async def test_nodes_here_and_elsewhere_answer_alike() -> None:
    group = Group(asyncio.get_running_loop())
    await group.start(named("a", 1))
    own = OwnProcess(group)
    with tempfile.TemporaryDirectory() as folder:
        place = GroupHandOver(2, Path(folder) / "2.sock", ((named("a", 1), ()),))
        other = OtherProcess(await workers.start(place, 20, "group"), ["a"], 20)
        answers = []
        for link in (own, other):
            link.reopen_logs()
            found = (await link.ask("GET", "/nodes/a/endpoints")).json()
            # Nobody is there: sooner or later a poll finds that out.
            answers.append([{**each, "state": "polled"} for each in found])
            link.hurry()
            assert await link.stop([]) == 0
        assert answers[0] == answers[1]
        assert (other.number, own.number) == (2, 0)
        with pytest.raises(NoAnswer, match="process 2 has ended"):
            await other.ask("GET", "/nodes")


async def test_a_process_that_does_not_end_is_killed() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = GroupHandOver(1, Path(folder) / "1.sock", ((named("a", 1), ()),))
        worker = await workers.start(place, 20, "group")
        link = OtherProcess(worker, ["a"], 0.2)
        worker.signal(signal.SIGSTOP)
        assert await link.stop([]) == 0
        assert link.ending.result() == -signal.SIGKILL
