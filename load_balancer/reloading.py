"""A change of settings in a running node: what differs, what can be swapped, and back if it fails.

Everything is checked and built before anything is touched; then each part is swapped in by an
assignment that can be undone. Knows neither files nor the objects that it swaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from pydantic import ValidationError

from config.schema import Settings

Undo: TypeAlias = Callable[[], None]
Swap: TypeAlias = Callable[[], Undo]
"""Puts in what was prepared; returns how to take it out again. Neither may fail for a reason that
could have been known before."""

NOT_OURS = ("traffic", "experiment")
"""Sections that a node does not read."""


class ReloadError(Exception):
    """The new settings cannot be taken up; what was in force still is. The message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a node that can take up new settings while it runs.

    Attributes:
        keys: of the settings that it takes up, dotted; a section stands for all within it.
        prepare: given the settings before and after, checks and builds all that is needed, raises
            ReloadError, ValueError or OSError if it cannot be done, and returns the swap.
        always: prepared even where none of its keys differs, because files stand behind them.
    """

    keys: tuple[str, ...]
    prepare: Callable[[Settings, Settings], Swap]
    always: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """What a reload did.

    Attributes:
        changed: keys whose new value is in force.
        restart: keys whose new value needs a restart; the old one is in force.
    """

    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"changed: {', '.join(self.changed) or 'nothing'}"]
        if self.restart:
            parts.append(f"needs a restart: {', '.join(self.restart)}")
        return "; ".join(parts)


class Reloader:
    """Takes up settings.

    Attributes:
        settings: in force.
        steps: what can be swapped; others may add theirs before the first ``apply``.
    """

    def __init__(self, settings: Settings, steps: Sequence[Step] = ()) -> None:
        self.settings = settings
        self.steps = list(steps)

    def apply(self, wanted: Settings) -> Applied:
        """Take up all of ``wanted`` that can be.

        Raises:
            ReloadError: nothing has changed.
        """
        before = self.settings
        keys = [key for key in differences(before, wanted) if not within(key, NOT_OURS)]
        live = [each for step in self.steps for each in step.keys]
        changed = tuple(key for key in keys if within(key, live))
        restart = tuple(key for key in keys if not within(key, live))
        after = kept(before, wanted, restart)
        swaps = [
            _prepared(step, before, after)
            for step in self.steps
            if step.always or any(within(key, step.keys) for key in changed)
        ]
        undo: list[Undo] = []
        try:
            for swap in swaps:
                undo.insert(0, swap())
        except Exception as error:
            for back in undo:
                back()
            raise ReloadError(f"could not be swapped in ({_named(error)})") from error
        self.settings = after
        return Applied(changed, restart)


def differences(before: Settings, after: Settings) -> list[str]:
    """The keys whose values differ, dotted, in the order of the schema; a list is one value."""
    return list(_differing(before.model_dump(), after.model_dump(), ""))


def within(key: str, sections: Iterable[str]) -> bool:
    """Whether a dotted key is one of these, or stands in one."""
    return any(key == each or key.startswith(f"{each}.") for each in sections)


def kept(before: Settings, wanted: Settings, keys: Sequence[str]) -> Settings:
    """``wanted``, but with these keys as they were.

    Raises:
        ReloadError: the two do not go together.
    """
    if not keys:
        return wanted
    old, new = before.model_dump(), wanted.model_dump()
    for key in keys:
        *path, last = key.split(".")
        source, target = old, new
        for part in path:
            source, target = source[part], target[part]
        target[last] = source[last]
    try:
        return Settings(**new)
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ReloadError(
            f"needs a restart, for {', '.join(keys)} cannot change before it: {first}"
        ) from None


def _differing(before: object, after: object, at: str) -> Iterable[str]:
    if not (isinstance(before, dict) and isinstance(after, dict)) or (
        before.keys() != after.keys()
    ):
        if before != after:
            yield at
        return
    new = cast(Mapping[str, object], after)
    for key, value in cast(Mapping[str, object], before).items():
        yield from _differing(value, new[key], f"{at}.{key}" if at else key)


def _prepared(step: Step, before: Settings, after: Settings) -> Swap:
    try:
        return step.prepare(before, after)
    except ReloadError:
        raise
    except Exception as error:
        raise ReloadError(_named(error)) from error


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__
