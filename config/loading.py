"""Reads the configuration: files, then environment, then overrides; and says what is wrong where.

``config.yaml`` and ``rl_config.yaml`` are one configuration in two files: a section may stand in
either. Later sources win, key by key: files, scenario, ``SLB_…`` variables, ``--set``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from config.scenario_file import ScenarioKeys, plain, split, variant_names
from config.schema import Settings
from config.yaml_file import KeyPath, NotYaml, Origins, dotted, noted, parsed, read

Model = TypeVar("Model", bound=BaseModel)

DIRECTORY = Path(__file__).resolve().parent
DEFAULT_CONFIG = DIRECTORY / "config.yaml"
SCENARIOS = DIRECTORY / "scenarios"

# Pydantic's "there is no such key", for models and for dataclasses.
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
# What it says in terms of Python.
_PLAINER = {
    "model_type": "must hold keys and values",
    "dataclass_type": "must hold keys and values",
    "tuple_type": "must be a list",
    "invalid_key": "a key must be a word",
}


_SECRET = ("token", "secret", "password")
"""Words in the keys of values that are never shown."""


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
        scenario: name of a file in ``config/scenarios``, or a path, laid over the files; with a
            variant of the file's as in ``S4:.5``.
        overrides: ``key.key=value`` each, the value in YAML.
        environ: instead of the process's environment.

    Raises:
        ConfigError: with every problem at once.
    """
    gathered = _Gathered(Settings)
    path = Path(config) if config is not None else DEFAULT_CONFIG
    gathered.read(path)
    sibling = path.with_name("rl_config.yaml")
    if sibling != path and sibling.exists():
        gathered.read(sibling, beside=path)
    if scenario is not None:
        gathered.read_scenario(scenario)
    gathered.take_environment(os.environ if environ is None else environ)
    for override in overrides:
        gathered.take_override(override)
    return gathered.settings()


def load_as(model: type[Model], path: Path | str, overrides: Iterable[str] = ()) -> Model:
    """A file of its own, which holds another kind of settings than ours.

    Args:
        overrides: ``key.key=value`` each, the value in YAML.

    Raises:
        ConfigError: with every problem at once.
    """
    gathered = _Gathered(model)
    gathered.read(Path(path))
    for override in overrides:
        gathered.take_override(override)
    return gathered.settings()


def scenario_names() -> list[str]:
    """The scenarios that ``--scenario`` knows by name, every variant by its own."""
    found = []
    for path in sorted(SCENARIOS.glob("*.yaml")):
        variants = variant_names(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        found += [f"{path.stem}:{variant}" for variant in variants] or [path.stem]
    return found


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


class _Gathered(Generic[Model]):
    """What the sources have given so far for ``model``, each laid over those before it.

    Attributes:
        problems: what is wrong with the sources themselves.
    """

    def __init__(self, model: type[Model]) -> None:
        self.problems: list[str] = []
        self._model = model
        self._data: dict[str, Any] = {}
        self._origins: Origins = {}
        self._complete = True

    def read(self, path: Path, beside: Path | None = None) -> None:
        """Take a file; none of its sections may stand in the file ``beside`` it as well."""
        data, origins, problems = read(path)
        self.problems += problems
        if data is None:
            self._complete = False
            return
        if beside is not None:
            self.problems += [
                f"{key}: stands in both {beside} and {path}"
                for key in sorted(self._data.keys() & data.keys())
            ]
        self._lay(data, origins)

    def read_scenario(self, scenario: str) -> None:
        """Take a scenario by its name, or by its path, with or without a variant."""
        name, variant = split(scenario)
        path = Path(name)
        if "/" not in name and not name.endswith(".yaml"):
            path = SCENARIOS / f"{name}.yaml"
            if not path.exists():
                stems = [each.stem for each in SCENARIOS.glob("*.yaml")]
                self._unusable(f"no scenario {scenario!r}{nearest(name, stems)}")
                return
        data, origins, problems = read(path)
        self.problems += problems
        if data is None:
            self._complete = False
            return
        own = _Gathered(Settings)
        own._lay(data, origins)
        if variant is not None:
            over = (data.get("variants") or {}).get(variant)
            if not isinstance(over, dict):
                known = nearest(variant, variant_names(data))
                self._unusable(f"no variant {variant!r} of scenario {name!r}{known}")
                return
            at = len(root := ("variants", variant))
            below = {key[at:]: line for key, line in origins.items() if key[:at] == root}
            own._lay(over, below)
        try:
            self._lay(*plain(own._data, own._origins))
        except ValidationError as error:
            self.problems += _problems(error, own._origins, ScenarioKeys)
            self._complete = False

    def _unusable(self, problem: str) -> None:
        self.problems.append(problem)
        self._complete = False

    def take_environment(self, environ: Mapping[str, str]) -> None:
        """Take every variable that is ours, the shorter names first."""
        for name in sorted(name for name in environ if name.upper().startswith("SLB_")):
            section = name[4:].lower().split("__")[0]
            if section not in Settings.model_fields:
                known = nearest(section, Settings.model_fields)
                self.problems.append(f"{name}: unknown section {section!r}{known}")
                continue
            source = EnvSettingsSource(Settings)
            source.env_vars = {name.lower(): environ[name]}
            try:
                data = source()
            except SettingsError:
                self.problems.append(f"{name}: must be JSON, for it is a list or a section")
            else:
                self._lay(data, noted(data, name))

    def take_override(self, override: str) -> None:
        """Take one ``key.key=value``."""
        key, _, text = override.partition("=")
        path = key.split(".")
        if "=" not in override or not all(path):
            self.problems.append(f"--set {override}: must be key.key=value")
            return
        try:
            value, _ = parsed(text)
        except NotYaml as error:
            self.problems.append(f"--set {override}: the value is not valid YAML: {error}")
            return
        for part in reversed(path):
            value = {part: value}
        assert isinstance(value, dict)
        self._lay(value, noted(value, f"--set {key}"))

    def settings(self) -> Model:
        """All of it, checked.

        Raises:
            ConfigError: with everything that was wrong anywhere.
        """
        fields = self._model.model_fields
        known = {}
        for key, value in self._data.items():
            # Pydantic's settings take some keys of their own, which begin with an underscore.
            if key in fields:
                known[key] = value
            else:
                nearby = nearest(key, fields)
                self.problems.append(f"{self._origins[key,]}: {key}: unknown key{nearby}")
        settings = None
        # Without one of its files much may seem wrong that is not.
        if self._complete:
            try:
                settings = self._model(**known)
            except ValidationError as error:
                self.problems += _problems(error, self._origins, self._model)
        if settings is None or self.problems:
            raise ConfigError(self.problems)
        return settings

    def _lay(self, data: dict[str, Any], origins: Origins) -> None:
        self._data = self._merged(self._data, data, origins, ())

    def _merged(
        self, below: dict[str, Any], above: dict[str, Any], origins: Origins, at: KeyPath
    ) -> dict[str, Any]:
        """``above`` laid over ``below``: mappings key by key, anything else as a whole."""
        result = dict(below)
        for key, value in above.items():
            here = (*at, key)
            old = result.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                result[key] = self._merged(old, value, origins, here)
                continue
            result[key] = value
            if key in below:
                self._origins = {
                    path: origin
                    for path, origin in self._origins.items()
                    if path[: len(here)] != here
                }
            self._origins |= {
                path: origin for path, origin in origins.items() if path[: len(here)] == here
            }
        return result


def _problems(error: ValidationError, origins: Origins, model: type[BaseModel]) -> list[str]:
    details = [
        detail
        for detail in error.errors()
        if detail["type"] != "too_short"
        or detail.get("ctx", {}).get("actual_length") != 0
        or not detail["input"]
    ]
    found = []
    for detail in details:
        path: KeyPath = detail["loc"]
        where = _origin(path, origins)
        if detail["type"] in _UNKNOWN:
            message = f"unknown key{nearest(str(path[-1]), _valid_keys(model, path[:-1]))}"
        else:
            message = _PLAINER.get(detail["type"], detail["msg"]).removeprefix("Value error, ")
            given = detail.get("input")
            if path and any(word in str(path[-1]) for word in _SECRET):
                pass  # not even a wrong one is for a log
            elif given is None:
                message += " (given: nothing)"
            elif isinstance(given, str | int | float | bool):
                message += f" (given: {given!r})"
        name = dotted(path)
        found.append(f"{where}: {name}: {message}" if name else f"{where}: {message}")
    return found


def _origin(path: KeyPath, origins: Origins) -> str:
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return "configuration"


def _valid_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the schema has at ``path``."""
    schema = model.model_json_schema()
    here: Any = schema
    for part in path:
        here = _resolved(here, schema)
        if isinstance(part, int):
            here = here.get("items", {})
        else:
            # A key of a section, or any key of a mapping, whose names may have a pattern.
            named = here.get("patternProperties", {}).values()
            others = next(iter(named), here.get("additionalProperties", {}))
            here = here.get("properties", {}).get(part, others)
    return list(_resolved(here, schema).get("properties", ()))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
            continue
        # A section that may be left out is one of two.
        section = next((each for each in node.get("anyOf", ()) if "$ref" in each), None)
        if section is None:
            return node
        node = section
