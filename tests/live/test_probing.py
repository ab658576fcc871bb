"""``prequal`` in a running node: its probes reach the endpoints beside the requests, and what they
say decides."""

import asyncio
import json
from collections import Counter

import pytest

from config.strategies import StrategyParameters
from load_balancer.app import App
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration


class Telling:
    """A backend that says how loaded it is, whatever it does."""

    def __init__(self, active: int, milliseconds: float) -> None:
        self.report = {"active_requests": active, "next_response_time": milliseconds}
        self.asked: Counter[str] = Counter()

    async def __call__(self, visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            self.asked[request.target] += 1
            if request.target == "/health":
                visit.send(answer(json.dumps(self.report).encode()))
            else:
                visit.send(answer(b"done"))


async def test_requests_go_where_probes_say_and_nobody_is_probed_under_another_strategy() -> None:
    fast, slow = Telling(0, 10.0), Telling(0, 500.0)
    async with Origin(fast) as one, Origin(slow) as other, Clients() as clients:
        settings = settings_for(one, other, strategy="prequal")
        patient = StrategyParameters.model_validate({"prequal": {"max_age_seconds": 60.0}})
        unpolled = settings.metrics.model_copy(update={"check": "off"})
        app = App(
            settings.model_copy(update={"metrics": unpolled, "strategies": patient}),
            asyncio.get_running_loop(),
        )
        await app.start()
        try:
            client = await clients.connect(app.port)

            async def request(count: int) -> None:
                """One after another; each finds what the one before has asked for."""
                for _ in range(count):
                    client.send(b"GET /work HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert 200 == (await client.answer()).status
                    await until(lambda: not probes._tasks)

            probes = app.collector.probes
            await request(1)
            assert 2 == probes.answered
            before = slow.asked["/work"]
            await request(30)
            assert slow.asked["/work"] == before
            assert fast.asked["/work"] >= 30
            fast.report["next_response_time"] = 900.0
            await request(1)
            at_fast = fast.asked["/work"]
            await request(10)
            assert fast.asked["/work"] == at_fast
            assert 0 == probes.failed
            app.switch_strategy("least_request")
            made = fast.asked["/health"] + slow.asked["/health"]
            await request(10)
            assert made == fast.asked["/health"] + slow.asked["/health"]
        finally:
            await app.stop()
    assert not probes._lines
