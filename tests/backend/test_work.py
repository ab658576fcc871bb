"""Slots and queue with tasks that are cancelled and clients that leave at the worst moments."""

import asyncio
import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.types import Message, Scope

from backend.vitals import Usage, Vitals
from backend.work import LiveService, Undone, WorkApp
from rl.simulation.service import Phase, ServiceBehaviour, ServiceProfile, Work

pytestmark = pytest.mark.integration

HANG = (Phase("hang"),)
DRAWN = -math.log(1.0 - random.Random(1).random())
"""The size that a behaviour's dice throw first, if sizes are exponential."""


class Client:
    """The receiving end of one request, after its body: silent until it leaves."""

    def __init__(self) -> None:
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}


def service(base_delay: float = 0.0, **profile: object) -> LiveService:
    made = ServiceProfile(spread=0.0, **profile)  # type: ignore[arg-type]
    return LiveService(ServiceBehaviour(made, base_delay, random.Random(1)), time.monotonic)


class Requests:
    """Requests to one service, each with a client and a task."""

    def __init__(self, live: LiveService) -> None:
        self.live = live
        self.clients: list[Client] = []
        self.tasks: list[asyncio.Task[Work | Undone]] = []

    async def arrive(self, count: int) -> None:
        """They arrive in this order, and each gets as far as it can."""
        for _ in range(count):
            client = Client()
            self.clients.append(client)
            self.tasks.append(asyncio.create_task(self.live.do("/", client.receive)))
            await settle()

    @property
    def counts(self) -> tuple[int, int]:
        return self.live.slots.working, self.live.slots.waiting


async def settle() -> None:
    """Lets everything happen that needs no time."""
    for _ in range(10):
        await asyncio.sleep(0)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


async def test_work_takes_its_time() -> None:
    requests = Requests(service(0.05))
    began = time.monotonic()
    await requests.arrive(1)
    assert await requests.tasks[0] == Work(0.05)
    assert 0.045 < time.monotonic() - began < 1.0
    assert requests.counts == (0, 0)


async def test_slots_queue_refusal() -> None:
    requests = Requests(service(slots=2, queue_limit=1, phases=HANG))
    await requests.arrive(4)
    assert requests.counts == (2, 1)
    assert [task.done() for task in requests.tasks] == [False, False, False, True]
    assert requests.tasks[3].result() is Undone.REFUSED
    for client in requests.clients:
        client.leave()
    await asyncio.gather(*requests.tasks)
    assert requests.counts == (0, 0)


async def test_the_queue_is_served_in_order() -> None:
    requests = Requests(service(0.01, slots=1))
    await requests.arrive(5)
    ended: list[int] = []
    for number, task in enumerate(requests.tasks):
        task.add_done_callback(lambda _, number=number: ended.append(number))  # type: ignore[misc]
    await asyncio.gather(*requests.tasks)
    assert ended == [0, 1, 2, 3, 4]


async def test_client_that_leaves_frees_its_slot_at_once() -> None:
    """Half a minute of work is dropped in the moment that nobody wants it."""
    requests = Requests(service(30.0, slots=1))
    await requests.arrive(2)
    with within(5.0):
        requests.clients[0].leave()
        assert await requests.tasks[0] is Undone.CLIENT_LEFT
        await settle()
    assert requests.counts == (1, 0)
    requests.clients[1].leave()
    assert await requests.tasks[1] is Undone.CLIENT_LEFT


async def test_client_that_leaves_the_queue_makes_room() -> None:
    requests = Requests(service(slots=1, queue_limit=1, phases=HANG))
    await requests.arrive(2)
    requests.clients[1].leave()
    assert await requests.tasks[1] is Undone.CLIENT_LEFT
    assert requests.counts == (1, 0)
    requests.clients[0].leave()
    await requests.tasks[0]


async def test_slot_that_comes_as_the_client_leaves_goes_on_to_the_next() -> None:
    """First and second leave in one moment: the first's slot passes the second to the third."""
    requests = Requests(service(slots=1, phases=HANG))
    await requests.arrive(3)
    requests.clients[0].leave()
    requests.clients[1].leave()
    await settle()
    assert [task.done() for task in requests.tasks] == [True, True, False]
    assert requests.counts == (1, 0)
    requests.clients[2].leave()
    await requests.tasks[2]
    assert requests.counts == (0, 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_cancelled_requests_free_slot_and_place(order: tuple[int, int]) -> None:
    """One that works and one that waits, cancelled in one moment, in either order."""
    requests = Requests(service(slots=1, phases=HANG))
    await requests.arrive(3)
    for number in order:
        requests.tasks[number].cancel()
    await settle()
    assert [task.cancelled() for task in requests.tasks] == [True, True, False]
    assert requests.counts == (1, 0)
    requests.clients[2].leave()
    await requests.tasks[2]
    assert requests.counts == (0, 0)


async def test_request_cancelled_as_its_slot_comes_passes_it_on() -> None:
    requests = Requests(service(slots=1, phases=HANG))
    await requests.arrive(3)
    requests.clients[0].leave()
    await requests.tasks[0]
    requests.tasks[1].cancel()
    await settle()
    assert requests.tasks[1].cancelled()
    assert requests.counts == (1, 0)
    requests.clients[2].leave()
    await requests.tasks[2]


async def test_storm_of_departures_loses_no_slot() -> None:
    """Whoever leaves whenever: in the end nobody works or waits, and the next one starts."""
    rng = random.Random(3)
    requests = Requests(service(0.004, slots=3, queue_limit=20))
    for _ in range(300):
        await requests.arrive(1)
        if rng.random() < 0.4:
            rng.choice(requests.clients).leave()
        if rng.random() < 0.2:
            rng.choice(requests.tasks).cancel()
        if rng.random() < 0.1:
            await asyncio.sleep(0.003)
        assert requests.counts[0] <= 3
    await asyncio.gather(*requests.tasks, return_exceptions=True)
    assert requests.counts == (0, 0)
    last = Requests(requests.live)
    await last.arrive(1)
    assert requests.counts == (1, 0)
    assert await last.tasks[0] == Work(0.004)


def request(*messages: Message, method: str = "GET") -> tuple[Scope, list[Message]]:
    scope = {"type": "http", "method": method, "path": "/a", "query_string": b"b=1", "headers": []}
    return scope, list(messages)


async def answers(app: WorkApp, scope: Scope, messages: list[Message]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0) if messages else await Client().receive()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def work_app(live: LiveService) -> WorkApp:
    vitals = Vitals(time.monotonic, lambda: Usage(0.0, 0.0))
    return WorkApp("server1", live, vitals, time.monotonic)


async def test_client_that_leaves_during_its_upload_gets_no_work_done() -> None:
    live = service(phases=HANG)
    partly: Message = {"type": "http.request", "body": b"abc", "more_body": True}
    assert await answers(work_app(live), *request(partly, {"type": "http.disconnect"})) == []
    assert live.slots.working == 0


async def test_client_that_left_is_not_answered() -> None:
    whole: Message = {"type": "http.request", "body": b"", "more_body": False}
    app = work_app(service(phases=HANG))
    assert await answers(app, *request(whole, {"type": "http.disconnect"})) == []


async def test_request_that_the_end_of_the_server_cancels_is_answered() -> None:
    whole: Message = {"type": "http.request", "body": b"", "more_body": False}
    task = asyncio.create_task(answers(work_app(service(phases=HANG)), *request(whole)))
    await settle()
    task.cancel()
    head, body = await task
    assert head["status"] == 503
    assert (b"connection", b"close") in head["headers"]
    assert json.loads(body["body"])["error"] == "the server is stopping"


async def test_body_is_counted_piece_by_piece() -> None:
    pieces: list[Message] = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"defg"},
    ]
    _, body = await answers(work_app(service()), *request(*pieces, method="POST"))
    document = json.loads(body["body"])
    assert document.pop("response_ms") >= 0
    assert document == {
        "server_id": "server1",
        "method": "POST",
        "path": "/a",
        "query": "b=1",
        "received_bytes": 7,
        "service_ms": 0.0,
    }


async def test_a_shared_processor_works_on_all_at_once() -> None:
    """Two requests of 40 ms on one processor take 80 ms each, and neither waits."""
    requests = Requests(service(0.04, slots=1, discipline="processor_sharing"))
    began = time.monotonic()
    await requests.arrive(2)
    assert requests.counts == (2, 0)
    assert await asyncio.gather(*requests.tasks) == [Work(0.04), Work(0.04)]
    assert 0.075 < time.monotonic() - began < 1.0
    assert requests.counts == (0, 0)


async def test_who_leaves_a_shared_processor_makes_the_others_faster() -> None:
    requests = Requests(service(0.1, slots=1, queue_limit=99, discipline="processor_sharing"))
    await requests.arrive(100)
    with within(10.0):
        for client, task in zip(requests.clients[1:50], requests.tasks[1:50], strict=True):
            client.leave()
            assert await task is Undone.CLIENT_LEFT
        for task in requests.tasks[50:]:
            task.cancel()
        assert await requests.tasks[0] == Work(0.1)
    assert requests.counts == (0, 0)


async def test_a_shared_processor_refuses_whom_it_has_no_room_for() -> None:
    requests = Requests(
        service(slots=1, queue_limit=1, phases=HANG, discipline="processor_sharing")
    )
    await requests.arrive(3)
    assert requests.counts == (2, 0)
    assert requests.tasks[2].result() is Undone.REFUSED
    for client in requests.clients:
        client.leave()
    await asyncio.gather(*requests.tasks)


@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing"])
async def test_what_hangs_without_a_slot_is_in_nobodys_way(discipline: str) -> None:
    phases = (Phase("hang", holds_slot=False),)
    requests = Requests(service(slots=1, phases=phases, discipline=discipline))
    await requests.arrive(3)
    assert requests.counts == (0, 0)
    assert not any(task.done() for task in requests.tasks)
    for client in requests.clients:
        client.leave()
    assert await asyncio.gather(*requests.tasks) == [Undone.CLIENT_LEFT] * 3


async def test_a_request_asked_for_before_is_taken_from_the_cache() -> None:
    live = service(0.03, cache_keys=1, cache_seconds=0.001)
    asked = ["/a", "/a", "/a?x=1", "/a"]
    found = [await live.do(target, Client().receive) for target in asked]
    assert found == [Work(0.03), Work(0.001), Work(0.03), Work(0.03)]


@pytest.mark.parametrize(
    ("paired", "value", "service_ms"),
    [
        (True, b"0.5", 0.693),
        (True, b"0", 0.0),
        (False, b"0.5", DRAWN),
        (True, b"1", DRAWN),
        (True, b"nan", DRAWN),
        (True, b"large", DRAWN),
    ],
)
async def test_a_request_says_how_large_it_is_where_that_is_honoured(
    paired: bool, value: bytes, service_ms: float
) -> None:
    """Half of all exponential sizes are below log 2; else the dice throw."""
    profile = ServiceProfile(sizes="exponential")
    live = LiveService(ServiceBehaviour(profile, 0.001, random.Random(1)), time.monotonic)
    app = work_app(live)
    app.paired_sizes = paired
    scope, messages = request({"type": "http.request", "body": b"", "more_body": False})
    scope["headers"] = [(b"host", b"a"), (b"x-work-quantile", value)]
    _, body = await answers(app, scope, messages)
    assert json.loads(body["body"])["service_ms"] == pytest.approx(service_ms, abs=0.001)
