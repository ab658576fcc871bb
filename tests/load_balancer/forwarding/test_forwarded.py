"""What a message's way left in its fields: hostile lists are counted right, and nobody untrusted
chooses the client's address."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding.forwarded import (
    MOST_NODES,
    NOBODY,
    Address,
    Trust,
    addresses,
    count_via,
    find_client,
    forwarded_node,
    plain_node,
    read_address,
    read_forwarded,
)

pytestmark = pytest.mark.unit

INSIDE = ipaddress.ip_network("10.0.0.0/8")


def trusted(address: Address) -> bool:
    return address in INSIDE


@pytest.mark.parametrize(
    ("value", "hops"),
    [
        (b"1.1 a", 1),
        (b"1.1 a, 1.0 b", 2),
        (b"", 0),
        (b" ,\t, 1.1 a,,", 1),
        (b"1.1 a (one, two, three)", 1),
        (b"1.1 a (one (inner, still), two), 1.1 b", 2),
        (rb"1.1 a (closed \), not, yet), 1.1 b", 2),
        (b'1.1 a ("), 1.1 b', 2),
        (rb'"x\", y", 1.1 b', 2),
        (b"1.1 a (((deep, deep))), 1.1 b", 2),
        # Not well formed: all commas count, so that nothing hides what comes behind.
        (b"1.1 a (open, 1.1 b", 2),
        (b'1.1 a "open, 1.1 b', 2),
        (b"1.1 a ((((too, deep)))), 1.1 b", 3),
        (b"1.1 a ), 1.1 b (", 2),
        (b"(no proxy, at all)", 1),
        (b"1.1 a (x\\", 1),
    ],
)
def test_only_commas_between_proxies_separate_them(value: bytes, hops: int) -> None:
    assert (hops, 0) == count_via(value, b"slb")


@given(st.lists(st.text('abc(),\\" ', max_size=8).map(str.encode), max_size=5))
def test_no_comment_adds_or_hides_a_proxy(comments: list[bytes]) -> None:
    """Whatever stands in a comment, escaped as it must be."""
    elements = []
    for comment in comments:
        escaped = b"".join(
            b"\\" + bytes([byte]) if byte in b"()\\" else bytes([byte]) for byte in comment
        )
        elements.append(b"1.1 proxy (%b)" % escaped)
    assert len(comments) == count_via(b", ".join(elements), b"slb")[0]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (b"1.1 slb", 1),
        (b"HTTP/1.1 SLB, 1.0 slb", 2),
        (b"1.1 slb.example, 1.1 myslb, slb", 0),
        (b"1.1 other (1.1 slb, 1.1 slb), 1.1 slb(x)", 1),
        (b"", 0),
    ],
)
def test_a_proxy_is_known_by_its_whole_name(value: bytes, count: int) -> None:
    assert count == count_via(value, b"slb")[1]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("192.0.2.1:_x", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("[::ffff:10.0.0.2]:1", "10.0.0.2"),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("localhost", None),
        ("192.0.2.256", None),
        ("192.0.2", None),
        ("192.0.2.1:80:80", None),
        ("[192.0.2.1]", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]x", None),
        ("fe80::1%eth0", None),
        ('::1%", "admin": "', None),
        ("[fe80::1%1]", None),
        ("192.0.2.1" + " " * 64, None),
        ("\u0661.2.3.4", None),
    ],
)
def test_an_address_is_read_in_any_form_and_nothing_else_is(text: str, address: str | None) -> None:
    found = read_address(text)
    assert address == (None if found is None else str(found))


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ((), (0, "10.0.0.1")),
        (("203.0.113.9",), (0, "203.0.113.9")),
        (("1.2.3.4", "203.0.113.9", "10.0.0.2"), (1, "203.0.113.9")),
        (("10.0.0.3", "10.0.0.2"), (0, "10.0.0.3")),
        (("203.0.113.9", "nonsense"), (2, "10.0.0.1")),
        (("203.0.113.9", "nonsense", "10.0.0.2"), (2, "10.0.0.2")),
        (("203.0.113.9:4711",), (0, "203.0.113.9")),
        (("203.0.113.9", "::ffff:10.0.0.2"), (0, "203.0.113.9")),
    ],
)
def test_the_client_is_the_right_most_who_is_not_trusted(
    chain: tuple[str, ...], found: tuple[int, str]
) -> None:
    assert found == find_client(chain, "10.0.0.1", trusted)


@given(st.lists(st.text(max_size=12), max_size=6), st.lists(st.just("10.0.0.9"), max_size=3))
def test_who_is_not_trusted_cannot_choose_the_address(said: list[str], proxies: list[str]) -> None:
    """Whatever stands on the left of the address that the last trusted proxy wrote."""
    chain = [*said, "192.0.2.1", *proxies]
    assert (len(said), "192.0.2.1") == find_client(chain, "10.0.0.1", trusted)


def test_trust_is_a_matter_of_networks() -> None:
    trust = Trust((ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")))

    for text, expected in (("10.1.1.1", True), ("2001:db8::7", True), ("11.0.0.1", False)):
        assert expected == trust(ipaddress.ip_address(text))
    assert not trust(None)
    assert not NOBODY(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        (b"for=192.0.2.1", [("192.0.2.1", b"", b"")]),
        (
            b'For="[2001:db8::1]:4711";Proto=HTTPS;by=_x;host="a:80" ,\tfor=unknown',
            [("[2001:db8::1]:4711", b"https", b"a:80"), ("unknown", b"", b"")],
        ),
        (b"proto=https", [("unknown", b"https", b"")]),
        (b",, for=_a; host=b ;,", [("_a", b"", b"b")]),
        (rb'for="a\"b,\\c"', [('a"b,\\c', b"", b"")]),
        (b"", []),
        (b"secret", None),
        (b"for = 192.0.2.1", None),
        (b"for=", None),
        (b"for=2001:db8::1", None),
        (b'for="open, for=192.0.2.1', None),
        (b'for="a"b', None),
        (b"for=a;for=b", None),
        (b"for=a b", None),
        (b'for="a\\', None),
    ],
)
def test_forwarded_is_read_by_its_grammar(
    value: bytes, elements: list[tuple[str, bytes, bytes]] | None
) -> None:
    """RFC 7239 section 4, with space around its semicolons, which many write."""
    found = read_forwarded(value)
    assert elements == (
        None if found is None else [(each.source, each.proto, each.host) for each in found]
    )


@given(st.text('for=;," \\a1[:]', max_size=30).map(str.encode), st.integers(0, 3))
def test_a_field_that_can_be_read_can_be_continued(value: bytes, count: int) -> None:
    """What is put behind it is an element of its own."""
    found = read_forwarded(value)
    if found is not None:
        longer = read_forwarded(value + b", for=192.0.2.1" * count)
        assert longer is not None
        assert len(found) + count == len(longer)


@pytest.mark.parametrize(
    ("source", "plain", "standard"),
    [
        ("192.0.2.1:80", "192.0.2.1", b"192.0.2.1"),
        ("[2001:DB8::1]:4711", "2001:db8::1", b'"[2001:db8::1]"'),
        ("2001:db8::1", "2001:db8::1", b'"[2001:db8::1]"'),
        ("_a.b-c", "_a.b-c", b"_a.b-c"),
        ("_a:b", "unknown", b"unknown"),
        ("_" + "x" * 64, "unknown", b"unknown"),
        ("unknown", "unknown", b"unknown"),
        ('",\r\n', "unknown", b"unknown"),
        ("::1%,x", "unknown", b"unknown"),
    ],
)
def test_a_node_is_written_in_the_form_of_its_field(
    source: str, plain: str, standard: bytes
) -> None:
    """RFC 7239 section 6; what is no node is unknown."""
    assert (plain, standard) == (plain_node(source), forwarded_node(source))


def test_an_address_list_may_have_empty_elements() -> None:
    assert ["a", "b", "c"] == addresses([b" a ,, b", b"", b"\tc,"])


def test_only_the_near_end_of_a_long_chain_is_looked_at() -> None:
    chain = [str(number) for number in range(1000)]
    assert chain[-MOST_NODES:] == addresses([", ".join(chain).encode()])


@given(st.text('(),"\\ a', max_size=40).map(str.encode), st.integers(1, 5))
def test_no_client_can_hide_the_proxies_behind_it(before: bytes, count: int) -> None:
    """Whatever it wrote, and though they add themselves to its own field."""
    assert count_via(before + b", 1.1 slb" * count, b"slb")[1] >= count
