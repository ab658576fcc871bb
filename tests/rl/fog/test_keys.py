"""The table of keys."""

import dataclasses

import pytest

from rl.fog.keys import ORIGINAL, OWN, nearest
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit

FIELDS = {each.name for each in dataclasses.fields(FogSettings)}
MADE = {"trace", "per_node"}
"""Fields that follow from others."""


def test_every_field_has_our_name_and_every_name_its_field() -> None:
    assert set(OWN) == FIELDS - MADE
    assert all(name == key.field and key.section for name, key in OWN.items())


def test_every_field_says_in_its_docs_what_it_is() -> None:
    """And those that the original knows name its key."""
    documented = FogSettings.__doc__ or ""
    for each in FIELDS:
        assert f"        {each}: " in documented, each
    for name, key in ORIGINAL.items():
        if key.field in FIELDS and not name.startswith(("protocol.wrk.FREQ", "protocol.wrk.NO")):
            short = name.rpartition(".")[2] if name.startswith("protocol.clt") else name
            assert short in documented or name == "protocol.wrk.Q_MAX", name


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("SIZ", "SIZE"),
        ("size", "SIZE"),
        ("numberOfTasks", "protocol.clt.numberOfTasks"),
        ("protocol.clt.weights", "protocol.clt.weight"),
        ("NO_NODES_PER_LAYER", "NO_NODES_PER_LAYERS"),
        ("protocol.clt.clientIsSelf", "clientIsSelf"),
        ("protocol.wrk.T", "protocol.clt.T"),
        ("protocol.clt.CPU", "protocol.clt.CPI"),
        ("T", "protocol.clt.T"),
    ],
)
def test_nearest_key(wrong: str, right: str) -> None:
    assert nearest(wrong, ORIGINAL) == right


def test_nearest_of_nothing_alike_is_still_a_valid_key() -> None:
    assert nearest("", ORIGINAL) in ORIGINAL
    assert nearest("§§§", ORIGINAL) in ORIGINAL
