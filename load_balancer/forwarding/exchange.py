"""One request and its response, from the first byte to the last.

The exchange owns the request's progress: which attempt is under way, what of the body has gone on,
whether the response has begun. Both connections tell it what happened; it tells them what to do.
Exactly one of its endings completes each attempt: ``_complete`` is the only caller of the node.

    parsing -> start -> route -> (connect) -> send -> response head -> body -> finished
                  |        ^                    |
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
from load_balancer.forwarding.heads import (
    CHUNKED,
    IDEMPOTENT,
    NO_BODY,
    UNTIL_CLOSE,
    Fields,
    Refusal,
    RequestHead,
)
from load_balancer.forwarding.responses import (
    BadUpstream,
    ResponseHead,
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
        target, fields, trailers: as they are read; trailers of the request until the response
            begins, of the response from then on.
        head: the judged request; set unless ``refusal`` is.
        refusal: why the request goes nowhere.
        received: the request has been read to its end.
        buffered: bytes of the request body that wait for the endpoint's connection.
        attempt: the try under way.
        upstream: its connection, once there is one.
        begun: bytes of the final response have gone down.
        skips_body: the response has no body, whatever its head announces.
    """

    __slots__ = (
        "_body",
        "_end_sent",
        "_latency",
        "_listener",
        "_out",
        "_out_body",
        "_reconnected",
        "_response",
        "_sent",
        "_tried",
        "attempt",
        "begun",
        "buffered",
        "client",
        "context",
        "fields",
        "head",
        "received",
        "refusal",
        "skips_body",
        "target",
        "trailers",
        "upstream",
    )

    def __init__(self, client: ClientConnection) -> None:
        self.client = client
        self._listener = client.listener
        self.target = b""
        self.fields: Fields = []
        self.trailers: Fields = []
        self.head: RequestHead | None = None
        self.context: RequestContext | None = None
        self.refusal: Refusal | None = None
        self.received = False
        self.buffered = 0
        self.attempt: Attempt | None = None
        self.upstream: UpstreamConnection | None = None
        self.begun = False
        self.skips_body = False
        self._body: list[bytes] = []
        self._end_sent = False
        self._sent = False
        self._reconnected = False
        self._tried: tuple[str, ...] = ()
        self._response: ResponseHead | None = None
        self._latency = 0.0
        self._out: list[bytes] = []
        self._out_body: list[bytes] = []

    # The request's side.

    def add_body(self, data: bytes) -> None:
        """Bytes of the request body, without their framing."""
        self._body.append(data)
        self.buffered += len(data)

    def start(self) -> None:
        """It is this request's turn on its connection."""
        head = self.head
        assert head is not None
        listener = self._listener
        local = listener.local.get(head.path)
        if local is not None and head.method in ("GET", "HEAD"):
            content_type, body = local()
            self.client.answer(200, content_type, body)
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
        """More of the request body has come."""
        if self.upstream is None:
            return
        data = self._take_body()
        if data:
            self._sent = True
            self.upstream.transport.write(data)
            self._wait_for_response()

    def _route(self) -> None:
        assert self.context is not None and self.head is not None
        listener = self._listener
        attempt = listener.node.route(
            self.context, self.head.request_id, listener.time(), self._tried
        )
        if attempt is None:
            raise NoCandidate
        self.attempt = attempt
        self._reconnected = False
        connection = listener.pool.take(attempt.stats.id)
        if connection is None:
            self._connect(attempt)
        else:
            self.connected(connection)

    def _connect(self, attempt: Attempt) -> None:
        # The connect has its own deadline; the sweep leaves the exchange alone until then.
        self.client.deadline = float("inf")
        self._listener.pool.open(self, attempt.stats.endpoint)

    def connected(self, connection: UpstreamConnection) -> None:
        """There is a connection to the chosen endpoint: the request goes out."""
        assert self.head is not None
        self.upstream = connection
        self._sent = True
        body = self._take_body() if self._body or self.head.body == CHUNKED else b""
        connection.send(self, self.head.wire + body if body else self.head.wire)
        self._wait_for_response()
        if body:
            self.client.update_reading()

    def _take_body(self) -> bytes:
        """What can go on of the body, framed."""
        assert self.head is not None
        data = b"".join(self._body)
        self._body.clear()
        self.buffered = 0
        if self.head.body != CHUNKED:
            return data
        if data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self.received and not self._end_sent:
            self._end_sent = True
            data += last_chunk(self.trailers)
        return data

    def _wait_for_response(self) -> None:
        deadlines = self._listener.deadlines
        self.client.deadline = self._listener.time() + (
            deadlines.first_byte_seconds if self.received else deadlines.idle_seconds
        )

    # The response's side, called while the endpoint's bytes are parsed.

    def interim(self, status: int, reason: bytes, fields: Fields) -> None:
        """A 1xx answer: passed on to who can understand it."""
        assert self.head is not None
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
        self.trailers = []
        self._out.append(response.wire)
        return ""

    def response_body(self, data: bytes) -> None:
        """Bytes of the response body, without their framing."""
        self._out_body.append(data)

    def upstream_progress(self) -> None:
        """A piece of the response has been parsed: send it down, and end if it was the last."""
        upstream = self.upstream
        assert upstream is not None
        response = self._response
        if upstream.broken and not upstream.over:
            self._upstream_broken(ResponseInvalid(upstream.broken))
            return
        out = self._out
        if self._out_body:
            body = b"".join(self._out_body)
            self._out_body.clear()
            if response is not None and response.chunk_out:
                body = b"%x\r\n%b\r\n" % (len(body), body)
            out.append(body)
        if upstream.over and response is not None and response.chunk_out:
            out.append(last_chunk(self.trailers))
        if out:
            data = b"".join(out) if len(out) > 1 else out[0]
            out.clear()
            self.begun = self.begun or response is not None
            self.client.send(data)
        if upstream.over:
            self._finish()
        else:
            self.client.deadline = self._listener.time() + self._listener.deadlines.idle_seconds

    def _finish(self) -> None:
        response = self._response
        upstream = self.upstream
        assert response is not None and upstream is not None and self.head is not None
        self.upstream = None
        upstream.release(
            reusable=not response.close_upstream and self._request_sent(),
            skipped_body=self.head.method == "HEAD",
        )
        failed = response.status >= 500
        self._complete(Verdict.FAILURE if failed else Verdict.SUCCESS, response.status)
        self._listener.node.counters.answered(response.status)
        self.client.exchange_over(close=response.close_downstream)

    def _request_sent(self) -> bool:
        return self.received and not self._body

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
        never_answered = not self.begun and response is None and not self._out
        if (
            never_answered
            and connection.served
            and not self._reconnected
            and self._replayable()
            and self.attempt is not None
        ):
            # A kept connection that its server closed just then: says nothing of the endpoint.
            self._reconnected = True
            self.upstream = None
            self._listener.node.counters.reconnections += 1
            self._connect(self.attempt)
            return
        self._upstream_broken(ConnectionLost("the connection closed before the answer was whole"))

    def _upstream_broken(self, error: UpstreamError) -> None:
        upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.abort()
        self._out.clear()
        self._out_body.clear()
        if not self.begun:
            self._response = None
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
        self.upstream = None
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
        if not self._sent:
            return True
        return self.head.body == NO_BODY and self.head.method in IDEMPOTENT

    def client_gone(self) -> None:
        """Nobody waits for the answer: stop the endpoint's work, learn nothing from it."""
        attempt = self.attempt
        upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.abort()
        if attempt is not None:
            self._latency = self._listener.time() - attempt.started
            self._complete(Verdict.IGNORED, self._response.status if self._response else 0)

    def expired(self) -> None:
        """Nothing has moved for too long; whose fault it is decides who learns of it."""
        if self.upstream is None:
            return
        if self.begun and self.client.paused:
            self.client_gone()
            self.client.abort()
        elif self.begun or self.received or self.upstream.paused:
            self._upstream_broken(ResponseTimeout("the endpoint did not answer in time"))
        else:
            self.client_gone()
            self.client.answer_error(408, "body_timeout", "the request body did not come in time")

    def _complete(self, verdict: Verdict, status: int) -> None:
        attempt = self.attempt
        assert attempt is not None
        self.attempt = None
        response = self._response
        if response is not None and response.load_report:
            self._listener.load_reported(attempt.stats, response.load_report)
        self._listener.node.complete(
            attempt, Outcome(verdict, self._latency, status), self._listener.time()
        )
