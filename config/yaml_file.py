"""One YAML file as plain data, with the line of each value and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import yaml

KeyPath: TypeAlias = tuple[str | int, ...]
Origins: TypeAlias = dict[KeyPath, str]
"""Where each value comes from, by its path: a line of a file, a variable, an argument."""


class NotYaml(Exception):
    """A text that YAML cannot read; ``line`` counts from 1 and is None where it is not known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def parsed(text: str) -> tuple[object, yaml.Node | None]:
    """A text's data, and its nodes, which know their lines.

    Raises:
        NotYaml: it is malformed.
    """
    try:
        return yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        words = ", ".join(filter(None, (error.context, error.problem)))
        raise NotYaml(words, mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise NotYaml(getattr(error, "reason", "not valid YAML")) from None
    except RecursionError:
        raise NotYaml("nested too deeply") from None
    except ValueError as error:  # 2024-13-45 looks like a date, and is none
        raise NotYaml(f"a value cannot be read: {error}") from None


def read(path: Path) -> tuple[dict[str, Any] | None, Origins, list[str]]:
    """One file's data (None if it has none that can be used), their origins, and what is wrong."""
    origins: Origins = {}
    try:
        data, node = parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, origins, [f"{path}: cannot be read: {error.strerror}"]
    except UnicodeDecodeError as error:
        return None, origins, [f"{path}: not UTF-8: {error.reason} at byte {error.start}"]
    except NotYaml as error:
        where = f"{path}:{error.line}" if error.line else str(path)
        return None, origins, [f"{where}: {error}"]
    if data is None:
        return {}, origins, []
    if not isinstance(data, dict):
        kind = "list" if isinstance(data, list) else "single value"
        return None, origins, [f"{path}: the file must hold keys and values, not a {kind}"]
    problems: list[str] = []
    _note_lines(node, (), str(path), origins, problems, set())
    if not all(isinstance(key, str) for key in data):
        return None, origins, problems
    return data, origins, problems


def _note_lines(
    node: yaml.Node | None,
    at: KeyPath,
    file: str,
    origins: Origins,
    problems: list[str],
    seen: set[int],
) -> None:
    """Note where each value stands, which keys stand twice, and which sections are no words."""
    if id(node) in seen:
        return  # an alias; it may stand within itself
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            here = (*at, str(key.value))
            where = f"{file}:{key.start_mark.line + 1}"
            if key.value in keys:
                problems.append(f"{where}: {dotted(here)}: stands twice")
            if not at and key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                problems.append(f"{where}: {dotted(here)}: a key must be a word")
            keys.add(key.value)
            origins[here] = where
            _note_lines(value, here, file, origins, problems, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            here = (*at, index)
            origins[here] = f"{file}:{item.start_mark.line + 1}"
            _note_lines(item, here, file, origins, problems, seen)


def noted(data: object, origin: str) -> Origins:
    """One origin for all that ``data`` hold."""
    origins: Origins = {}
    waiting: list[tuple[KeyPath, object]] = [((), data)]
    seen: set[int] = set()
    while waiting:
        at, value = waiting.pop()
        origins[at] = origin
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting += [((*at, key), each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [((*at, index), each) for index, each in enumerate(value)]
    return origins


def dotted(path: KeyPath) -> str:
    """A path as the operator writes it: ``servers[0].port``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
