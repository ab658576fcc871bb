"""A directory with a configuration in it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from config.loading import ConfigError, load
from config.schema import Settings


class Place:
    """Writes what it is given into a directory and loads it."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "config.yaml"
        self.learning = directory / "rl_config.yaml"

    def load(
        self,
        config: str | bytes = "",
        *overrides: str,
        learning: str | None = None,
        scenario: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        content = config.encode() if isinstance(config, str) else config
        self.config.write_bytes(content)
        self.learning.unlink(missing_ok=True)
        if learning is not None:
            self.learning.write_text(learning, encoding="utf-8")
        return load(self.config, scenario=scenario, overrides=overrides, environ=environ or {})

    def problems(
        self,
        config: str | bytes = "",
        *overrides: str,
        learning: str | None = None,
        scenario: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> list[str]:
        """What is wrong, with the directory left out."""
        with pytest.raises(ConfigError) as caught:
            self.load(config, *overrides, learning=learning, scenario=scenario, environ=environ)
        assert "\n".join(caught.value.problems) == str(caught.value)
        return [each.replace(f"{self.config.parent}/", "") for each in caught.value.problems]
