"""The cache of one node: what requests get, and what becomes of answers."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.caching.cache import INVALIDATIONS
from load_balancer.caching.vocabulary import Forward, Kind, Lookup, Stored, joined
from tests.load_balancer.caching.rig import FRESH, NOW, Rig, asking, date, lines

pytestmark = pytest.mark.unit

TAG = 'ETag: "a"'


def rig(*fields: str, **settings: object) -> Rig:
    """With an answer of these fields in store, which came NOW."""
    found = Rig(**settings)  # type: ignore[arg-type]
    found.keep(*fields)
    return found


def body(found: Lookup) -> bytes:
    assert found.kind is Kind.HIT
    assert found.answer is not None
    return found.answer.body


def test_what_is_not_stored_is_a_miss() -> None:
    found = Rig().ask()

    assert (found.kind, found.forward, found.shared) == (Kind.MISS, Forward.URI_MISS, True)
    assert found.stored is None


def test_what_is_fresh_is_a_hit() -> None:
    cache = rig(FRESH, TAG)

    found = cache.ask(after=1.5)

    assert body(found) == b"hello"
    assert (found.ttl, found.forward, found.refresh) == (58, None, False)


def test_one_lookup_serves_all_plain_requests_of_a_second() -> None:
    cache = rig(FRESH)
    first = cache.ask(after=1.2)

    assert cache.ask("Accept: x", after=1.9) is first
    later = cache.ask(after=2.0)
    assert later is not first
    assert later.answer is not None and later.answer.age == 2
    assert cache.ask("Range: bytes=0-0", after=2.1) is not later
    assert cache.cache.counters.hits == 4


def test_each_variant_has_its_own_lookup() -> None:
    cache = Rig()
    for value in ("1", "2"):
        cache.keep(FRESH, "Vary: A", request=asking(f"A: {value}"), body=value.encode())
    first, second = cache.ask("A: 1", after=0.5), cache.ask("A: 2", after=0.5)

    assert (body(first), body(second)) == (b"1", b"2")
    assert cache.ask("A: 1", after=0.6) is first
    assert cache.ask("A: 2", after=0.6) is second
    assert cache.ask("A: 3", after=0.6).kind is Kind.MISS


def test_a_lookup_is_not_kept_beyond_freshness() -> None:
    cache = rig("Cache-Control: max-age=2", "Age: 1", TAG)
    assert cache.ask(after=0.5).kind is Kind.HIT

    assert cache.ask(after=0.99).kind is Kind.HIT
    assert cache.ask(after=1.0).kind is Kind.VALIDATE


def test_what_is_stale_is_validated_with_all_validators() -> None:
    cache = rig("Cache-Control: max-age=1", TAG, "Last-Modified: {-9}")

    found = cache.ask('If-None-Match: "b"', "Range: bytes=0-1", after=5.0)

    assert (found.kind, found.forward) == (Kind.VALIDATE, Forward.STALE)
    assert found.conditions == (
        (b"If-None-Match", b'"a"'),
        (b"If-Modified-Since", date(-9).encode()),
    )
    assert found.removed == {b"if-none-match", b"if-modified-since", b"range", b"if-range"}
    assert found.stored is not None and found.stored.body == b"hello"
    assert not found.shared
    assert cache.ask(after=5.0).shared


def test_without_validators_what_is_stale_is_fetched_anew() -> None:
    found = rig("Cache-Control: max-age=1").ask(after=5.0)

    assert (found.kind, found.forward, found.conditions) == (Kind.MISS, Forward.STALE, ())
    assert found.stored is not None


def test_a_client_may_want_it_validated() -> None:
    found = rig(FRESH, TAG).ask("Cache-Control: no-cache")

    assert (found.kind, found.forward) == (Kind.VALIDATE, Forward.REQUEST)
    assert rig(FRESH, TAG).ask("Pragma: no-cache").kind is Kind.VALIDATE


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "TRACE", "M-SEARCH", "get"])
def test_other_methods_pass_by(method: str) -> None:
    found = rig(FRESH).ask(method=method)

    assert (found.kind, found.forward) == (Kind.BYPASS, Forward.METHOD)


@pytest.mark.parametrize(
    "field", ["Cache-Control: no-store", 'If-Match: "a"', f"If-Unmodified-Since: {date()}"]
)
def test_what_only_the_origin_can_answer_passes_by(field: str) -> None:
    found = rig(FRESH, TAG).ask(field)

    assert (found.kind, found.forward) == (Kind.BYPASS, Forward.REQUEST)
    assert not found.shared


def test_a_body_passes_by() -> None:
    assert rig(FRESH).ask(has_body=True).kind is Kind.BYPASS


def test_who_wants_no_forwarding_gets_none() -> None:
    only = "Cache-Control: only-if-cached"

    assert Rig().ask(only).kind is Kind.ONLY_IF_CACHED
    assert rig(FRESH).ask(only).kind is Kind.HIT
    assert rig("Cache-Control: max-age=1", TAG).ask(only, after=5.0).kind is Kind.ONLY_IF_CACHED


def test_head_is_answered_from_get_and_goes_on_as_it_is() -> None:
    cache = rig("Cache-Control: max-age=2", TAG)

    assert body(cache.ask(method="HEAD")) == b""
    stale = cache.ask(method="HEAD", after=5.0)
    assert (stale.kind, stale.conditions, stale.shared) == (Kind.MISS, (), False)


def test_authority_target_and_query_tell_apart() -> None:
    cache = rig(FRESH)

    assert cache.ask(target="/a?").kind is Kind.MISS
    assert cache.ask(target="/A").kind is Kind.MISS
    assert cache.ask(target="/a").kind is Kind.HIT


def test_several_variants_are_kept() -> None:
    cache = Rig()
    for language in ("de", "en"):
        cache.keep(
            FRESH,
            "Vary: Accept-Language",
            request=asking(f"Accept-Language: {language}"),
            body=language.encode(),
        )

    assert body(cache.ask("Accept-Language: de")) == b"de"
    assert body(cache.ask("Accept-Language: en")) == b"en"
    missed = cache.ask("Accept-Language: fr")
    assert (missed.kind, missed.forward) == (Kind.MISS, Forward.VARY_MISS)
    assert cache.ask().forward is Forward.VARY_MISS


def test_a_newer_answer_ends_all_that_would_have_answered() -> None:
    cache = rig(FRESH)

    cache.keep(FRESH, "Vary: A", request=asking("A: 1"), body=b"newer")

    assert body(cache.ask("A: 1")) == b"newer"
    assert cache.ask("A: 2").kind is Kind.MISS
    assert len(cache.cache.held) == 1


def test_a_stale_answer_may_be_given_while_one_request_validates_it() -> None:
    """RFC 5861 section 3."""
    cache = rig("Cache-Control: max-age=1, stale-while-revalidate=60", TAG)

    first, second = cache.ask(after=5.0), cache.ask(after=5.1)

    assert body(first) == body(second) == b"hello"
    assert (first.refresh, second.refresh) == (True, False)
    assert first.conditions == ((b"If-None-Match", b'"a"'),)
    assert first.ttl < 0
    assert cache.cache.counters.stale_hits == 2
    assert cache.ask(after=11.0).refresh, "the first one may have been lost"


def freshen(cache: Rig, *fields: str, after: float = 5.0) -> Stored | None:
    found = cache.ask(after=after)
    assert found.kind is Kind.VALIDATE
    assert found.stored is not None
    at = NOW + after
    return cache.cache.freshened(found.stored, asking(), lines(*fields), at, at)


def test_a_304_makes_it_fresh() -> None:
    cache = rig("Cache-Control: max-age=1", TAG, "A: 1", "B: 1")

    fresh = freshen(cache, FRESH, TAG, "A: 2")

    assert fresh is not None
    values = joined(fresh.fields)
    assert (values[b"a"], values[b"b"]) == (b"2", b"1")
    again = cache.ask(after=30.0)
    assert body(again) == b"hello"
    assert again.answer is not None and again.answer.age == 25
    assert cache.cache.counters.revalidated == 1


def test_a_304_for_something_else_ends_it() -> None:
    cache = rig("Cache-Control: max-age=1", TAG)

    assert freshen(cache, 'ETag: "b"') is None
    assert cache.ask().kind is Kind.MISS


def test_a_304_may_forbid_to_go_on_storing() -> None:
    cache = rig("Cache-Control: max-age=1", TAG)

    assert freshen(cache, "Cache-Control: no-store") is not None
    assert len(cache.cache.held) == 0


def test_what_was_invalidated_while_it_was_validated_stays_away() -> None:
    cache = rig("Cache-Control: max-age=1", TAG)
    stored = cache.ask(after=5.0).stored
    assert stored is not None
    cache.keep(request=asking(method="POST"))

    assert cache.cache.freshened(stored, asking(), lines(FRESH), NOW, NOW + 5) is not None
    assert cache.ask().kind is Kind.MISS


def test_the_answer_after_a_validation_obeys_the_client() -> None:
    cache = rig(FRESH, TAG)
    (stored,) = cache.cache

    answer = cache.cache.answer(asking('If-None-Match: "a"'), stored, NOW)

    assert answer.status == 304


def test_a_stale_response_stands_in_for_an_error() -> None:
    """RFC 5861 section 4."""
    cache = rig("Cache-Control: max-age=1, stale-if-error=60", TAG)
    stored = cache.ask(after=5.0).stored
    assert stored is not None

    found = cache.cache.stale_on_error(asking(), stored, NOW + 5, 503)

    assert found is not None
    assert body(found) == b"hello"
    assert (found.ttl, found.refresh) == (-4, False)
    assert cache.cache.stale_on_error(asking(), stored, NOW + 5, 404) is None
    assert cache.cache.stale_on_error(asking(), stored, NOW + 99, 503) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "post"])
@pytest.mark.parametrize(("status", "kind"), [(200, Kind.MISS), (303, Kind.MISS), (500, Kind.HIT)])
def test_unsafe_methods_invalidate_if_they_succeed(method: str, status: int, kind: Kind) -> None:
    """RFC 9111 section 4.4, methods that nobody knows included."""
    cache = rig(FRESH)

    cache.keep(request=asking(method=method), status=status)

    assert cache.ask().kind is kind


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods_invalidate_nothing(method: str) -> None:
    cache = rig(FRESH)

    cache.keep("Content-Length: 5", request=asking(method=method))

    assert cache.ask().kind is Kind.HIT


@pytest.mark.parametrize("field", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("/b", Kind.MISS),
        ("b", Kind.MISS),
        ("http://example.com/b", Kind.MISS),
        ("http://other.com/b", Kind.HIT),
    ],
)
def test_what_an_answer_refers_to_is_invalidated_within_its_origin(
    field: str, reference: str, kind: Kind
) -> None:
    cache = Rig()
    cache.keep(FRESH, request=asking(target="/b"))

    cache.keep(f"{field}: {reference}", request=asking(method="POST"), status=201)

    assert cache.ask(target="/b").kind is kind


def test_what_was_asked_for_before_a_change_is_not_stored_after_it() -> None:
    cache = Rig()
    cache.keep(request=asking(method="POST"), now=NOW + 1)

    assert cache.keep(FRESH, now=NOW + 3, delay=3.0) is None
    assert cache.keep(FRESH, now=NOW + 3, delay=1.0) is not None
    for number in range(INVALIDATIONS):
        cache.keep(request=asking(method="POST", target=f"/{number}"), now=NOW + 2)
    assert cache.keep(FRESH, now=NOW + 3, delay=3.0) is not None, "only the last ones are known"


def test_an_answer_to_head_updates_what_it_speaks_of() -> None:
    """RFC 9111 section 4.3.5."""
    cache = rig("Cache-Control: max-age=1", TAG, "A: 1")

    cache.keep(FRESH, TAG, "A: 2", request=asking(method="HEAD"), now=NOW + 5)

    found = cache.ask(after=30.0)
    assert body(found) == b"hello"
    assert found.answer is not None and joined(found.answer.fields)[b"a"] == b"2"


def test_an_answer_to_head_ends_what_it_shows_to_be_old() -> None:
    cache = rig(FRESH, TAG)

    cache.keep(FRESH, 'ETag: "b"', request=asking(method="HEAD"))
    cache.keep(FRESH, request=asking(method="HEAD", target="/none"))

    assert cache.ask().kind is Kind.MISS


def test_other_answers_to_head_change_nothing() -> None:
    cache = rig(FRESH, TAG)

    cache.keep(FRESH, 'ETag: "b"', request=asking(method="HEAD"), status=204)

    assert cache.ask().kind is Kind.HIT


def test_what_ended_too_early_or_is_too_large_is_not_stored() -> None:
    cache = Rig(largest_body_bytes=5)

    assert cache.keep(FRESH, "Content-Length: 5", body=b"hell") is None
    assert cache.keep(FRESH, body=b"hello!") is None
    assert cache.keep(FRESH, "Content-Length: 5") is not None
    assert Rig(memory_bytes=100).keep(FRESH) is None


@pytest.mark.parametrize(
    ("waiting", "fields", "expected"),
    [
        ((), (FRESH,), True),
        (("Cache-Control: max-stale",), (FRESH,), True),
        (("Cache-Control: no-cache",), (FRESH,), False),
        (("Cache-Control: max-age=9",), (FRESH,), False),
        (("Range: bytes=0-1",), (FRESH,), False),
        (('If-None-Match: "a"',), (FRESH,), False),
        (("Authorization: a",), (FRESH,), False),
        ((), ("Cache-Control: no-store",), False),
        ((), ("Cache-Control: private, max-age=9",), False),
        ((), ("Cache-Control: no-cache", TAG), False),
        ((), ('Cache-Control: no-cache="a", max-age=9',), False),
        ((), ('Cache-Control: private="a", max-age=9',), False),
        ((), ("Cache-Control: max-age=0", TAG), False),
        ((), ("Cache-Control: max-age=9", "Age: 9", TAG), False),
        (("A: 1",), (FRESH, "Vary: A"), True),
        (("A: 2",), (FRESH, "Vary: A"), False),
        ((), (FRESH, "Vary: *"), False),
    ],
)
def test_who_waits_gets_only_what_it_would_get_from_the_store(
    waiting: tuple[str, ...], fields: tuple[str, ...], expected: bool
) -> None:
    leading = asking("A: 1")

    shareable = Rig().cache.shareable(asking(*waiting), leading, 200, lines(*fields), NOW)

    assert shareable is expected


def test_who_waits_asks_for_the_same() -> None:
    cache = Rig().cache

    for other in (asking(target="/b"), asking(method="HEAD")):
        assert not cache.shareable(other, asking(), 200, lines(FRESH), NOW)


def test_purging() -> None:
    cache = Rig()
    for target in ("/a", "/ab", "/b"):
        cache.keep(FRESH, request=asking(target=target))

    assert cache.cache.purge("http://example.com/a") == 1
    assert cache.cache.purge("http://example.com/a") == 0
    assert cache.cache.purge_prefix("http://example.com/a") == 1
    assert [each.key for each in cache.cache] == ["http://example.com/b"]
    assert cache.cache.counters.purged == 2


class Shelf:
    """An overflow that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Stored]] = {}

    def evicted(self, stored: Stored) -> None:
        self.kept.setdefault(stored.key, []).append(stored)

    def find(self, key: str) -> Sequence[Stored]:
        return tuple(self.kept.get(key, ()))

    def drop(self, key: str) -> None:
        self.kept.pop(key, None)

    def drop_prefix(self, prefix: str) -> int:
        found = [key for key in self.kept if key.startswith(prefix)]
        return sum(len(self.kept.pop(key)) for key in found)


def test_what_is_evicted_comes_back_when_it_is_wanted() -> None:
    shelf = Shelf()
    cache = Rig(shelf, entries=1)
    cache.keep(FRESH, body=b"a")
    cache.keep(FRESH, request=asking(target="/b"), body=b"b")
    assert shelf.kept.keys() == {"http://example.com/a"}

    assert body(cache.ask()) == b"a"

    assert shelf.kept.keys() == {"http://example.com/b"}
    assert cache.cache.counters.returned == 1
    assert cache.ask(target="/c").forward is Forward.URI_MISS


def test_variants_are_looked_for_in_both_places() -> None:
    shelf = Shelf()
    cache = Rig(shelf, variants=1)
    for value in ("1", "2"):
        cache.keep(FRESH, "Vary: A", request=asking(f"A: {value}"), body=value.encode())
    (evicted,) = shelf.kept["http://example.com/a"]
    older = cache.cache.held.variants(evicted.key)
    assert older is not None
    shelf.evicted(older[0])

    assert body(cache.ask("A: 1")) == b"1"
    assert cache.ask("A: 3").forward is Forward.VARY_MISS


def test_what_is_invalid_or_purged_is_so_in_both_places() -> None:
    shelf = Shelf()
    cache = Rig(shelf, entries=1)
    for target in ("/a", "/ab", "/b", "/c"):
        cache.keep(FRESH, request=asking(target=target))
    assert len(shelf.kept) == 3

    cache.keep(request=asking(method="POST"))
    assert shelf.kept.keys() == {"http://example.com/ab", "http://example.com/b"}
    assert cache.cache.purge("http://example.com/b") == 1
    assert cache.cache.purge_prefix("http://example.com/") == 2
    assert not shelf.kept and len(cache.cache.held) == 0


def test_everything_is_counted() -> None:
    cache = rig("Cache-Control: max-age=1", TAG)
    cache.ask(method="PUT")
    cache.ask(target="/b")
    cache.ask("Cache-Control: only-if-cached", target="/b")
    cache.ask(after=0.5)
    cache.ask(after=5.0)

    counters = cache.cache.counters
    assert (counters.bypassed, counters.misses, counters.refused) == (1, 1, 1)
    assert (counters.hits, counters.validations, counters.stored) == (1, 1, 1)


NAMES = st.sampled_from(
    [
        *("Cache-Control", "Pragma", "Authorization", "Range", "If-Range", "If-None-Match"),
        *("If-Modified-Since", "Vary", "ETag", "Last-Modified", "Expires", "Age", "Date"),
        *("Content-Length", "Connection", "CDN-Cache-Control", "Content-Location", "Location"),
    ]
)
VALUES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"max-age=9", b"no-cache", b'"a"', b"*", b"bytes=0-1", b"1", b"", b"/a"]),
)
HEADS = st.lists(st.tuples(NAMES.map(str.encode), VALUES), max_size=6)


@given(st.lists(st.tuples(st.sampled_from(["GET", "HEAD", "POST"]), HEADS, HEADS), max_size=6))
def test_no_bytes_raise_and_sums_stay_right(
    exchanges: list[tuple[str, list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]],
) -> None:
    cache = Rig(entries=2, heuristic=True).cache
    for number, (method, asked, answered) in enumerate(exchanges):
        now = NOW + number
        request = asking(method=method)
        request = type(request)(method, "example.com", "/a", asked)
        found = cache.lookup(request, now)
        if found.stored is not None and found.kind is Kind.VALIDATE:
            cache.freshened(found.stored, request, answered, now, now)
        cache.completed(request, 200, answered, now, now)
        if cache.storable(request, 200, answered, now):
            cache.store(request, now, now, 200, b"OK", answered, b"x")
        assert cache.held.bytes == sum(each.size for each in cache)
