"""Repeated work of a service."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from load_balancer.timers import Timers

pytestmark = pytest.mark.unit


async def test_one_failure_is_not_the_end_of_it() -> None:
    loop = asyncio.get_running_loop()
    timers = Timers(loop)
    problems: list[dict[str, Any]] = []
    calls = 0
    again = asyncio.Event()

    def fail_first() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("a fault")
        again.set()

    loop.set_exception_handler(lambda _, context: problems.append(context))
    timers.every(0.001, fail_first)
    async with asyncio.timeout(20):
        await again.wait()
    await timers.stop()
    assert [str(each["exception"]) for each in problems] == ["a fault"]


async def test_what_is_stopped_is_done_no_more() -> None:
    """And what work returns is awaited."""
    timers = Timers(asyncio.get_running_loop())
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        done.set()

    timers.every(0.001, work)
    async with asyncio.timeout(20):
        await done.wait()
    await timers.stop()
    done.clear()
    await asyncio.sleep(0.01)
    assert not done.is_set()
