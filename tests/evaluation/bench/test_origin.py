"""evaluation.bench.origin: the backend that stands in where there is no nginx."""

import socket
import sys

import httpx
import pytest

from backend.processes import start
from evaluation.bench.cases import CACHED_PATH, LARGE_BYTES, LARGE_PATH, MADE
from evaluation.bench.launch import free_ports
from evaluation.bench.origin import BODY, MISSING_PATH, main

pytestmark = pytest.mark.integration


def test_it_answers_on_all_its_ports_until_its_stdin_closes() -> None:
    ports = free_ports(2)
    process = start([sys.executable, "-m", "evaluation.bench.origin", *map(str, ports)])
    try:
        assert process.url == f"http://127.0.0.1:{ports[0]}"
        for port in ports:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                answers = [client.get("/"), client.get("/x"), client.get("/health")]
            assert [answer.status_code for answer in answers] == [200] * 3
            assert answers[0].content == answers[1].content == BODY
            assert answers[2].json()["health_status"] == "healthy"
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                assert client.post("/x", content=b"y\r\n\r\n" * 50_000).content == BODY
                assert client.get(MISSING_PATH).status_code == 404
                assert client.head("/").headers["content-length"] == str(len(BODY))
                assert len(client.get(LARGE_PATH).content) == LARGE_BYTES
                cached = [client.get(f"{CACHED_PATH}x") for _ in range(2)]
                assert cached[0].headers["cache-control"] == "max-age=3600"
                assert cached[0].headers[MADE] != cached[1].headers[MADE]
    finally:
        process.stop()
    assert process.exit_code == 0


def test_requests_in_pieces_and_several_at_once_are_each_answered_once() -> None:
    (port,) = free_ports(1)
    process = start([sys.executable, "-m", "evaluation.bench.origin", str(port)])
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request + request + request[:10])
            connection.sendall(request[10:])
            received = b""
            while received.count(BODY) < 3:
                received += connection.recv(65536)
            assert received.count(b"HTTP/1.1 200") == 3
    finally:
        process.stop()


def test_a_body_in_chunks_is_passed_over_however_it_comes() -> None:
    (port,) = free_ports(1)
    process = start([sys.executable, "-m", "evaluation.bench.origin", str(port)])
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    inside = b"GET / HTTP/1.1\r\n\r\n"
    request = head + b"%x\r\n%b\r\n" % (len(inside), inside) + b"A;x=y\r\n0123456789\r\n0\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request)
            for byte in request:
                connection.sendall(bytes([byte]))
            connection.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while b"nothing here" not in received:
                received += connection.recv(65536)
            assert received.count(b"HTTP/1.1") == 3
    finally:
        process.stop()


def test_a_taken_port_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main([str(taken.getsockname()[1])]) == 2
    said = capsys.readouterr().err
    assert said.startswith("origin: cannot listen")
    assert said.count("\n") == 1
