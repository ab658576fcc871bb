"""How a record of the access log looks as a line: JSON, or the combined format of other servers."""

from __future__ import annotations

import time
from json.encoder import encode_basestring_ascii as _text
from typing import TypeAlias, TypeVar

from metrics.access_record import NOT_REACHED, AccessRecord, FailedTry, Request

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_JSON_LINE = (
    '{"time": %.6f, %s, "status": %d, "termination": "%s", "reason": %s, %s, '
    '"bytes_in": %d, "bytes_out": %d, %s, "request_id": %s, '
    '"trace_id": %s, "user_agent": %s, "referer": %s}\n'
)
_ASKED = (
    '"client": %s, "forwarded_for": %s, "method": %s, "host": %s, "target": %s, "version": "%s", '
    '"tls": %s'
)
_PLACED = (
    '"endpoint": %s, "strategy": %s, "attempts": %d, "tried": [%s], "explored": %s, '
    '"propensity": %s, "cache": %s'
)
_AT_ONCE = '"queue": 0.000000, "connect": 0.000000, "first_byte": %.6f, "total": %.6f'
_TIMERS = '"queue": %.6f, "connect": %.6f, "first_byte": %.6f, "total": %.6f'

# nginx's way of escaping: what could end the field or the line, and what is not ASCII, as \xHH.
_PLAIN_ESCAPES = {
    code: f"\\x{code:02X}" for code in (*range(0x20), ord('"'), ord("\\"), *range(0x7F, 0x100))
}


class _Escaped(dict[bytes, str]):
    """Field values as JSON texts. Few programs send many requests, so some are remembered."""

    MOST = 512
    LONGEST = 256

    def __init__(self, longest: int) -> None:
        super().__init__()
        self._longest = longest

    def __missing__(self, value: bytes) -> str:
        text = _text(value[: self._longest].decode("latin-1"))
        if len(self) < self.MOST and len(value) <= self.LONGEST:
            self[value] = text
        return text


_Asked: TypeAlias = tuple[str, bytes | None, str, str, str, bool, str]
_Placed: TypeAlias = tuple[
    str | None, str | None, int, tuple[FailedTry, ...], bool, float, str | None
]
_Key = TypeVar("_Key")

MOST_PARTS, LONGEST_PART = 1024, 512
"""What is remembered of lines: so many parts of up to so many characters."""


class JsonLines:
    """Records as JSON objects, all with the same keys in the same order."""

    __slots__ = ("_agents", "_asked", "_longest", "_offset", "_placed")

    def __init__(self, wall_offset: float, field_characters: int) -> None:
        self._offset = wall_offset
        self._longest = field_characters
        self._agents = _Escaped(field_characters)
        # The same clients ask for the same things, and are placed alike: parts of a line that
        # were made before are made once, up to a bound.
        self._asked: dict[_Asked, str] = {}
        self._placed: dict[_Placed, str] = {}

    def line(self, record: AccessRecord) -> str:
        """One line with its end; ASCII, whatever the fields hold."""
        (
            started, ended, queue, connect, first_byte_at, termination, reason, status, bytes_in,
            bytes_out, _, client, forwarded_for, method, target, host, modern, tls, request_id,
            traceparent, _, attempts, endpoint, strategy, _, explored, propensity, tries, cache,
            agent, referer,
        ) = record  # fmt: skip
        asked = (client, forwarded_for, method, host, target, modern, tls)
        asked_part = self._asked.get(asked)
        if asked_part is None:
            asked_part = self._remember(self._asked, asked, self._asked_part(*asked))
        placed = (endpoint, strategy, attempts, tries, explored, propensity, cache)
        placed_part = self._placed.get(placed)
        if placed_part is None:
            part = _placed_part(*placed)
            # Tries hold moments, so that they do not come again.
            placed_part = part if tries else self._remember(self._placed, placed, part)
        if queue == 0.0 == connect and first_byte_at >= 0.0:
            timers = _AT_ONCE % (first_byte_at - started, ended - started)
        elif connect >= 0.0 and first_byte_at >= 0.0:
            timers = _TIMERS % (queue, connect, first_byte_at - started, ended - started)
        else:
            timers = _some_timers(started, ended, queue, connect, first_byte_at)
        return _JSON_LINE % (
            started + self._offset,
            asked_part,
            status,
            termination,
            f'"{reason}"' if reason else "null",
            timers,
            bytes_in,
            bytes_out,
            placed_part,
            _text(request_id),
            "null" if traceparent is None else f'"{traceparent[3:35].decode("ascii")}"',
            "null" if agent is None else self._agents[agent],
            "null" if referer is None else _field(referer, self._longest),
        )

    def _asked_part(
        self,
        client: str,
        forwarded_for: bytes | None,
        method: str,
        host: str,
        target: str,
        modern: bool,
        tls: str,
    ) -> str:
        longest = self._longest
        return _ASKED % (
            _text(client),
            "null" if forwarded_for is None else _field(forwarded_for, longest),
            _text(method[:longest]),
            _text(host[:longest]),
            _text(target[:longest]),
            "HTTP/1.1" if modern else "HTTP/1.0",
            f'"{tls}"' if tls else "null",
        )

    @staticmethod
    def _remember(parts: dict[_Key, str], key: _Key, part: str) -> str:
        if len(part) <= LONGEST_PART:
            if len(parts) >= MOST_PARTS:
                parts.clear()
            parts[key] = part
        return part


def _placed_part(
    endpoint: str | None,
    strategy: str | None,
    attempts: int,
    tries: tuple[FailedTry, ...],
    explored: bool,
    propensity: float,
    cache: str | None,
) -> str:
    return _PLACED % (
        "null" if endpoint is None else _text(endpoint),
        "null" if strategy is None else _text(strategy),
        attempts,
        ", ".join([_text(each[0]) for each in tries]) if tries else "",
        "true" if explored else "false",
        "1.0" if propensity == 1.0 else f"{propensity:.6g}" if attempts else "null",
        "null" if cache is None else _text(cache),
    )


def _field(value: bytes, longest: int) -> str:
    return _text(value[:longest].decode("latin-1"))


def _some_timers(
    started: float, ended: float, queue: float, connect: float, first_byte_at: float
) -> str:
    first_byte = first_byte_at - started if first_byte_at >= 0.0 else NOT_REACHED
    timers = {
        "queue": queue, "connect": connect, "first_byte": first_byte, "total": ended - started
    }  # fmt: skip
    return ", ".join(
        f'"{name}": {seconds:.6f}' if seconds >= 0.0 else f'"{name}": null'
        for name, seconds in timers.items()
    )


class CombinedLines:
    """Records in the combined format of Apache and nginx, for the tools that read it."""

    __slots__ = ("_longest", "_offset", "_second", "_stamp")

    def __init__(self, wall_offset: float, field_characters: int) -> None:
        self._offset = wall_offset
        self._longest = field_characters
        self._second = -1
        self._stamp = ""

    def line(self, record: AccessRecord) -> str:
        """One line with its end; ASCII, whatever the fields hold."""
        request = Request._make(record)
        second = int(request.started + self._offset)
        if second != self._second:
            self._second, self._stamp = second, _stamp(second)
        longest = self._longest
        body_bytes = request.bytes_out - request.head_bytes
        method = _plain(request.method[:longest]) or "-"
        target = _plain(request.target[:longest]) or "-"
        version = "HTTP/1.1" if request.modern else "HTTP/1.0"
        return (
            f"{_plain(request.client)} - - [{self._stamp}] "
            f'"{method} {target} {version}" {request.status:03} '
            f"{body_bytes if body_bytes > 0 else '-'} "
            f'"{_plain_field(request.referer, longest)}" "{_plain_field(request.agent, longest)}"\n'
        )


def _plain_field(value: bytes | None, longest: int) -> str:
    return "-" if value is None else _plain(value[:longest].decode("latin-1"))


def _plain(text: str) -> str:
    """The text with everything escaped that could be taken for the end of its field."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return text.translate(_PLAIN_ESCAPES)


def _stamp(second: int) -> str:
    at = time.gmtime(second)
    return (
        f"{at.tm_mday:02}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}:"
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000"
    )
