"""What agents see."""

from dataclasses import fields
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.shaping.encoding import (
    EASY,
    EQUAL,
    FAR,
    FEATURES,
    FLOODING,
    FREE,
    HELD,
    LEVEL_SIZES,
    LIGHTER,
    MISSED,
    NEAR,
    SIZE,
    STATES,
    VERSION,
    WEIGHTIER,
    features,
    held_level,
    levels,
    others_level,
    own_level,
    rate_position,
    weight_level,
)
from rl.shaping.envelope import Bounds, Envelope
from rl.shaping.reading import Reading, Targets
from rl.shaping.settings import Setting

pytestmark = pytest.mark.unit

ENVELOPE = Envelope(
    {
        "requests_per_second": Bounds(10, 1000, 1.25),
        "download_bytes_per_second": Bounds(1e4, 1e8, 2),
        "burst": Bounds(1, 100, 2),
        "urgency": Bounds(0, 7, 1),
        "drop_probability": Bounds(0, 0.5, 0.1),
    },
    paths=3,
)
SETTING = Setting(100.0, 1e6, 10, 0, 0.5, 1)
TARGETS = Targets(p95_seconds=0.1, requests_per_second=50)


def read(**figures: Any) -> Reading:
    return Reading(**{"arrivals": 100, "completed": 100, "p95_seconds": 0.05, **figures})


def test_the_version_goes_with_the_features() -> None:
    """Who changes a feature or a level must count the version up: here, and nowhere else, does a
    test know how many there were."""
    assert (VERSION, SIZE, STATES) == (1, 31, 864)
    assert len(set(FEATURES)) == SIZE


figures = st.one_of(
    st.integers(0, 10**9),
    st.floats(0, 1e12, allow_nan=False),
    st.sampled_from([0.0, 1e-300, 1e300, 1.0]),
)


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({each.name: figures for each in fields(Reading)}), st.booleans())
def test_no_reading_leaves_the_range(given: dict[str, Any], bound: bool) -> None:
    reading = Reading(**given)
    reading.seconds = max(reading.seconds, 1e-3)
    envelope, setting = (ENVELOPE, SETTING) if bound else (Envelope({}), Setting())
    targets = TARGETS if bound else Targets()

    found = features(reading, targets, setting, envelope)
    state = levels(reading, targets, setting, envelope)

    assert len(found) == SIZE
    assert all(-1.0 <= value <= 1.0 for value in found)
    assert all(0 <= level < size for level, size in zip(state, LEVEL_SIZES, strict=True))


@pytest.mark.parametrize("value", [nan, inf])
def test_what_is_no_number_becomes_none_of_the_features(value: float) -> None:
    found = features(read(cpu=value, p95_seconds=value), TARGETS, SETTING, ENVELOPE)

    assert all(-1.0 <= each <= 1.0 for each in found)


def test_features_by_name() -> None:
    reading = read(
        arrivals=800,
        failed=0,
        refused=0,
        delayed=80,
        p95_seconds=0.1,
        p50_seconds=0.05,
        pressure=0.75,
        application=0.4,
        others_violations=0.5,
        others_weight=1.0,
    )
    found = dict(zip(FEATURES, features(reading, TARGETS, SETTING, ENVELOPE), strict=True))

    assert found["arrivals_to_rate"] == pytest.approx(1.0)
    assert found["completed_to_arrivals"] == pytest.approx(-0.75)
    assert found["bytes_to_rate"] == -1.0
    assert found["p95_to_target"] == 0.0
    assert found["p50_to_target"] == pytest.approx(-1 / 3)
    assert found["throughput_to_target"] == pytest.approx(1 / 3)
    assert found["missed"] == 0.0
    assert found["delayed"] == pytest.approx(0.1)
    assert found["pressure"] == 0.75
    assert found["application"] == pytest.approx(-0.6)
    assert found["others_violations"] == 0.5
    assert found["others_p95_ratio"] == -1.0
    assert found["others_weight"] == 0.0
    assert found["requests_per_second"] == pytest.approx(0.0)
    assert found["urgency"] == -1.0
    assert found["drop_probability"] == 1.0
    assert found["path"] == 0.5
    assert found["idle"] == 0.0


@pytest.mark.parametrize(
    ("figures", "level"),
    [
        ({}, EASY),
        ({"p95_seconds": 0.08}, NEAR),
        ({"p95_seconds": 0.11}, MISSED),
        ({"p95_seconds": 0.21}, FAR),
        ({"completed": 10}, MISSED),
        ({"completed": 10, "p95_seconds": 0.11}, FAR),
        ({"arrivals": 0, "completed": 0, "p95_seconds": 0.3}, EASY),
    ],
)
def test_own_levels(figures: dict[str, Any], level: int) -> None:
    assert own_level(read(**figures), TARGETS) == level


def test_levels_of_others() -> None:
    assert others_level(read()) == EASY
    assert others_level(read(others_p95_ratio=0.8)) == NEAR
    assert others_level(read(others_p95_ratio=0.1, others_violations=0.1)) == MISSED


@pytest.mark.parametrize(
    ("own", "others", "level"),
    [(1.0, 1.0, EQUAL), (4.0, 1.0, WEIGHTIER), (1.0, 1.2, EQUAL), (1.0, 2.0, LIGHTER)],
)
def test_whose_targets_are_weightier(own: float, others: float, level: int) -> None:
    assert weight_level(read(others_weight=others), Targets(0.1, weight=own)) == level


def test_a_client_without_targets_is_the_lightest() -> None:
    assert weight_level(read(others_weight=0.1), Targets(weight=9)) == LIGHTER
    assert weight_level(read(), Targets()) == EQUAL


def test_who_is_held_by_its_own_rule() -> None:
    assert held_level(read(delayed=5), SETTING) == FREE
    assert held_level(read(delayed=6), SETTING) == HELD
    assert held_level(read(refused=10, arrivals=0), SETTING) == HELD
    assert held_level(read(sent_bytes=960_000), SETTING) == HELD
    assert held_level(read(sent_bytes=960_000, seconds=2.0), SETTING) == FREE
    assert held_level(read(sent_bytes=960_000), Setting()) == FREE


def test_who_floods_is_told_from_who_is_held() -> None:
    assert held_level(read(arrivals=200, refused=100), SETTING) == HELD
    assert held_level(read(arrivals=200, refused=101), SETTING) == FLOODING
    # Whose requests that wait from before are refused now.
    assert held_level(read(arrivals=0, completed=10, refused=90), SETTING) == FLOODING


def test_where_the_rates_stand() -> None:
    assert rate_position(SETTING, ENVELOPE) == pytest.approx(0.5)
    assert rate_position(Setting(), Envelope({})) == 1.0
    assert levels(read(), TARGETS, Setting(10.0, 1e4), ENVELOPE)[-1] == 0
    assert levels(read(), TARGETS, Setting(1000.0, 1e8), ENVELOPE)[-1] == 3


def test_all_levels_together() -> None:
    reading = read(p95_seconds=0.3, others_violations=1.0, others_weight=3, pressure=0.5, delayed=9)

    assert levels(reading, TARGETS, SETTING, ENVELOPE) == (FAR, MISSED, LIGHTER, 1, 1, 2)
