"""The operator's bounds, which no agent and no exploration leaves: how far each lever may go, by
what step, and how far in a minute.

Every change passes through ``apply``, so that whatever chooses an action cannot do more than the
envelope holds. Rates and bursts move by factors, in both directions alike: what they may move in a
minute is a factor too, of all movements up and down multiplied. The other levers move by sums.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, isfinite, log
from typing import Any

from rl.shaping.settings import ACTIONS, FACTORS, KEEP, LEVERS, Setting

MINUTE_SECONDS = 60.0

GRAIN_SECONDS = 1.0
"""Movements within it are remembered as one, of the latest's time, so that a record is bounded."""

PATH_CHANGES_PER_MINUTE = 2

BURST_SECONDS = 0.1
"""How much of its rate a bucket holds where no burst is set, as the buckets have it."""

HAIR = 1e-9
"""Of rounding, where movements are added up."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one lever.

    Attributes:
        least, most: between which it stays.
        step: of one action; above 1 for rates and bursts, which it multiplies or divides, above 0
            for the others, to which it is added.
        per_minute: how far it may move in any 60 s, up and down together, in the same terms; None
            does not bound it.
    """

    least: float
    most: float
    step: float
    per_minute: float | None = None

    def check(self, lever: str) -> None:
        """
        Raises:
            ValueError: it names the lever and the key.
        """
        for name in ("least", "most", "step"):
            value = getattr(self, name)
            if not isfinite(value):
                raise ValueError(f"{lever}.{name}: must be a finite number, not {value}")
        if self.least > self.most:
            raise ValueError(f"{lever}.least: {self.least:g} is more than most, {self.most:g}")
        first, last = _RANGES[lever]
        if self.least < first or (lever in FACTORS and self.least <= 0) or self.most > last:
            raise ValueError(f"{lever}: must lie between {first:g} and {last:g}")
        smallest = 1.0 if lever in FACTORS else 0.0
        if self.step <= smallest:
            raise ValueError(f"{lever}.step: must be above {smallest:g}, not {self.step:g}")
        if lever == "burst" and ceil(self.least) > floor(self.most):
            raise ValueError("burst: must hold a whole number between least and most")
        whole = (self.least, self.most, self.step) if lever == "urgency" else ()
        if any(value != int(value) for value in whole):
            raise ValueError(f"{lever}: must be whole numbers")
        most = self.per_minute
        if most is not None and not (isfinite(most) and most >= smallest):
            raise ValueError(f"{lever}.per_minute: must be {smallest:g} or more, not {most}")


_RANGES = {
    "requests_per_second": (0.001, 1e6),
    "download_bytes_per_second": (100.0, 1e11),
    "burst": (1.0, 1e9),
    "urgency": (0.0, 7.0),
    "drop_probability": (0.0, 1.0),
    "path": (0.0, 63.0),
}


class Moves:
    """How far one client's levers were moved in the last minute. Bounded: no more than a movement a
    lever and second is remembered."""

    __slots__ = ("_by_lever", "_totals")

    def __init__(self) -> None:
        self._by_lever: dict[str, deque[tuple[float, float, float]]] = {}
        self._totals: dict[str, float] = {}

    def total(self, lever: str, now: float) -> float:
        """In the last minute; of rates and bursts the logarithm."""
        moves = self._by_lever.get(lever)
        if not moves:
            return 0.0
        limit = now - MINUTE_SECONDS
        if moves[0][1] > limit:
            return self._totals[lever]
        while moves and moves[0][1] <= limit:
            moves.popleft()
        # Added up anew: what is taken away again and again would leave its rounding behind.
        total = self._totals[lever] = sum(each[2] for each in moves)
        return total

    def add(self, lever: str, amount: float, now: float) -> None:
        """It was moved so far."""
        self.total(lever, now)  # lets go of what is older
        moves = self._by_lever.get(lever)
        if moves is None:
            moves = self._by_lever[lever] = deque()
        if not moves:
            self._totals[lever] = 0.0
        if moves and now - moves[-1][0] < GRAIN_SECONDS:
            begun, _, before = moves[-1]
            moves[-1] = begun, now, before + amount
        else:
            moves.append((now, now, amount))
        self._totals[lever] += amount

    def entries(self) -> int:
        """That are remembered, of all levers."""
        return sum(map(len, self._by_lever.values()))


class Envelope:
    """The bounds of the clients of one rule.

    Args:
        bounds: by lever; one without is never touched.
        paths: that may be taken, the operator's own included.
        frozen: nothing is moved.

    Raises:
        ValueError: it names the lever and the key.
    """

    __slots__ = ("_actions", "_budgets", "_ranges", "bounds", "frozen", "paths")

    def __init__(self, bounds: Mapping[str, Bounds], paths: int = 1, frozen: bool = False) -> None:
        for lever, each in bounds.items():
            if lever not in LEVERS:
                raise ValueError(f"{lever}: is no lever; there are {', '.join(LEVERS)}")
            each.check(lever)
        if paths < 1:
            raise ValueError(f"paths: must be 1 or more, not {paths}")
        self.bounds = dict(bounds)
        self.paths = paths
        self.frozen = frozen
        self._ranges = [
            (lever, *_whole(lever, each)) for lever, each in self.bounds.items() if lever != "path"
        ]
        self._budgets = {
            lever: _amount(lever, each.per_minute) for lever, each in self.bounds.items()
        }
        if self._budgets.get("path") is None:
            self._budgets["path"] = PATH_CHANGES_PER_MINUTE
        self._actions = [
            None if action == KEEP else self._step_of(ACTIONS[action])
            for action in range(len(ACTIONS))
        ]

    def holds(self, setting: Setting) -> bool:
        """Whether a setting lies within."""
        return self.clamp(setting) is setting

    def clamp(self, setting: Setting) -> Setting:
        """The nearest setting that lies within; the same object, if it does. What has no bound and
        must have one gets the largest."""
        changed: dict[str, Any] | None = None
        for lever, least, most in self._ranges:
            value = getattr(setting, lever)
            if value is None:
                if lever == "burst":
                    rate = (changed or {}).get("requests_per_second", setting.requests_per_second)
                    if rate is None:
                        continue  # which means nothing without
                    wanted = min(most, max(least, float(round(max(1.0, rate * BURST_SECONDS)))))
                else:
                    wanted = most
            elif least <= value <= most:
                continue
            else:
                wanted = least if value < least else most
                if value != value:
                    raise ValueError(f"{lever}: must be a number")
            if changed is None:
                changed = {}
            changed[lever] = int(wanted) if lever == "urgency" else wanted
        if not 0 <= setting.path < self.paths:
            changed = {**(changed or {}), "path": 0}
        return setting if changed is None else replace(setting, **changed)

    def mask(self, setting: Setting, now: float, moved: Moves) -> list[bool]:
        """By action, whether it may be chosen: it changes something, and all of the change lies
        within the bounds of a minute. A step that would go beyond a bound ends at it."""
        setting = self.clamp(setting)
        return [
            action == KEEP or self._move(setting, action, now, moved) is not None
            for action in range(len(ACTIONS))
        ]

    def apply(self, setting: Setting, action: int, now: float, moved: Moves) -> Setting:
        """The setting after an action, which is noted in ``moved``; after one that is not allowed,
        the same.

        Raises:
            ValueError: there is no such action.
        """
        if not 0 <= action < len(ACTIONS):
            raise ValueError(f"action: must be 0 to {len(ACTIONS) - 1}, not {action}")
        setting = self.clamp(setting)
        if action == KEEP:
            return setting
        found = self._move(setting, action, now, moved)
        if found is None:
            return setting
        lever, value, amount = found
        moved.add(lever, amount, now)
        changed: dict[str, Any] = {lever: value}
        return replace(setting, **changed)

    def position(self, setting: Setting, lever: str) -> float | None:
        """Where a lever stands between its bounds, from 0 to 1; None if it has no bounds or
        nowhere to go."""
        bounds = self.bounds.get(lever)
        value = getattr(setting, lever)
        if bounds is None or value is None or bounds.least == bounds.most:
            return None
        value = min(bounds.most, max(bounds.least, value))
        if lever in FACTORS:
            return log(value / bounds.least) / log(bounds.most / bounds.least)
        return float(value - bounds.least) / (bounds.most - bounds.least)

    def _step_of(self, action: str) -> tuple[str, int, float, float, float, float | None] | None:
        """Lever, direction, step, least, most and what may be moved in a minute; None if there is
        nothing to move."""
        if self.frozen:
            return None
        lever = action.rstrip("+-")
        if lever == "path":
            if self.paths == 1:
                return None
            return lever, 1, 1.0, 0.0, self.paths - 1.0, self._budgets[lever]
        bounds = self.bounds.get(lever)
        if bounds is None:
            return None
        direction = 1 if action[-1] == "+" else -1
        return lever, direction, bounds.step, *_whole(lever, bounds), self._budgets[lever]

    def _move(
        self, setting: Setting, action: int, now: float, moved: Moves
    ) -> tuple[str, float, float] | None:
        found = self._actions[action]
        if found is None:
            return None
        lever, direction, step, least, most, budget = found
        value = getattr(setting, lever)
        if value is None:
            return None
        wanted: float
        if lever == "path":
            wanted, amount = (value + 1) % self.paths, 1.0
        elif lever in FACTORS:
            wanted = value * step if direction > 0 else value / step
            if lever == "burst":
                near = round(wanted)
                wanted = float(near if near != value else near + direction)
            wanted = min(most, max(least, wanted))
            amount = abs(log(wanted / value))
        else:
            wanted = min(most, max(least, round(value + direction * step, 9)))
            amount = abs(wanted - value)
            if lever == "urgency":
                wanted = int(wanted)
        if amount <= HAIR:
            return None
        if budget is not None and moved.total(lever, now) + amount > budget + HAIR:
            return None
        return lever, wanted, amount


def _whole(lever: str, bounds: Bounds) -> tuple[float, float]:
    """What lies between, in whole numbers where there are no others."""
    if lever == "burst":
        return float(ceil(bounds.least)), float(floor(bounds.most))
    return bounds.least, bounds.most


def _amount(lever: str, per_minute: float | None) -> float | None:
    return log(per_minute) if per_minute is not None and lever in FACTORS else per_minute
