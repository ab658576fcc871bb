"""What comes twice is judged once, and nobody can tell the difference."""

from collections.abc import Callable

import pytest

from load_balancer.forwarding import exchange as exchanges
from load_balancer.forwarding import responses
from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.repeat import (
    FORGET_SECONDS,
    LARGEST_HEAD_BYTES,
    worth_remembering,
)
from tests.live.asking import get, post
from tests.live.origin import OK, Origin, Visit, answer, done
from tests.live.rig import Rig, proxy
from tests.live.wire import EOF, Message

pytestmark = pytest.mark.integration

DATE = "Date: Fri, 20 Nov 2026 10:00:00 GMT"


async def dated(visit: Visit) -> None:
    """Answers with the target, on a day that does not pass."""
    while not await done(visit):
        request = await visit.request()
        visit.send(answer(request.target.encode(), DATE))


async def dated_echo(visit: Visit) -> None:
    while not await done(visit):
        request = await visit.request()
        body = f"{request.method} {request.target} ".encode() + request.body
        visit.send(answer(body, DATE))


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Statuses of the response heads that were judged rather than recognised."""
    statuses: list[int] = []
    judge: Callable[..., object] = responses.read_response

    def noting(status: int, *rest: object) -> object:
        statuses.append(status)
        return judge(status, *rest)

    monkeypatch.setattr(exchanges, "read_response", noting)
    return statuses


def same(one: Message, other: Message) -> bool:
    """Alike but for what must differ."""
    theirs = [
        [field for field in message.fields if field[0] not in ("X-Request-ID", "Date")]
        for message in (one, other)
    ]
    return (one.line, one.body, theirs[0]) == (other.line, other.body, theirs[1])


async def test_repeated_requests_are_sent_on_alike_each_with_an_id_of_its_own(
    judged: list[int],
) -> None:
    """And the answers come back alike, although only the first was judged."""
    async with Origin(dated) as origin, proxy(origin) as rig:
        client = await rig.client()
        answers = []
        for _ in range(5):
            client.send(get("/same", "X-Kept: 1", "Connection: X-Hop", "X-Hop: 2"))
            answers.append(await client.answer())
        assert all(same(origin.requests[0], each) for each in origin.requests)
        assert all(same(answers[0], each) for each in answers)
        assert 5 == len({each.one("x-request-id") for each in origin.requests})
        assert [200] == judged
        assert ["/same"] * 5 == [attempt.context.path for attempt in rig.log.attempts]
        assert {200: 5} == rig.counters.answers


async def test_an_id_that_the_client_gives_is_repeated_with_its_request() -> None:
    async with Origin(dated) as origin, proxy(origin) as rig:
        client = await rig.client()
        for _ in range(3):
            client.send(get("/", "X-Request-ID: mine"))
            await client.answer()
        assert ["mine"] * 3 == [each.one("x-request-id") for each in origin.requests]
        assert ["mine"] * 3 == [each.request_id for each in rig.log.attempts]


async def test_other_requests_in_between_change_nothing() -> None:
    """Whatever was remembered, each request is answered as what it is."""
    requests = [
        get("/a"),
        get("/a"),
        get("/a", method="HEAD"),
        get("/a"),
        post(b"body", "/a"),
        get("/a"),
        get("/b"),
        get("/a") + get("/a"),
        get("/a") + b"\r\n",
        get("/a"),
        get("/a", version="1.0"),
    ]
    async with Origin(dated_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        for request in requests:
            client.send(request)
            for _ in range(request.count(b" HTTP/1.")):
                method = request.split(b" ")[0].decode()
                got = await client.answer(method)
                body = request.partition(b"\r\n\r\n")[2].strip() if method == "POST" else b""
                target = request.split(b" ")[1]
                expected = b"" if method == "HEAD" else b"%b %b " % (method.encode(), target) + body
                assert expected == got.body
        assert EOF == await client.end()
    assert 12 == len(origin.requests)


async def test_an_answer_with_the_same_head_may_have_another_body_or_come_in_pieces() -> None:
    async def script(visit: Visit) -> None:
        bodies = iter([b"one", b"one", b"two", b"six", b"ten", b"end"])
        while not await done(visit):
            request = await visit.request()
            whole = answer(next(bodies), DATE)
            if request.target == "/pieces":
                await visit.send_pieces(whole[:20], whole[20:-2], whole[-2:])
            else:
                visit.send(whole)

    async with Origin(script) as origin, proxy(origin) as rig:
        client = await rig.client()
        got = []
        for target in ("/", "/", "/", "/pieces", "/", "/"):
            client.send(get(target))
            got.append((await client.answer()).body)
        assert [b"one", b"one", b"two", b"six", b"ten", b"end"] == got
        assert 1 == len(origin.visits)


async def test_bytes_behind_a_known_answer_are_nobodys() -> None:
    """The connection is given up, and the next request does not get them."""

    async def script(visit: Visit) -> None:
        count = 0
        while not await done(visit):
            await visit.request()
            count += 1
            visit.send(answer(b"ok", DATE) + (b"" if count < 3 else answer(b"stolen")))

    async with Origin(script) as origin, proxy(origin) as rig:
        client = await rig.client()
        for _ in range(5):
            client.send(get())
            assert b"ok" == (await client.answer()).body
        assert 2 == len(origin.visits)


async def test_what_a_reader_of_another_kind_gets_is_judged_for_it(judged: list[int]) -> None:
    """An answer that is known from one client may need another form for the next."""
    async with Origin(dated) as origin, proxy(origin) as rig:
        plain, old = await rig.client(), await rig.client()
        for _ in range(2):
            plain.send(get("/x"))
            await plain.answer()
        old.send(get("/x", "Connection: keep-alive", version="1.0"))
        assert "keep-alive" == (await old.answer()).one("connection")
        plain.send(get("/x", "Connection: close"))
        assert "close" == (await plain.answer()).one("connection")
        assert EOF == await plain.end()
        assert 1 == len(origin.visits)
        assert 3 == len(judged)


async def test_a_failed_status_fails_each_time() -> None:
    async def script(visit: Visit) -> None:
        while not await done(visit):
            await visit.request()
            visit.send(answer(b"no", DATE, status="500 Broken"))

    async with Origin(script) as origin, proxy(origin) as rig:
        client = await rig.client()
        for _ in range(3):
            client.send(get())
            assert 500 == (await client.answer()).status
        assert 3 == rig.stats("a").failures


async def test_the_balancers_own_page_is_made_anew_each_time() -> None:
    numbers = iter(range(9))
    pages = {"/health": lambda: ("text/plain", b"%d" % next(numbers))}
    async with Origin(dated) as origin, proxy(origin, local=pages) as rig:
        client = await rig.client()
        for number in range(3):
            client.send(get("/health"))
            assert b"%d" % number == (await client.answer()).body


async def undated(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(OK)


async def test_a_date_of_ours_is_that_of_each_answer() -> None:
    async with Origin(undated) as origin, proxy(origin) as rig:
        client = await rig.client()
        for number in range(4):
            rig.listener.date = b"date %d" % number
            client.send(get())
            assert f"date {number}" == (await client.answer()).one("date")


async def test_nothing_large_is_remembered_nor_anything_for_long() -> None:
    async with Origin(dated) as origin, proxy(origin) as rig:
        client = await rig.client()
        (connection,) = await connections(rig)
        client.send(get("/", "X-Large: " + "x" * LARGEST_HEAD_BYTES))
        await client.answer()
        assert connection._repeat is None
        for _ in range(2):
            assert connection._repeat is None
            client.send(get("/"))
            await client.answer()
        assert connection._repeat is not None
        await rig.pass_time(FORGET_SECONDS + 1)
        assert connection._repeat is None
        client.send(get("/"))
        await client.answer()
        assert 4 == len(origin.requests)


async def connections(rig: Rig) -> set[ClientConnection]:
    await rig.holds(lambda: rig.listener.connections, "a connection")
    return rig.listener.connections


def test_who_never_repeats_is_remembered_only_now_and_then() -> None:
    worth = [misses for misses in range(100) if worth_remembering(misses)]

    assert [0, 1, 2, 3, 32, 64, 96] == worth


async def test_who_repeats_after_all_is_recognised_again(judged: list[int]) -> None:
    async with Origin(dated) as origin, proxy(origin) as rig:
        client = await rig.client()
        for number in range(40):
            client.send(get(f"/{number}"))
            await client.answer()
        for _ in range(80):
            client.send(get("/same"))
            await client.answer()
        assert 120 == len(origin.requests)
        assert len(judged) < 80


async def test_an_errors_head_is_judged_for_each_request_it_answers() -> None:
    """Whether somebody else is asked depends on the request, not on the answer's bytes."""

    async def busy(visit: Visit) -> None:
        while not await done(visit):
            await visit.request()
            visit.send(answer(b"busy", DATE, status="503 Busy"))

    retries = {"conditions": ["status"]}
    ejection = {"consecutive_failures": None}
    async with Origin(busy) as bad, Origin() as good:
        async with proxy(bad, good, retries=retries, ejection=ejection) as rig:
            client = await rig.client()
            for _ in range(3):
                client.send(post(b""))
                assert 503 == (await client.answer()).status
            client.send(get("/x"))
            assert b"/x" == (await client.answer()).body
