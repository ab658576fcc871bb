"""A forwarded request whose answer the cache wants to see: to store it, to validate what is stored,
to give it to others that wait for the same, or to learn what it has made invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.caching.cache_status import cache_status
from load_balancer.caching.vocabulary import SAFE, CacheRequest, Kind, Lookup
from load_balancer.forwarding import cached, endings
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import BY_LENGTH
from load_balancer.forwarding.live_cache import LiveCache, Part
from load_balancer.forwarding.recording import Recording
from rl.vocabulary import Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.following import Follower

STALE = "stale"
"""Why an answer with an error went no further."""

BACKGROUND = "background"
"""The word for one that no client asked for."""

_WORDS = {Kind.MISS: "miss", Kind.VALIDATE: "expired"}


class Fetch(Part):
    """See the module's text.

    Attributes:
        request: as the cache sees it.
        lookup: what the cache said of it.
        leads: others may wait for its answer.
        followers: who does.
        recording: its answer, where that is to be stored.
        exchange: whose it is.
        absent: its client has gone, or never was.
        outdated: what it is of may have changed since.
        answered_at: when the head of the answer came, Unix seconds.
    """

    __slots__ = (
        "_begun",
        "_error",
        "_freshening",
        "_live",
        "_purges",
        "_requested_at",
        "_stalled_at",
        "_stood_in",
        "_unconditional",
        "absent",
        "answered_at",
        "exchange",
        "followers",
        "leads",
        "lookup",
        "outdated",
        "recording",
        "request",
    )

    def __init__(
        self,
        live: LiveCache,
        exchange: Exchange,
        request: CacheRequest,
        lookup: Lookup,
        leads: bool,
    ) -> None:
        super().__init__(_WORDS.get(lookup.kind, "bypass"))
        self._live = live
        self.exchange = exchange
        self.request = request
        self.lookup = lookup
        self.leads = leads
        self.followers: dict[Follower, None] = {}
        self.recording: Recording | None = None
        self.absent = self.outdated = False
        self.answered_at = 0.0
        self._requested_at = live.clock()
        self._purges = live.purges
        # Since when all wait for the slowest.
        self._stalled_at = 0.0
        # Those who wait have been told of the head.
        self._begun = False
        # The status that a stale answer stands in for.
        self._error = 0
        # The fields of a 304 to our own conditions; and what stands in for an error.
        self._freshening: Fields | None = None
        self._stood_in: Lookup | None = None
        self._unconditional = b""
        if leads:
            live.fetches[request.key] = self
        if lookup.kind is Kind.VALIDATE:
            self._unconditional = exchange.wire
            exchange.wire = conditional(exchange.wire, lookup)

    # The answer, as it comes.

    def head(
        self, exchange: Exchange, status: int, reason: bytes, version: str, fields: Fields
    ) -> str:
        """See Part."""
        live, request = self._live, self.request
        cache = live.cache
        self.answered_at = now = live.clock()
        if self.recording is not None:
            # Of a try whose answer turned out malformed before any of it had gone down.
            self.recording.close()
            self.recording = None
        if self._unconditional and status == 304:
            self._freshening = fields
            return ""
        if status >= 500 and self._stale(status) is not None:
            attempt, listener = exchange.attempt, exchange.client.listener
            if attempt is not None:
                listener.placer.asked_to_wait(attempt, status, fields, listener.time())
            self._error = status
            return STALE
        cache.completed(request, status, fields, self._requested_at, now)
        if request.method not in SAFE and status < 400:
            live.changed(request.key)
        response = exchange.response
        if (
            cache.storable(request, status, fields, now)
            and response is not None
            and not (
                response.body == BY_LENGTH and response.length > live.settings.largest_body_bytes
            )
        ):
            self.recording = Recording(
                status, reason, version, fields, live.budget, live.settings.largest_body_bytes
            )
            live.shared(request.key)
        return ""

    @property
    def keeps(self) -> bool:
        """See Part. A 304 to our own conditions."""
        return self._freshening is not None

    def line(self) -> bytes:
        """See Part."""
        exchange, live = self.exchange, self._live
        if not live.settings.expose_status or exchange.response is None:
            return b""
        return b"Cache-Status: %b\r\n" % cache_status(
            exchange.client.listener.node_name,
            self.lookup,
            exchange.response.status,
            self.recording is not None,
        )

    def _begin(self, now: float) -> None:
        if not self.leads:
            return
        recording = self.recording
        if recording is None:
            self._live.not_shared(self.request.key, now)
            self._end_leading()
            self._release(turns=0)
            return
        for follower in list(self.followers):
            follower.begin(recording, now)

    def body(self, data: bytes) -> None:
        """See Part."""
        if self.recording is not None:
            self.recording.add(data)

    def progress(self, exchange: Exchange, now: float) -> None:
        """See Part. Those who wait get it, too."""
        if not self._begun:
            self._begun = True
            self._begin(now)
        recording = self.recording
        if recording is None:
            return
        if recording.readers:
            recording.feed(now)
        if not recording.storing:
            self._end_leading()  # whoever comes now would miss its beginning
        upstream = exchange.upstream
        if upstream is None:
            return
        if recording.full or (exchange.client.paused and self.pauses(exchange)):
            if not upstream.held:
                upstream.hold()
            if recording.readers and self not in self._live.stalled:
                self._stalled_at = now
                self._live.stalled.add(self)

    def finished(self, exchange: Exchange, trailers: Fields, now: float) -> bool:
        """See Part."""
        if self._freshening is not None:
            self._validated(exchange, self._freshening, now)
            return True
        if not self._begun:
            self._begun = True
            self._begin(now)
        recording = self.recording
        if recording is not None:
            recording.trailers = trailers
            recording.over = True
            if recording.storing and not self.outdated and self._purges == self._live.purges:
                self._live.cache.store(
                    self.request,
                    self._requested_at,
                    self.answered_at,
                    recording.status,
                    recording.reason,
                    recording.fields,
                    recording.body(),
                )
            self._end_leading()
            recording.feed(now)
            recording.close()
        return False

    def _validated(self, exchange: Exchange, fields: Fields, now: float) -> None:
        live, lookup = self._live, self.lookup
        stored = lookup.stored
        assert stored is not None
        fresh = live.cache.freshened(
            stored, self.request, fields, self._requested_at, self.answered_at
        )
        exchange.no_response()
        exchange.begun = False
        self._freshening = None
        self._end_leading()
        if fresh is None:
            # The endpoint has another response in mind: it is to tell all of it.
            exchange.wire = self._unconditional
            self._unconditional = b""
            cached.place(exchange)
            return
        followers, self.followers = self.followers, {}
        wall = live.clock()
        answer = live.cache.answer(self.request, fresh, wall)
        text = cache_status(exchange.client.listener.node_name, lookup, 304, True)
        if self.word != BACKGROUND:
            self.word = "revalidated"
        cached.answer(exchange, answer, text, now)
        for follower in followers:
            follower.freshened(self, fresh, wall, now)

    # What comes between.

    def _stale(self, status: int | None) -> Lookup | None:
        stored = self.lookup.stored
        if stored is not None and self._stood_in is None:
            live = self._live
            self._stood_in = live.cache.stale_on_error(self.request, stored, live.clock(), status)
        return self._stood_in

    def saves(self, exchange: Exchange, status: int, answered: bool) -> bool:
        """See Part. Answers with what is stored, though stale."""
        found = None if status < 500 else self._stale(status if answered else None)
        if found is None or found.answer is None:
            return False
        self.word = STALE
        exchange.no_response()
        exchange.begun = False
        now = exchange.client.listener.time()
        self._end_leading()
        followers, self.followers = self.followers, {}
        for follower in followers:
            follower.saved(found.stored, status if answered else None, now)
        cached.answer_found(exchange, found, now)
        return True

    def stands_in(self, exchange: Exchange) -> bool:
        """See Part."""
        status, self._error = self._error, 0
        if not status:
            return False
        exchange.complete(Verdict.FAILURE, status, exchange.client.listener.time())
        return self.saves(exchange, status, answered=True)

    def pauses(self, exchange: Exchange) -> bool:
        """See Part. Not while others are fed from what is kept anyway."""
        recording = self.recording
        return recording is None or not (recording.storing and recording.readers)

    def goes_on(self, exchange: Exchange) -> bool:
        """See Part. Others may be as slow as it was."""
        if self.recording is not None and self.recording.full:
            return False
        self._live.stalled.discard(self)
        return True

    def room(self) -> None:
        """Readers have taken some, or have gone, or have come."""
        exchange, recording = self.exchange, self.recording
        upstream = exchange.upstream
        if recording is None or upstream is None or not upstream.held or recording.full:
            return
        client = exchange.client
        if not client.paused or not self.pauses(exchange):
            self._live.stalled.discard(self)
            client.deadline = client.listener.time() + client.listener.deadlines.idle_seconds
            upstream.go_on()

    def stall(self, now: float, seconds: float) -> None:
        """All wait for the slowest, the first client or readers, who are cut off when they have
        taken nothing for so many seconds."""
        recording, client = self.recording, self.exchange.client
        if recording is not None and now - self._stalled_at > seconds:
            self._stalled_at = now
            if client.paused and recording.readers:
                endings.client_gone(self.exchange)
                client.abort()
            elif recording.full:
                for reader in recording.slowest():
                    reader.cut()
        paused = self.exchange.client.paused
        if recording is None or not (recording.full or (paused and recording.readers)):
            self._live.stalled.discard(self)
            self.room()

    def expired(self, exchange: Exchange, now: float) -> bool:
        """See Part. The endpoint is not to blame while it is not read from."""
        if self not in self._live.stalled:
            return False
        exchange.client.deadline = now + exchange.client.listener.deadlines.idle_seconds
        return True

    # The end.

    def wanted(self) -> bool:
        """See Part."""
        recording = self.recording
        return bool(self.followers) or (recording is not None and bool(recording.readers))

    def detach(self, exchange: Exchange) -> None:
        """See Part."""
        self.absent = True
        exchange.client.listener.background.detach(exchange)
        self.room()

    def left(self, follower: Follower) -> None:
        """One of those who waited has gone."""
        self.followers.pop(follower, None)
        if self.absent and self.word != BACKGROUND and not self.wanted():
            self.exchange.client.abort()
        else:
            self.room()

    def over(self, exchange: Exchange) -> None:
        """See Part."""
        self._end_leading()
        self._live.stalled.discard(self)
        recording = self.recording
        if recording is not None and not recording.over:
            recording.broken = True
            for reader in list(recording.readers):
                reader.cut()
            recording.close()
        self._release(turns=-1)

    def _end_leading(self) -> None:
        if self._live.fetches.get(self.request.key) is self:
            del self._live.fetches[self.request.key]

    def _release(self, turns: int) -> None:
        """Those who have got nothing yet see for themselves, having so many turns to wait left,
        or one less than they had."""
        followers, self.followers = self.followers, {}
        for follower in followers:
            follower.released(turns)


def conditional(wire: bytes, lookup: Lookup) -> bytes:
    """A head to send on that asks whether what is stored is still good."""
    lines = wire[:-4].split(b"\r\n")
    kept = [
        line
        for number, line in enumerate(lines)
        if number == 0 or line.partition(b":")[0].lower() not in lookup.removed
    ]
    # X-Request-ID stays the last one.
    kept[-1:-1] = [b"%b: %b" % field for field in lookup.conditions]
    return b"\r\n".join(kept) + b"\r\n\r\n"
