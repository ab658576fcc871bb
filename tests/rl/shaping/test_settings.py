"""Levers, actions and what a setting is beside another."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from rl.shaping.settings import ACTIONS, KEEP, LEVERS, Setting, compared

pytestmark = pytest.mark.unit


def test_every_lever_has_its_actions() -> None:
    assert ACTIONS[KEEP] == "keep"
    assert {action.rstrip("+-") for action in ACTIONS[1:]} == set(LEVERS)
    assert len(set(ACTIONS)) == len(ACTIONS) == 12


@pytest.mark.parametrize(
    ("lever", "value"),
    [
        ("requests_per_second", 0.0),
        ("requests_per_second", nan),
        ("download_bytes_per_second", inf),
        ("burst", -1),
        ("urgency", 8),
        ("urgency", -1),
        ("drop_probability", 1.1),
        ("drop_probability", nan),
        ("path", -1),
    ],
)
def test_what_cannot_be_in_force_is_named(lever: str, value: float) -> None:
    Setting().check()
    changed: dict[str, Any] = {lever: value}

    with pytest.raises(ValueError, match=f"^{lever}: "):
        replace(Setting(), **changed).check()


STATIC = Setting(requests_per_second=10.0, burst=2, urgency=3, drop_probability=0.1)


@pytest.mark.parametrize(
    ("changed", "less", "more"),
    [
        ({}, False, False),
        ({"requests_per_second": 9.0}, True, False),
        ({"requests_per_second": 11.0}, False, True),
        ({"requests_per_second": None}, False, True),
        ({"download_bytes_per_second": 1e6}, True, False),
        ({"burst": 1}, True, False),
        ({"urgency": 4}, True, False),
        ({"urgency": 2}, False, True),
        ({"drop_probability": 0.2}, True, False),
        ({"drop_probability": 0.0}, False, True),
        ({"path": 1}, True, True),
        ({"requests_per_second": 9.0, "urgency": 1}, True, True),
    ],
)
def test_a_setting_gives_less_or_more_than_another(
    changed: dict[str, Any], less: bool, more: bool
) -> None:
    assert compared(replace(STATIC, **changed), STATIC) == (less, more)
    assert compared(STATIC, STATIC) == (False, False)
