"""What may be stored, and what of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.caching import CacheSettings
from load_balancer.caching.storing import kept, same_origin, storable
from load_balancer.caching.vocabulary import Kind, joined
from tests.load_balancer.caching.rig import FRESH, NOW, Rig, asking, date, lines

pytestmark = pytest.mark.unit

SETTINGS = CacheSettings(enabled=True)


def may(*fields: str, status: int = 200, **request: bool) -> bool:
    return storable(asking(**request), status, lines(*fields), NOW, SETTINGS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((), False),
        (("Cache-Control: max-age=60",), True),
        (("Cache-Control: s-maxage=60",), True),
        (("Expires: {60}",), True),
        (("Expires: {-60}",), False),
        (("Cache-Control: max-age=0",), False),
        (("Cache-Control: max-age=0", 'ETag: "a"'), True),
        (("Cache-Control: max-age=60", "Age: 60"), False),
        (("Cache-Control: max-age=0, stale-while-revalidate=5",), True),
        (("Cache-Control: max-age=0, stale-if-error=5",), True),
        (("Last-Modified: {-9}",), True),
        (('ETag: "a"',), True),
        (("Cache-Control: no-cache",), False),
        (("Cache-Control: no-cache, max-age=60",), False),
        (("Cache-Control: no-cache", 'ETag: "a"'), True),
        (('Cache-Control: no-cache="a", max-age=60',), True),
        (("Cache-Control: no-store, max-age=60",), False),
        (("Cache-Control: No-Store", "Cache-Control: max-age=60"), False),
        (("Cache-Control: private, max-age=60",), False),
        (('Cache-Control: private="a", max-age=60',), True),
        (("Cache-Control: no-store, must-understand, max-age=60",), True),
        (("Cache-Control: no-store", "CDN-Cache-Control: max-age=60"), True),
        (("Cache-Control: max-age=60", "CDN-Cache-Control: no-store"), False),
        (("Cache-Control: max-age=60", "CDN-Cache-Control: private"), False),
        (("Cache-Control: max-age=60", "Set-Cookie: a=b"), True),
        (("Cache-Control: max-age=60", "Content-Length: 1048576"), True),
        (("Cache-Control: max-age=60", "Content-Length: 1048577"), False),
        (("Cache-Control: max-age=60", "Content-Length: " + "9" * 5000), False),
    ],
)
def test_what_is_stored_is_allowed_and_of_use(fields: tuple[str, ...], expected: bool) -> None:
    """RFC 9111 section 3."""
    assert may(*fields) is expected


@pytest.mark.parametrize("status", [200, 203, 204, 299, 301, 302, 404, 410, 499, 500, 503, 599])
def test_any_final_status_with_its_lifetime_is_stored(status: int) -> None:
    assert may(FRESH, status=status)


@pytest.mark.parametrize("status", [100, 103, 206, 304, 412, 416, 1000])
def test_parts_and_answers_to_conditions_are_not(status: int) -> None:
    assert not may(FRESH, 'ETag: "a"', status=status)


def test_without_a_lifetime_the_status_must_allow_it() -> None:
    assert may('ETag: "a"', status=404)
    assert not may('ETag: "a"', status=500)
    assert may('ETag: "a"', "Cache-Control: public", status=500)


def test_must_understand_needs_a_status_that_is_understood() -> None:
    """RFC 9111 section 5.2.2.3."""
    assert not may("Cache-Control: must-understand, max-age=60", status=599)
    assert may("Cache-Control: must-understand, max-age=60", status=404)


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("max-age=60", False),
        ("max-age=60, public", True),
        ("max-age=60, must-revalidate", True),
        ("s-maxage=60", True),
        ("max-age=60, proxy-revalidate", False),
    ],
)
def test_answers_to_who_showed_credentials_must_be_for_all(directive: str, expected: bool) -> None:
    """RFC 9111 section 3.5."""
    request = asking("Authorization: Basic YTpi")

    stored = storable(request, 200, lines(f"Cache-Control: {directive}"), NOW, SETTINGS)

    assert stored is expected


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"])
def test_only_answers_to_get_are_stored(method: str) -> None:
    request = asking(method=method)

    assert not storable(request, 200, lines(FRESH, "Content-Location: /a"), NOW, SETTINGS)


def test_nothing_is_stored_for_who_forbids_it_or_sends_a_body() -> None:
    assert not storable(asking("Cache-Control: no-store"), 200, lines(FRESH), NOW, SETTINGS)
    assert not storable(asking(has_body=True), 200, lines(FRESH), NOW, SETTINGS)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((FRESH, "Content-Location: /a"), True),
        ((FRESH, "Content-Location: http://example.com/a"), True),
        ((FRESH, "Content-Location: /b"), False),
        ((FRESH,), False),
        (("Content-Location: /a", 'ETag: "a"'), False),
    ],
)
def test_an_answer_to_post_may_be_what_get_would_get(
    fields: tuple[str, ...], expected: bool
) -> None:
    """RFC 9110 section 9.3.3."""
    rig = Rig()
    post = asking(method="POST", has_body=True)

    assert rig.ask(method="POST", has_body=True).kind is Kind.BYPASS
    assert (rig.keep(*fields, request=post, delay=0.5) is not None) is expected
    assert (rig.ask().kind is Kind.HIT) is expected


def test_fields_of_one_hop_and_of_one_request_are_not_kept() -> None:
    fields = lines(
        "Connection: Keep-Alive, X-Hop",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: x-other",
        "X-Hop: 1",
        "X-Other: 1",
        "Transfer-Encoding: chunked",
        "TE: a",
        "Trailer: b",
        "Upgrade: c",
        "Proxy-Authenticate: Basic",
        "Proxy-Authentication-Info: d",
        "Proxy-Authorization: e",
        "Q: -0.5",
        "QReward: -0.1",
        "Endpoint-Load-Metrics: TEXT cpu=1",
        'Cache-Control: no-cache="x-a", private="X-B", max-age=60',
        "X-A: 1",
        "X-B: 1",
        "X-C:  1 ",
        "Set-Cookie: a=b",
        "Age: 5",
        "Date: {-1}",
    )

    assert joined(kept(fields, NOW)) == {
        b"cache-control": b'no-cache="x-a", private="X-B", max-age=60',
        b"x-c": b"1",
        b"set-cookie": b"a=b",
        b"age": b"5",
        b"date": date(-1).encode(),
    }


def test_cache_control_cannot_be_removed_as_a_field_of_the_hop() -> None:
    assert b"cache-control" in joined(kept(lines("Connection: cache-control", FRESH), NOW))


@pytest.mark.parametrize("line", ["Connection: vary", 'Cache-Control: private="Vary"'])
def test_nor_can_vary_be_removed(line: str) -> None:
    assert b"vary" in joined(kept(lines(line, "Vary: Accept"), NOW))


def test_what_came_without_a_date_gets_that_of_its_coming() -> None:
    """RFC 9110 section 6.6.1."""
    assert joined(kept(lines(FRESH), NOW))[b"date"] == date().encode()


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        (b"/b", "http://example.com/b"),
        (b"b?c#d", "http://example.com/x/b?c"),
        (b"", "http://example.com/x/a"),
        (b"http://example.com/b", "http://example.com/b"),
        (b"http://other.com/b", None),
        (b"https://example.com/b", None),
        (b"//other.com/b", None),
        (b"http://[/b", None),
        (b"\xff", None),
    ],
)
def test_a_reference_counts_within_its_origin(reference: bytes, key: str | None) -> None:
    assert same_origin("http://example.com/x/a", reference) == key


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=12), st.binary(max_size=40)), max_size=6))
def test_nothing_raises(fields: list[tuple[bytes, bytes]]) -> None:
    assert storable(asking(), 200, fields, NOW, SETTINGS) in (True, False)
    assert len(kept(fields, NOW)) <= len(fields) + 1


SECRET = st.sampled_from(["no-store", "private", "No-Store", "PRIVATE", 'no-store="x"', "private="])
OTHERS = st.lists(
    st.sampled_from(["max-age=60", "public", "s-maxage=9", "must-revalidate", "a=b", 'c=","', ""]),
    max_size=4,
)


@given(OTHERS, SECRET, OTHERS, st.booleans())
def test_what_is_private_is_never_answered(
    before: list[str], secret: str, after: list[str], in_lines: bool
) -> None:
    directives = [*before, secret, *after]
    fields = (
        [f"Cache-Control: {each}" for each in directives]
        if in_lines
        else ["Cache-Control: " + ", ".join(directives)]
    )
    rig = Rig()

    assert rig.keep(*fields, 'ETag: "a"', "Last-Modified: {-9}") is None
    assert rig.ask().kind is Kind.MISS
