"""Reads a fog's configuration: our YAML file, or a properties file of the original's keys."""

from __future__ import annotations

from pathlib import Path

from config.loading import ConfigError
from config.yaml_file import read
from rl.fog.keys import FogConfigError
from rl.fog.settings import FogSettings, read_properties

DEFAULT_FOG = Path(__file__).resolve().parent / "fog.yaml"
LARGEST_FILE_BYTES = 256 << 20
"""Of a trace or a topology."""


def load_fog(path: Path | str | None = None) -> FogSettings:
    """The settings of one fog.

    A file that ends in ``.yaml`` or ``.yml`` has our names under their sections, any other the
    original's keys. The files that it names (a trace, a topology) stand beside it.

    Args:
        path: the file. Default: ours.

    Raises:
        ConfigError: naming the file, the line where there is one, and the key at fault.
    """
    path = Path(path) if path is not None else DEFAULT_FOG
    lines: dict[str, str] = {}
    try:
        if path.suffix in (".yaml", ".yml"):
            data, origins, problems = read(path)
            if data is None or problems:
                raise ConfigError(problems)
            lines = {".".join(map(str, at)): where for at, where in origins.items()}
            return FogSettings.from_yaml(data, _beside(path))
        return FogSettings.from_keys(read_properties(_text(path)), _beside(path))
    except FogConfigError as error:
        where = lines.get(error.key.partition("[")[0], str(path))
        raise ConfigError([f"{where}: {error}"]) from None
    except _Unreadable as error:
        raise ConfigError([f"{path}: {error}"]) from None


class _Unreadable(ValueError):
    """A file that cannot be read; the message says why."""


def _beside(path: Path) -> _Files:
    return _Files(path.parent)


class _Files:
    """Texts of files by their names, as seen from a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> str:
        """Raises ValueError."""
        return _text(self._folder / name)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise _Unreadable(f"larger than {LARGEST_FILE_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _Unreadable(f"not UTF-8: {error.reason} at byte {error.start}") from None
