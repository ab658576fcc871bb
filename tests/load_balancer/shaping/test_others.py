"""What is told of others."""

import pytest

from load_balancer.shaping.others import tell_of_others
from rl.shaping.reading import Reading, Targets

pytestmark = pytest.mark.unit


def busy(completed: int, p95: float) -> Reading:
    return Reading(arrivals=completed, completed=completed, p95_seconds=p95)


def test_everybody_is_told_of_all_but_itself() -> None:
    readings = {"a": busy(10, 0.3), "b": busy(20, 0.1), "c": busy(30, 9.0)}
    wanted = {"a": Targets(p95_seconds=0.1), "b": Targets(p95_seconds=0.2), "c": Targets()}

    tell_of_others(readings, wanted)

    assert [each.others_completed for each in readings.values()] == [50, 40, 30]
    assert [each.others_violations for each in readings.values()] == [0.0, 1.0, 0.5]
    assert [each.others_p95_ratio for each in readings.values()] == pytest.approx([0.5, 3.0, 3.0])
    assert [each.others_weight for each in readings.values()] == [1.0, 1.0, 1.0]


def test_targets_count_by_weight() -> None:
    readings = {"a": busy(1, 0.3), "b": busy(1, 0.1), "c": busy(1, 0.1)}
    wanted = {"a": Targets(p95_seconds=0.1, weight=3), "b": Targets(p95_seconds=0.2)}

    tell_of_others(readings, wanted)

    assert readings["c"].others_violations == pytest.approx(0.75)
    assert readings["c"].others_weight == 2.0
    assert readings["b"].others_weight == 3.0
    assert readings["a"].others_violations == 0.0


def test_some_of_several_targets() -> None:
    readings = {"a": busy(1, 0.3), "b": busy(1, 0.1)}

    tell_of_others(readings, {"a": Targets(p95_seconds=0.1, requests_per_second=1)})

    assert readings["b"].others_violations == 0.5


def test_the_idle_and_the_absent_do_not_count() -> None:
    readings = {"a": Reading(p95_seconds=5.0), "b": busy(1, 0.1)}

    tell_of_others(readings, {"a": Targets(p95_seconds=1), "gone": Targets(p95_seconds=1)})

    assert (readings["b"].others_violations, readings["b"].others_weight) == (0.0, 0.0)
    assert readings["b"].others_p95_ratio == 0.0


def test_who_is_alone_has_no_others() -> None:
    readings = {"a": busy(1, 0.3)}

    tell_of_others(readings, {"a": Targets(p95_seconds=0.1)})

    only = readings["a"]
    assert (only.others_completed, only.others_violations, only.others_weight) == (0, 0.0, 0.0)
