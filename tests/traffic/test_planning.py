"""traffic.planning: settings made into plans, traces from files."""

import random
from pathlib import Path

import pytest

from config.traffic import Diurnal, MixEntry, Modulated, Traffic
from traffic.arrivals import WorkloadError
from traffic.planning import plan_of, read_trace
from traffic.workload import make_plan

pytestmark = pytest.mark.unit


def test_a_plan_is_that_of_the_settings_and_the_seed() -> None:
    traffic = Traffic(mix=(MixEntry(path="/{n}"),))
    expected = make_plan("poisson", traffic.mix, random.Random(4), rate=9, requests=30)
    assert plan_of(traffic, 4, rate=9, requests=30) == expected


def test_the_shape_of_the_arrivals_is_that_of_the_settings() -> None:
    calm = Modulated(calm_seconds=1000, calm_level=1.0, burst_seconds=1.0, burst_level=1000.0)
    flat = Diurnal(amplitude=0.0)
    modulated = Traffic(arrivals="modulated", modulated=calm)
    assert len(plan_of(modulated, 1, rate=100, duration=2.0)) < 180  # half the mean in the calm
    diurnal = Traffic(arrivals="diurnal", diurnal=flat)
    assert len(plan_of(diurnal, 1, rate=100, duration=4.0)) > 320


def test_a_trace_is_found_from_here_or_beside_the_scenarios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("traffic.planning.SCENARIOS", tmp_path / "scenarios")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "day.csv").write_text("0\n2,GET,/x\n4\n")
    traffic = Traffic(arrivals="trace", trace="day.csv", trace_speed=2.0)
    found = plan_of(traffic, 0, rate=1)
    assert [(each.offset, each.path) for each in found] == [(0.0, "/"), (1.0, "/x"), (2.0, "/")]
    assert len(plan_of(traffic, 0, rate=1, duration=1.5)) == 2
    assert len(plan_of(traffic, 0, rate=1, requests=1)) == 1
    (tmp_path / "day.csv").write_text("0\n")
    assert len(plan_of(traffic, 0, rate=1)) == 1


def test_a_trace_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name, message in (
        (None, "traffic.trace: arrivals from a trace need a file"),
        ("nowhere.log", "nowhere.log: cannot be read: No such file"),
        (str(tmp_path / "bytes"), "it is not UTF-8 text"),
    ):
        with pytest.raises(WorkloadError, match=message):
            read_trace(name)
