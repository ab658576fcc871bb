"""Which fog: by the name of one of ours or by a file; and a name for exactly its settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from config.fog import DEFAULT_FOG, load_fog
from config.loading import ConfigError, nearest
from rl.fog.settings import FogSettings

FOLDER = DEFAULT_FOG.parent / "fogs"
DEFAULT = "default"


def names() -> list[str]:
    """Those of ours, ``default`` first."""
    return [DEFAULT, *sorted(path.stem for path in FOLDER.glob("*.yaml"))]


def load_configuration(name: str) -> FogSettings:
    """By its name, or the path of a YAML or properties file.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """
    if name == DEFAULT:
        return load_fog()
    ours = FOLDER / f"{name}.yaml"
    if name in names():
        return load_fog(ours)
    path = Path(name)
    if not path.is_file():
        raise ConfigError([f"--configuration: no fog and no file {name!r}{nearest(name, names())}"])
    return load_fog(path)


def fingerprint(settings: FogSettings) -> str:
    """Equal for equal fogs, whatever their seeds and however long they are watched."""
    data = asdict(settings)
    for name in ("seed", "duration_seconds", "trace_path", "topology_path"):
        del data[name]
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
