"""What an interval was worth."""

from math import nan
from typing import Any

import pytest

from rl.shaping.reading import Reading, Targets
from rl.shaping.reward import HALF_SECONDS, Reward, Weights, Yardstick, reward, shares_of

pytestmark = pytest.mark.unit

WEIGHTS = Weights(throughput=1.0, latency=0.5, efficiency=0.2, violation=2.0, others=4.0)


def read(**figures: Any) -> Reading:
    return Reading(**{"arrivals": 100, "completed": 100, "p95_seconds": 0.05, **figures})


def paid(reading: Reading, targets: Targets | None = None, **more: Any) -> Reward:
    return reward(None, reading, targets or Targets(p95_seconds=0.1), WEIGHTS, **more)


def test_the_parts_add_up() -> None:
    found = paid(read(p95_seconds=0.2, others_violations=0.5, others_weight=1.0))

    assert found.missed == ("p95_seconds",)
    assert found.throughput == 1.0
    assert found.latency == -0.5
    assert found.efficiency == 0.2
    assert found.violation == -2.0
    assert found.others == -2.0
    assert found.total == pytest.approx(sum(found[1:6]))


def test_others_count_only_among_the_cooperative() -> None:
    """Measured they are in any case."""
    reading = read(others_violations=0.5, others_weight=1.0)

    alone = paid(reading, cooperative=False)

    assert alone.others == -2.0
    assert alone.total == paid(reading).total + 2.0


@pytest.mark.parametrize(
    ("own", "others", "shares"),
    [(1, 0, (1, 0)), (1, 1, (1, 1)), (4, 1, (1, 0.25)), (1, 4, (0.25, 1))],
)
def test_the_weightier_side_counts_in_full(
    own: float, others: float, shares: tuple[float, float]
) -> None:
    targets = Targets(p95_seconds=0.1, weight=own)
    reading = read(p95_seconds=0.2, others_violations=1.0, others_weight=others)

    assert shares_of(targets, reading) == shares
    found = paid(reading, targets)
    assert (found.violation, found.others) == (-2.0 * shares[0], -4.0 * shares[1])


def test_without_targets_nothing_is_violated() -> None:
    found = paid(read(p95_seconds=9.0), Targets())

    assert found.violation == 0.0 and found.missed == ()


def test_throughput_is_what_was_got() -> None:
    assert paid(read(completed=50)).throughput == 0.5
    assert paid(read(arrivals=0, completed=9)).throughput == 1.0
    assert paid(read(completed=50), got=0.9).throughput == 0.9


def test_latency_without_a_target_is_what_was_reduced() -> None:
    targets = Targets()

    def latency(before: float, after: float) -> float:
        return reward(read(p95_seconds=before), read(p95_seconds=after), targets, WEIGHTS).latency

    assert latency(0.2, 0.1) == pytest.approx(0.25)
    assert latency(0.1, 0.2) == pytest.approx(-0.25)
    assert latency(0.0, 0.2) == latency(0.2, 0.0) == 0.0
    assert reward(None, read(), targets, WEIGHTS).latency == 0.0


def test_latency_is_no_worse_than_twice_its_target() -> None:
    assert paid(read(p95_seconds=0.025)).latency == pytest.approx(0.375)
    assert paid(read(p95_seconds=50.0)).latency == -0.5


def test_what_failed_or_went_twice_is_waste() -> None:
    assert paid(read(completed=50, failed=30, refused=20)).efficiency == pytest.approx(0.1)
    assert paid(read(segments=100, retransmitted=50)).efficiency == pytest.approx(0.1)
    assert paid(Reading()).efficiency == 0.2


@pytest.mark.parametrize("name", ["throughput", "latency", "efficiency", "violation", "others"])
@pytest.mark.parametrize("value", [-1.0, nan, 1e9, True])
def test_a_weight_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name}: must be 0 to 1000"):
        Weights(**{name: value})


def test_work_is_measured_by_the_most_of_late() -> None:
    yardstick = Yardstick()

    assert yardstick.measure(read(completed=100)) == 1.0
    # It wanted no more.
    assert yardstick.measure(read(completed=50)) == 1.0
    short = yardstick.measure(read(completed=50, delayed=3))
    assert short == pytest.approx(0.5, rel=0.05)
    for _ in range(int(HALF_SECONDS)):
        short = yardstick.measure(read(completed=50, delayed=3))
    assert short == pytest.approx(1.0)


def test_few_long_answers_are_measured_in_bytes() -> None:
    yardstick = Yardstick()
    figures: dict[str, Any] = {"arrivals": 0, "completed": 0, "in_flight": 1}

    assert yardstick.measure(read(**figures, sent_bytes=1000)) == 1.0
    assert yardstick.measure(read(**figures, sent_bytes=500)) == pytest.approx(0.5, rel=0.05)
    assert yardstick.measure(Reading(sent_bytes=1)) == 1.0
    assert Yardstick().measure(Reading()) == 1.0
