"""A link that all answers go over, at so many bytes a second, first come first served.

Who sends a long answer in slices, and the next one only when the last has left, gets the link in
turn with all others who do so. What is under way takes as long as what is before it: that is the
round trip time that a full buffer adds. Knows no event; who sends asks when a slice has left.
"""

from __future__ import annotations

import math


class SharedLink:
    """See the module's text.

    Attributes:
        bytes_per_second: what it carries; infinite for no bound.
        sent: bytes that were given to it.
    """

    __slots__ = ("_free_at", "bytes_per_second", "sent")

    def __init__(self, bytes_per_second: float = math.inf) -> None:
        if not bytes_per_second > 0:
            raise ValueError(f"bytes_per_second must be above 0, not {bytes_per_second}")
        self.bytes_per_second = bytes_per_second
        self.sent = 0
        self._free_at = -math.inf

    def send(self, size: int, now: float) -> float:
        """Give it so many bytes; when the last of them has left."""
        self.sent += size
        self._free_at = max(self._free_at, now) + size / self.bytes_per_second
        return self._free_at

    def backlog(self, now: float) -> float:
        """Seconds until what was given to it has left."""
        return max(0.0, self._free_at - now)
