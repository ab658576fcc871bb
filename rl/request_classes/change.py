"""What becomes of a learner's rows when request classes change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Known: TypeAlias = Mapping[str, tuple[float, float, float]]
"""By endpoint: seconds that were predicted for ``kept`` when it last completed there, seconds that
the rest of ``kept`` takes, seconds that ``other`` takes."""


class Change:
    """What ``learn`` did to the classes; the learner's rows follow.

    Attributes:
        split: ``other`` was cut off from ``kept``, with a number that may have been used before;
            otherwise ``other`` has become part of ``kept``, or was forgotten, and nothing is placed
            there any more.
    """

    __slots__ = ("_known", "_pooled", "kept", "other", "split")

    def __init__(
        self,
        split: bool,
        kept: int,
        other: int,
        known: Known | None = None,
        pooled: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """
        Args:
            pooled: the two ratios where nothing is known of an endpoint.
        """
        self.split = split
        self.kept = kept
        self.other = other
        self._known: Known = known or {}
        self._pooled = pooled

    def __repr__(self) -> str:
        return f"<Change {'split' if self.split else 'merge'} {self.kept} {self.other}>"

    def kept_ratio(self, endpoint_id: str, service: float = 0.0) -> float:
        """After a split: what the rest of ``kept`` costs there, to what is predicted for it.

        Args:
            service: seconds that are predicted now; 0 if that has not changed since it last
                completed there.
        """
        found = self._known.get(endpoint_id)
        return self._pooled[0] if found is None else found[1] / (service or found[0])

    def other_ratio(self, endpoint_id: str, service: float = 0.0) -> float:
        """After a split: what ``other`` costs there, to what is predicted for ``kept``.

        Args:
            service: as above.
        """
        found = self._known.get(endpoint_id)
        return self._pooled[1] if found is None else found[2] / (service or found[0])
