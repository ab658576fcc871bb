"""One request and its response, from the first byte to the last.

The exchange owns the request's progress: which attempt is under way, what of the body has gone on,
whether the response has begun. Both connections tell it what happened; it tells them what to do.
Exactly one of its endings completes each attempt, and exactly one tells of the whole.

    parsing -> start -> place -> (connect) -> send -> response head -> body -> finished
                  |        +-- another endpoint +  while no response byte has gone down
                  +-> refused, or answered here
"""

from __future__ import annotations

from asyncio import TimerHandle
from typing import TYPE_CHECKING

from load_balancer.errors import ResponseInvalid, StatusDeclined, UpstreamError
from load_balancer.forwarding import endings, starting
from load_balancer.forwarding.account import Account, decoration, heard, outcome, tell
from load_balancer.forwarding.body import RequestBody
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import Refusal, RequestHead
from load_balancer.forwarding.hedge import Hedge
from load_balancer.forwarding.live_cache import Part
from load_balancer.forwarding.outgoing import Outgoing
from load_balancer.forwarding.responses import (
    BadUpstream,
    ResponseHead,
    interim_response,
    read_response,
)
from load_balancer.forwarding.tunnel import Tunnel, switch
from load_balancer.node import Attempt
from load_balancer.waiting import Place
from metrics import access_record
from metrics.access_record import NOT_REACHED
from rl.vocabulary import Outcome, RequestContext, Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.forwarding.upstream import UpstreamConnection

_SUCCESS, _FAILURE = Verdict.SUCCESS, Verdict.FAILURE


class Exchange:
    """See the module's text.

    Attributes:
        client: the connection that it came by.
        head: the judged request; set unless ``refusal`` is.
        context: what a policy may know of it; set with its first attempt.
        request_id: of the request, its own or made here.
        refusal: why the request goes nowhere.
        body: what waits of the request's body; None for a request that has none.
        awaited: ends the wait for what of the body has to be known first.
        received: the request has been read to its end.
        started: when its turn had come and its head was whole.
        tried: ids of the endpoints that have failed.
        place: where it waits for an endpoint that is not full.
        attempt: the try under way, or the last one.
        hedge: what may become, or is, a second one beside it.
        sent: something of the request has gone out.
        wire: its head as it goes out.
        upstream: its connection, once there is one.
        response: the judged final response, once its head has come.
        tunnel: the endpoint has switched protocols.
        begun: bytes of the final response have gone down.
        first_byte_at: when the final response's head was there.
        sent_bytes: written to the client.
        account: what is unusual about it.
        cached: what the cache has to do with it.
        declined: a status for which another endpoint is asked.
        told: it is over and was counted.
    """

    __slots__ = (
        "_listener",
        "_outgoing",
        "account",
        "attempt",
        "awaited",
        "begun",
        "body",
        "cached",
        "client",
        "context",
        "declined",
        "first_byte_at",
        "head",
        "hedge",
        "place",
        "received",
        "refusal",
        "request_id",
        "response",
        "sent",
        "sent_bytes",
        "started",
        "told",
        "tried",
        "tunnel",
        "upstream",
        "wire",
    )

    head: RequestHead | None
    context: RequestContext | None
    request_id: str
    refusal: Refusal | None
    body: RequestBody | None
    awaited: TimerHandle | None
    tried: tuple[str, ...]
    attempt: Attempt | None
    upstream: UpstreamConnection | None
    response: ResponseHead | None
    tunnel: Tunnel | None
    account: Account | None
    cached: Part | None
    hedge: Hedge | None
    place: Place[Exchange] | None
    wire: bytes
    _outgoing: Outgoing | None

    def __init__(self, client: ClientConnection) -> None:
        self.client = client
        self._listener = client.listener
        self.refusal = self.body = self.attempt = self.upstream = self.response = None
        self.head = self.context = self._outgoing = self.tunnel = None
        self.account = self.hedge = self.place = self.cached = self.awaited = None
        self.received = self.begun = self.sent = self.told = False
        self.tried = ()
        self.started = self.first_byte_at = NOT_REACHED
        self.request_id = ""
        self.sent_bytes = self.declined = 0

    # The request's side; ``starting`` has its beginning.

    def noted(self) -> Account:
        """The account, made when there is something to put down."""
        if self.account is None:
            self.account = Account()
        return self.account

    def forward(self) -> None:
        """What there is of the request body goes on, if the endpoint still wants it."""
        if self.awaited is not None:
            starting.body_came(self)
            return
        upstream = self.upstream
        body = self.body
        if upstream is None or body is None or not body.waits(self.received):
            return
        response = self.response
        if response is not None and response.status >= 400 and response.close_upstream:
            # It has refused the body and is about to close (RFC 9112 section 9.5).
            body.drop()
            return
        if upstream.transport.is_closing() or upstream.interrupts():
            # It may have answered early and closed. Writing would be answered by a reset, at the
            # cost of the answer; when that is read, it is this body's turn again. (A client that
            # reads only when it has sent all must go on, though, or both would wait.)
            return
        upstream.transport.write(body.take(self.received))
        self._wait_for_response(self._listener.time())

    def connected(self, connection: UpstreamConnection, now: float) -> None:
        """There is a connection to the chosen endpoint: the request goes out."""
        self.upstream = connection
        if not connection.kept and self.attempt is not None:
            self.noted().connect = now - self.attempt.started
        if self.sent and self.client.paused:
            connection.hold()  # as the one before it, or nobody would
        body = self.body
        if body is None:
            self.sent = True
            connection.send(self, self.wire)
            self.client.deadline = now + self._listener.placer.answer_seconds
            return
        if self.sent:
            body.rewind()
        self.sent = True
        connection.send(self, self.wire + body.take(self.received))
        self.client.update_reading()
        self._wait_for_response(now)

    def _wait_for_response(self, now: float) -> None:
        listener = self._listener
        self.client.deadline = now + (
            listener.deadlines.idle_seconds
            if self.response is not None or self.client_sends()
            else listener.placer.answer_seconds
        )

    def client_sends(self) -> bool:
        """It is the client's turn: the rest of the body is awaited from nobody else."""
        return not self.received and self.body is not None and not self.body.uninvited

    # The response's side, called while the endpoint's bytes are parsed.

    def answered(self, response: ResponseHead, body: bytes) -> bool:
        """The whole response has come, with a head that its connection has seen before.

        Returns:
            Whether it could go down just like that. Otherwise nothing was done.
        """
        head = self.head
        listener = self._listener
        attempt, upstream = self.attempt, self.upstream
        assert head is not None and attempt is not None and upstream is not None
        if not head.plain or self.body is not None or listener.draining or self.cached is not None:
            return False
        if self.hedge is not None:
            self.hedge.stop()
        client = self.client
        self.response = response
        self.first_byte_at = now = listener.time()
        more = decoration(self, now) if listener.decorates or self.account is not None else b""
        data = b"%b%b\r\n%b" % (response.wire[:-2], more, body) if more else response.wire + body
        client.transport.write(data)
        self.sent_bytes = len(data)
        self.upstream = None
        upstream.give_back(now)
        status = response.status
        listener.placer.complete(
            attempt,
            Outcome(_SUCCESS if status < 500 else _FAILURE, now - attempt.started, status),
            now,
        )
        self.told = True
        tell(self, access_record.COMPLETE, None, status, now)
        client.exchange_over(False, now)
        return True

    def interim(self, status: int, reason: bytes, fields: Fields) -> None:
        """A 1xx answer: passed on to who can understand it. Raises BadUpstream."""
        assert self.head is not None
        wire = interim_response(status, reason, fields)
        if status == 100 and self.body is not None:
            self.body.uninvited = False
        if self.head.modern:
            self.outgoing().interim(wire)

    def outgoing(self) -> Outgoing:
        """What of the response waits to be written."""
        if self._outgoing is None:
            self._outgoing = Outgoing()
        return self._outgoing

    def switch(self, reason: bytes, fields: Fields) -> str:
        """A 101 answer; why it cannot be passed on, or ""."""
        return switch(self, reason, fields)

    def response_head(self, status: int, reason: bytes, version: str, fields: Fields) -> str:
        """The final response's head; why it cannot be passed on, or ""."""
        assert self.head is not None and self.attempt is not None
        listener = self._listener
        now = listener.time()
        placer = listener.placer
        if listener.hears_q:
            told = heard(listener, self.attempt, fields)
            if told is not None:
                self.noted().heard = told
        if placer.rules.asks_status and placer.declines(self, status, fields, now):
            self.declined = status
            return "declined"
        self.first_byte_at = now
        try:
            response = read_response(
                status,
                reason,
                version,
                fields,
                self.head,
                listener.node_name,
                listener.date,
                self.head.keep_alive and self.received and not listener.draining,
            )
        except BadUpstream as error:
            return str(error)
        if self.hedge is not None:
            self.hedge.stop()
        self.response = response
        more = b""
        cached = self.cached
        if cached is not None:
            why = cached.head(self, status, reason, version, fields)
            if why:
                self.no_response()
                return why
            if cached.keeps:
                return ""
            more = cached.line()
        if listener.decorates or self.account is not None:
            more += decoration(self, now)
        self.outgoing().begin(response, more)
        return ""

    def response_body(self, data: bytes) -> None:
        """Bytes of the response body, without their framing."""
        outgoing = self._outgoing
        assert outgoing is not None
        outgoing.body(data)
        if self.cached is not None:
            self.cached.body(data)

    def upstream_progress(self) -> None:
        """A piece of the response has been parsed: send it down, and end if it was the last."""
        upstream = self.upstream
        assert upstream is not None
        if upstream.broken and not upstream.over:
            endings.upstream_broken(self, ResponseInvalid(upstream.broken))
            return
        over = upstream.over
        if self.response is not None:
            self.begun = True
        if self._outgoing is not None:
            data = self._outgoing.take(over, upstream.trailers)
            if data:
                self.sent_bytes += len(data)
                self.client.transport.write(data)
        if over:
            self._finish()
            return
        now = self._listener.time()
        self._wait_for_response(now)
        if self.cached is not None and self.response is not None:
            self.cached.progress(self, now)
        if self.body is not None:
            self.forward()
            self.client.update_reading()

    def _finish(self) -> None:
        response = self.response
        upstream = self.upstream
        assert response is not None and upstream is not None and self.head is not None
        self.upstream = None
        sent = self.received and (self.body is None or not self.body.waits(whole=True))
        upstream.release(sent and not response.close_upstream, self.head.method == "HEAD")
        status = response.status
        listener = self._listener
        now = listener.time()
        self.complete(_SUCCESS if status < 500 else _FAILURE, status, now)
        if self.cached is not None and self.cached.finished(self, upstream.trailers, now):
            return
        self.tell(access_record.COMPLETE, None, status, now)
        self.client.exchange_over(response.close_downstream, now)

    # Endings other than the good one.

    def saved(self, status: int, label: str) -> bool:
        """Whether the cache has answered in the stead of this error."""
        part = self.cached
        return part is not None and part.saves(self, status, label == StatusDeclined.label)

    def upstream_lost(self, connection: UpstreamConnection, clean: bool) -> None:
        """The endpoint's connection closed under the exchange."""
        endings.upstream_lost(self, connection, clean)

    def attempt_failed(self, error: UpstreamError) -> None:
        """The endpoint failed before its answer began."""
        endings.attempt_failed(self, error)

    def no_response(self) -> None:
        """What came of one is nothing."""
        self.response = self._outgoing = self.tunnel = None
        self.first_byte_at = NOT_REACHED

    def replayable(self) -> bool:
        """Whether it could be sent from its beginning."""
        return self.body is None or self.body.replayable

    def complete(self, verdict: Verdict, status: int, now: float) -> None:
        """The attempt under way is over."""
        attempt, response, account = self.attempt, self.response, self.account
        assert attempt is not None
        listener = self._listener
        if response is not None:
            if response.load_report:
                listener.load_reported(attempt.stats, response.load_report)
            if response.retry_after and (account is None or account.heard is None):
                listener.retry_after(attempt.stats, status, response.retry_after, now)
        at = self.first_byte_at
        latency = (at if at >= 0.0 else now) - attempt.started
        listener.placer.complete(attempt, outcome(self, verdict, latency, status), now)
        if account is not None:
            account.heard = None

    def tell(self, termination: str, reason: str | None, status: int, now: float) -> None:
        """It is over, in a way that ``metrics.access_log`` has the words for."""
        self.note(termination, reason, status, now)
        if self.cached is not None:
            self.cached.over(self)

    def note(self, termination: str, reason: str | None, status: int, now: float) -> None:
        """Its client has had what it gets; told once."""
        if not self.told:
            self.told = True
            tell(self, termination, reason, status, now)
