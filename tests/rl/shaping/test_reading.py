"""Readings, targets, and which of them are missed."""

from dataclasses import fields
from math import inf, nan
from typing import Any

import pytest

from rl.shaping.reading import (
    LOST_RATIO,
    MOST_METRICS,
    Reading,
    Targets,
    check_metric,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", [each.name for each in fields(Reading)])
@pytest.mark.parametrize("value", [nan, inf, -1])
def test_a_figure_that_is_no_number_is_named(name: str, value: float) -> None:
    reading = Reading()
    reading.check()
    setattr(reading, name, value)

    with pytest.raises(ValueError, match=f"^{name}: must be a finite number, 0 or more"):
        reading.check()


def test_an_interval_has_a_length() -> None:
    with pytest.raises(ValueError, match=r"^seconds: must be above 0"):
        Reading(seconds=0.0).check()


@pytest.mark.parametrize("name", ["arrivals", "completed", "waiting", "in_flight"])
def test_a_client_is_idle_of_which_nothing_is_there(name: str) -> None:
    assert Reading(refused=0, sent_bytes=10).idle
    changed: dict[str, Any] = {name: 1}
    assert not Reading(**changed).idle


@pytest.mark.parametrize(
    "name", ["p95_seconds", "requests_per_second", "deadline_seconds", "weight"]
)
@pytest.mark.parametrize("value", [nan, inf, 0, -1.0, 1e9, True, "1"])
def test_a_target_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: must be "):
        Targets(**{name: value})


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"": 1.0}, "application_target: a metric's name has 1 to 64 characters"),
        ({"a" * 65: 1.0}, "application_target: a metric's name"),
        ({"a\n": 1.0}, "application_target: a metric's name"),
        ({"fps": nan}, "application_target.fps: must be a finite number"),
        ({"fps": True}, "application_target.fps: must be a finite number"),
        ({"fps": 0.0}, "application_target.fps: must be above 0"),
        ({str(number): 1.0 for number in range(MOST_METRICS + 1)}, "application_target: there can"),
    ],
)
def test_a_metric_that_cannot_be_is_named(metrics: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Targets(application_target=metrics)


def test_a_metric_may_be_anything_finite() -> None:
    check_metric("fps", -3, "metrics")
    with pytest.raises(ValueError, match=r"^metrics\.fps: must be a finite number, not nan"):
        check_metric("fps", nan, "metrics")


BUSY: dict[str, Any] = {"arrivals": 100, "completed": 100, "p95_seconds": 0.1}


@pytest.mark.parametrize(
    ("targets", "reading", "missed"),
    [
        (Targets(), BUSY, []),
        (Targets(p95_seconds=0.1), BUSY, []),
        (Targets(p95_seconds=0.09), BUSY, ["p95_seconds"]),
        # Nothing was there, whatever the last answers took.
        (Targets(p95_seconds=0.09), {"p95_seconds": 1.0}, []),
        # Who gets no answer waits for ever.
        (Targets(p95_seconds=1.0), {**BUSY, "refused": 5}, []),
        (Targets(p95_seconds=1.0), {**BUSY, "refused": 6}, ["p95_seconds"]),
        (Targets(p95_seconds=1.0), {**BUSY, "failed": 6}, ["p95_seconds"]),
        (Targets(requests_per_second=200), BUSY, []),
        (Targets(requests_per_second=200), {**BUSY, "arrivals": 300}, ["requests_per_second"]),
        (Targets(requests_per_second=200), {**BUSY, "waiting": 300}, ["requests_per_second"]),
        (Targets(requests_per_second=100), {**BUSY, "waiting": 300}, []),
        (
            Targets(requests_per_second=100),
            {**BUSY, "waiting": 300, "seconds": 2.0},
            ["requests_per_second"],
        ),
        (Targets(deadline_seconds=1), {**BUSY, "deadline_missed": 5}, []),
        (Targets(deadline_seconds=1), {**BUSY, "deadline_missed": 6}, ["deadline_seconds"]),
        (Targets(deadline_seconds=1), {**BUSY, "failed": 6}, ["deadline_seconds"]),
        (
            Targets(application_target={"fps": 30}),
            {**BUSY, "application": 0.9},
            ["application_target"],
        ),
        (Targets(application_target={"fps": 30}), BUSY, []),
    ],
)
def test_which_targets_are_missed(
    targets: Targets, reading: dict[str, Any], missed: list[str]
) -> None:
    assert targets.missed(Reading(**reading)) == missed


def test_targets_are_counted() -> None:
    assert Targets(weight=3).count == 0
    assert Targets(1, 1, 1, 1, {"a": 1, "b": 2}).count == 4


def test_how_far_a_percentile_is_from_its_target() -> None:
    targets = Targets(p95_seconds=0.2)

    assert targets.p95_ratio(Reading(**BUSY)) == pytest.approx(0.5)
    assert targets.p95_ratio(Reading(**{**BUSY, "refused": 50})) == LOST_RATIO
    assert targets.p95_ratio(Reading(**{**BUSY, "refused": 50, "p95_seconds": 9.0})) == 45.0
    assert Targets().p95_ratio(Reading(**BUSY)) == 0.0
