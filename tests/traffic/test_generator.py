"""traffic.generator: an open loop over real sockets, and its command line."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.traffic.serving import Reply, Server
from traffic.generator import INTERRUPTED, Record, generate, main
from traffic.workload import PlannedRequest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def even(count: int, rate: float) -> list[PlannedRequest]:
    return [PlannedRequest(index / rate, "GET", f"/{index}") for index in range(count)]


def paths(server: Server) -> list[str]:
    return [head.split(" ")[1] for head in server.heads]


async def test_the_rate_is_kept_when_answers_are_slow(server: Server) -> None:
    """The law of the open loop: what the server sees coming does not depend on its answers, and
    a second-long answer takes a second, however many others are awaited meanwhile."""
    server.reply = lambda head: Reply(wait=1.0)
    records = await generate(even(300, rate=200.0), server.url)
    gap = np.polyfit(np.arange(300), np.sort(server.arrivals), 1)[0]
    assert 1 / gap == pytest.approx(200.0, rel=0.01)
    assert server.most_in_flight > 150
    assert np.median([record.latency for record in records]) == pytest.approx(1.0, abs=0.1)


async def test_each_request_becomes_a_record(server: Server) -> None:
    server.reply = lambda head: Reply(wait=0.1 if "/0" in head else 0.0)
    seen: list[Record] = []
    records = await generate(
        even(3, rate=50.0),
        server.url,
        request_id_prefix="run-",
        headers={"X-Extra": "yes"},
        on_record=seen.append,
    )
    assert [record.index for record in records] == [0, 1, 2]
    assert [record.index for record in seen] == [1, 2, 0]
    assert [record.request_id for record in records] == ["run-0", "run-1", "run-2"]
    assert {(each.status, each.error, each.endpoint) for each in records} == {(200, "", "here")}
    for record in records:
        assert record.intended == record.index / 50.0
        assert record.intended <= record.sent < record.intended + 0.1
        assert record.first_byte is not None
        assert 0 < record.first_byte <= record.latency
        assert not record.delayed
    assert records[0].latency >= 0.1
    assert all("X-Request-ID: run-" in head and "x-extra: yes" in head for head in server.heads)


async def test_a_cap_delays_requests_and_the_wait_is_in_their_latency(server: Server) -> None:
    """Three at once, one place: they take one, two and three answers' time from when they were
    meant to leave."""
    server.reply = lambda head: Reply(wait=0.1)
    plan = [*(PlannedRequest(0.0, "GET", "/") for _ in range(3)), PlannedRequest(0.6, "GET", "/")]
    records = await generate(plan, server.url, concurrent=1)
    assert server.most_in_flight == 1
    assert [record.delayed for record in records] == [False, True, True, False]
    for record, expected in zip(records, (0.1, 0.2, 0.3, 0.1), strict=True):
        assert record.latency == pytest.approx(expected, abs=0.08)
        assert record.latency >= expected


async def test_a_cap_that_is_not_reached_delays_nothing(server: Server) -> None:
    records = await generate(even(20, rate=100.0), server.url, concurrent=15)
    assert not any(record.delayed for record in records)


async def test_a_timeout_is_a_failure_and_holds_up_nothing(server: Server) -> None:
    server.reply = lambda head: Reply(wait=60.0 if "/0" in head else 0.0)
    late, other = await generate(even(2, rate=20.0), server.url, timeout=0.3)
    assert (late.error, late.failure, late.status, late.first_byte) == ("timeout",) * 2 + (0, None)
    assert late.latency == pytest.approx(0.3, abs=0.1)
    assert (other.error, other.status) == ("", 200)


async def test_a_server_that_is_not_there_is_a_record_for_each_request(unused_url: str) -> None:
    records = await generate(even(3, rate=100.0), unused_url, concurrent=1)
    assert [record.error for record in records] == ["connection refused"] * 3
    assert {(record.status, record.first_byte) for record in records} == {(0, None)}


async def test_an_error_status_is_an_answer(server: Server) -> None:
    server.reply = lambda head: Reply(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    (record,) = await generate(even(1, rate=1.0), server.url)
    assert (record.status, record.error, record.failure) == (503, "", "status 503")


async def test_methods_and_bodies_are_as_planned(server: Server) -> None:
    plan = [PlannedRequest(0.0, "PUT", "/thing", 2000), PlannedRequest(0.05, "DELETE", "/thing")]
    await generate(plan, server.url)
    assert [head.split(" HTTP")[0] for head in server.heads] == ["PUT /thing", "DELETE /thing"]
    assert [len(body) for body in server.bodies] == [2000, 0]


async def test_requests_say_how_large_they_are_if_asked_to(server: Server) -> None:
    plan = [PlannedRequest(0.0, "GET", "/a", quantile=0.1), PlannedRequest(0.01, "GET", "/b")]
    await generate(plan, server.url, sizes=True)
    assert [head.count("X-Work-Quantile: 0.1\r\n") for head in server.heads] == [1, 0]
    await generate(plan, server.url)
    assert sum("X-Work-Quantile" in head for head in server.heads) == 2


async def test_of_several_urls_each_request_goes_to_one_at_random(server: Server) -> None:
    """As the given dice fall, in the order of the plan."""
    urls = [f"{server.url}/one", f"{server.url}/two"]
    await generate(even(30, rate=300.0), urls, spread=random.Random(5))
    draw = random.Random(5).random
    expected = [f"/{('one', 'two')[int(draw() * 2)]}/{index}" for index in range(30)]
    assert sorted(paths(server)) == sorted(expected)
    with pytest.raises(ValueError, match="dice"):
        await generate(even(1, rate=1.0), urls)


async def test_when_cancelled_it_leaves_no_task_and_no_connection(server: Server) -> None:
    """What ended before is kept by whoever asked to be told of it."""
    server.reply = lambda head: Reply(wait=60.0 if "/5" in head else 0.0)
    seen: list[Record] = []
    run = asyncio.create_task(generate(even(100, rate=50.0), server.url, on_record=seen.append))
    await asyncio.sleep(0.5)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert len(seen) > 10
    assert 5 not in {record.index for record in seen}
    count = len(server.heads)
    await asyncio.sleep(0.1)
    assert (len(server.heads), server.open) == (count, 1)  # the server still sleeps on /5


def test_a_good_run_prints_its_figures_and_writes_them(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    arguments = ["--url", server.url, "--rate", "50", "--duration", "0.4", "--seed", "5"]
    assert main([*arguments, "--arrivals", "uniform", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "P99" in printed
    assert "requests    20 of 20 planned" in printed
    assert "failures    0 (0.0 %)" in printed
    assert "answered by here: 20 (100.0 %)" in printed
    written = json.loads(out.read_text())
    assert written["seed"] == 5
    assert written["settings"]["url"] == server.url
    assert written["settings"]["rate"] == 50
    assert written["summary"]["requests"] == len(written["requests"]) == 20
    assert written["requests"][3]["request_id"] == "5-3"
    assert written["interrupted"] is False


@pytest.mark.parametrize(("allowed", "code"), [("0", 1), ("5", 1), ("60%", 0)])
def test_more_failures_than_allowed_is_exit_code_1(
    server: Server, allowed: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = Reply(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    server.reply = lambda head: bad if len(server.heads) % 2 else Reply()
    arguments = ["--url", server.url, "--rate", "100", "--duration", "0.2"]
    arguments += ["--arrivals", "uniform", "--max-failures", allowed]
    assert main(arguments) == code
    seen = capsys.readouterr()
    assert "status 500" in seen.out
    assert ("more than --max-failures" in seen.err) == (code == 1)


def test_nobody_there_is_one_line_and_exit_code_2(
    unused_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--url", unused_url]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"generator.py: --url {unused_url}: cannot connect: connection refused;"
        " is the server running?\n"
    )


def test_a_host_without_an_address_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--url", "http://no-such-host.invalid"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("generator.py: --url http://no-such-host.invalid: cannot connect: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("argv", [["--rate", "many"], ["--speed", "1"], ["--rate", "-1"]])
def test_bad_arguments_are_one_line_and_exit_code_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(argv)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("generator.py: ")
    assert argv[0] in said
    assert said.count("\n") == 1


def test_an_unknown_key_in_the_configuration_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("traffic: {request_rat: 1}")
    assert main(["--config", str(config)]) == 2
    assert "request_rate" in capsys.readouterr().err


def test_a_trace_is_replayed_and_a_rate_beside_it_is_not_passed_over_in_silence(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("offset,method,path\n0,GET,/first\n0.1,POST,/second\n")
    assert main(["--url", server.url, "--trace", str(trace), "--rate", "9"]) == 0
    assert paths(server) == ["/first", "/second"]
    assert "--rate is not used" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_keeps_what_was_measured(
    server: Server, tmp_path: Path, number: signal.Signals
) -> None:
    """Run by path, as a user does."""
    out = tmp_path / "out.json"
    command = [sys.executable, str(ROOT / "traffic" / "generator.py"), "--url", server.url]
    command += ["--rate", "100", "--duration", "60", "--json", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        until = time.monotonic() + 20
        while len(server.heads) < 20 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, number)
        printed, errors = process.communicate(timeout=10)
    assert process.returncode == INTERRUPTED, errors
    assert "latency" in printed
    assert "Traceback" not in errors
    written = json.loads(out.read_text())
    assert written["interrupted"] is True
    assert len(written["requests"]) == written["summary"]["requests"] >= 19
    assert written["summary"]["planned"] > 5000
