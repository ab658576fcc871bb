"""How every report writes a number, an interval, a list and a length of time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

MISSING = "–"
HUGE = 1e6
"""From here on a number has three digits and a power of ten."""


def number(value: float, signed: bool = False, digits: int = 1) -> str:
    """``−12.3``, ``1,234`` or ``7.97e7``, with a true minus; what rounds to nothing has no sign.

    Args:
        signed: a plus too, for a difference.
        digits: after the point, of what is below a thousand.
    """
    if not math.isfinite(value):
        return MISSING
    sign = "+" if signed else ""
    if abs(value) >= HUGE:
        text = f"{value:{sign}.3g}".replace("e+0", "e").replace("e+", "e")
    else:
        text = f"{value:{sign},.{digits if abs(value) < 1000 else 0}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def ms(seconds: float, signed: bool = False) -> str:
    """``78.6`` or ``1,234``: milliseconds, without the unit."""
    return number(seconds * 1000, signed)


def per_cent(share: float, signed: bool = False) -> str:
    """``24.1 %``; one hundred only if it is."""
    if not math.isfinite(share):
        return MISSING
    if share == 1 and not signed:
        return "100 %"
    if not signed and 0.9995 <= share < 1:
        return "99.9 %"
    return f"{number(share * 100, signed)} %"


class Ends(Protocol):
    """Of an interval, or of a range."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def span(ends: Ends | None, scale: float = 1.0, signed: bool = False, digits: int = 1) -> str:
    """``78.0 to 79.3``, both ``scale`` times as large and without a unit; nothing of None."""
    if ends is None:
        return ""
    low, high = (number(end * scale, signed, digits) for end in (ends.low, ends.high))
    return f"{low} to {high}"


def with_span(value: str, between: str) -> str:
    """``78.6 ms (78.0 to 79.3)``; the value alone where nothing is known of it."""
    return f"{value} ({between})" if between else value


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def counted(count: int, what: str) -> str:
    """``1 seed``, ``2 seeds``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def capital(text: str) -> str:
    """With a capital at the beginning, and the rest as it is."""
    return text[:1].upper() + text[1:]


def length(seconds: float) -> str:
    """``90 s``, ``3.5 minutes``."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def moment(stamp: str) -> str:
    """``2026-01-02 03:04:05 UTC``, of ISO 8601."""
    return stamp.replace("T", " ").replace("Z", " UTC")
