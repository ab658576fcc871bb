"""What a supervisor gives its workers."""

from pathlib import Path

import pytest

from config.schema import Settings
from load_balancer.hand_over import (
    GroupHandOver,
    HandOver,
    read,
    read_group,
    read_settings,
    settings_json,
)

pytestmark = pytest.mark.unit


def test_what_is_read_is_what_was_given() -> None:
    """Secrets, networks and nested sections as well; one line whatever they hold."""
    settings = Settings(
        load_balancer={  # type: ignore[arg-type]
            "admin_token": "line\\nbreak?",
            "trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"],
            "deadlines": {"drain_seconds": 3},
        }
    )
    given = HandOver(2, Path("a b/2.sock"), settings, (3, 4), {"q_learning": {"version": 1}}, 5)
    line = given.line()
    assert 1 == line.count(b"\n")
    got = read(line)
    assert given == got
    token = got.settings.load_balancer.admin_token
    assert token is not None and token.get_secret_value() == "line\\nbreak?"


@pytest.mark.parametrize("line", [b"", b"\n", b"null\n", b"[]\n", b"{}\n", b'{"number": 1}\n'])
def test_anything_else_is_none(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(line)


def test_settings_alone_keep_their_secrets() -> None:
    settings = Settings(load_balancer={"admin_token": "correct-horse"})  # type: ignore[arg-type]
    assert b"correct-horse" in settings_json(settings)


def test_a_group_is_read_as_it_was_given() -> None:
    """A node without a server as well, which no other configuration may have."""
    one = Settings(load_balancer={"node_name": "1"})  # type: ignore[arg-type]
    none = one.model_copy(update={"servers": ()})
    given = GroupHandOver(2, Path("a b/2.sock"), ((one, (3, 4)), (none, ())), 5)
    assert 1 == given.line().count(b"\n")
    assert given == read_group(given.line())
    assert given.sockets == (3, 4)


@pytest.mark.parametrize("line", [b"", b"null\n", b"{}\n", b'{"nodes": [[1, 2]]}\n'])
def test_anything_else_is_no_group(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_group(line)


def test_settings_without_a_server_are_a_nodes_of_a_network() -> None:
    with pytest.raises(ValueError, match="servers"):
        Settings(servers=())
    data = Settings().model_dump()
    assert read_settings({**data, "servers": []}).servers == ()
