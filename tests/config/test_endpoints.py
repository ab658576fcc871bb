"""The settings of membership and of stickiness: what must hold between them."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.balancer import LoadBalancer
from config.endpoints import Discovery, DnsSource, EndpointEntry, Stickiness
from config.schema import Server
from rl.vocabulary import Endpoint

pytestmark = pytest.mark.unit


def test_an_entry_is_an_endpoint_to_the_balancer() -> None:
    entry = EndpointEntry(id="a", host="::1", port=80, weight=2.0, tags=("x",))

    assert Endpoint("a", "::1", 80, 2.0, ("x",)) == entry.endpoint()


@pytest.mark.parametrize("kind", [EndpointEntry, Server])
def test_an_entry_names_the_domains_that_it_serves(kind: type[EndpointEntry | Server]) -> None:
    """In whatever case, as a Host field has them; and says whether it is a next node."""
    domains = ["One.TEST", "one.test", "127.0.0.1", "[::1]"]
    entry = kind.model_validate(
        {"id": "a", "host": "h", "port": 1, "domains": domains, "proxy_node": True}
    )
    made = entry.endpoint()

    assert ("one.test", "127.0.0.1", "[::1]") == made.domains
    assert made.proxy_node
    plain = kind.model_validate({"id": "a", "host": "h", "port": 1}).endpoint()
    assert ((), False) == (plain.domains, plain.proxy_node)


def test_a_secured_endpoint_serves_the_same_domains() -> None:
    entry = EndpointEntry.model_validate(
        {"id": "a", "host": "h", "port": 1, "domains": ["x"], "proxy_node": True,
         "tls": {"enabled": True}}
    )  # fmt: skip
    made = entry.endpoint()

    assert (("x",), True) == (made.domains, made.proxy_node)
    assert Endpoint("a", "h", 1, domains=("x",), proxy_node=True) != made


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"domains": ("a.test:80",)}, "domains"),
        ({"domains": ("",)}, "domains"),
        ({"domains": ("http://a.test",)}, "domains"),
        ({"domains": ("*.test",)}, "domains"),
        ({"domains": tuple(f"d{n}" for n in range(1001))}, "domains"),
        ({"proxy_node": 1}, "proxy_node"),
        ({"id": ""}, "id"),
        ({"id": "a/b"}, "id"),
        ({"host": ""}, "host"),
        ({"host": "a b"}, "host"),
        ({"host": "a\r\nb"}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"weight": 0}, "weight"),
        ({"weight": float("nan")}, "weight"),
        ({"tags": ("x" * 129,)}, "tags"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_by_its_key(values: dict[str, Any], key: str) -> None:
    good: dict[str, Any] = {"id": "a", "host": "h", "port": 1}
    with pytest.raises(ValidationError) as caught:
        EndpointEntry(**(good | values))

    assert [key] == [error["loc"][0] for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "port: is needed"),
        ({"type": "srv", "port": 80}, "port: comes with the records"),
        ({"port": 80, "nameserver": "127.0.0.1:53"}, "nameserver: the system's resolver"),
        ({"port": 80, "minimum_ttl_seconds": 301}, "minimum_ttl_seconds 301.0 is above"),
        ({"type": "srv", "nameserver": "localhost:53"}, "nameserver"),
    ],
)
def test_a_name_that_cannot_be_looked_up_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DnsSource(**({"id": "a", "name": "a.example"} | values))


@pytest.mark.parametrize("nameserver", ["127.0.0.1:8600", "[::1]:53"])
def test_a_nameserver_is_an_address_and_a_port(nameserver: str) -> None:
    assert nameserver == DnsSource(id="a", name="x", type="srv", nameserver=nameserver).nameserver


def test_two_names_have_two_ids() -> None:
    """Their endpoints would have the same."""
    one = {"id": "a", "name": "a.example", "port": 1}
    with pytest.raises(ValidationError, match="two names in dns have the id 'a'"):
        Discovery(dns=(one, one))  # type: ignore[arg-type]


def test_without_a_source_there_is_none() -> None:
    assert not Discovery().configured
    assert Discovery(file={"path": "x"}).configured  # type: ignore[arg-type]


def test_a_guessable_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="16 or more"):
        Stickiness(cookie_secret="short")  # type: ignore[arg-type]
    assert "long enough to be one" not in repr(
        Stickiness(cookie_secret="long enough to be one")  # type: ignore[arg-type]
    )


def test_several_workers_need_one_secret() -> None:
    """Each would make its own, and mean nothing to the others."""
    cookie: Any = {"kind": "cookie"}
    with pytest.raises(ValidationError, match=r"stickiness\.cookie_secret: is needed"):
        LoadBalancer(workers=2, stickiness=cookie)
    cookie["cookie_secret"] = "x" * 16
    assert 2 == LoadBalancer(workers=2, stickiness=cookie).workers
