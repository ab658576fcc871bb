"""evaluation.faults.nameserver: answers as a resolver expects them (RFC 1035, RFC 2782)."""

import asyncio
import socket
import struct

import pytest

from evaluation.faults.nameserver import SERVICE, SRV, A, NameServer, serve


def question(name: str, kind: int, number: int = 7) -> bytes:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    return (
        struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0)
        + labels
        + b"\0"
        + struct.pack("!HH", kind, 1)
    )


def counts(answer: bytes) -> tuple[int, int, int, int]:
    """Number, response code, answers, additional records."""
    number, flags, _, answers, _, more = struct.unpack_from("!HHHHHH", answer)
    assert flags & 0x8000
    return number, flags & 15, answers, more


@pytest.mark.unit
def test_the_service_has_a_record_and_an_address_for_each_port() -> None:
    answer = NameServer([8001, 8002]).answer(question(SERVICE, SRV))
    assert counts(answer) == (7, 0, 2, 2)
    for port in (8001, 8002):
        assert struct.pack("!HHH", 0, 1, port) in answer
        assert f"p{port}".encode() in answer
    assert answer.endswith(bytes((127, 0, 0, 1)))


@pytest.mark.unit
def test_targets_have_addresses_while_they_are_backends() -> None:
    server = NameServer([8001])
    assert counts(server.answer(question("P8001.backends.test", A))) == (7, 0, 1, 0)
    server.ports = (8002,)
    assert counts(server.answer(question("p8001.backends.test", A))) == (7, 0, 0, 0)
    assert counts(server.answer(question("elsewhere.test", A))) == (7, 3, 0, 0)
    assert counts(server.answer(question(SERVICE, 28))) == (7, 0, 0, 0)


@pytest.mark.unit
@pytest.mark.parametrize("data", [b"", b"\0" * 12, question(SERVICE, SRV)[:-3], b"\0" * 20])
def test_what_is_no_question_is_not_answered(data: bytes) -> None:
    assert NameServer([1]).answer(data) == b""


@pytest.mark.integration
async def test_it_answers_over_udp() -> None:
    server, port = await serve([8001])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(question(SERVICE, SRV, 99), ("127.0.0.1", port))
        answer = await asyncio.to_thread(asking.recv, 4096)
    assert counts(answer) == (99, 0, 1, 1)
    assert server.asked == 1
    server.transport.close()
