"""One request and its response, from the first byte to the last.

The exchange owns the request's progress: which attempt is under way, what of the body has gone on,
whether the response has begun. Both connections tell it what happened; it tells them what to do.
Exactly one of its endings completes each attempt: ``_complete`` is the only caller of the node.

    parsing -> start -> route -> (connect) -> send -> response head -> body -> finished
                  |        +-- another endpoint +  while no response byte has gone down
                  +-> refused, or answered here
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.errors import (
    ConnectionLost,
    NoCandidate,
    ResponseInvalid,
    ResponseTimeout,
    UpstreamError,
)
from load_balancer.forwarding.body import RequestBody
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import (
    IDEMPOTENT,
    NO_BODY,
    UNTIL_CLOSE,
    Refusal,
    RequestHead,
)
from load_balancer.forwarding.responses import (
    BadUpstream,
    ResponseHead,
    chunk,
    interim_response,
    last_chunk,
    read_response,
)
from load_balancer.node import Attempt
from rl.vocabulary import Outcome, RequestContext, Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.forwarding.upstream import UpstreamConnection


class Exchange:
    """See the module's text.

    Attributes:
        client: the connection that it came by.
        target: of the request, as it is read.
        head: the judged request; set unless ``refusal`` is.
        refusal: why the request goes nowhere.
        body: what waits of the request's body; None for a request that has none.
        received: the request has been read to its end.
        attempt: the try under way.
        upstream: its connection, once there is one.
        begun: bytes of the final response have gone down.
        skips_body: the response has no body, whatever its head announces.
    """

    __slots__ = (
        "_chunks",
        "_latency",
        "_listener",
        "_out",
        "_pieces",
        "_response",
        "_sent",
        "_tried",
        "attempt",
        "begun",
        "body",
        "client",
        "context",
        "head",
        "received",
        "refusal",
        "skips_body",
        "target",
        "upstream",
    )

    def __init__(self, client: ClientConnection) -> None:
        self.client = client
        self._listener = client.listener
        self.target = b""
        self.head: RequestHead | None = None
        self.context: RequestContext | None = None
        self.refusal: Refusal | None = None
        self.body: RequestBody | None = None
        self.received = False
        self.attempt: Attempt | None = None
        self.upstream: UpstreamConnection | None = None
        self.begun = False
        self.skips_body = False
        self._sent = False
        self._tried: tuple[str, ...] = ()
        self._response: ResponseHead | None = None
        self._latency = 0.0
        self._out: list[bytes] = []
        # Where pieces of the body go: out as they are, or first into a chunk.
        self._pieces = self._out
        self._chunks: list[bytes] = []

    # The request's side.

    def start(self) -> None:
        """It is this request's turn on its connection."""
        head = self.head
        assert head is not None
        listener = self._listener
        page = listener.local.get(head.path)
        if page is None and "?" in head.path:
            page = listener.local.get(head.path.partition("?")[0])
        if page is not None and head.method in ("GET", "HEAD"):
            self.client.answer(200, *page())
            return
        if head.hops >= listener.limits.hops:
            self.client.refuse(Refusal(508, "hops", "the request has passed too many proxies"))
            return
        self.context = RequestContext(
            head.method,
            head.path,
            head.domain,
            self.client.peer.address,
            head.hops,
            head.length,
        )
        self._route()

    def forward(self) -> None:
        """What there is of the request body goes on, if the endpoint still wants it."""
        upstream = self.upstream
        body = self.body
        if upstream is None or body is None or not body.waits(self.received):
            return
        response = self._response
        if response is not None and response.status >= 400 and response.close_upstream:
            # It has refused the body and is about to close (RFC 9112 section 9.5).
            body.drop()
            return
        if upstream.transport.is_closing() or (not upstream.held and upstream.readable()):
            # It may have answered early and closed. Writing would be answered by a reset, at the
            # cost of the answer; when that is read, it is this body's turn again. (A client that
            # reads only when it has sent all must go on, though, or both would wait.)
            return
        upstream.transport.write(body.take(self.received))
        self._wait_for_response()

    def _route(self) -> None:
        assert self.context is not None and self.head is not None
        listener = self._listener
        try:
            attempt = listener.node.route(
                self.context, self.head.request_id, listener.time(), self._tried
            )
        except Exception as error:
            # A strategy's fault must not leave its client waiting for ever.
            listener.report("a request could not be routed", error)
            raise NoCandidate from None
        if attempt is None:
            raise NoCandidate
        self.attempt = attempt
        once = self.body is not None or self.head.method not in IDEMPOTENT
        connection = listener.pool.take(attempt.stats.id, once)
        if connection is None:
            listener.pool.open(self, attempt)
        else:
            self.connected(connection)

    def connected(self, connection: UpstreamConnection) -> None:
        """There is a connection to the chosen endpoint: the request goes out."""
        assert self.head is not None
        self.upstream = connection
        self._sent = True
        body = self.body
        if body is None:
            connection.send(self, self.head.wire)
            listener = self._listener
            self.client.deadline = listener.time() + listener.deadlines.first_byte_seconds
            return
        connection.send(self, self.head.wire + body.take(self.received))
        self.client.update_reading()
        self._wait_for_response()

    def _wait_for_response(self) -> None:
        listener = self._listener
        sends = not self.received and self._client_sends()
        deadlines = listener.deadlines
        seconds = deadlines.idle_seconds if sends else deadlines.first_byte_seconds
        self.client.deadline = listener.time() + seconds

    def _client_sends(self) -> bool:
        """It is the client's turn: the rest of the body is awaited from nobody else."""
        return not self.received and self.body is not None and not self.body.uninvited

    # The response's side, called while the endpoint's bytes are parsed.

    def interim(self, status: int, reason: bytes, fields: Fields) -> None:
        """A 1xx answer: passed on to who can understand it."""
        assert self.head is not None
        if status == 100 and self.body is not None:
            self.body.uninvited = False
        if self.head.modern:
            self._out.append(interim_response(status, reason, fields))

    def response_head(self, status: int, reason: bytes, version: str, fields: Fields) -> str:
        """The final response's head; why it cannot be passed on, or ""."""
        assert self.head is not None and self.attempt is not None
        listener = self._listener
        self._latency = listener.time() - self.attempt.started
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
        self._response = response
        self.skips_body = response.body == NO_BODY
        self._out.append(response.wire)
        if response.chunk_out:
            self._pieces = self._chunks
        return ""

    def response_body(self, data: bytes) -> None:
        """Bytes of the response body, without their framing."""
        self._pieces.append(data)

    def upstream_progress(self) -> None:
        """A piece of the response has been parsed: send it down, and end if it was the last."""
        upstream = self.upstream
        assert upstream is not None
        response = self._response
        if upstream.broken and not upstream.over:
            self._upstream_broken(ResponseInvalid(upstream.broken))
            return
        out = self._out
        over = upstream.over
        if response is not None:
            self.begun = True
            if response.chunk_out:
                if self._chunks:
                    out.append(chunk(b"".join(self._chunks)))
                    self._chunks.clear()
                if over:
                    out.append(last_chunk(upstream.trailers))
        if out:
            data = b"".join(out) if len(out) > 1 else out[0]
            out.clear()
            self.client.transport.write(data)
        if over:
            self._finish()
            return
        self.client.deadline = self._listener.time() + self._listener.deadlines.idle_seconds
        if self.body is not None:
            self.forward()
            self.client.update_reading()

    def _finish(self) -> None:
        response = self._response
        upstream = self.upstream
        assert response is not None and upstream is not None and self.head is not None
        self.upstream = None
        sent = self.received and (self.body is None or not self.body.waits(whole=True))
        upstream.release(sent and not response.close_upstream, self.head.method == "HEAD")
        status = response.status
        self._complete(Verdict.SUCCESS if status < 500 else Verdict.FAILURE, status)
        self._listener.node.counters.answered(status)
        self.client.exchange_over(response.close_downstream)

    # Endings other than the good one.

    def upstream_lost(self, connection: UpstreamConnection, clean: bool) -> None:
        """The endpoint's connection closed under the exchange."""
        if connection is not self.upstream:
            return
        response = self._response
        if response is not None and response.body == UNTIL_CLOSE and clean and self.begun:
            # The end of the connection is the end of the body.
            connection.over = True
            self.upstream_progress()
            return
        if connection.kept and response is None and self._replayable():
            # A kept connection that its server closed just then: says nothing of the endpoint.
            # It is asked again on a new one, once, because that is not a kept one.
            assert self.attempt is not None
            self.upstream = None
            self._listener.node.counters.reconnections += 1
            self._listener.pool.open(self, self.attempt)
            return
        self._upstream_broken(ConnectionLost("the connection closed before the answer was whole"))

    def _upstream_broken(self, error: UpstreamError) -> None:
        upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.abort()
        self._out.clear()
        self._chunks.clear()
        if not self.begun:
            self._response = None
            self._pieces = self._out
            self.attempt_failed(error)
            return
        # The client has seen part of an answer that will never be whole: it must not look whole.
        self._complete(Verdict.FAILURE, self._response.status if self._response else 0)
        self.client.abort()

    def attempt_failed(self, error: UpstreamError) -> None:
        """The endpoint failed before its answer began: try another one, or tell the client."""
        attempt = self.attempt
        assert attempt is not None
        listener = self._listener
        self._latency = listener.time() - attempt.started
        self._complete(Verdict.FAILURE, 0)
        self._tried = (*self._tried, attempt.stats.id)
        if len(self._tried) < listener.attempts and self._replayable():
            try:
                self._route()
            except NoCandidate:
                pass
            else:
                listener.node.counters.retries += 1
                return
        self.client.answer_error(error.status, error.label, str(error))

    def _replayable(self) -> bool:
        """Whether a second sending would be the same request, with no effect of its own."""
        assert self.head is not None
        return not self._sent or (self.body is None and self.head.method in IDEMPOTENT)

    def client_gone(self) -> None:
        """Nobody waits for the answer: stop the endpoint's work, learn nothing from it."""
        attempt = self.attempt
        upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.abort()
        if attempt is None:
            return
        if self._response is None:
            self._latency = self._listener.time() - attempt.started
            self._complete(Verdict.IGNORED, 0)
        else:
            self._complete(Verdict.IGNORED, self._response.status)

    def expired(self) -> None:
        """Nothing has moved for too long; whose fault it is decides who learns of it."""
        upstream = self.upstream
        if upstream is None:
            return  # connecting has its own deadline
        if self.begun and self.client.paused:
            self.client_gone()
            self.client.abort()
        elif not self._client_sends() or upstream.paused or (self.body and self.body.buffered):
            self._upstream_broken(ResponseTimeout("the endpoint did not answer in time"))
        else:
            self.client_gone()
            if self.begun:
                self.client.abort()
            else:
                self.client.answer_error(
                    408, "body_timeout", "the request body did not come in time"
                )

    def _complete(self, verdict: Verdict, status: int) -> None:
        attempt, response = self.attempt, self._response
        assert attempt is not None
        self.attempt = None
        if response is not None and response.load_report:
            self._listener.load_reported(attempt.stats, response.load_report)
        listener = self._listener
        try:
            listener.node.complete(
                attempt, Outcome(verdict, self._latency, status), listener.time()
            )
        except Exception as error:
            listener.report("an attempt could not be learned from", error)
