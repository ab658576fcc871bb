"""The event loops that live tests run on: the standard one, and uvloop where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Factory = Callable[[], asyncio.AbstractEventLoop]


def factories() -> dict[str, Factory]:
    """Every loop there is, by name."""
    found: dict[str, Factory] = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop
    except ImportError:
        pass
    else:
        found["uvloop"] = uvloop.new_event_loop
    return found


def usual() -> dict[str, Factory]:
    """The one that the balancer takes."""
    name, factory = list(factories().items())[-1]
    return {name: factory}
