"""Reads the configuration: files, then environment, then overrides; and says what is wrong where.

``config.yaml`` and ``rl_config.yaml`` are one configuration in two files: a section may stand in
either. Later sources win, key by key: files, scenario, ``SLB_…`` variables, ``--set``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from config.schema import Settings

DIRECTORY = Path(__file__).resolve().parent
DEFAULT_CONFIG = DIRECTORY / "config.yaml"
SCENARIOS = DIRECTORY / "scenarios"

_Path: TypeAlias = tuple[str | int, ...]
_Origins: TypeAlias = dict[_Path, str]

# Pydantic's "there is no such key", for models and for dataclasses.
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}


class ConfigError(Exception):
    """The configuration cannot be used.

    Attributes:
        problems: one sentence each, every problem that was found.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load(
    config: Path | str | None = None,
    *,
    scenario: str | None = None,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The effective settings.

    Args:
        config: the file; its sibling ``rl_config.yaml`` is read with it. Default: ours.
        scenario: name of a file in ``config/scenarios``, or a path, laid over the files.
        overrides: ``key.key=value`` each, the value in YAML.
        environ: instead of the process's environment.

    Raises:
        ConfigError: with every problem at once.
    """
    path = Path(config) if config is not None else DEFAULT_CONFIG
    origins: _Origins = {}
    data = _read(path, origins)
    sibling = path.with_name("rl_config.yaml")
    if sibling != path and sibling.exists():
        learning = _read(sibling, origins)
        twice = sorted(data.keys() & learning.keys())
        if twice:
            raise ConfigError(f"{key}: stands in both {path} and {sibling}" for key in twice)
        data |= learning
    if scenario is not None:
        data = _merged(data, _read(_scenario_path(scenario), origins))
    data = _merged(data, _from_environment(os.environ if environ is None else environ, origins))
    for override in overrides:
        data = _merged(data, _from_override(override, origins))
    try:
        return Settings(**data)
    except ValidationError as error:
        raise ConfigError(_problems(error, origins)) from None


def scenario_names() -> list[str]:
    """The scenarios that ``--scenario`` knows by name."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def effective_yaml(settings: Settings) -> str:
    """The whole configuration, defaults included, as YAML that ``load`` reads again."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, width=100)


def nearest(word: str, valid: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or the list of what is valid, or nothing."""
    choices = sorted(valid)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; valid: {', '.join(choices)}" if choices else ""


def _scenario_path(scenario: str) -> Path:
    if "/" in scenario or scenario.endswith(".yaml"):
        return Path(scenario)
    path = SCENARIOS / f"{scenario}.yaml"
    if not path.exists():
        raise ConfigError([f"no scenario {scenario!r}{nearest(scenario, scenario_names())}"])
    return path


def _read(path: Path, origins: _Origins) -> dict[str, Any]:
    """One YAML file's data; notes in ``origins`` on which line each key stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: {error.reason} at byte {error.start}"]) from None
    try:
        data = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ConfigError([f"{path}{line}: {problem}"]) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: the file must hold keys and values, not a {_kind(data)}"])
    repeated: list[str] = []
    _note_lines(node, (), str(path), origins, repeated)
    if repeated:
        raise ConfigError(repeated)
    return data


def _note_lines(
    node: yaml.Node | None, at: _Path, file: str, origins: _Origins, repeated: list[str]
) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*at, str(key.value))
            line = key.start_mark.line + 1
            if key.value in seen:
                repeated.append(f"{file}:{line}: {_dotted(here)}: stands twice")
            seen.add(key.value)
            origins[here] = f"{file}:{line}"
            _note_lines(value, here, file, origins, repeated)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            here = (*at, index)
            origins[here] = f"{file}:{item.start_mark.line + 1}"
            _note_lines(item, here, file, origins, repeated)


def _from_environment(environ: Mapping[str, str], origins: _Origins) -> dict[str, Any]:
    ours = {name: value for name, value in environ.items() if name.upper().startswith("SLB_")}
    if not ours:
        return {}
    for name in ours:
        section = name[4:].lower().split("__")[0]
        if section not in Settings.model_fields:
            raise ConfigError(
                [f"{name}: unknown section {section!r}{nearest(section, Settings.model_fields)}"]
            )
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in ours.items()}
    try:
        data: dict[str, Any] = source()
    except SettingsError as error:
        raise ConfigError([f"environment: {error}"]) from None
    for name in ours:
        origins[tuple(name[4:].lower().split("__"))] = name
    return data


def _from_override(override: str, origins: _Origins) -> dict[str, Any]:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError([f"--set {override}: must be key.key=value"])
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError([f"--set {override}: the value is not valid YAML"]) from None
    path = tuple(key.split("."))
    for part in reversed(path):
        value = {part: value}
    origins[path] = f"--set {key}"
    result: dict[str, Any] = value
    return result


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``: mappings key by key, anything else as a whole."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, Mapping)
        result[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def _problems(error: ValidationError, origins: _Origins) -> list[str]:
    details = [
        detail
        for detail in error.errors()
        if detail["type"] != "too_short"
        or detail.get("ctx", {}).get("actual_length") != 0
        or not detail["input"]
    ]
    found = []
    for detail in details:
        path: _Path = detail["loc"]
        where = _origin(path, origins)
        if detail["type"] in _UNKNOWN:
            message = f"unknown key{nearest(str(path[-1]), _valid_keys(path[:-1]))}"
        else:
            message = detail["msg"].removeprefix("Value error, ")
            given = detail.get("input")
            if isinstance(given, str | int | float | bool):
                message += f" (given: {given!r})"
        name = _dotted(path)
        found.append(f"{where}: {name}: {message}" if name else f"{where}: {message}")
    return found


def _origin(path: _Path, origins: _Origins) -> str:
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return "configuration"


def _valid_keys(path: _Path) -> list[str]:
    """The keys that the schema has at ``path``."""
    schema = Settings.model_json_schema()
    here: Any = schema
    for part in path:
        here = _resolved(here, schema)
        here = here.get("items", {}) if isinstance(part, int) else here["properties"].get(part, {})
    return list(_resolved(here, schema).get("properties", ()))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _dotted(path: _Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _kind(value: object) -> str:
    return "list" if isinstance(value, list) else "single value"
