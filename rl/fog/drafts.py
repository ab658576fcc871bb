"""A configuration's keys as they were given: read, known to be keys, and not yet complete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rl.fog.keys import ORIGINAL, OWN, FogConfigError, Key, nearest

T = TypeVar("T")

_WIRING = re.compile(
    r"STEP|network\.size|(simulation|include)\.\w+|init\.\w+(\.(protocol|coord_protocol|randstart))?"
    r"|protocol\.\w+(\.(linkable|name|step|transport|drop|mindelay|maxdelay|scale\.scale))?"
)


@dataclass(slots=True)
class Draft:
    """Attributes:
    values: what was given, by name.
    keys: the key that gave it, by name.
    """

    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return name in self.values

    def take(self, name: str, otherwise: T) -> T:
        """The value, which is then no longer in the draft."""
        value: T = self.values.pop(name, otherwise)
        return value

    def wrong(self, name: str, problem: str) -> FogConfigError:
        return FogConfigError(self.keys.get(name, name), problem)

    def put(self, shown: str, key: Key, value: object) -> None:
        """Raises FogConfigError: the value is malformed, or another key gave it already."""
        try:
            found = key.read(value)
        except ValueError as error:
            raise FogConfigError(shown, str(error)) from None
        if not key.field:
            return
        if key.field in self.values:
            raise FogConfigError(shown, f"says the same as {self.keys[key.field]}; give one")
        self.values[key.field] = found
        self.keys[key.field] = shown


def from_keys(keys: Mapping[str, object]) -> Draft:
    """The original's keys, or ours, with or without their sections."""
    sections = {key.section for key in OWN.values()}
    if any(isinstance(each, Mapping) and name in sections for name, each in keys.items()):
        return from_sections(keys)
    draft = Draft()
    known = {**OWN, **ORIGINAL}
    for name, value in keys.items():
        key = known.get(name) if isinstance(name, str) else None
        if key is None:
            raise FogConfigError(
                str(name), f"unknown key; the nearest valid one is {nearest(str(name), known)!r}"
            )
        draft.put(name, key, value)
    return draft


def from_sections(sections: Mapping[str, object]) -> Draft:
    """Our YAML file's data."""
    draft = Draft()
    names = dict.fromkeys(key.section for key in OWN.values())
    for section, content in sections.items():
        if section not in names:
            raise FogConfigError(
                str(section),
                f"unknown section; the nearest valid one is {nearest(str(section), names)!r}",
            )
        if content is None:
            continue
        if not isinstance(content, Mapping):
            raise FogConfigError(str(section), "must hold keys and values")
        for name, value in content.items():
            key = OWN.get(name) if isinstance(name, str) else None
            shown = f"{section}.{name}"
            if key is None:
                likely = nearest(str(name), OWN)
                raise FogConfigError(
                    shown,
                    f"unknown key; the nearest valid one is '{OWN[likely].section}.{likely}'",
                )
            if key.section != section:
                raise FogConfigError(shown, f"belongs to the section {key.section}")
            draft.put(shown, key, value)
    return draft


def read_properties(text: str) -> dict[str, str]:
    """See ``rl.fog.settings.read_properties``."""
    found: dict[str, str] = {}
    for count, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#!":
            continue
        key, *rest = re.split(r"\s*[=:]\s*|\s+", line, maxsplit=1)
        if key not in ORIGINAL and _WIRING.fullmatch(key):
            continue
        if not rest and key != "protocol.clt.edges":
            raise FogConfigError(key, f"line {count} has no value")
        found[key] = rest[0].strip() if rest else ""
    return found
