"""Live tests of the data path run on each event loop that there is."""

import pytest

from tests.live.loops import Factory, factories


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_asyncio_loop_factories() -> dict[str, Factory]:
    return factories()
