"""Traces on the wire: W3C Trace Context (level 2, 2024) and the Server-Timing field (W3C, 2023).

A node that takes part in a trace tells the endpoint its own span as the parent. Bytes in, bytes
out; dice come in by the constructor. Knows no request, no clock and no exporter.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

SAMPLED = 0x01
RANDOM = 0x02
_KNOWN_FLAGS = SAMPLED | RANDOM

TRACE_ID = slice(3, 35)
SPAN_ID = slice(36, 52)
FLAGS = slice(53, 55)
"""Where the parts stand in a value of version 00."""

MOST_MEMBERS = 32
LONGEST_MEMBER = 128
LONGEST_STATE = 512
"""Trace Context section 3.3.1: members at the most; section 3.3.1.5: what a node carries at least,
and which members go first where that is too much."""

# Section 3.2.2. Version ff and ids of zeros are forbidden; upper case is, too.
_VERSION_00 = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")
# A later one may be longer, behind another hyphen (section 4.3).
_LATER_VERSION = re.compile(
    rb"(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:\Z|-)"
)

_OUTGOING_FLAGS = {
    b"%02x" % flags: b"-%02x" % (flags & _KNOWN_FLAGS) for flags in range(256)
}  # bits that nobody has defined yet are cleared (section 3.2.2.5.3)


def is_traceparent(value: bytes) -> bool:
    """Whether this is a ``traceparent`` that can be continued, without spaces around it."""
    return bool(_VERSION_00.match(value) or _LATER_VERSION.match(value))


def child(incoming: bytes, span_id: bytes) -> bytes | None:
    """The ``traceparent`` that goes on: the same trace, ``span_id`` as the parent of what follows.

    Args:
        incoming: the field's value, without spaces around it.
        span_id: 16 hexadecimal digits, not all zeros.

    Returns:
        None if what came is not valid: the trace starts anew (section 4.3), and its ``tracestate``
        goes nowhere.
    """
    if _VERSION_00.match(incoming):
        return incoming[:36] + span_id + _OUTGOING_FLAGS[incoming[53:]]
    later = _LATER_VERSION.match(incoming)
    if later is None:
        return None
    return b"00-" + later[1] + b"-" + span_id + _OUTGOING_FLAGS[later[2]]


def start(trace_bits: int, span_id: bytes) -> bytes:
    """The ``traceparent`` of a new trace, which is sampled.

    Args:
        trace_bits: 128 random bits, not all zeros.
    """
    return b"00-%032x-%b-03" % (trace_bits, span_id)


def start_unsampled(trace_bits: int, span_id: bytes) -> bytes:
    """The same for a trace that nobody need record."""
    return b"00-%032x-%b-02" % (trace_bits, span_id)


class Tracer:
    """Decides, for a node that takes part in traces, what a request is sent on with."""

    __slots__ = ("_bits", "_dice", "_start")

    def __init__(self, start: float, rng: random.Random) -> None:
        """
        Args:
            start: the share of requests without a trace that begin a sampled one.
        """
        self._start = start
        self._bits = rng.getrandbits
        self._dice = rng.random

    def span_id(self) -> bytes:
        """A new one."""
        return b"%016x" % (self._bits(64) or 1)

    def onward(self, incoming: bytes | None) -> tuple[bytes | None, bytes | None]:
        """The ``traceparent`` to send, and the one that it continues; None for there is none.

        Args:
            incoming: the client's ``traceparent`` without spaces around it; b"" if it sent several,
                which is as good as none that can be read.
        """
        if incoming is None:
            if self._start <= 0.0 or self._dice() >= self._start:
                return None, None
            return start(self._bits(128) or 1, self.span_id()), None
        onward = child(incoming, self.span_id())
        if onward is not None:
            return onward, incoming
        begin = start if self._dice() < self._start else start_unsampled
        return begin(self._bits(128) or 1, self.span_id()), None


def lines(outgoing: bytes, tracestate: bytes = b"") -> bytes:
    """The field lines of a trace with their ends, for a head's end.

    Args:
        tracestate: what goes on of the one that came with the trace.
    """
    if tracestate:
        return b"traceparent: %b\r\ntracestate: %b\r\n" % (outgoing, tracestate)
    return b"traceparent: %b\r\n" % outgoing


def renewed(wire: bytes, outgoing: bytes, span_id: bytes) -> tuple[bytes, bytes]:
    """A head for another try, with a span of its own, and its ``traceparent``.

    Args:
        wire: the head as it was sent.
        outgoing: the ``traceparent`` in it.
    """
    new = outgoing[: SPAN_ID.start] + span_id + outgoing[SPAN_ID.stop :]
    return wire.replace(b"\r\ntraceparent: " + outgoing, b"\r\ntraceparent: " + new, 1), new


def state(values: Sequence[bytes]) -> bytes:
    """The ``tracestate`` that goes on: as it came where the limits allow it; b"" for none.

    Where they do not, members of more than 128 bytes go first, then the last ones, which are the
    oldest (section 3.3.1.5). Members are never looked into.

    Args:
        values: of the fields, in their order.
    """
    whole = values[0] if len(values) == 1 else b",".join(values)
    if len(whole) <= LONGEST_STATE and whole.count(b",") < MOST_MEMBERS:
        return whole.strip(b" \t")
    members = [each.strip(b" \t") for each in whole.split(b",")]
    members = [each for each in members if each][:MOST_MEMBERS]
    if sum(map(len, members)) + len(members) - 1 > LONGEST_STATE:
        members = [each for each in members if len(each) <= LONGEST_MEMBER]
    while members and sum(map(len, members)) + len(members) - 1 > LONGEST_STATE:
        members.pop()
    return b",".join(members)


def server_timing(
    queue: float, connect: float, first_byte: float, endpoint: bytes | None = None
) -> bytes:
    """A Server-Timing field line with its end, for the answer's head; durations in milliseconds.

    Args:
        queue: seconds that the request waited for a place at its endpoints.
        connect: seconds that its connection took to open; 0 for a kept one.
        first_byte: seconds from the request's start to the answer's first byte.
        endpoint: its id, to be told; ids need no quoting by the configuration's rules.
    """
    if endpoint is None:
        return b"Server-Timing: queue;dur=%.3f, connect;dur=%.3f, first_byte;dur=%.3f\r\n" % (
            queue * 1000.0,
            connect * 1000.0,
            first_byte * 1000.0,
        )
    return (
        b"Server-Timing: queue;dur=%.3f, connect;dur=%.3f, first_byte;dur=%.3f, "
        b'endpoint;desc="%b"\r\n'
        % (queue * 1000.0, connect * 1000.0, first_byte * 1000.0, endpoint)
    )
