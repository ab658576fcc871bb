"""The commands that speak to a running node, before a server that plays one."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.command_line import parse
from load_balancer.control import run
from rl.vocabulary import JSON

pytestmark = pytest.mark.integration

Asked = list[tuple[str, str, str | None]]

ENDPOINTS: JSON = [
    {
        "id": "server1",
        "host": "localhost",
        "port": 8001,
        "state": "healthy",
        "weight": 1.0,
        "in_flight": 2,
        "latency": 0.0125,
        "error_rate": 0.05,
        "completed": 12,
        "failures": 1,
    },
    {"id": "s2", "host": "h", "port": 1, "state": "ejected"},
]


@contextmanager
def node(status: int, answer: Any, asked: Asked | None = None) -> Iterator[str]:
    """Answers everything alike; its URL."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append((self.command, self.path, self.headers["Authorization"]))
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def arguments(*argv: str) -> argparse.Namespace:
    return parse(argv)


def settings(**load_balancer: Any) -> Settings:
    return Settings(load_balancer=load_balancer)  # type: ignore[arg-type]


def test_the_node_is_found_by_the_configuration() -> None:
    asked: Asked = []
    with node(200, {"status": "ready"}, asked) as url:
        port = int(url.rpartition(":")[2])
        assert 0 == run(arguments("healthcheck"), settings(admin_port=port))
    assert [("GET", "/readyz", None)] == asked


@pytest.mark.parametrize(
    ("argv", "asks"),
    [
        (["reload"], ("POST", "/reload")),
        (["drain"], ("POST", "/drain")),
        (["drain", "a/b"], ("POST", "/endpoints/a%2Fb/drain")),
        (["endpoints"], ("GET", "/stats")),
    ],
)
def test_each_command_asks_its_route_with_the_token(argv: list[str], asks: tuple[str, str]) -> None:
    asked: Asked = []
    answer = {"changed": [], "restart": [], "status": "draining", "endpoints": []}
    with node(200, answer, asked) as url:
        assert 0 == run(arguments(*argv, "--admin", url), settings(admin_token="correct-horse"))
    assert [(*asks, "Bearer correct-horse")] == asked


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_healthcheck_is_the_readiness(
    status: int, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with node(status, {"status": "a word"}) as url:
        assert expected == run(arguments("healthcheck", "--admin", url), settings())
    assert ("a word\n", "") == tuple(capsys.readouterr())


def test_reload_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    with node(200, {"changed": ["a", "b"], "restart": ["c"]}) as url:
        assert 0 == run(arguments("reload", "--admin", url), settings())
    assert "changed: a, b\nneeds a restart: c\n" == capsys.readouterr().out


def test_endpoints_are_an_aligned_table(capsys: pytest.CaptureFixture[str]) -> None:
    with node(200, {"endpoints": ENDPOINTS}) as url:
        assert 0 == run(arguments("endpoints", "--admin", url), settings())
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == ["ID", "ADDRESS", "STATE", "WEIGHT"]
    assert "server1  localhost:8001  healthy  1       2          12.5 ms  5.0 %" in second
    assert first.index("STATE") == second.index("healthy") == third.index("ejected")


def test_endpoints_for_a_program_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    with node(200, {"endpoints": ENDPOINTS}) as url:
        assert 0 == run(arguments("endpoints", "--json", "--admin", url), settings())
    assert ENDPOINTS == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("argv", "status", "answer", "expected"),
    [
        (["reload"], 422, {"detail": "port: wrong"}, "refused (422): port: wrong"),
        (["reload"], 401, {"detail": "no"}, "wants another admin token"),
        (["drain", "x"], 404, {"detail": "Not Found"}, "there is no endpoint 'x'"),
        (["endpoints"], 200, {}, "does not tell of its endpoints"),
        (["endpoints"], 200, b"<html>", "is no admin port of ours"),
        (["healthcheck"], 200, b"", "is no admin port of ours"),
    ],
)
def test_a_refusal_is_one_line(
    argv: list[str],
    status: int,
    answer: Any,
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with node(status, answer) as url:
        assert 1 == run(arguments(*argv, "--admin", url), settings())
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert expected in line
    assert "" == printed.out


def test_nobody_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with node(200, {}) as url:
        pass
    assert 1 == run(arguments("reload", "--admin", url), settings())
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no node answers at {url}: " in line


@pytest.mark.parametrize(
    ("argv", "load_balancer", "expected"),
    [
        (["--admin", "127.0.0.1:8081"], {}, "must be like http://"),
        (["--admin", "http://h:port"], {}, "must be like http://"),
        (["--admin", "ftp://h"], {}, "must be like http://"),
        ([], {"admin_port": 0}, "admin_port is 0"),
        ([], {"admin_token_file": "/no/such/file"}, "admin_token_file: /no/such/file cannot"),
    ],
)
def test_a_mistake_of_ones_own_is_one_line(
    argv: list[str],
    load_balancer: dict[str, Any],
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 2 == run(arguments("healthcheck", *argv), settings(**load_balancer))
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line
