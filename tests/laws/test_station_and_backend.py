"""A station and the live backend's service do the same work at the same moments: both are asked the
same, one in virtual time, the other by asyncio with a clock that jumps."""

import asyncio
import random
import selectors
from typing import Any

import pytest

from backend.work import LiveService, Undone
from rl.simulation.kernel import Kernel
from rl.simulation.service import Phase, RouteCost, ServiceBehaviour, ServiceProfile
from rl.simulation.station import Station, Visit
from rl.vocabulary import RequestContext

pytestmark = pytest.mark.unit

REFUSED = 503


class JumpingLoop(asyncio.SelectorEventLoop):
    """Waits for nothing: where it would, its clock jumps."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.loop.now += timeout
        return super().select(0)


Asked = list[tuple[float, str, float]]
Ends = list[tuple[float, int]]


def in_virtual_time(behaviour: ServiceBehaviour, asked: Asked) -> Ends:
    kernel = Kernel()
    ends: Ends = [(0.0, 0)] * len(asked)

    def answered(visit: Visit, now: float) -> None:
        ends[visit.number] = now, visit.status

    station = Station("s", 0, behaviour, kernel, answered)
    for number, (second, path, quantile) in enumerate(asked):
        context = RequestContext("GET", path)
        visit = Visit(number, second, context, quantile, None, None, (), station)
        kernel.at(second, station.arrive, visit)
    kernel.run()
    return ends


def live(behaviour: ServiceBehaviour, asked: Asked) -> Ends:
    loop = JumpingLoop()
    ends: Ends = [(0.0, 0)] * len(asked)

    async def nobody_leaves() -> Any:
        await asyncio.get_running_loop().create_future()

    async def ask(number: int, second: float, path: str, quantile: float) -> None:
        await asyncio.sleep(second)
        done = await service.do(path, nobody_leaves, quantile)
        assert done is not Undone.CLIENT_LEFT
        ends[number] = loop.now, REFUSED if done is Undone.REFUSED else done.status

    async def all_of_them() -> None:
        await asyncio.gather(*(ask(number, *each) for number, each in enumerate(asked)))

    service = LiveService(behaviour, loop.time)
    try:
        loop.run_until_complete(all_of_them())
    finally:
        loop.close()
    return ends


@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing"])
@pytest.mark.parametrize("seed", range(4))
def test_both_end_every_request_at_the_same_moment(discipline: str, seed: int) -> None:
    """Sizes, routes, phases, a key cache, a queue that overflows: the same ends and statuses."""
    dice = random.Random(seed)
    profile = ServiceProfile(
        sizes=("uniform", "exponential", "lognormal", "pareto")[seed],
        spread=0.7,
        slots=2,
        queue_limit=6,
        discipline=discipline,  # type: ignore[arg-type]
        cache_keys=3,
        cache_seconds=0.01,
        routes=(RouteCost("/4", 5.0),),
        phases=(
            Phase("slow", 1.0, 2.0, factor=3.0),
            Phase("warm_up", 0.0, 1.0, factor=2.0),
            Phase("noise", factor=2.0, neighbour="n", on_seconds=0.2, off_seconds=0.5),
            Phase("fail", 3.0, 3.5),
        ),
    )
    asked: Asked = []
    second = 0.0
    for _ in range(150):
        second += dice.expovariate(30.0)
        asked.append((second, f"/{dice.randrange(8)}", dice.random()))
    virtual, real = (
        play(ServiceBehaviour(profile, 0.1, random.Random(seed), seed), asked)
        for play in (in_virtual_time, live)
    )
    assert [status for _, status in virtual] == [status for _, status in real]
    assert {status for _, status in virtual} == {200, 500, REFUSED}
    assert [end for end, _ in virtual] == pytest.approx([end for end, _ in real], abs=1e-6)
