"""A network runs on the event loop that the balancer takes."""

import pytest

from tests.live.loops import Factory, usual


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> dict[str, Factory]:
    return usual()
