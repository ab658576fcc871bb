"""A backend as its clients see it: over a real socket, and with a clock that the test moves."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from backend.app import BEHAVIOUR_BYTES, create_app, dice
from backend.vitals import Usage
from rl.simulation.service import Phase, ServiceBehaviour, ServiceProfile

pytestmark = pytest.mark.integration

ORCA = re.compile(
    r"TEXT cpu_utilization=[01]\.\d{4},mem_utilization=0\.\d{4},"
    r"(?:application_utilization=[01]\.\d{4},)?"
    r"rps_fractional=\d+\.\d\d,(?:eps=\d+\.\d\d,)?named_metrics\.active=(\d+)"
)


async def behave(client: httpx.AsyncClient, base_delay_ms: float = 0, **service: object) -> None:
    body = {"base_delay_ms": base_delay_ms, "service": {"spread": 0, **service}}
    answer = await client.post("/behaviour", json=body)
    assert answer.status_code == 200, answer.text


async def health(client: httpx.AsyncClient) -> dict[str, float | str]:
    answer = await client.get("/health")
    assert answer.status_code == 200
    report: dict[str, float | str] = answer.json()
    return report


async def becomes(client: httpx.AsyncClient, key: str, value: float | str) -> bool:
    """Whether health says so within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if (await health(client))[key] == value:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_every_path_and_method_is_work(client: httpx.AsyncClient) -> None:
    await behave(client, 20)
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"):
        answer = await client.request(method, "/docs/a%20b?c=%20d")
        assert answer.status_code == 200
        document = answer.json()
        assert document.pop("response_ms") > 15
        assert document == {
            "server_id": "server1",
            "method": method,
            "path": "/docs/a b",
            "query": "c=%20d",
            "received_bytes": 0,
            "service_ms": 20.0,
        }


async def test_answers_say_who_answered_and_how_loaded_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.headers["x-server-id"] == "server1"
    assert ORCA.fullmatch(answer.headers["endpoint-load-metrics"])
    assert "date" in answer.headers
    assert "server" not in answer.headers


async def test_body_of_any_form_is_counted(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"y" * 50_000

    announced = await client.post("/", content=b"x" * 300_000)
    chunked = await client.post("/", content=pieces())
    assert (announced.json()["received_bytes"], chunked.json()["received_bytes"]) == (
        300_000,
        250_000,
    )


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 500_000])
async def test_answers_are_padded(client: httpx.AsyncClient, size: int) -> None:
    await behave(client, response_bytes=size)
    answer = await client.get("/")
    assert answer.json()["padding"] == "x" * size


async def test_head_is_get_without_the_body(client: httpx.AsyncClient) -> None:
    await behave(client, response_bytes=200_000)
    for path in ("/", "/health"):
        head, get = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        # Times of varying length are in both bodies.
        announced = int(head.headers["content-length"])
        assert abs(announced - int(get.headers["content-length"])) < 20


async def test_health_has_what_document_003_names(client: httpx.AsyncClient) -> None:
    await behave(client, 30)
    await asyncio.gather(*(client.get("/") for _ in range(5)))
    report = await health(client)
    assert report.pop("server_id") == "server1"
    assert report.pop("health_status") == "healthy"
    assert abs(float(report.pop("timestamp")) - time.time()) < 10
    assert 0 <= float(report.pop("cpu_utilization")) <= 100
    assert 0 < float(report.pop("memory")) < 100
    assert 25 < float(report.pop("avg_response_time")) < 1000
    assert 25 < float(report.pop("next_response_time")) < 1000
    assert report == {"active_requests": 0, "queued_requests": 0}


async def test_health_sees_the_queue_fill(client: httpx.AsyncClient) -> None:
    """Healthy with a free slot, degraded with somebody waiting, unhealthy when the next is refused:
    which is 503, at once, with the advice to come again later."""
    await behave(client, slots=1, queue_limit=2, phases=[{"kind": "hang"}])
    waiting = []
    for active, status in ((1, "healthy"), (2, "degraded"), (3, "unhealthy")):
        waiting.append(asyncio.create_task(client.get("/")))
        assert await becomes(client, "active_requests", active)
        assert (await health(client))["health_status"] == status
    refused = await client.get("/")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert ORCA.fullmatch(refused.headers["endpoint-load-metrics"])[1] == "3"  # type: ignore[index]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await becomes(client, "active_requests", 0)
    assert (await health(client))["health_status"] == "healthy"


async def test_no_more_than_the_slots_work_at_once(client: httpx.AsyncClient) -> None:
    """Six requests of 50 ms on two slots take three rounds, and none is quicker than its work."""
    await behave(client, 50, slots=2)
    began = time.monotonic()
    answers = await asyncio.gather(*(client.get("/") for _ in range(6)))
    assert time.monotonic() - began > 0.145
    assert min(answer.json()["response_ms"] for answer in answers) > 45


async def test_client_that_gives_up_frees_its_slot(client: httpx.AsyncClient) -> None:
    await behave(client, slots=1, phases=[{"kind": "hang"}])
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/", timeout=0.1)
    assert await becomes(client, "active_requests", 0)


async def test_a_new_behaviour_is_not_held_up_by_what_hangs(client: httpx.AsyncClient) -> None:
    await behave(client, slots=1, phases=[{"kind": "hang"}])
    hanging = asyncio.create_task(client.get("/"))
    assert await becomes(client, "active_requests", 1)
    await behave(client, slots=1)
    assert (await client.get("/")).status_code == 200
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert await becomes(client, "active_requests", 0)


async def test_named_domains_have_pages(client: httpx.AsyncClient) -> None:
    """By the Host field, whatever its case and port; any other Host is work as usual."""
    await behave(client, domains=["Shop.Example", "mit.edu"], response_bytes=7)
    page = await client.get("/<p>", headers={"host": "shop.example:8080"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-server-id"] == "server1"
    assert "<h1>shop.example</h1><p>/&lt;p&gt;</p>" in page.text
    assert "xxxxxxx" in page.text
    other = await client.get("/", headers={"host": "unknown.example"})
    assert other.json()["server_id"] == "server1"


async def test_fail_phase_answers_its_status(client: httpx.AsyncClient) -> None:
    """Failures are not in the mean response time, and do not show in health."""
    await behave(client, 10_000, phases=[{"kind": "fail", "status": 502}])
    answer = await client.get("/x")
    assert answer.status_code == 502
    assert answer.json()["error"] == "a scheduled failure"
    report = await health(client)
    assert (report["avg_response_time"], report["health_status"]) == (0.0, "healthy")


async def test_schedule_runs_by_itself_and_anew_after_each_change(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(2):
        await behave(client, 2, phases=[{"kind": "slow", "end": 0.7, "factor": 5}])
        seen = [10.0]
        while seen[-1] == 10.0:
            seen.append((await client.get("/")).json()["service_ms"])
        assert len(seen) > 2
        assert seen[-1] == 2.0


async def test_change_keeps_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    await behave(client, 7, response_bytes=3)
    answer = await client.post("/behaviour", json={"base_delay_ms": 8})
    assert answer.json()["base_delay_ms"] == 8
    assert answer.json()["service"]["response_bytes"] == 3
    answer = await client.post("/behaviour", json={"service": {}})
    assert answer.json()["base_delay_ms"] == 8
    assert answer.json()["service"]["response_bytes"] == 0


async def test_what_a_change_answers_can_be_sent_again(client: httpx.AsyncClient) -> None:
    phases = [{"kind": "slow", "start": 1.0, "factor": 2.0}]
    routes = [{"prefix": "/a", "factor": 3.0}]
    await behave(client, 7, phases=phases, routes=routes, slots=4, domains=["a.example"])
    first = (await client.post("/behaviour", json={})).json()
    del first["server_id"]
    second = (await client.post("/behaviour", json=first)).json()
    assert {key: second[key] for key in first} == first


async def test_seed_repeats_the_dice(client: httpx.AsyncClient) -> None:
    async def sizes(seed: int) -> list[float]:
        change = {"base_delay_ms": 1, "service": {"sizes": "exponential"}, "seed": seed}
        await client.post("/behaviour", json=change)
        return [(await client.get("/")).json()["service_ms"] for _ in range(3)]

    assert await sizes(4) == await sizes(4) != await sizes(5)


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"base_delay_ms": -1}, ["base_delay_ms"], "greater than or equal to 0"),
        ({"base_delay_ms": "soon"}, ["base_delay_ms"], "valid number"),
        ({"service": {"slots": 0}}, ["service"], "slots must be at least 1, not 0"),
        ({"service": {"slots": 1.5}}, ["service", "slots"], "valid integer"),
        ({"service": {"slotz": 1}}, ["service", "slotz"], "Unexpected keyword"),
        ({"service": {"phases": [{}]}}, ["service", "phases", 0, "kind"], "required"),
        (
            {"service": {"phases": [{"kind": "warm_up"}]}},
            ["service", "phases", 0],
            "a warm_up needs an end",
        ),
        ({"delay": 3}, ["delay"], "not permitted"),
        ([], [], "object"),
    ],
)
async def test_wrong_change_is_refused_by_field(
    client: httpx.AsyncClient, change: object, field: list[str], problem: str
) -> None:
    """422 names the field and the reason, and everything stays as it was."""
    before = (await client.post("/behaviour", json={})).json()
    answer = await client.post("/behaviour", json=change)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == ["body", *field]
    assert problem in detail["msg"]
    assert (await client.post("/behaviour", json={})).json() == before


async def test_change_must_be_json_and_short(client: httpx.AsyncClient) -> None:
    broken = await client.post("/behaviour", content=b"{")
    assert broken.status_code == 422
    assert "Invalid JSON" in broken.json()["detail"][0]["msg"]
    long = await client.post("/behaviour", content=b" " * (BEHAVIOUR_BYTES + 1))
    assert long.status_code == 413


@pytest.mark.parametrize("field", ["via", "x-forwarded-for", "forwarded"])
async def test_change_through_a_proxy_is_refused(client: httpx.AsyncClient, field: str) -> None:
    """The balancer is a loopback peer and passes on whatever the world asks."""
    answer = await client.post("/behaviour", json={}, headers={field: "1.1 slb"})
    assert answer.status_code == 403


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def in_process(
    clock: Clock, *phases: Phase, peer: str = "127.0.0.1", base_delay: float = 0.001
) -> httpx.AsyncClient:
    behaviour = ServiceBehaviour(
        ServiceProfile(spread=0, phases=phases), base_delay, random.Random(1)
    )
    app = create_app("server1", behaviour, clock, lambda: Usage(0.0, 0.0))
    transport = httpx.ASGITransport(app, client=(peer, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://server1")


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.0.2.1", 403),
        ("::ffff:192.0.2.1", 403),
        ("2001:db8::1", 403),
    ],
)
async def test_only_this_machine_changes_the_behaviour(peer: str, status: int) -> None:
    async with in_process(Clock(), peer=peer) as client:
        assert (await client.post("/behaviour", json={})).status_code == status


async def test_elapsed_is_counted_from_the_start_and_from_each_change() -> None:
    clock = Clock()
    phases = (
        Phase("slow", 10.0, 20.0, factor=4.0),
        Phase("fail", 20.0, 30.0, status=503),
        Phase("warm_up", 30.0, 40.0, factor=3.0),
    )
    async with in_process(clock, *phases) as client:
        for _ in range(2):
            seen = []
            for pause in (0.0, 9.99, 0.01, 10.0, 10.0, 5.0, 5.0):
                clock.now += pause
                answer = await client.get("/")
                seen.append(answer.json().get("service_ms", answer.status_code))
            assert seen == [1.0, 1.0, 4.0, 503, 3.0, 2.0, 1.0]
            await client.post("/behaviour", json={})


async def test_reset_forgets_the_response_times() -> None:
    clock = Clock()
    async with in_process(clock, base_delay=0.05) as client:
        request = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0.01)
        clock.now += 2.0
        await request
        await client.post("/behaviour", json={})
        assert (await health(client))["avg_response_time"] == 2000.0
        await client.post("/behaviour", json={"reset": True})
        assert (await health(client))["avg_response_time"] == 0.0


def test_one_seed_gives_each_server_dice_of_its_own() -> None:
    assert dice("server1", 7).random() == dice("server1", 7).random()
    assert dice("server1", 7).random() != dice("server2", 7).random()
    assert dice("server1", None).random() != dice("server1", None).random()


async def test_answers_are_json_to_the_byte(client: httpx.AsyncClient) -> None:
    """Whatever the path holds."""
    answer = await client.get('/a"%0A%C3%A9')
    assert json.loads(answer.content)["path"] == '/a"\né'


async def test_a_process_that_cannot_cut_connections_says_so() -> None:
    """Without the process around it, the application has no way to."""
    app = create_app("a", ServiceBehaviour(ServiceProfile(), 0.0, random.Random(1)))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        for change in ({"reset_share": 0.5}, {"refuse_seconds": 1}):
            answer = await client.post("/behaviour", json=change)
            assert answer.status_code == 422
            assert answer.json() == {"detail": "this process cannot cut connections"}
        assert (await client.post("/behaviour", json={"reset_share": 0})).status_code == 200
