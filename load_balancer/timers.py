"""Work that is done again and again as long as a service lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """Repeated work in a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, work: Callable[[], object]) -> None:
        """Do ``work`` so often; what it returns is awaited if it can be. A failure is reported and
        is not the end of it."""

        async def keep_on() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    result = work()
                    if asyncio.iscoroutine(result):
                        await result
                except Exception as error:
                    self._loop.call_exception_handler(
                        {"message": f"{work.__name__} failed", "exception": error}
                    )

        self._tasks.append(self._loop.create_task(keep_on()))

    async def stop(self) -> None:
        """Do nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
