"""The plan of a network's load, and the way that an answer tells of."""

import asyncio
import random
from collections import Counter
from contextlib import closing, suppress

import pytest

from config.topology import document_origins
from evaluation.network.load import Phase, Question, ask, asked, make_questions, way_of
from evaluation.network.records import Asked
from traffic.records import Record

ORIGINS = document_origins(3, 2)
QUESTION = Question(0.5, "301", "domain1.com", "/path-1/page.html")


def record(status: int = 200, error: str = "", first_byte: float | None = 0.02) -> Record:
    return Record(7, 0.5, 0.5, 0.03, first_byte, status, error, "7", "")


@pytest.mark.unit
def test_phases_follow_one_another_and_everything_is_asked_for() -> None:
    phases = (Phase(600, 300.0), Phase(100, 50.0))
    found = make_questions(("301", "302"), ORIGINS, phases, random.Random(1))
    assert len(found) == 700
    offsets = [question.offset for question in found]
    assert offsets == sorted(offsets)
    assert offsets[599] < 2.0 <= offsets[600] and offsets[-1] < 4.0
    assert set(Counter(question.node for question in found)) == {"301", "302"}
    asked_for = {(question.domain, question.path) for question in found}
    assert asked_for == {(each.domain, page) for each in ORIGINS for page in each.pages}


@pytest.mark.unit
def test_the_same_dice_ask_the_same() -> None:
    first, second = (
        make_questions(("301",), ORIGINS, (Phase(50, 100.0),), random.Random(3)) for _ in range(2)
    )
    assert first == second


@pytest.mark.unit
@pytest.mark.parametrize(
    ("via", "cache_status", "expected"),
    [
        ("1.1 101, 1.1 201, 1.1 301", "", (("301", "201", "101"), False)),
        (
            "1.1 101, 1.1 201, 1.1 301",
            '"101"; fwd=uri-miss; stored, "201"; fwd=uri-miss, "301"; fwd=uri-miss',
            (("301", "201", "101"), False),
        ),
        # 201 had it from 101, who is still named in what 201 stored.
        (
            "1.1 101, 1.1 201, 1.1 301",
            '"101"; fwd=uri-miss; stored, "201"; hit; ttl=9, "301"; fwd=uri-miss',
            (("301", "201"), True),
        ),
        # 101 had it from its own cache when 201 stored it.
        (
            "1.1 101, 1.1 201, 1.1 301",
            "a; hit, near; hit; ttl=9",
            (("301", "201", "101"), False),
        ),
        ("", "", (("301",), False)),
        ("1.0 near", "near; hit", (("near",), True)),
    ],
)
def test_ways(via: str, cache_status: str, expected: tuple[tuple[str, ...], bool]) -> None:
    assert way_of("301", via, cache_status) == expected


@pytest.mark.unit
def test_an_answer_as_it_is_kept() -> None:
    fields = {"via": "1.1 201, 1.1 301", "q": "-0.02", "qreward": "-0.021"}
    found = asked(QUESTION, record(), fields)
    assert (found.index, found.at, found.way) == (7, 0.5, ("301", "201"))
    assert (found.value, found.reward, found.latency) == (-0.02, -0.021, 0.02)
    assert found.success


@pytest.mark.unit
@pytest.mark.parametrize("value", ["nan", "inf", "much", ""])
def test_a_value_that_is_no_number_is_none(value: str) -> None:
    assert asked(QUESTION, record(), {"q": value}).value is None


@pytest.mark.unit
def test_what_failed_was_no_hit() -> None:
    fields = {"via": "1.1 301", "cache-status": "301; hit"}
    assert not asked(QUESTION, record(status=503), fields).hit
    cut = asked(QUESTION, record(error="answer cut short", first_byte=None), {})
    assert (cut.success, cut.latency, cut.way) == (False, 0.03, ("301",))


@pytest.mark.integration
async def test_every_node_is_asked_in_the_name_of_the_domain() -> None:
    """Over real sockets; a node that is away is a failure."""

    hosts: list[str] = []
    serving: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError), closing(writer):
            while True:
                await one(await reader.readuntil(b"\r\n\r\n"), writer)

    async def one(head: bytes, writer: asyncio.StreamWriter) -> None:
        lines = head.decode().split("\r\n")
        hosts.extend(line[6:] for line in lines if line.lower().startswith("host: "))
        writer.write(
            b"HTTP/1.1 200 OK\r\nVia: 1.1 101\r\nVia: 1.1 301\r\nQ: -1\r\nContent-Length: 0\r\n\r\n"
        )

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    spare = await asyncio.start_server(answer, "127.0.0.1", 0)
    away = spare.sockets[0].getsockname()[1]
    spare.close()
    await spare.wait_closed()
    questions = make_questions(("301", "302"), ORIGINS, (Phase(40, 2000.0),), random.Random(2))
    found: list[Asked] = []
    started = asyncio.Event()
    await ask(
        questions,
        {"301": f"http://127.0.0.1:{port}", "302": f"http://127.0.0.1:{away}"},
        lambda asked, record: found.append(asked),
        started,
    )
    server.close()
    await asyncio.gather(*serving)
    await server.wait_closed()
    assert started.is_set()
    found.sort(key=lambda asked: asked.index)
    assert [each.domain for each in found] == [question.domain for question in questions]
    for each, question in zip(found, questions, strict=True):
        assert each.success is (question.node == "301")
        assert each.value == (-1.0 if each.success else None)
        assert each.way == (("301", "101") if each.success else ("302",))
    assert Counter(hosts) == Counter(each.domain for each in found if each.success)
