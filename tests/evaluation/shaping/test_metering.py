"""The live meters, told by a simulated world."""

import pytest

from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import BATCH, BULK, CLIENTS
from evaluation.shaping.scenario import Scenario, Stretch, static_rules

pytestmark = pytest.mark.unit


def test_readings_add_up_to_what_happened() -> None:
    scenario = Scenario((Stretch("only", 12, (30.0, 60.0, 8.0)),))
    cast = ShapedCast(scenario, static_rules(40.0, None, 4e6, 6), 2, keep=True)
    totals = {name: [0, 0, 0, 0] for name in CLIENTS}
    for second in range(1, 41):
        cast.world.run_until(float(second))
        readings = cast.readings()
        for name, reading in readings.items():
            reading.check()
            assert 1.0 == pytest.approx(reading.seconds)
            for place, value in enumerate(
                (reading.arrivals, reading.completed, reading.refused, reading.sent_bytes)
            ):
                totals[name][place] += value
    for name in CLIENTS:
        ended = [asked for asked, _ in cast.ended if asked.load.name == name]
        completed = [asked for asked in ended if asked.status == 200]
        sent = sum(asked.sent for asked in ended)
        refused = sum(asked.status == 429 for asked in ended)
        assert [len(ended), len(completed), refused, sent] == totals[name]
    assert totals[BATCH][2] > 0


def test_what_is_under_way_shows() -> None:
    stretch = Stretch("only", 10, (30.0, 100.0, 30.0), slow=3.0)
    scenario = Scenario((stretch,), processor_share=0.5, memory_share=0.7, round_trip_seconds=0.01)
    cast = ShapedCast(scenario, static_rules(None, None, None, 6), 2)
    cast.world.run_until(5.0)
    seen = cast.readings()
    assert 6 == seen[BATCH].in_flight and seen[BATCH].waiting > 0
    assert 0.25 < seen[BATCH].cpu <= 0.5 and 0.7 == seen[BATCH].memory
    assert 0.0 < seen[BULK].p95_seconds and seen[BULK].round_trip_seconds >= 0.01
