"""Real clients through the balancer as a process of its own: programs that people use, as they use
them. A program that is not installed skips its own test and no other."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backend.processes import Process, Processes
from tests.live.rig import proxy
from tests.live.wire import PATIENCE

pytestmark = pytest.mark.integration

SCRIPT = str(Path(__file__).parents[2] / "load_balancer" / "main.py")

TEXT = bytes(range(256)) * 4
BLOCK = bytes(range(256)) * 4096
BLOCKS = 200
"""Of a mebibyte each."""

MOST_GROWTH_BYTES = 30 << 20
REQUESTS = 400


class Origin(ThreadingHTTPServer):
    """A server that does what each path says.

    Attributes:
        seen: method, target, version and whether it came in chunks, of each request but polls.
        next_event: set when one more event may be sent.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, str, bool]] = []
        self.next_event = threading.Semaphore(0)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Origin

    def log_message(self, *line: object) -> None:
        """Nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _note(self) -> None:
        if self.path != "/health":
            chunked = self.headers.get("transfer-encoding") == "chunked"
            self.server.seen.append((self.command, self.path, self.request_version, chunked))

    def _answer(self, status: int, body: bytes, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self._note()
        if self.path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(BLOCKS * len(BLOCK)))
            self.end_headers()
            for _ in range(BLOCKS):
                self.wfile.write(BLOCK)
        elif self.path == "/events":
            self._events()
        elif wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", "")):
            first, last = map(int, wanted.groups())
            where = f"bytes {first}-{last}/{len(TEXT)}"
            self._answer(206, TEXT[first : last + 1], Content_Range=where)
        else:
            self._answer(200, TEXT)

    do_HEAD = do_GET

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(5):
            assert self.server.next_event.acquire(timeout=PATIENCE)
            event = b"data: %d\n\n" % number
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self) -> None:
        self._note()
        digest, size = hashlib.sha256(), 0
        for piece in self._body():
            digest.update(piece)
            size += len(piece)
        self._answer(200, f"{size} {digest.hexdigest()}".encode())

    do_PUT = do_POST

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                assert self.rfile.readline() == b"\r\n"
            assert self.rfile.readline() == b"\r\n"
        else:
            left = int(self.headers["content-length"])
            while left:
                piece = self.rfile.read1(min(left, 1 << 18))
                assert piece
                left -= len(piece)
                yield piece


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def balancer(origin: Origin) -> Iterator[Process]:
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        config = Path(folder) / "config.yaml"
        settings = {
            "servers": [{"id": "a", "host": "127.0.0.1", "port": origin.server_port}],
            "load_balancer": {"host": "127.0.0.1", "port": 0, "admin_port": 0},
        }
        config.write_text(yaml.safe_dump(settings))
        process = processes.start(
            [sys.executable, SCRIPT, "--config", str(config), "--until-stdin-closes"]
        )
        yield process
        assert process.exit_code is None
        assert process.last_lines == ()


def run(name: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """What a program does, once it has ended well."""
    found = subprocess.run(
        [program(name), *arguments], input=stdin, capture_output=True, timeout=2 * PATIENCE
    )
    assert found.returncode == 0, found.stderr.decode() + found.stdout.decode("latin-1")[-500:]
    return found


def program(name: str) -> str:
    """Where it is; its test is skipped if it is nowhere."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def curl(*arguments: str, stdin: bytes = b"") -> bytes:
    return run("curl", "-sS", "--noproxy", "*", *arguments, stdin=stdin).stdout


def told(data: bytes) -> bytes:
    """How the origin acknowledges an upload."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()


# curl.


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_curl_in_both_versions(balancer: Process, origin: Origin, version: str) -> None:
    """The origin is asked in HTTP/1.1 either way."""
    origin.seen.clear()
    assert curl(f"--http{version}", f"{balancer.url}/a?b=%20&c") == TEXT
    assert origin.seen == [("GET", "/a?b=%20&c", "HTTP/1.1", False)]


def test_curl_uses_its_connection_again(balancer: Process) -> None:
    form = ("-w", "%{num_connects}%{http_code}", "-o", "/dev/null")
    assert curl(*form, f"{balancer.url}/1", *form, f"{balancer.url}/2") == b"12000200"


def test_curl_uploads_in_chunks(balancer: Process, origin: Origin) -> None:
    """What it reads from a pipe has no length, and has none behind us either."""
    origin.seen.clear()
    body = BLOCK * 3 + b"end"
    assert curl("-T", "-", "-X", "POST", f"{balancer.url}/up", stdin=body) == told(body)
    assert origin.seen == [("POST", "/up", "HTTP/1.1", True)]


def test_curl_waits_until_it_is_told_to_continue(balancer: Process) -> None:
    """It would wait longer than this test may last, were it not told."""
    found = run(
        "curl",
        *("-sS", "-v", "--noproxy", "*", "-H", "Expect: 100-continue", "--data-binary", "@-"),
        *("--expect100-timeout", "60", f"{balancer.url}/up"),
        stdin=TEXT,
    )
    assert found.stdout == told(TEXT)
    assert b"< HTTP/1.1 100 " in found.stderr


def test_curl_asks_for_a_range(balancer: Process) -> None:
    head, _, body = curl("-i", "-r", "10-19", f"{balancer.url}/a").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206 ")
    assert b"\r\nContent-Range: bytes 10-19/1024" in head
    assert body == TEXT[10:20]


def test_curl_asks_for_a_head(balancer: Process) -> None:
    """It would complain of bytes behind it; the connection serves the next request."""
    found = run("curl", "-sSv", "--noproxy", "*", "-I", f"{balancer.url}/a", f"{balancer.url}/b")
    assert found.stdout.count(b"Content-Length: 1024\r\n") == 2
    assert found.stdout.endswith(b"\r\n\r\n")
    assert b"Re-using existing" in found.stderr or b"Reusing existing" in found.stderr


def test_curl_gets_events_as_they_come(balancer: Process, origin: Origin) -> None:
    """Each arrives while the origin holds the next one back, so nothing is buffered."""
    command = [program("curl"), "-sSN", "--noproxy", "*", f"{balancer.url}/events"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        for number in range(5):
            origin.next_event.release()
            assert reader.stdout.readline() == b"data: %d\n" % number
            assert reader.stdout.readline() == b"\n"
        assert reader.stdout.read() == b""
        assert reader.wait(PATIENCE) == 0


@pytest.mark.slow
def test_curl_moves_200_mebibytes_both_ways_in_constant_memory(
    balancer: Process, tmp_path: Path
) -> None:
    """By checksum; meanwhile a slow reader has its answer held back at the origin."""
    upload = tmp_path / "upload"
    with upload.open("wb") as file:
        for _ in range(BLOCKS):
            file.write(BLOCK)
    down = tmp_path / "down"
    memory = psutil.Process(balancer.pid)
    curl(f"{balancer.url}/a")
    before = most = memory.memory_info().rss
    slow = [program("curl"), "-sS", "--noproxy", "*", "--limit-rate", "1M", "-o", "/dev/null"]
    with subprocess.Popen([*slow, f"{balancer.url}/large"]) as slowly:
        with ThreadPoolExecutor() as threads:
            work = [
                threads.submit(curl, "-o", str(down), f"{balancer.url}/large"),
                threads.submit(curl, "-T", str(upload), f"{balancer.url}/up"),
            ]
            while not all(each.done() for each in work):
                most = max(most, memory.memory_info().rss)
                threading.Event().wait(0.01)
        assert slowly.poll() is None
        slowly.kill()
    wanted = hashlib.sha256(upload.read_bytes()).hexdigest()
    assert work[1].result() == f"{BLOCKS * len(BLOCK)} {wanted}".encode()
    assert hashlib.sha256(down.read_bytes()).hexdigest() == wanted
    assert most - before < MOST_GROWTH_BYTES


# Load generators.


def test_ab(balancer: Process) -> None:
    """HTTP/1.0 with keep-alive."""
    out = run("ab", "-q", "-k", "-n", str(REQUESTS), "-c", "8", f"{balancer.url}/a").stdout.decode()
    assert re.search(rf"Complete requests: +{REQUESTS}\n", out), out
    assert re.search(rf"Keep-Alive requests: +{REQUESTS}\n", out), out
    assert re.search(r"Failed requests: +0\n", out), out
    assert "Non-2xx" not in out


def test_wrk(balancer: Process) -> None:
    out = run("wrk", "-t1", "-c8", "-d1s", f"{balancer.url}/a").stdout.decode()
    assert int(re.search(r"(\d+) requests in", out)[1]) > 100, out  # type: ignore[index]
    assert "Socket errors" not in out
    assert "Non-2xx" not in out


def test_h2load(balancer: Process) -> None:
    """In HTTP/1.1, of which it sends several requests at once."""
    options = ("--h1", "-n", str(REQUESTS), "-c", "8", "-m", "4")
    out = run("h2load", *options, f"{balancer.url}/a").stdout.decode()
    assert f"{REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout" in out, out
    assert f"status codes: {REQUESTS} 2xx" in out, out


def test_hey(balancer: Process) -> None:
    out = run("hey", "-n", str(REQUESTS), "-c", "8", f"{balancer.url}/a").stdout.decode()
    assert f"[200]\t{REQUESTS} responses" in out, out
    assert "Error distribution" not in out


# WebSocket.


async def _talk(connection: ServerConnection) -> None:
    """Sends everything back; ``leave`` makes it close with a code of its own."""
    async for message in connection:
        if message == "leave":
            await connection.close(4001, "as you wish")
        else:
            await connection.send(message)


async def _through(handler: Any, use: Any) -> None:
    async with (
        serve(handler, "127.0.0.1", 0, max_size=None) as server,
        proxy(next(iter(server.sockets)).getsockname()[1]) as rig,
    ):
        url = f"ws://127.0.0.1:{rig.port}/chat"
        async with connect(url, proxy=None, max_size=None, open_timeout=PATIENCE) as client:
            await use(client)
        assert rig.counters.tunnels == 1


async def test_websocket_messages_of_every_size() -> None:
    """Text, bytes, empty, and larger than any buffer on the way; pings are answered."""

    async def use(client: Any) -> None:
        for message in ("hello", b"", "ü" * 70_000, bytes(range(256)) * (1 << 14)):
            await client.send(message)
            assert await client.recv() == message
            latency = await client.ping()
            assert await latency >= 0.0

    await _through(_talk, use)


async def test_websocket_many_messages_at_once() -> None:
    """They come back in order."""

    async def use(client: Any) -> None:
        for number in range(500):
            await client.send(str(number))
        assert [await client.recv() for _ in range(500)] == [str(each) for each in range(500)]

    await _through(_talk, use)


async def test_websocket_close_codes_of_the_server() -> None:
    """Its code and reason reach the client."""

    async def use(client: Any) -> None:
        await client.send("leave")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (4001, "as you wish")

    await _through(_talk, use)


async def test_websocket_close_codes_of_the_client() -> None:
    """And the other way round."""
    codes = []

    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append((connection.close_code, connection.close_reason))

    async def use(client: Any) -> None:
        await client.close(3005, "enough")
        assert client.close_code == 3005

    await _through(listen, use)
    assert codes == [(3005, "enough")]
