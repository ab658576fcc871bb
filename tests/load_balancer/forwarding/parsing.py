"""Messages as httptools and h11 read them: what the data path is handed, and what others make of
what it sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import h11
from httptools import (
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
    HttpResponseParser,
)

Fields = list[tuple[bytes, bytes]]


@dataclass
class Message:
    """One message, as its parser told it."""

    target: bytes = b""
    reason: bytes = b""
    method: bytes = b""
    status: int = 0
    version: str = ""
    fields: Fields = field(default_factory=list)
    trailers: Fields = field(default_factory=list)
    body: bytes = b""
    head_read: bool = False
    over: bool = False

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name]


class Reading:
    """What a parser made of some bytes.

    Attributes:
        messages: in order; the last one may be unfinished.
        error: why it stopped, or "".
        upgraded: it took what follows for another protocol.
    """

    def __init__(self, kind: type, pieces: Sequence[bytes]) -> None:
        self.messages: list[Message] = []
        self.error = ""
        self.upgraded = False
        self._parser = kind(self)
        try:
            for piece in pieces:
                self._parser.feed_data(piece)
        except HttpParserUpgrade:
            self.upgraded = True
        except HttpParserError as error:
            self.error = str(error) or type(error).__name__

    def on_message_begin(self) -> None:
        self.messages.append(Message())

    def on_url(self, data: bytes) -> None:
        self.messages[-1].target += data

    def on_status(self, data: bytes) -> None:
        self.messages[-1].reason += data

    def on_header(self, name: bytes, value: bytes) -> None:
        message = self.messages[-1]
        (message.trailers if message.head_read else message.fields).append((name, value))

    def on_headers_complete(self) -> None:
        message = self.messages[-1]
        message.head_read = True
        message.version = self._parser.get_http_version()
        if isinstance(self._parser, HttpRequestParser):
            message.method = self._parser.get_method()
        else:
            message.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.messages[-1].body += data

    def on_message_complete(self) -> None:
        self.messages[-1].over = True


def requests(*pieces: bytes) -> Reading:
    """What httptools makes of a client's bytes."""
    return Reading(HttpRequestParser, pieces)


def responses(*pieces: bytes) -> Reading:
    """What httptools makes of a server's bytes."""
    return Reading(HttpResponseParser, pieces)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """``data`` in pieces, cut at ``places``."""
    edges = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(edges)] or [b""]


def h11_request(data: bytes) -> tuple[h11.Request, bytes, Fields]:
    """The one request that ``data`` are, by h11: head, body, trailers.

    Raises:
        h11.RemoteProtocolError: it reads something else.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    head = connection.next_event()
    assert isinstance(head, h11.Request), head
    body, trailers = _rest(connection)
    assert b"" == connection.trailing_data[0]
    return head, body, trailers


def h11_response(data: bytes, method: bytes, ended: bool) -> tuple[h11.Response, bytes, Fields]:
    """The one response to ``method`` that ``data`` are, by h11.

    Args:
        ended: the connection was closed behind them.

    Raises:
        h11.RemoteProtocolError: it reads something else.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    if ended:
        connection.receive_data(b"")
    head = connection.next_event()
    assert isinstance(head, h11.Response), head
    body, trailers = _rest(connection)
    assert b"" == connection.trailing_data[0]
    return head, body, trailers


def _rest(connection: h11.Connection) -> tuple[bytes, Fields]:
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Data):
            body += bytes(event.data)
            continue
        assert isinstance(event, h11.EndOfMessage), event
        return body, [(bytes(name), bytes(value)) for name, value in event.headers]
