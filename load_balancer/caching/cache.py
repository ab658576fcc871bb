"""The cache of one node: what each request may be answered with, and what is kept of each answer.

A shared cache after RFC 9111. Pure: the live data path and the virtual network call the same
object, each with its own time.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.caching import CacheSettings
from load_balancer.caching.answers import age_of, answer
from load_balancer.caching.conditions import OWN_CONDITIONS, PRECONDITIONS, validation
from load_balancer.caching.counters import CacheCounters
from load_balancer.caching.freshness import LastHead, initial_age, lifetime
from load_balancer.caching.store import Store
from load_balancer.caching.storing import (
    BODILESS,
    build,
    kept,
    may_be_shared,
    same_origin,
    storable,
)
from load_balancer.caching.updating import is_head_of, is_same, updated
from load_balancer.caching.use import Use, judge, survives_error
from load_balancer.caching.variants import matches, vary_names, varying_of
from load_balancer.caching.vocabulary import (
    SAFE,
    Answer,
    CacheRequest,
    FieldLine,
    Forward,
    Kind,
    Lookup,
    Overflow,
    Stored,
    joined,
)
from load_balancer.forwarding.fields import Fields

_METHOD = Lookup(Kind.BYPASS, Forward.METHOD)
_REQUEST = Lookup(Kind.BYPASS, Forward.REQUEST)
_NOT_CACHED = Lookup(Kind.ONLY_IF_CACHED)
_NOTHING_STORED = {
    (reason, shared): Lookup(Kind.MISS, reason, shared=shared)
    for reason in (Forward.URI_MISS, Forward.VARY_MISS)
    for shared in (False, True)
}

INVALIDATIONS = 1024
"""So many of the last ones are remembered, for what was asked for before them and comes later."""


class Cache:
    """A store and the rules of its use.

    Attributes:
        counters: what was counted.
        held: the store.
    """

    def __init__(self, settings: CacheSettings, overflow: Overflow | None = None) -> None:
        self._settings = settings
        self._overflow = overflow
        # When keys were invalidated of late, the one longest ago first.
        self._invalidated: dict[str, float] = {}
        self._said_by = LastHead().said_by
        self.counters = CacheCounters()
        self.held = Store(
            settings.entries,
            settings.memory_bytes,
            settings.variants,
            None if overflow is None else overflow.evicted,
        )

    def __iter__(self) -> Iterator[Stored]:
        """All that is held, the least recently used first."""
        return iter(self.held)

    def lookup(self, request: CacheRequest, now: float) -> Lookup:
        """What is to become of a request. Counts it."""
        variants = self.held.variants(request.key)
        if variants is not None and request.plain:
            for stored in variants:
                if not stored.varying or matches(stored.varying, request):
                    plain = stored.plain
                    if plain is not None and now < stored.plain_until:
                        self.held.touch(stored)
                        self.counters.hits += 1
                        return plain
                    break
        found = self._lookup(request, variants, now)
        counters = self.counters
        if found.kind is Kind.HIT:
            counters.hits += 1
            counters.stale_hits += found.ttl < 0
        elif found.kind is Kind.MISS:
            counters.misses += 1
        elif found.kind is Kind.VALIDATE:
            counters.validations += 1
        elif found.kind is Kind.BYPASS:
            counters.bypassed += 1
        else:
            counters.refused += 1
        return found

    def _lookup(self, request: CacheRequest, variants: list[Stored] | None, now: float) -> Lookup:
        get = request.method == "GET"
        if not (get or request.method == "HEAD") or request.has_body:
            return _METHOD
        judged = request.judged
        if judged and (request.directives.no_store or not judged.keys().isdisjoint(PRECONDITIONS)):
            return _REQUEST
        stored = self._find(request, variants)
        if stored is None:
            if request.directives.only_if_cached:
                return _NOT_CACHED
            known = variants is not None or self.held.variants(request.key) is not None
            reason = Forward.VARY_MISS if known else Forward.URI_MISS
            return _NOTHING_STORED[reason, get and request.ordinary]
        self.held.touch(stored)
        age = age_of(stored, now)
        use = judge(request.directives, stored, age)
        if use is Use.FRESH or use is Use.STALE or use is Use.REFRESH:
            return self._hit(request, stored, age, now, use is Use.REFRESH)
        if request.directives.only_if_cached:
            return _NOT_CACHED
        reason = Forward.REQUEST if use is Use.REQUEST else Forward.STALE
        conditions = validation(stored)
        if not get or not conditions:
            return Lookup(Kind.MISS, reason, stored=stored, shared=get and request.ordinary)
        return Lookup(
            Kind.VALIDATE,
            reason,
            stored=stored,
            conditions=conditions,
            removed=OWN_CONDITIONS,
            shared=request.ordinary,
        )

    def _find(self, request: CacheRequest, variants: list[Stored] | None) -> Stored | None:
        for each in variants or ():
            if not each.varying or matches(each.varying, request):
                return each
        if self._overflow is None:
            return None
        returned = None
        kept_there = self._overflow.find(request.key)
        if kept_there:
            self._overflow.drop(request.key)
        for each in kept_there:
            known = self.held.variants(request.key) or ()
            if any(one.varying == each.varying for one in known):
                continue
            if self.held.put(each):
                self.counters.returned += 1
                if returned is None and matches(each.varying, request):
                    returned = each
        return returned

    def _hit(
        self, request: CacheRequest, stored: Stored, age: float, now: float, stale: bool
    ) -> Lookup:
        ttl = stored.lifetime - age
        refresh = stale and now >= stored.refresh_at
        if refresh:
            # One request validates for all; should that be lost, the next one tries.
            stored.refresh_at = now + self._settings.collapse_seconds
        found = Lookup(
            Kind.HIT,
            answer=answer(request, stored, now),
            stored=stored,
            conditions=validation(stored) if refresh else (),
            removed=OWN_CONDITIONS if refresh else frozenset(),
            refresh=refresh,
            ttl=int(ttl // 1),
        )
        if request.plain and ttl > 0:
            stored.plain = found
            # Until its Age is another, or it is stale.
            stored.plain_until = now + min(1.0 - age % 1.0, ttl)
        return found

    def storable(self, request: CacheRequest, status: int, fields: Fields, now: float) -> bool:
        """Whether the response to a forwarded request is to be stored, as far as its head tells.

        To be asked of every request, of a POST too. Of a response with more than
        ``largest_body_bytes``, or one that ends too early, nothing is stored; only the caller can
        see that of one without Content-Length.
        """
        return storable(request, status, fields, now, self._settings, self._said_by(fields))

    def shareable(
        self, waiting: CacheRequest, leading: CacheRequest, status: int, fields: Fields, now: float
    ) -> bool:
        """Whether the response to ``leading``, whose head has just come, may answer ``waiting`` as
        well (collapsed forwarding)."""
        if waiting.method != "GET" or waiting.key != leading.key or not waiting.ordinary:
            return False
        said = self._said_by(fields)
        if not storable(leading, status, fields, now, self._settings, said):
            return False
        told = said.directives
        if told.no_cache or told.no_cache_fields or told.private_fields:
            return False
        if lifetime(said, status, now, self._settings) <= initial_age(said.values, now, now):
            return False
        names = vary_names(fields)
        return names is not None and matches(varying_of(names, leading), waiting)

    def store(
        self,
        request: CacheRequest,
        requested_at: float,
        answered_at: float,
        status: int,
        reason: bytes,
        fields: Fields,
        body: bytes,
    ) -> Stored | None:
        """Keep a whole response that is ``storable``; None if it does not fit, or was asked for
        before another request changed what it shows.

        Trailers are not kept (RFC 9111 section 3.1 leaves that to the cache).
        """
        # A POST whose answer is stored has just invalidated its key itself.
        changed_at = self._invalidated.get(request.key, requested_at)
        if changed_at > requested_at and request.method == "GET":
            return None
        said = self._said_by(fields)
        length = said.values.get(b"content-length")
        short = length is not None and status not in BODILESS and length != b"%d" % len(body)
        if short or len(body) > self._settings.largest_body_bytes:
            self.counters.too_large += not short
            return None
        lines = kept(fields, answered_at, said)
        return self._put(request, requested_at, answered_at, status, reason, lines, body)

    def _put(
        self,
        request: CacheRequest,
        requested_at: float,
        answered_at: float,
        status: int,
        reason: bytes,
        fields: list[FieldLine],
        body: bytes,
    ) -> Stored | None:
        names = vary_names(fields)
        if names is None:
            return None
        stored = build(
            request.key,
            varying_of(names, request),
            requested_at,
            answered_at,
            status,
            reason,
            fields,
            body,
            self._settings,
        )
        # Whatever else would have answered this request is older.
        for each in [*(self.held.variants(request.key) or ())]:
            if matches(each.varying, request):
                self.held.remove(each)
        if not self.held.put(stored):
            self.counters.too_large += 1
            return None
        self.counters.stored += 1
        return stored

    def freshened(
        self,
        stored: Stored,
        request: CacheRequest,
        fields: Fields,
        requested_at: float,
        answered_at: float,
    ) -> Stored | None:
        """A 304 answered the validation of ``stored``: the response with its fields updated, now in
        the store (RFC 9111 section 4.3.4). None if the 304 speaks of another response: then the
        request is to be sent once more, without conditions of ours."""
        if not is_same(stored, fields):
            self.held.remove(stored)
            return None
        self.counters.revalidated += 1
        return self._freshen(stored, request, fields, requested_at, answered_at)

    def _freshen(
        self,
        stored: Stored,
        request: CacheRequest,
        fields: Fields,
        requested_at: float,
        answered_at: float,
    ) -> Stored:
        lines = kept(updated(stored, fields, answered_at), answered_at)
        names = vary_names(lines)
        fresh = build(
            stored.key,
            stored.varying if names is None else varying_of(names, request),
            requested_at,
            answered_at,
            stored.status,
            stored.reason,
            lines,
            stored.body,
            self._settings,
        )
        said = fresh.directives
        lasts = names is not None and not (said.no_store or said.private)
        # An authorized client's is its own; what has gone was replaced, or is no longer valid.
        if may_be_shared(request, said) and self.held.remove(stored) and lasts:
            self.held.put(fresh)
        return fresh

    def answer(self, request: CacheRequest, stored: Stored, now: float) -> Answer:
        """``stored`` as an answer to the request, whose range and conditions it obeys; for one that
        was validated or freshened just now."""
        return answer(request, stored, now)

    def stale_on_error(
        self, request: CacheRequest, stored: Stored, now: float, status: int | None = None
    ) -> Lookup | None:
        """A HIT with a stale response in place of an error, if it may be used so (RFC 5861 section
        4, RFC 9111 section 4.2.4). ``status`` is the error's, None if there was no answer."""
        age = age_of(stored, now)
        bound = self._settings.stale_if_unreachable_seconds
        if not survives_error(request.directives, stored, age, status, bound):
            return None
        self.counters.hits += 1
        self.counters.stale_hits += 1
        return self._hit(request, stored, age, now, False)

    def completed(
        self,
        request: CacheRequest,
        status: int,
        fields: Fields,
        requested_at: float,
        answered_at: float,
    ) -> None:
        """The head of a forwarded request's answer has come, whatever the request was: invalidate
        what it changed (RFC 9111 section 4.4), or update what an answer to HEAD speaks of (section
        4.3.5). To be called before the same answer is stored."""
        method = request.method
        if method == "GET" or not 200 <= status < 400:
            return
        if method == "HEAD":
            if status == 200:
                self._head_came(request, fields, requested_at, answered_at)
            return
        if method in SAFE:
            return
        keys = {request.key}
        values = joined(fields)
        for name in (b"location", b"content-location"):
            if name in values:
                key = same_origin(request.key, values[name])
                if key is not None:
                    keys.add(key)
        for key in keys:
            self.counters.invalidated += self.held.remove_key(key)
            if self._overflow is not None:
                self._overflow.drop(key)
            self._invalidated.pop(key, None)
            self._invalidated[key] = answered_at
        while len(self._invalidated) > INVALIDATIONS:
            del self._invalidated[next(iter(self._invalidated))]

    def _head_came(
        self, request: CacheRequest, fields: Fields, requested_at: float, answered_at: float
    ) -> None:
        stored = self._find(request, self.held.variants(request.key))
        if stored is None or stored.status != 200:
            return
        if is_head_of(stored, fields):
            self._freshen(stored, request, fields, requested_at, answered_at)
        else:
            self.held.remove(stored)
            self.counters.invalidated += 1

    def purge(self, key: str) -> int:
        """Remove all responses of one key (``http://host/path``); how many they were."""
        count = self.held.remove_key(key)
        if self._overflow is not None:
            count += len(self._overflow.find(key))
            self._overflow.drop(key)
        self.counters.purged += count
        return count

    def purge_prefix(self, prefix: str) -> int:
        """Remove all responses whose key begins so; how many they were. Looks at every key."""
        count = self.held.remove_prefix(prefix)
        if self._overflow is not None:
            count += self._overflow.drop_prefix(prefix)
        self.counters.purged += count
        return count
