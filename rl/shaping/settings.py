"""What an agent may set of a client's rule, and the steps by which it does so."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

LEVERS = (
    "requests_per_second",
    "download_bytes_per_second",
    "burst",
    "urgency",
    "drop_probability",
    "path",
)

FACTORS = frozenset(LEVERS[:3])
"""Levers whose step is a factor; the others' is added."""

ACTIONS: tuple[str, ...] = (
    "keep",
    "requests_per_second-",
    "requests_per_second+",
    "download_bytes_per_second-",
    "download_bytes_per_second+",
    "burst-",
    "burst+",
    "urgency-",
    "urgency+",
    "drop_probability-",
    "drop_probability+",
    "path",
)
"""One step each; the index is the action. ``urgency-`` makes a client more urgent, for a lower
number is; ``path`` goes on to the next one."""

KEEP = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """The levers of one client, as they stand.

    Attributes:
        requests_per_second, download_bytes_per_second, burst: None is no bound.
        urgency: 0, the most urgent, to 7.
        drop_probability: under pressure.
        path: 0 is as the operator's rule has it, others are the envelope's paths in their order.
    """

    requests_per_second: float | None = None
    download_bytes_per_second: float | None = None
    burst: float | None = None
    urgency: int = 3
    drop_probability: float = 0.0
    path: int = 0

    def check(self) -> None:
        """Whether all of it are numbers that can be in force.

        Raises:
            ValueError: it names the lever.
        """
        for name in LEVERS[:3]:
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise ValueError(f"{name}: must be a finite number above 0, not {value}")
        if self.urgency not in range(8):
            raise ValueError(f"urgency: must be a whole number from 0 to 7, not {self.urgency}")
        if not 0 <= self.drop_probability <= 1:
            raise ValueError(f"drop_probability: must be 0 to 1, not {self.drop_probability}")
        if self.path < 0:
            raise ValueError(f"path: must be 0 or more, not {self.path}")


def compared(setting: Setting, static: Setting) -> tuple[bool, bool]:
    """Whether a setting gives a client less than another one does, and whether it gives it more; by
    different levers it may do both. Another path may be either."""
    if setting is static:
        return False, False
    less = more = setting.path != static.path
    for lever in LEVERS[:3]:
        one, other = getattr(setting, lever), getattr(static, lever)
        if one != other:
            larger = one is None or (other is not None and one > other)
            less, more = less or not larger, more or larger
    for lever in LEVERS[3:5]:  # the higher, the less
        one, other = getattr(setting, lever), getattr(static, lever)
        less, more = less or one > other, more or one < other
    return less, more
