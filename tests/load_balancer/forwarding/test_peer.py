"""What endpoints are told of a client connection."""

import pytest

from load_balancer.forwarding.forwarded import Trust
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.way import way_fields

pytestmark = pytest.mark.unit


def test_the_way_is_written_once_for_all_requests_of_a_connection() -> None:
    peer = Peer("10.1.2.3", "Edge", scheme="https", port=8443)

    assert way_fields(b"1.1 Edge", b"10.1.2.3", b"https", b"8443") == peer.way
    assert peer.way.endswith(b"\r\nX-Forwarded-Host: ")
    assert (b"1.0 Edge", b"edge", b"_Edge") == (peer.via_1_0, peer.own, peer.by)
    assert (False, frozenset(), "", False) == (peer.trusted, peer.upgrades, peer.tls, peer.traced)


@pytest.mark.parametrize(
    ("trusted", "forwarded_header", "plain"),
    [
        (False, "x_forwarded", True),
        (True, "x_forwarded", False),
        (False, "rfc7239", False),
        (False, "both", False),
    ],
)
def test_the_way_is_the_same_for_all_requests_where_nothing_of_theirs_is_in_it(
    trusted: bool, forwarded_header: str, plain: bool
) -> None:
    trust = Trust(forwarded_header=forwarded_header)
    assert plain == Peer("10.1.2.3", "edge", trusted=trusted, trust=trust).plain
