"""Reading back what a learner stored: the value wanted, or a ValueError that names its place.

Stored parameters come from a file or another node and are believed in nothing: a bool is no
number, NaN and infinity are no numbers either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rl.vocabulary import JSON


def member(data: JSON | Mapping[str, JSON], key: str, at: str = "") -> JSON:
    """``data[key]``; ``at`` is the place of ``data`` itself, as in ``tables[0].``."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{at.rstrip('.')}: must hold keys and values, not {_shown(data)}")
    if key not in data:
        raise ValueError(f"{at}{key}: is missing")
    return data[key]


def version(data: Mapping[str, JSON], wanted: int) -> None:
    """Refuse every ``version`` but ``wanted``."""
    found = member(data, "version")
    if isinstance(found, bool) or found != wanted:
        raise ValueError(f"version: must be {wanted}, not {_shown(found)}")


def items(value: JSON, at: str, length: int | None = None) -> Sequence[JSON]:
    """A list, of exactly ``length`` if given."""
    if not isinstance(value, list):
        raise ValueError(f"{at}: must be a list, not {_shown(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{at}: must hold {length} items, not {len(value)}")
    return value


def number(value: JSON, at: str) -> float:
    """A finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if math.isfinite(found):
            return found
    raise ValueError(f"{at}: must be a finite number, not {_shown(value)}")


def share(value: JSON, at: str) -> float:
    """A number between 0 and 1, both included."""
    found = number(value, at)
    if not 0 <= found <= 1:
        raise ValueError(f"{at}: must lie between 0 and 1, not at {found}")
    return found


def count(value: JSON, at: str) -> int:
    """A whole number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{at}: must be a whole number, 0 or more, not {_shown(value)}")
    return value


def text(value: JSON, at: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"{at}: must be a string, not {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """A value in a message, cut where it would fill the screen."""
    try:
        shown = repr(value)
    except ValueError:  # a whole number of more digits than Python agrees to print
        shown = "a number out of range"
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
