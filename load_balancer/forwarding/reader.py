"""Reads requests off one client's bytes and queues them, judged, in the order of their arrival.

httptools hands over several requests in one go and holds back what is not whole; this keeps both
in bounds. Knows no transport: bytes in, exchanges out, whose refusals say what cannot go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from load_balancer.forwarding.body import RequestBody
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.fields import Fields, size_of
from load_balancer.forwarding.heads import (
    CHUNKED,
    NO_BODY,
    Refusal,
    read_request,
)

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection


_TOO_LARGE = Refusal(431, "head_size", "the request head is too large")


class RequestReader:
    """The requests of one client connection.

    Attributes:
        queue: requests whose head is whole, or that are refused, and whose turn has not come.
        switching: a request that may be answered by switching protocols.
        held: what came behind that.
        parsing: the one whose bytes came last; it may be the present one, or over already.
    """

    __slots__ = (
        "_barren",
        "_client",
        "_fed",
        "_fields",
        "_limits",
        "_listener",
        "_parser",
        "_span",
        "_target",
        "held",
        "parsing",
        "queue",
        "switching",
    )

    def __init__(self, client: ClientConnection) -> None:
        # A list, which is short and mostly empty: an empty deque holds 0.6 kB.
        self.queue: list[Exchange] = []
        self.parsing: Exchange | None = None
        self.switching: Exchange | None = None
        self.held = b""
        self._client = client
        self._listener = client.listener
        self._limits = client.listener.limits
        self._parser = HttpRequestParser(self)
        self._fields: Fields = []
        self._target = b""
        # Bytes since the last that led to anything: a line or field without end is kept inside of
        # httptools, where no callback tells of it.
        self._barren = 0
        # Of the last segment; and of all segments that hold some of the present message, which is
        # at least the size of its head.
        self._fed = 0
        self._span = 0

    @property
    def started(self) -> bool:
        """Bytes of a head have come, and its end has not."""
        parsing = self.parsing
        return self._barren > 0 or (parsing is not None and parsing.head is None)

    @property
    def idle(self) -> bool:
        """Nothing of a further message has come."""
        parsing = self.parsing
        return not self.queue and not self._barren and (parsing is None or parsing.received)

    def whole(self) -> bool:
        """What has been fed is one request without a body, and nothing else."""
        queue = self.queue
        if len(queue) != 1 or self._barren:
            return False
        only = queue[0]
        if only is not self.parsing or self.switching is not None:
            return False
        return only.received and not (only.refusal or only.body)

    def feed(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.switching is not None:
            # HTTP or another protocol: that is for the answer to say.
            self.held += data
            return
        self._fed = len(data)
        self._barren += self._fed
        self._span += self._fed
        rest: bytes | memoryview = data
        while rest:
            try:
                self._parser.feed_data(rest)
                break
            except HttpParserUpgrade as upgrade:
                rest = self._decline(memoryview(rest)[upgrade.args[0] :])
            except HttpParserError as error:
                self._refuse(Refusal(400, "syntax", f"the request cannot be read: {error}"))
                break
        limits = self._limits
        if self._barren > limits.head_bytes:
            self._refuse(_TOO_LARGE)
        elif self._span > limits.head_bytes or len(self._fields) > limits.head_fields:
            self._check_size(self._fields)

    def _decline(self, rest: memoryview) -> memoryview:
        """The client would like another protocol and is not given it (RFC 9110 section 7.8): its
        Upgrade field is not sent on, and what follows is HTTP again.

        Returns:
            What is still to be read.
        """
        parsing = self.parsing
        assert parsing is not None
        head = parsing.head
        if head is None:
            return rest[:0]  # refused, so nothing behind it counts
        if head.upgrade:
            self.switching = parsing
            self.held = bytes(rest)
            return rest[:0]
        self._parser = HttpRequestParser(self)
        if head.body != NO_BODY:
            # httptools takes the message for over at the end of its head. Reading the head once
            # more, as it is sent on, without the Upgrade field, brings a parser to its body.
            self._parser.feed_data(head.wire)
            self.queue.pop()
            self.parsing = parsing
            parsing.received = False
        return rest

    def _refuse(self, refusal: Refusal) -> None:
        parsing = self.parsing
        if parsing is None or parsing.received:
            parsing = self._begin()
        if parsing.refusal is None:
            parsing.refusal = refusal
            if parsing.head is None:
                self.queue.append(parsing)

    def stay(self) -> None:
        """The answer was that it is HTTP still."""
        held, self.held = self.held, b""
        self.switching = None
        self._parser = HttpRequestParser(self)
        if held:
            self.feed(held)

    def _begin(self) -> Exchange:
        self._target = b""
        parsing = self.parsing = Exchange(self._client)
        return parsing

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A request starts."""
        self._begin()
        self._fields = []
        self._span = self._fed

    def on_url(self, data: bytes) -> None:
        """The request target, possibly in pieces."""
        self._target += data
        if len(self._target) > self._limits.target_bytes:
            self._refuse(Refusal(414, "target_size", "the request target is too long"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers. Counted when they are whole; until then
        ``_barren`` bounds them."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: judge it."""
        parsing = self.parsing
        assert parsing is not None
        fields = self._fields
        limits = self._limits
        if self._span > limits.head_bytes or len(fields) > limits.head_fields:
            self._check_size(fields)
        self._barren = 0
        if parsing.refusal is not None:
            return
        parser = self._parser
        if parser.should_upgrade() and not self._may_switch(fields):
            fields = [field for field in fields if field[0].lower() != b"upgrade"]
        try:
            parsing.head = head = read_request(
                parser.get_method(),
                self._target,
                parser.get_http_version(),
                fields,
                self._client.peer,
                self._listener.request_id(),
            )
            listener = self._listener
            if (
                listener.cache is not None
                or listener.class_values is not None
                or listener.shaping is not None
            ):
                head.fields = fields
            affinity = self._listener.affinity
            if affinity is not None:
                head.affinity_key = affinity.key(fields)
            if head.body != NO_BODY:
                parsing.body = RequestBody(
                    head.body == CHUNKED,
                    head.expects_continue,
                    self._listener.placer.kept_bytes(head.method),
                )
                if affinity is not None and affinity.in_body:
                    parsing.body.scan = affinity.scan(fields)
                self._fields = parsing.body.trailers
        except Refusal as refusal:
            parsing.refusal = refusal
        self.queue.append(parsing)

    def on_body(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""
        parsing = self.parsing
        assert parsing is not None
        self._barren = 0
        body = parsing.body
        if body is not None:
            body.add(data)

    def on_message_complete(self) -> None:
        """The request has ended."""
        parsing = self.parsing
        assert parsing is not None
        if parsing.body is not None and parsing.body.trailers:
            self._check_size(parsing.body.trailers)
        self._barren = 0
        parsing.received = True

    def _may_switch(self, fields: Fields) -> bool:
        """It has no body, so that what follows its head may be another protocol."""
        framing = (b"content-length", b"transfer-encoding")
        return not any(name.lower() in framing for name, _ in fields)

    def _check_size(self, fields: Fields) -> None:
        limits = self._limits
        if len(fields) > limits.head_fields or size_of(fields) > limits.head_bytes:
            self._refuse(_TOO_LARGE)
