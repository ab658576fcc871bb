"""Reads HTTP/1.1 messages off bytes by the strictest reading of RFC 9112, with nobody's parser.

What cannot be read so is a fault: for a recording origin that means that another server may read
the same bytes in another way. Pure: bytes in, messages out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
TARGET = re.compile(rb"[\x21-\x7e]+")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ ]+) (HTTP/1\.[01])")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")

Fields = list[tuple[bytes, bytes]]


class Fault(Exception):
    """Bytes that a strict reader refuses."""


@dataclass
class Message:
    """A request or an answer.

    Attributes:
        line: the first line.
        head_end: offset of the first byte behind the head.
        end: offset of the first byte behind the message, as far as it has come.
        whole: its end has come, and was a good one.
        interim: 1xx answers that came before this one.
    """

    line: bytes
    fields: Fields
    head_end: int
    end: int = 0
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    whole: bool = False
    interim: list[Message] = field(default_factory=list)

    @property
    def what(self) -> str:
        """A request's method and target."""
        return self.line.rpartition(b" ")[0].decode("latin-1")

    @property
    def status(self) -> int:
        return int(self.line.split(b" ")[1])

    def values(self, name: str) -> list[str]:
        wanted = name.lower().encode()
        return [value.decode("latin-1") for each, value in self.fields if each.lower() == wanted]


@dataclass
class Reading:
    """What some bytes are.

    Attributes:
        messages: in order; the last one may not be whole.
        end: offset of what belongs to no message.
        fault: why reading stopped there, or "".
    """

    messages: list[Message] = field(default_factory=list)
    end: int = 0
    fault: str = ""


def read_requests(data: bytes, start: int = 0) -> Reading:
    """Every request in ``data`` from ``start`` on."""
    reading = Reading(end=start)
    while reading.end < len(data):
        try:
            message = _head(data, reading.end)
            if message is None:
                return reading
            _check_request(message)
            _body(data, message, has_body=True, until_close=False, ended=False)
        except Fault as fault:
            reading.fault = str(fault)
            return reading
        reading.messages.append(message)
        reading.end = message.end
        if not message.whole:
            return reading
    return reading


def read_answers(data: bytes, to_head: Sequence[bool], ended: bool) -> Reading:
    """Every final answer in ``data``; behind a 101 nothing is read.

    Args:
        to_head: whether the n-th of them answers a HEAD; beyond its end none does.
        ended: the connection ended in peace behind ``data``.
    """
    reading = Reading()
    interim: list[Message] = []
    while reading.end < len(data):
        try:
            message = _head(data, reading.end)
            if message is None:
                return reading
            if not STATUS_LINE.fullmatch(message.line):
                raise Fault(f"status line {message.line[:60]!r}")
            if message.status < 200:
                if message.values("content-length") or message.values("transfer-encoding"):
                    raise Fault("an interim answer with a framing")
                message.end = reading.end = message.head_end
                if message.status != 101:
                    interim.append(message)
                    continue
                message.whole = True
            else:
                number = len(reading.messages)
                headless = number < len(to_head) and to_head[number]
                has_body = not headless and message.status not in (204, 304)
                _body(data, message, has_body, until_close=True, ended=ended)
        except Fault as fault:
            reading.fault = str(fault)
            return reading
        message.interim, interim = interim, []
        reading.messages.append(message)
        reading.end = message.end
        if not message.whole or message.status == 101:
            return reading
    return reading


def _head(data: bytes, start: int) -> Message | None:
    stop = data.find(b"\r\n\r\n", start)
    text = data[start:] if stop < 0 else data[start:stop]
    lines = text.split(b"\r\n")
    whole = lines if stop >= 0 else lines[:-1]
    for line in whole:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Fault(f"a control character in the line {line[:60]!r}")
    if b"\n" in text.replace(b"\r\n", b""):
        raise Fault("a bare LF")
    if stop < 0:
        return None
    return Message(lines[0], _fields(lines[1:]), stop + 4, stop + 4)


def _fields(lines: list[bytes]) -> Fields:
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            raise Fault(f"field line {line[:60]!r}")
        fields.append((name, value.strip(b" \t")))
    return fields


def _check_request(message: Message) -> None:
    if not REQUEST_LINE.fullmatch(message.line) or not TARGET.fullmatch(
        message.line.split(b" ")[1]
    ):
        raise Fault(f"request line {message.line[:60]!r}")
    if len(message.values("host")) != 1:
        raise Fault(f"{len(message.values('host'))} Host fields")


def _body(data: bytes, message: Message, has_body: bool, until_close: bool, ended: bool) -> None:
    lengths, codings = message.values("content-length"), message.values("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Fault(f"two framings: {lengths} {codings}")
    if codings and codings[0].lower() != "chunked":
        raise Fault(f"transfer coding {codings[0]!r}")
    if lengths and not re.fullmatch("[0-9]{1,19}", lengths[0]):
        raise Fault(f"length {lengths[0]!r}")
    if not has_body:
        message.whole = True
    elif codings:
        _chunks(data, message)
    elif lengths:
        message.end = min(len(data), message.head_end + int(lengths[0]))
        message.body = data[message.head_end : message.end]
        message.whole = len(message.body) == int(lengths[0])
    elif until_close:
        message.end = len(data)
        message.body = data[message.head_end :]
        message.whole = ended
    else:
        message.whole = True


def _chunks(data: bytes, message: Message) -> None:
    at = message.head_end
    while True:
        message.end = at
        stop = data.find(b"\r\n", at)
        if stop < 0:
            return
        line = CHUNK_LINE.fullmatch(data[at:stop])
        if line is None:
            raise Fault(f"chunk size line {data[at:stop][:60]!r}")
        size = int(line[1], 16)
        at = stop + 2
        if not size:
            break
        message.body += data[at : at + size]
        if len(data) < at + size + 2:
            message.end = len(data)
            return
        if data[at + size : at + size + 2] != b"\r\n":
            raise Fault(f"no line end behind a chunk: {data[at + size : at + size + 20]!r}")
        at += size + 2
    if data[at : at + 2] == b"\r\n":
        message.end = at + 2
    else:
        stop = data.find(b"\r\n\r\n", at)
        if stop < 0:
            return
        message.trailers = _fields(data[at:stop].split(b"\r\n"))
        message.end = stop + 4
    message.whole = True
