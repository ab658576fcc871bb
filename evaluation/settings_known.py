"""Which settings there are, by their path, so that what is measured can ask for what exists."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Mapping

from pydantic import BaseModel

from config.schema import Settings
from rl.vocabulary import JSON


def known(path: str) -> bool:
    """Whether there is a setting ``a.b.c``."""
    kind: object = Settings
    for part in path.split("."):
        fields = _fields(kind)
        if part not in fields:
            return False
        kind = fields[part]
    return True


def nested(overrides: Mapping[str, JSON]) -> dict[str, JSON]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``, without the paths that there are not."""
    found: dict[str, JSON] = {}
    for path, value in overrides.items():
        if not known(path):
            continue
        *folders, last = path.split(".")
        place = found
        for folder in folders:
            inner = place.setdefault(folder, {})
            assert isinstance(inner, dict)
            place = inner
        place[last] = value
    return found


def _fields(kind: object) -> dict[str, object]:
    for each in (kind, *typing.get_args(kind)):
        if not inspect.isclass(each):
            continue
        if issubclass(each, BaseModel):
            return {name: field.annotation for name, field in each.model_fields.items()}
        if dataclasses.is_dataclass(each):
            hints = typing.get_type_hints(each)
            return {field.name: hints[field.name] for field in dataclasses.fields(each)}
    return {}
