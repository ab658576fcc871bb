"""The processes of an experiment: fresh, resettable, and gone afterwards."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from backend.processes import Process
from config.schema import Server, Settings
from config.simulation import Simulation
from evaluation.testbed import (
    DIFFERENT_SEED,
    Bed,
    ExperimentError,
    Placement,
    open_testbed,
    read_placements,
)
from rl.simulation.service import Phase, ServiceProfile

SETTINGS = Settings(
    servers=(
        Server(id="quick", port=1, base_delay_ms=1),
        Server(
            id="ill",
            port=2,
            base_delay_ms=1,
            service=ServiceProfile(phases=(Phase("fail", 0, 60, status=503),)),
        ),
        Server(id="stuck", port=3, service=ServiceProfile(phases=(Phase("hang"),))),
    )
)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with open_testbed(SETTINGS, tmp_path_factory.mktemp("bed")) as opened:
        pids = [process.pid for _, process in opened._servers]
        yield opened
    assert not any(alive(pid) for pid in pids)


@pytest.mark.integration
async def test_servers_behave_as_configured_and_count_from_the_reset(bed: Bed) -> None:
    """The configured port is not the one they listen on; the profile is theirs."""
    quick, ill, _ = (process.url for _, process in bed._servers)
    assert ":1/" not in quick + "/"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(quick)).status_code == 200
        assert (await client.get(ill)).status_code == 503
        assert (await client.get(f"{quick}/health")).json()["avg_response_time"] > 0
        await bed.reset(seed=4)
        assert (await client.get(f"{quick}/health")).json()["avg_response_time"] == 0
        assert (await client.get(ill)).status_code == 503


@pytest.mark.integration
async def test_a_balancer_is_fresh_and_leaves_its_log(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment cannot move its port or its log: arguments win."""
    monkeypatch.setenv("SLB_LOAD_BALANCER__PORT", "1")
    monkeypatch.setenv("SLB_LOAD_BALANCER__REQUEST_LOG__PATH", "/nowhere/at/all")
    with bed.balancers("round_robin", 7) as (balancer,):
        async with httpx.AsyncClient(trust_env=False) as client:
            for number in range(2):
                headers = {"X-Request-ID": f"id-{number}"}
                await client.get(balancer.url, headers=headers)
        assert alive(balancer.pid)
    assert not alive(balancer.pid)
    found = read_placements(*bed.logs_of("round_robin", 7))
    assert list(found) == ["id-0", "id-1"]
    assert {each.endpoint for each in found.values()} == {"quick", "ill"}


@pytest.mark.integration
async def test_servers_are_idle_once_their_clients_have_left(bed: Bed) -> None:
    """Also one that would never have answered them."""
    await bed.until_idle(1.0)
    stuck = bed._servers[2][1].url
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TimeoutException):
            await client.get(stuck, timeout=0.3)
    await bed.until_idle(5.0)


@pytest.mark.integration
async def test_a_server_that_stays_busy_is_named(bed: Bed) -> None:
    stuck = bed._servers[2][1].url
    async with httpx.AsyncClient(trust_env=False) as client:
        task = asyncio.create_task(client.get(stuck, timeout=5))
        await asyncio.sleep(0.2)
        with pytest.raises(ExperimentError, match=r"stuck: still works on 1 requests 0\.2 s after"):
            await bed.until_idle(0.2)
        task.cancel()


@pytest.mark.integration
def test_a_balancer_that_cannot_start_says_why(bed: Bed) -> None:
    with pytest.raises(ExperimentError, match="the balancer with no_such") as caught:
        with bed.balancers("no_such", 0):
            pass
    assert "unknown strategy 'no_such'" in str(caught.value)


@pytest.mark.integration
def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """And the others do not stay behind."""
    bad = Server.model_construct(id="bad id", host="localhost", port=1, base_delay_ms=1)
    settings = SETTINGS.model_copy(update={"servers": (bad,)})
    with pytest.raises(ExperimentError, match="a server could not start, exit code 2"):
        with open_testbed(settings, tmp_path):
            pass


@pytest.mark.integration
async def test_a_server_that_dies_is_named(tmp_path: Path) -> None:
    """Whatever is asked of the servers next."""
    settings = SETTINGS.model_copy(update={"servers": SETTINGS.servers[:1]})
    with open_testbed(settings, tmp_path) as bed:
        process = bed._servers[0][1]
        bed.check()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(5)
        for act in (bed.reset(1), bed.until_idle(1)):
            with pytest.raises(ExperimentError, match="quick ended with signal SIGKILL"):
                await act


@pytest.mark.integration
async def test_several_balancers_have_logs_and_dice_of_their_own(tmp_path: Path) -> None:
    """And a server that joins later is known to none of them before, and then to all."""
    settings = Settings(
        servers=(Server(id="quick", port=1, base_delay_ms=1), Server(id="late", port=2)),
        simulation=Simulation(balancers=2, joins={"late": 30.0}),
    )
    with open_testbed(settings, tmp_path) as bed:
        assert bed.joining == {"late": 30.0}
        with bed.balancers("round_robin", 7) as balancers:
            assert len({each.url for each in balancers}) == 2
            gauge = bed.gauge(balancers)
            async with httpx.AsyncClient(trust_env=False) as client:

                async def endpoints(admin: str | None) -> list[str]:
                    found = (await client.get(f"{admin}/endpoints")).json()
                    return [each["id"] for each in found]

                for each in balancers:
                    assert await endpoints(each.admin_url) == ["quick"]
                    await client.get(each.url, headers={"X-Request-ID": f"id-{each.pid}"})
                await bed.join("late", 0.0, balancers)
                for each in balancers:
                    assert await endpoints(each.admin_url) == ["quick", "late"]
            assert gauge.strain().balancers > 0
            seeds = {seed for each in balancers for seed in seeds_of(each)}
            assert seeds == {"load_balancer.seed=7", f"load_balancer.seed={7 + DIFFERENT_SEED}"}
    logs = bed.logs_of("round_robin", 7)
    assert [len(read_placements(log)) for log in logs] == [1, 1]
    assert set(read_placements(*logs)) == {f"id-{each.pid}" for each in balancers}


def seeds_of(process: Process) -> list[str]:
    command = psutil.Process(process.pid).cmdline()
    return [part for part in command if part.startswith("load_balancer.seed=")]


@pytest.mark.unit
def test_placements_are_those_of_the_last_attempt(tmp_path: Path) -> None:
    """In whatever order the attempts were logged; a line cut off at the end is left out."""
    log = tmp_path / "log.jsonl"

    def line(id: str, attempt: int, endpoint: str) -> str:
        return json.dumps(
            {
                "request_id": id,
                "attempt": attempt,
                "endpoint": endpoint,
                "explored": attempt == 2,
                "propensity": 0.5,
            }
        )

    lines = [line("a", 1, "x"), line("b", 2, "y"), line("b", 1, "x"), line("a", 2, "z")]
    log.write_text("\n".join(lines) + '\n{"request_id": "c", "att', encoding="utf-8")
    assert read_placements(log) == {
        "a": Placement("z", 2, True, 0.5),
        "b": Placement("y", 2, True, 0.5),
    }
    assert read_placements(tmp_path / "gone") == {}
