"""Finds the beginning of one member of a JSON object while its text comes in, wherever it is split.

No tree is built: brackets are counted, strings skipped, and only the wanted value's characters are
kept. What is not JSON is not refused here, which is for the endpoint to do; it just holds no such
member. The text is RFC 8259's, in UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_IN_STRING: Final = re.compile(rb'["\\]')
_OUTSIDE: Final = re.compile(rb'["{}\[\]:,]')
# Possessive, so that nothing is tried twice. A quote alone is a string whose end has not come.
_REST: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_INNER: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{\[]++|[}\]]++|"', re.DOTALL)
_SPACE: Final = b" \t\r\n"
MOST_SIGNS: Final = 512
"""Quotes, brackets, colons and commas of the outermost object, and of a value that is kept, until
no more is looked for: a request to a model has some fifty, and each takes its time."""

_PLAIN: Final = {
    0x22: '"',
    0x5C: "\\",
    0x2F: "/",
    0x62: "\b",
    0x66: "\f",
    0x6E: "\n",
    0x72: "\r",
    0x74: "\t",
}
_CONTINUING: Final = bytes(range(0x80, 0xC0))
_UNKNOWN: Final = "\ufffd"
_LONGEST_NAME: Final = 4 * 64


class JsonField:
    """The beginning of the first of some members of the outermost object.

    A string's characters are kept as they are meant, whatever escapes they were written with. Of
    an array or object the text is kept, without the space between its parts.

    Attributes:
        over: nothing that comes can change the outcome.
        key: the beginning of the member's value; None if there is none, or it is empty.
    """

    __slots__ = (
        "_characters",
        "_depth",
        "_escape",
        "_fields",
        "_high",
        "_in_string",
        "_left",
        "_length",
        "_name",
        "_signs",
        "_taking",
        "_text",
        "key",
        "over",
    )

    def __init__(self, fields: Collection[str], characters: int, most_bytes: int) -> None:
        """
        Args:
            fields: names of the members.
            characters: of the value's beginning.
            most_bytes: of the text that are looked at.
        """
        self.over = False
        self.key: str | None = None
        self._fields = fields
        self._length = characters
        self._left = most_bytes
        self._depth = 0
        self._in_string = False
        self._escape = b""
        # The first half of a pair of escapes that are one character.
        self._high = 0
        # The name before a colon of the outermost object: None while a value is on.
        self._name: bytearray | None = None
        self._taking = False
        self._characters = 0
        self._signs = 0
        self._text = bytearray()

    def feed(self, data: bytes) -> None:
        """More of the text."""
        if self.over:
            return
        data = data[: self._left]
        self._left -= len(data)
        at, end = 0, len(data)
        while at < end and not self.over:
            if self._escape:
                at = self._escaped(data, at)
            elif self._in_string:
                at = self._string(data, at)
            elif self._depth > 1 and not self._taking:
                at = self._inner(data, at)
            else:
                at = self._structure(data, at)
        if not self._left:
            self._done()

    def ended(self) -> None:
        """That was all."""
        self._done()

    def _done(self) -> None:
        if not self.over:
            self.over = True
            if self._taking:
                text = self._text.decode("utf-8", "replace")[: self._length]
                self.key = text or None
            self._text.clear()

    def _inner(self, data: bytes, at: int) -> int:
        """To the end of the inner array or object that is on, of which nothing is wanted."""
        depth = self._depth
        for found in _INNER.finditer(data, at):
            start, end = found.span()
            sign = data[start]
            if sign in b"{[":
                depth += end - start
            elif sign != 0x22:
                if end - start >= depth - 1:
                    self._depth = 1
                    return start + depth - 1
                depth -= end - start
            elif end - start == 1:
                self._in_string = True
                at = end
                break
        else:
            at = len(data)
        self._depth = depth
        return at

    def _string(self, data: bytes, at: int) -> int:
        if not self._taking and self._name is None:
            rest = _REST.match(data, at)
            at = at if rest is None else rest.end()
        found = _IN_STRING.search(data, at)
        stop = len(data) if found is None else found.start()
        if stop > at:
            self._unpaired()
            self._keep(data[at:stop])
        if found is None:
            return stop
        if data[stop] == 0x5C:
            self._escape = b"\\"
            return stop + 1
        self._unpaired()
        self._in_string = False
        if self._depth > 1:
            self._keep(b'"')
        return stop + 1

    def _escaped(self, data: bytes, at: int) -> int:
        wanted = 6 if (self._escape + data[at : at + 1])[1:2] == b"u" else 2
        piece = data[at : at + wanted - len(self._escape)]
        self._escape += piece
        if len(self._escape) == wanted:
            escape, self._escape = self._escape, b""
            self._character(escape)
        return at + len(piece)

    def _character(self, escape: bytes) -> None:
        if len(escape) == 2:
            self._unpaired()
            self._keep(_PLAIN.get(escape[1], _UNKNOWN).encode("utf-8"))
            return
        try:
            unit = int(escape[2:].decode("ascii"), 16) if escape[2:].isalnum() else 0xFFFD
        except ValueError:
            unit = 0xFFFD
        if 0xD800 <= unit < 0xDC00:
            self._unpaired()
            self._high = unit
        elif 0xDC00 <= unit < 0xE000 and self._high:
            whole = 0x10000 + ((self._high - 0xD800) << 10) + (unit - 0xDC00)
            self._high = 0
            self._keep(chr(whole).encode("utf-8"))
        else:
            self._unpaired()
            self._keep((_UNKNOWN if 0xD800 <= unit < 0xE000 else chr(unit)).encode("utf-8"))

    def _unpaired(self) -> None:
        if self._high:
            self._high = 0
            self._keep(_UNKNOWN.encode("utf-8"))

    def _keep(self, piece: bytes) -> None:
        if self._taking:
            piece = piece[: 4 * self._length + 4]
            self._text += piece
            self._characters += len(piece.translate(None, _CONTINUING))
            # The next one has begun, so that the last one wanted is whole; or it is no UTF-8.
            if self._characters > self._length or len(self._text) > 8 * self._length:
                self._done()
        elif self._depth == 1 and self._name is not None:
            self._name += piece
            if len(self._name) > _LONGEST_NAME:
                self._name = None  # nobody's that is wanted

    def _structure(self, data: bytes, at: int) -> int:
        found = _OUTSIDE.search(data, at)
        stop = len(data) if found is None else found.start()
        between = data[at:stop].translate(None, _SPACE)
        if between:
            if not self._depth:
                self._done()  # no object
                return stop
            if self._taking:
                self._keep(between)
        if found is None:
            return stop
        sign = data[stop]
        depth = self._depth
        self._signs += 1
        if self._signs > MOST_SIGNS:
            self._done()
            return stop
        if not depth and sign != 0x7B:
            self._done()
        elif sign == 0x22:
            self._in_string = True
            if depth > 1:
                self._keep(b'"')
        elif sign in b"{[":
            self._keep(data[stop : stop + 1])
            self._depth = depth + 1
            if not depth:
                self._name = bytearray()
        elif sign in b"}]":
            if depth > 1:
                self._depth = depth - 1
                self._keep(data[stop : stop + 1])
            else:
                self._done()
        elif depth > 1:
            self._keep(data[stop : stop + 1])
        elif sign == 0x2C:
            if self._taking:
                self._done()
            self._name = bytearray()
        elif self._name is not None:
            name = self._name.decode("utf-8", "replace")
            self._name = None
            self._taking = name in self._fields
        return stop + 1
