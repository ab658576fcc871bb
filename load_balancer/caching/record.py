"""A stored response as bytes, for what outlives the process: one line of JSON, then the body.

Only what came is written; what follows from it is found out again, by the settings of the reader.
"""

from __future__ import annotations

import json
import math
import re

from config.caching import CacheSettings
from load_balancer.caching.storing import build
from load_balancer.caching.vocabulary import Stored

_ENCODING = "latin-1"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_LINE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")


def pack(stored: Stored) -> bytes:
    """The record of a response, without its key."""
    head = {
        "status": stored.status,
        "reason": stored.reason.decode(_ENCODING),
        "fields": [
            [name.decode(_ENCODING), text.decode(_ENCODING)] for name, text in stored.fields
        ],
        "varying": [
            [name.decode(_ENCODING), None if text is None else text.decode(_ENCODING)]
            for name, text in stored.varying
        ],
        "requested_at": float(stored.requested_at),
        "answered_at": float(stored.answered_at),
    }
    return json.dumps(head, separators=(",", ":")).encode("ascii") + b"\n" + stored.body


def unpack(key: str, record: bytes, settings: CacheSettings) -> Stored:
    """What ``pack`` packed.

    Raises:
        ValueError: it is no record; the message says what is wrong with it.
    """
    line, end, body = record.partition(b"\n")
    try:
        head = json.loads(line)
        status, times = head["status"], (head["requested_at"], head["answered_at"])
        fields = [(_name(name), _line(text)) for name, text in head["fields"]]
        varying = tuple(
            [(_name(name), None if text is None else _line(text)) for name, text in head["varying"]]
        )
        reason = _line(head["reason"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no record: {error}") from None
    if not end or type(status) is not int or not 200 <= status <= 999:
        raise ValueError("no record: no status, or no end of its head")
    if not all(isinstance(each, float) and math.isfinite(each) for each in times):
        raise ValueError("no record: its times are no numbers")
    return build(key, varying, *times, status, reason, fields, body, settings)


def _name(text: object) -> bytes:
    if not isinstance(text, str) or not _NAME.match(text):
        raise ValueError("no record: the name of a field is none")
    return text.encode(_ENCODING)


def _line(text: object) -> bytes:
    """A part of a line. What was stored has no line ends; what somebody wrote into the file may."""
    if not isinstance(text, str) or not _LINE.match(text):
        raise ValueError("no record: a field is no text of one line")
    return text.encode(_ENCODING)
