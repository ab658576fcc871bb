"""A stored response as bytes, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.caching import CacheSettings
from load_balancer.caching.record import pack, unpack
from load_balancer.caching.storing import build
from load_balancer.caching.vocabulary import Stored

pytestmark = pytest.mark.unit

KEY = "http://a.example/x"
SETTINGS = CacheSettings()


def response(body: bytes = b"body", max_age: int = 60) -> Stored:
    return build(
        KEY,
        ((b"accept", b"text/html"), (b"accept-language", None)),
        1_000.25,
        1_000.5,
        200,
        b"OK",
        [
            (b"Date", b"Thu, 01 Jan 1970 00:16:40 GMT"),
            (b"Cache-Control", b"max-age=%d" % max_age),
            (b"ETag", b'"1"'),
            (b"X", b"caf\xe9"),
            (b"X", b"again"),
        ],
        body,
        SETTINGS,
    )


def same(one: Stored, other: Stored) -> bool:
    """But for what is kept beside the response itself."""
    attributes = set(Stored.__slots__) - {"plain", "directives"}
    return all(getattr(one, each) == getattr(other, each) for each in attributes)


@pytest.mark.parametrize("body", [b"", b"body", b"\n{}\n", bytes(range(256)) * 100])
def test_what_was_packed_is_unpacked(body: bytes) -> None:
    """With its times, so that it is as old as it was."""
    before = response(body)
    after = unpack(KEY, pack(before), SETTINGS)
    assert same(before, after)
    assert after.directives.max_age == before.directives.max_age == 60
    assert after.varying == ((b"accept", b"text/html"), (b"accept-language", None))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "200"},
        {"status": True},
        {"status": 99},
        {"fields": [["A", "b\r\nSet-Cookie: c=d"]]},
        {"fields": [["A\n", "b"]]},
        {"fields": [["A", 5]]},
        {"fields": 5},
        {"varying": [["a"]]},
        {"reason": "OK\r\nX: y"},
        {"reason": "\u20ac"},
        {"requested_at": None},
        {"answered_at": float("nan")},
        {"answered_at": float("inf")},
        {"requested_at": "1000"},
    ],
)
def test_what_somebody_wrote_into_it_is_no_response(change: dict[str, object]) -> None:
    line, _, body = pack(response()).partition(b"\n")
    head = json.loads(line) | change
    with pytest.raises(ValueError):
        unpack(KEY, json.dumps(head).encode() + b"\n" + body, SETTINGS)


@pytest.mark.parametrize(
    "record", [b"", b"\n", b"{}\n", b"[]\n", b"7\n", b"[" * 100_000, b"\xff\n"]
)
def test_bytes_of_another_kind_are_no_response(record: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(KEY, record, SETTINGS)


@given(st.data())
def test_damaged_bytes_are_told_or_are_a_response(data: st.DataObject) -> None:
    whole = bytearray(pack(response()))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(whole) - 1))
        whole[where] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(0, len(whole))) :]
    try:
        found = unpack(KEY, bytes(whole), SETTINGS)
    except ValueError:
        return
    assert b"\r\n\r\n" not in found.head
    assert found.head.count(b"\r\n") == 1 + len(found.sent_fields)
