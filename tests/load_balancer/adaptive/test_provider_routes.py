"""The operator's routes to adaptive shaping."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rl.shaping.reward import Weights
from tests.load_balancer.adaptive.port import BY_KEY, KEY, KEYED, OPERATOR, OTHER, Port, is_problem

pytestmark = pytest.mark.unit

BOUNDS = {"least": 20, "most": 50, "step": 1.5}


async def with_two() -> Port:
    """Two clients in the mode."""
    port = Port()
    port.come()
    port.come(key=KEY)
    for name in (OTHER, KEYED):
        port.agents.enable(name, port.now)
    return port


async def test_all_is_seen_at_once() -> None:
    port = await with_two()
    port.step(arrivals=20, completed=10, refused=5, p95_seconds=0.5, sent_bytes=1000, seconds=2.0)
    seen = (await port.ask("GET", "")).json()

    assert ("tabular", "client", True) == (seen["agent"], seen["share"], seen["cooperative"])
    assert {"keyed", "others"} == set(seen["envelopes"])
    assert [KEYED, OTHER] == [row["client"] for row in seen["clients"]]
    row = seen["clients"][0]
    assert (5.0, 0.5, 500.0, 2.5) == (
        row["requests_per_second"],
        row["p95_seconds"],
        row["sent_bytes_per_second"],
        row["refused_per_second"],
    )
    assert seen["weights"] == (await port.ask("GET", "/weights")).json()


async def test_an_envelope_moves_who_stands_outside_at_once() -> None:
    port = await with_two()
    told = await port.ask("PUT", "/envelopes/others", json={"requests_per_second": BOUNDS})
    assert 200 == told.status_code
    assert told.json() == (await port.ask("GET", "/envelopes")).json()["others"]
    client = port.shaper.clients.get(OTHER)
    assert client is not None and 50 == client.rule.requests_per_second
    paths = {"paths": [{"pool": "spare"}, {"source_address": "127.0.0.2"}], "frozen": True}
    told = await port.ask("PUT", "/envelopes/bare", json=paths)
    assert ["spare", None] == [each["pool"] for each in told.json()["paths"]]
    assert is_problem(await port.ask("PUT", "/envelopes/nobody", json={}), 404, "no rule")


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("/envelopes/others", {"requests_per_second": {**BOUNDS, "least": 60}}, "least"),
        ("/envelopes/others", {"requests_per_second": {**BOUNDS, "step": True}}, "step"),
        ("/envelopes/others", {"urgency": {"least": 0, "most": 9, "step": 1}}, "urgency"),
        ("/envelopes/others", {"rule": "x"}, "rule"),
        ("/envelopes/others", {"paths": [{}]}, "paths.0"),
        ("/weights", {"latency": -1}, "latency"),
        ("/weights", {"latency": "1"}, "latency"),
        ("/weights", {"speed": 1}, "speed"),
        ("/clients/" + KEYED + "/import", {}, "kind"),
        ("/clients/" + KEYED + "/import", {"kind": "dqn"}, "kind"),
        ("/clients/" + KEYED + "/import", {"kind": "tabular", "encoder": 0}, "encoder"),
        ("/clients/" + KEYED + "/import", [], "body"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(path: str, body: Any, at: str) -> None:
    port = await with_two()
    before = (await port.ask("GET", "")).json()

    assert is_problem(await port.ask("PUT", path, json=body), 422, at)
    assert before == (await port.ask("GET", "")).json()


async def test_numbers_that_are_none_are_refused() -> None:
    port = await with_two()
    kind = {**OPERATOR, "Content-Type": "application/json"}
    for body in ('{"latency": NaN}', '{"latency": 1e400}', '{"latency": 1' + "0" * 400 + "}"):
        told = await port.ask("PUT", "/weights", headers=kind, content=body)
        assert is_problem(told, 422, "latency")


async def test_weights_count_from_now_on() -> None:
    port = await with_two()
    assert 200 == (await port.ask("PUT", "/weights", json={"others": 7})).status_code
    assert Weights(others=7) == port.agents.weights


async def test_single_agents_are_frozen_reset_taken_out_and_put_in() -> None:
    port = await with_two()
    for _ in range(5):
        port.step(arrivals=10, completed=10, p95_seconds=0.1)
    for verb, frozen in (("freeze", True), ("unfreeze", False)):
        told = await port.ask("POST", f"/clients/{KEYED}/{verb}")
        assert {"client": KEYED, "enabled": True} == told.json()
        assert frozen == port.agents.state(KEYED).frozen
    learned = (await port.ask("GET", f"/clients/{KEYED}/export")).json()
    assert learned["experience"] > 0

    assert 200 == (await port.ask("POST", f"/clients/{KEYED}/reset")).status_code
    assert 0 == port.agents.state(KEYED).experience
    # Larger than other bodies may be here.
    content = json.dumps(learned) + " " * 2000
    told = await port.ask(
        "PUT",
        f"/clients/{KEYED}/import",
        headers={**OPERATOR, "Content-Type": "application/json"},
        content=content,
    )
    assert 200 == told.status_code
    assert learned == (await port.ask("GET", f"/clients/{KEYED}/export")).json()


async def test_it_is_the_operators_alone() -> None:
    port = await with_two()
    for method, path in (
        ("GET", ""),
        ("GET", "/envelopes"),
        ("PUT", "/weights"),
        ("POST", f"/clients/{KEYED}/freeze"),
        ("POST", f"/clients/{KEYED}/reset"),
        ("GET", f"/clients/{KEYED}/export"),
        ("PUT", f"/clients/{KEYED}/import"),
    ):
        assert is_problem(await port.ask(method, path, headers=BY_KEY), 401)
        assert is_problem(await port.ask(method, path, headers={}), 401)


async def test_who_is_not_there_is_404() -> None:
    port = Port()
    for method, path in (
        ("POST", "/clients/nobody/freeze"),
        ("POST", "/clients/nobody/unfreeze"),
        ("POST", "/clients/nobody/reset"),
        ("GET", "/clients/nobody/export"),
    ):
        assert is_problem(await port.ask(method, path), 404, "nobody")
    told = await port.ask("PUT", "/clients/nobody/import", json={})
    assert is_problem(told, 404, "nobody")
    off = Port(on=False)
    for path in ("", "/envelopes", "/weights"):
        assert is_problem(await off.ask("GET", path), 404, "not switched on")
