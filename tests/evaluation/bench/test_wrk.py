"""evaluation.bench.wrk: what wrk is told to send, and what it says that came of it."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evaluation.bench import wrk
from evaluation.bench.origin import Origin
from evaluation.bench.saturate import LoadFailed
from evaluation.bench.wrk import drive, script


@pytest.mark.unit
def test_headers_are_set_and_a_varied_request_is_written_whole() -> None:
    plain = script("h:1", "/", (("Accept", '"*/*"'),), varied=False)
    assert 'wrk.headers["Accept"] = "\\"*/*\\""' in plain
    assert "request = function" not in plain
    varied = script("h:1", "/", (("Accept", "x"),), varied=True)
    assert 'local rest = "Host: h:1\\r\\nAccept: x\\r\\n"' in varied
    assert "X-Request-ID: %016x" in varied
    assert "local target = count\n" in varied
    turn = script("h:1", "/", (), varied=True, targets=7)
    assert "local target = count % 7\n" in turn


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
async def test_what_wrk_sends_arrives_and_is_counted(tmp_path: Path) -> None:
    """Each time another head, with every header in it."""
    heads: set[bytes] = set()

    class Noting(Origin):
        def data_received(self, data: bytes) -> None:
            if len(heads) < 1000:
                heads.add(data)
            super().data_received(data)

    listening = await asyncio.get_running_loop().create_server(Noting, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        load = await asyncio.to_thread(
            drive,
            f"http://127.0.0.1:{port}/",
            connections=2,
            seconds=1.0,
            warm_up=0.1,
            headers=(("X-Mine", "yes"),),
            varied=True,
            watch=os.getpid(),
            cores=(),
            folder=tmp_path,
        )
    assert load.completed > 100
    assert load.statuses == {"200": load.completed}
    assert (load.errors, load.problem) == (0, "")
    assert load.received_bytes > 1024 * load.completed
    assert load.watched_cpu is not None
    assert 0 < load.watched_user < load.watched_cpu
    pattern = rb"GET /item/\d+\?page=\d+ HTTP/1.1\r\n"
    for each in heads:
        assert re.match(pattern, each)
        assert b"X-Mine: yes\r\n" in each
        assert b"Host: 127.0.0.1" in each
    assert len(heads) > 50


@pytest.mark.unit
def test_a_wrk_that_says_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "unable to connect\n")

    monkeypatch.setattr(wrk, "wrk", lambda: "/bin/wrk")
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(LoadFailed, match="wrk failed: unable to connect"):
        drive(
            "http://127.0.0.1:9/",
            connections=1,
            seconds=1.0,
            warm_up=1.0,
            headers=(),
            varied=False,
            watch=os.getpid(),
            cores=(0,),
            folder=tmp_path,
        )
