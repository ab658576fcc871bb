"""Field lines: which are for this hop, whatever their spelling, and how many bytes they are."""

import pytest

from load_balancer.forwarding.fields import (
    CONNECTION,
    DROP,
    HOST,
    PLAIN,
    REQUEST_FIELDS,
    SAID_CLOSE,
    SAID_KEEP_ALIVE,
    SAID_UPGRADE,
    SPELLINGS,
    Kinds,
    ends,
    read_connection,
    size_of,
    without,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"Host", HOST),
        (b"hOST", HOST),
        (b"Connection", CONNECTION),
        (b"Keep-Alive", DROP),
        (b"X-Custom", PLAIN),
        (b"x_custom", PLAIN),
        (b"", PLAIN),
    ],
)
def test_a_name_means_the_same_in_every_case(name: bytes, kind: int) -> None:
    """RFC 9110 section 5.1; and the second look-up says what the first one said."""
    kinds = Kinds(REQUEST_FIELDS)

    assert kind == kinds[name] == kinds[name]


@pytest.mark.parametrize("name", [b"Content_Length", b"x_forwarded_for", b"TRANSFER_ENCODING"])
def test_an_underscore_does_not_smuggle_a_name(name: bytes) -> None:
    """CGI and WSGI servers see X_Forwarded_For as X-Forwarded-For: it must not go on."""
    assert DROP == Kinds(REQUEST_FIELDS)[name]


def test_spellings_are_remembered_up_to_a_bound() -> None:
    """A client that invents names fills no memory, and known names keep their meaning."""
    kinds = Kinds(REQUEST_FIELDS)
    for number in range(3 * SPELLINGS):
        assert PLAIN == kinds[b"x-%d" % number]
    assert PLAIN == kinds[b"y" * 1000]

    assert SPELLINGS >= len(kinds)
    assert HOST == kinds[b"HoSt"]


@pytest.mark.parametrize(
    ("value", "said", "removed"),
    [
        (b"", 0, set()),
        (b" , ,\t", 0, set()),
        (b"close", SAID_CLOSE, set()),
        (b"KEEP-alive", SAID_KEEP_ALIVE, set()),
        (b"upgrade, http2-settings, te", SAID_UPGRADE, set()),
        (b"close,X-A, x-b", SAID_CLOSE, {b"x-a", b"x-b"}),
        (b"host, content-length, transfer-encoding, date, cache-control, via, expect", 0, set()),
    ],
)
def test_what_a_connection_field_says(value: bytes, said: int, removed: set[bytes]) -> None:
    """Options of this connection, and names of fields for this hop; never the framing's."""
    found: set[bytes] = set()

    assert said == read_connection(value, 0, found)
    assert removed == found


def test_connection_fields_add_up() -> None:
    """A second field adds to what the first one said."""
    found = {b"x-a"}

    assert SAID_CLOSE | SAID_KEEP_ALIVE == read_connection(b"close, x-b", SAID_KEEP_ALIVE, found)
    assert {b"x-a", b"x-b"} == found


@pytest.mark.parametrize(
    ("said", "modern", "expected"),
    [
        (0, True, False),
        (0, False, True),
        (SAID_KEEP_ALIVE, False, False),
        (SAID_CLOSE, True, True),
        (SAID_CLOSE | SAID_KEEP_ALIVE, True, True),
        (SAID_CLOSE | SAID_KEEP_ALIVE, False, True),
    ],
)
def test_when_a_connection_ends(said: int, modern: bool, expected: bool) -> None:
    """RFC 9112 section 9.3: close wins, and HTTP/1.0 stays open only when asked to."""
    assert expected == ends(said, modern)


def test_fields_are_taken_out_by_name_and_the_first_line_stays() -> None:
    """Whatever their case and number; a start line is no field, though it may look like one."""
    lines = [b"x-a: HTTP/1.1", b"X-A: 1", b"X-B: x-a: 2", b"x-a: 3"]

    assert [b"x-a: HTTP/1.1", b"X-B: x-a: 2"] == without(lines, {b"x-a"})


def test_the_size_counts_delimiters() -> None:
    """``name: value`` and its line end."""
    assert 0 == size_of([])
    assert len(b"A: bc\r\nD: \r\n") == size_of([(b"A", b"bc"), (b"D", b"")])
