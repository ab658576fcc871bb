"""Fogs by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.loading import ConfigError
from evaluation.fog.configurations import fingerprint, load_configuration, names
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit


def test_ours_can_be_loaded() -> None:
    assert names()[0] == "default"
    assert load_configuration("default") == FogSettings()
    for name in names():
        assert load_configuration(name).agents


def test_files_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.properties"
    path.write_text("NO_NODES_PER_LAYERS 3\nCONTROLLERS 0;2\n")
    assert load_configuration(str(path)).agents == (0, 2)


def test_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        load_configuration("unevn")
    assert "'unevn'" in caught.value.problems[0] and "uneven" in caught.value.problems[0]


def test_fingerprint_is_of_the_fog_and_not_of_its_seed() -> None:
    fog = FogSettings()
    assert fingerprint(fog) == fingerprint(replace(fog, seed=3, duration_seconds=50))
    assert fingerprint(fog) != fingerprint(replace(fog, compat=True))
