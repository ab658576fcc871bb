"""Chains of proxies: whose word counts, and where a request ends that goes round."""

from typing import Any

import pytest

from load_balancer.forwarding.listener import Listener
from metrics.access_record import Request
from tests.live.asking import get, post
from tests.live.origin import Origin
from tests.live.rig import proxy

pytestmark = pytest.mark.integration

HERE = "127.0.0.0/8"


@pytest.mark.parametrize(
    ("trusted", "lines", "client", "said"),
    [
        ([], ["X-Forwarded-For: 198.51.100.1"], "127.0.0.1", None),
        ([HERE], [], "127.0.0.1", None),
        ([HERE], ["X-Forwarded-For: 1.1.1.1, 198.51.100.1"], "198.51.100.1", b"198.51.100.1"),
        ([HERE], ["Forwarded: for=1.1.1.1, for=198.51.100.1"], "198.51.100.1", b"198.51.100.1"),
        (
            [HERE, "198.51.100.0/24"],
            ["X-Forwarded-For: 1.1.1.1, 198.51.100.1"],
            "1.1.1.1",
            b"1.1.1.1",
        ),
        (
            [HERE],
            ["Forwarded: for=1.1.1.1", "X-Forwarded-For: 198.51.100.1"],
            "198.51.100.1",
            b"198.51.100.1",
        ),
        ([HERE], ["X-Forwarded-For: who knows"], "127.0.0.1", None),
    ],
)
async def test_the_policy_and_the_log_are_told_who_asked(
    trusted: list[str], lines: list[str], client: str, said: bytes | None
) -> None:
    """For the repetition of a head as for the first one."""
    async with Origin() as origin, proxy(origin, trusted_proxies=trusted) as rig:
        told: list[Any] = []
        rig.listener.access_log = told
        wire = await rig.client()
        for _ in range(3):
            wire.send(get("/", *lines))
            await wire.answer()
        assert [each.context.client for each in rig.log.attempts] == [client] * 3
        records = [Request._make(each) for each in told]
        assert [(each.client, each.forwarded_for) for each in records] == [("127.0.0.1", said)] * 3


async def test_another_client_behind_the_same_proxy_is_another_one() -> None:
    """Heads that repeat on a connection are remembered whole, with the client that they name."""
    async with Origin() as origin, proxy(origin, trusted_proxies=[HERE]) as rig:
        wire = await rig.client()
        names = ["198.51.100.1"] * 2 + ["198.51.100.2"] * 2 + ["198.51.100.1"] * 2
        for name in names:
            wire.send(get("/", f"X-Forwarded-For: {name}"))
            await wire.answer()
        assert [each.context.client for each in rig.log.attempts] == names
        assert [each.one("x-forwarded-for") for each in origin.requests] == [
            f"{name}, 127.0.0.1" for name in names
        ]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("x_forwarded", ["X-Forwarded-For"]),
        ("rfc7239", ["Forwarded"]),
        ("both", ["X-Forwarded-For", "Forwarded"]),
    ],
)
async def test_the_endpoint_is_told_in_the_configured_way(header: str, names: list[str]) -> None:
    """Once, whatever a stranger says."""
    async with Origin() as origin, proxy(origin, forwarded_header=header) as rig:
        wire = await rig.client()
        lines = ("Forwarded: for=6.6.6.6", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Port: 6")
        for _ in range(2):
            wire.send(get("/", *lines))
            await wire.answer()
        expected = {
            "X-Forwarded-For": "127.0.0.1",
            "Forwarded": "for=127.0.0.1;by=_slb;host=origin.test;proto=http",
        }
        for request in origin.requests:
            assert [name for name in expected if request.all(name)] == names
            assert all(request.one(name) == expected[name] for name in names)
            port = str(rig.port) if "X-Forwarded-For" in names else None
            assert request.all("x-forwarded-port") == ([port] if port else [])


async def test_a_reload_changes_who_is_believed_from_the_next_connection_on() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        balancer = rig.settings.load_balancer
        fields = {"trusted_proxies": [HERE], "forwarded_header": "both"}
        changed = type(balancer).model_validate(balancer.model_dump() | fields)
        await rig.ask(get("/", "X-Forwarded-For: 198.51.100.1"))
        rig.listener.apply(changed)
        await rig.ask(get("/", "X-Forwarded-For: 198.51.100.1"))
        assert [each.context.client for each in rig.log.attempts] == ["127.0.0.1", "198.51.100.1"]
        assert origin.requests[1].one("forwarded").startswith("for=198.51.100.1, for=127.0.0.1;")


async def test_two_nodes_of_the_default_name_work_one_behind_the_other() -> None:
    async with (
        Origin() as origin,
        proxy(origin, trusted_proxies=[HERE]) as inner,
        proxy(inner.port) as outer,
    ):
        for number in range(3):
            assert (await outer.ask(get(f"/{number}"))).body == f"/{number}".encode()
        request = origin.requests[0]
        assert request.all("via") == ["1.1 slb", "1.1 slb"]
        assert request.one("x-forwarded-for") == "127.0.0.1, 127.0.0.1"
        assert request.one("x-forwarded-port") == str(outer.port)


@pytest.mark.parametrize(
    ("limits", "passes"), [({}, 9), ({"own_hops": 0}, 1), ({"own_hops": 20, "hops": 5}, 5)]
)
async def test_a_request_that_goes_round_ends_with_508(
    limits: dict[str, int], passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is its own endpoint: after ``own_hops`` returns, or ``hops`` proxies in all."""
    deadlines = {"drain_seconds": 0.1}
    async with Origin() as origin, proxy(origin, limits=limits, deadlines=deadlines) as rig:
        endpoint = rig.table["a"].endpoint
        monkeypatch.setattr(type(endpoint), "port", rig.port, raising=False)
        answer = await rig.ask(get())
        assert answer.status == 508
        assert len(rig.log.attempts) == passes
        assert not origin.requests


@pytest.mark.parametrize(
    ("method", "value", "status", "sent_on"),
    [
        ("OPTIONS", "0", 200, None),
        ("OPTIONS", "2", 200, "1"),
        ("TRACE", "0", 405, None),
        ("TRACE", "1", 200, "0"),
        ("GET", "0", 200, "0"),
        ("OPTIONS", "x", 400, None),
    ],
)
@pytest.mark.parametrize("target", ["/", "*"])
async def test_max_forwards_ends_where_it_says(
    method: str, value: str, status: int, sent_on: str | None, target: str
) -> None:
    """And the connection goes on, unless the request was malformed."""
    if target == "*" and method != "OPTIONS":
        status, sent_on = 400, None
    async with Origin() as origin, proxy(origin) as rig:
        wire = await rig.client()
        wire.send(get(target, f"Max-Forwards: {value}", "Cookie: secret", method=method))
        answer = await wire.answer(method)
        assert answer.status == status
        assert b"secret" not in answer.raw
        if sent_on is None:
            assert not origin.requests
        else:
            assert origin.requests[0].one("max-forwards") == sent_on
            assert origin.requests[0].target == target
        if value == "0" and sent_on is None and status != 400:
            allowed = answer.one("allow").split(", ")
            assert {"GET", "POST", "OPTIONS"} <= set(allowed)
            assert "TRACE" not in allowed
            assert bool(answer.body) == (method == "TRACE")
        if status != 400:
            wire.send(get("/next"))
            assert (await wire.answer()).body == b"/next"


async def test_the_body_of_a_request_that_ends_here_is_not_taken_for_the_next_one() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        wire = await rig.client()
        hidden = get("/hidden")
        wire.send(post(hidden, "/", "Max-Forwards: 0", method="OPTIONS") + get("/next"))
        assert (await wire.answer("OPTIONS")).one("content-length") == "0"
        assert (await wire.answer()).body == b"/next"
        assert [each.target for each in origin.requests] == ["/next"]


@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "127.0.0.1"])
async def test_an_address_mapped_into_ipv6_is_the_one_that_it_is(address: str) -> None:
    """As sockets have it that take both families."""
    async with Origin() as origin, proxy(origin, trusted_proxies=[HERE]) as rig:
        listener: Listener = rig.listener
        assert listener.peer(address).trusted
        assert listener.peer(address).address == "127.0.0.1"
        assert not listener.peer("::ffff:192.0.2.1").trusted
