"""Whom a request about agents is about, and who asks."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request

from load_balancer.adaptive.asking import Asking, Refused, expected, refusing
from load_balancer.api_keys import CALLER
from load_balancer.shaping.adaptive import UnknownClient
from tests.load_balancer.adaptive.port import DIGEST, KEYED, OTHER, Port

pytestmark = pytest.mark.unit


def by(digest: str | None) -> Request:
    return Request({"type": "http"} if digest is None else {"type": "http", CALLER: digest})


def asking(port: Port, on: bool = True) -> Asking:
    return Asking(FastAPI(), lambda: port.agents if on else None, lambda: 0.0)


def test_the_operator_names_whom_it_means() -> None:
    port = Port()
    assert (port.agents, OTHER) == asking(port).client(by(None), OTHER)
    assert (port.agents, "self") == asking(port).client(by(None), "self")


def test_a_client_means_itself() -> None:
    port = Port()
    assert (port.agents, KEYED) == asking(port).client(by(DIGEST), "self")
    assert (port.agents, KEYED) == asking(port).client(by(DIGEST), KEYED)
    with pytest.raises(Refused) as refused:
        asking(port).client(by(DIGEST), OTHER)
    assert 403 == refused.value.status


def test_who_is_no_client_by_its_key_alone_is_told_so() -> None:
    port = Port()
    port.shaper.hold((), 0.0)
    with pytest.raises(Refused, match="ask by name") as refused:
        asking(port).client(by(DIGEST), "self")
    assert 404 == refused.value.status


def test_without_agents_nobody_is_answered() -> None:
    with pytest.raises(Refused, match="not switched on"):
        asking(Port(), on=False).client(by(None), OTHER)


def test_whom_the_rules_name_is_expected() -> None:
    port = Port()
    assert expected(port.agents, KEYED) and expected(port.agents, "bare")
    assert not expected(port.agents, OTHER)


@pytest.mark.parametrize(
    ("error", "status"), [(UnknownClient("x"), 404), (ValueError("wrong"), 409)]
)
def test_what_agents_do_not_take_is_refused(error: Exception, status: int) -> None:
    with pytest.raises(Refused) as refused, refusing(409):
        raise error
    assert (status, str(error)) == (refused.value.status, refused.value.detail)
