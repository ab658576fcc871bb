"""What a client may say and ask of its agent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.load_balancer.adaptive.port import BY_KEY, KEY, KEYED, OPERATOR, OTHER, Port, is_problem

pytestmark = pytest.mark.unit

JSON = {**BY_KEY, "Content-Type": "application/json"}


async def test_a_client_goes_in_and_out_by_its_key() -> None:
    port = Port()
    told = await port.ask("POST", "/clients/self/adaptive", headers=BY_KEY, json={"enabled": True})
    assert (200, {"client": KEYED, "enabled": True}) == (told.status_code, told.json())
    assert [KEYED] == port.agents.clients()

    told = await port.ask(
        "POST", f"/clients/{KEYED}/adaptive", headers=BY_KEY, json={"enabled": False}
    )
    assert {"client": KEYED, "enabled": False} == told.json()
    assert [] == port.agents.clients()


async def test_who_has_no_envelope_or_no_place_is_told_of_the_conflict() -> None:
    port = Port(clients=1)
    bare = port.come(path="/bare")
    told = await port.ask("POST", f"/clients/{bare}/adaptive", json={"enabled": True})
    assert is_problem(told, 409, "no envelope")

    port.come()
    assert (
        200
        == (
            await port.ask("POST", f"/clients/{OTHER}/adaptive", json={"enabled": True})
        ).status_code
    )
    told = await port.ask("POST", "/clients/self/adaptive", headers=BY_KEY, json={"enabled": True})
    assert is_problem(told, 409, "clients")


async def test_targets_are_put_and_read() -> None:
    port = Port()
    wanted = {"p95_seconds": 0.2, "weight": 2.0, "application_target": {"fps": 24.0}}
    told = await port.ask("PUT", "/clients/self/targets", headers=BY_KEY, json=wanted)
    assert 200 == told.status_code

    shown = (await port.ask("GET", "/clients/self/targets", headers=BY_KEY)).json()
    assert shown == {**wanted, "requests_per_second": None, "deadline_seconds": None}
    assert 0.2 == port.agents.targets_of(KEYED).p95_seconds


async def test_an_agent_is_shown_with_what_it_did_and_why() -> None:
    port = Port()
    port.come(key=KEY)
    await port.ask("POST", "/clients/self/adaptive", headers=BY_KEY, json={"enabled": True})
    await port.ask("PUT", "/clients/self/targets", headers=BY_KEY, json={"p95_seconds": 0.1})
    await port.ask("POST", "/clients/self/metrics", headers=BY_KEY, json={"fps": 12})
    for _ in range(3):
        port.step(arrivals=10, completed=10, p95_seconds=0.5, in_flight=1)

    shown = (await port.ask("GET", "/clients/self/agent", headers=BY_KEY)).json()
    assert (KEYED, "keyed", True, ["p95_seconds"]) == (
        shown["client"],
        shown["rule"],
        shown["enabled"],
        shown["missed"],
    )
    assert {"fps": 12} == shown["application"] and 10 == shown["reading"]["completed"]
    assert (3, 3, 3) == (shown["intervals"], shown["violated"], len(shown["history"]))
    last = shown["history"][-1]
    assert 0.0 == last["seconds_ago"] and last["reason"].endswith(".")
    assert last["reward"]["violation"] < 0
    assert 10 <= shown["setting"]["requests_per_second"] <= 200


async def test_a_key_answers_for_its_own_client_only() -> None:
    port = Port()
    port.come()
    for path in (f"/clients/{OTHER}/agent", "/clients/keyed/key:0000000000000000/agent"):
        told = await port.ask("GET", path, headers=BY_KEY)
        assert is_problem(told, 403, "its own client")
    for headers in ({"X-API-Key": "guess"}, {"X-API-Key": ""}, {}):
        assert is_problem(await port.ask("GET", "/clients/self/agent", headers=headers), 401)
    wrong = {**BY_KEY, "Authorization": "Bearer guess"}
    assert is_problem(await port.ask("GET", "/clients/self/agent", headers=wrong), 401)


async def test_a_key_counts_as_well_where_there_is_no_token() -> None:
    port = Port(token=None)
    port.come()
    assert is_problem(await port.ask("GET", f"/clients/{OTHER}/agent", headers=BY_KEY), 403)
    guess = {"X-API-Key": "guess"}
    assert is_problem(await port.ask("GET", f"/clients/{OTHER}/agent", headers=guess), 401)
    assert 404 == (await port.ask("GET", "/clients/self/agent", headers={})).status_code


async def test_an_unknown_client_is_404() -> None:
    port = Port()
    for method, name, body in (
        ("POST", "adaptive", {"enabled": True}),
        ("POST", "adaptive", {"enabled": False}),
        ("PUT", "targets", {}),
        ("POST", "metrics", {"fps": 1}),
        ("GET", "targets", None),
        ("GET", "agent", None),
    ):
        told = await port.ask(method, f"/clients/others/10.9.9.9/{name}", json=body)
        assert is_problem(told, 404, "there is no client 'others/10.9.9.9'")
    told = await port.ask("GET", "/clients/odd%0Aname%ff/agent")
    assert 404 == told.status_code


async def test_without_agents_everything_is_404() -> None:
    port = Port(on=False)
    told = await port.ask("POST", "/clients/self/adaptive", headers=BY_KEY, json={"enabled": True})
    assert is_problem(told, 404, "load_balancer.shaping.adaptive.enabled")


@pytest.mark.parametrize(
    ("method", "name", "body", "at"),
    [
        ("POST", "adaptive", "{}", "enabled"),
        ("POST", "adaptive", '{"enabled": 1}', "enabled"),
        ("POST", "adaptive", '{"enabled": true, "also": 1}', "also"),
        ("POST", "adaptive", "[]", "body"),
        ("PUT", "targets", '{"p95_seconds": 0}', "p95_seconds"),
        ("PUT", "targets", '{"p95_seconds": "1"}', "p95_seconds"),
        ("PUT", "targets", '{"p95_seconds": NaN}', "p95_seconds"),
        ("PUT", "targets", '{"deadline_seconds": 1e999}', "deadline_seconds"),
        ("PUT", "targets", '{"requests_per_second": true}', "requests_per_second"),
        ("PUT", "targets", '{"weight": 101}', "weight"),
        ("PUT", "targets", '{"application_target": {"fps": 0}}', "application_target.fps"),
        ("PUT", "targets", '{"application_target": {"": 1}}', "application_target"),
        ("PUT", "targets", '{"p99": 1}', "p99"),
        ("POST", "metrics", '{"fps": NaN}', "fps"),
        ("POST", "metrics", '{"fps": -Infinity}', "fps"),
        ("POST", "metrics", '{"fps": 1' + "0" * 400 + "}", "fps"),
        ("POST", "metrics", '{"fps": "24"}', "fps"),
        ("POST", "metrics", "{}", "body"),
        ("POST", "metrics", '{"two words": 1}', "two words"),
        ("POST", "metrics", "{", "body"),
        ("POST", "metrics", "[" * 900, "body"),
        ("POST", "metrics", '{"\\ud800": 1}', "body"),
    ],
)
async def test_what_is_wrong_is_named(method: str, name: str, body: str, at: str) -> None:
    port = Port()
    told = await port.ask(method, f"/clients/self/{name}", headers=JSON, content=body)

    assert is_problem(told, 422, at)
    assert [] == port.agents.clients()


async def test_other_kinds_of_bodies_are_refused() -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {**BY_KEY, "Content-Type": kind}
        told = await Port().ask(
            "POST", "/clients/self/metrics", headers=headers, content='{"fps": 1}'
        )
        assert is_problem(told, 422, "Content-Type")
    told = await Port().ask("POST", "/clients/self/metrics", headers=JSON, content=b"1" * 2000)
    assert is_problem(told, 413)


async def test_too_many_metrics_within_a_minute_are_a_conflict() -> None:
    port = Port()
    told = []
    for number in range(17):
        answer = await port.ask(
            "POST", "/clients/self/metrics", headers=BY_KEY, json={f"m{number}": 1}
        )
        told.append(answer)
    assert [200] * 16 == [each.status_code for each in told[:16]]
    assert is_problem(told[16], 409, "metrics")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["p95_seconds", "weight", "application_target", "fps", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


@given(body=ANYTHING)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_body_is_a_fault_of_ours(body: Any) -> None:
    port = Port()
    for method, name in (("PUT", "targets"), ("POST", "metrics"), ("POST", "adaptive")):
        content = json.dumps(body)
        told = await port.ask(method, f"/clients/self/{name}", headers=JSON, content=content)
        assert told.status_code in (200, 422)
    assert 200 == (await port.ask("GET", "", headers=OPERATOR)).status_code
