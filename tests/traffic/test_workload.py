"""traffic.workload: plans, arrivals, traces."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from config.traffic import Diurnal, MixEntry, Modulated
from traffic.arrivals import Burst, WorkloadError
from traffic.traces import MOST_REQUESTS, TracedRequest
from traffic.workload import Arrivals, PlannedRequest, make_plan, trace_plan

pytestmark = pytest.mark.unit

MIX = (MixEntry(path="/"),)
TWO = (
    MixEntry(path="/a", weight=3.0),
    MixEntry(path="/b", weight=1.0, method="POST", body_bytes=7),
)
KINDS: tuple[Arrivals, ...] = ("poisson", "uniform", "burst", "modulated", "diurnal")


def offsets(plan: list[PlannedRequest]) -> list[float]:
    return [request.offset for request in plan]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_plan(kind: Arrivals) -> None:
    plans = [make_plan(kind, TWO, random.Random(seed), rate=50, requests=200) for seed in (1, 1, 2)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]


@pytest.mark.parametrize("kind", KINDS)
def test_arrival_times_do_not_depend_on_the_mix(kind: Arrivals) -> None:
    one = make_plan(kind, MIX, random.Random(5), rate=50, requests=200)
    other = make_plan(kind, TWO, random.Random(5), rate=50, requests=200)
    assert offsets(one) == offsets(other)


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_begin_after_the_start_and_never_go_back(kind: Arrivals) -> None:
    found = offsets(make_plan(kind, MIX, random.Random(0), rate=200, requests=2000))
    assert found[0] >= 0
    assert all(before <= after for before, after in pairwise(found))


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_of_requests_has_exactly_so_many(kind: Arrivals) -> None:
    assert len(make_plan(kind, MIX, random.Random(0), rate=10, requests=321)) == 321


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_of_seconds_ends_before_they_are_over(kind: Arrivals) -> None:
    found = offsets(make_plan(kind, MIX, random.Random(0), rate=100, duration=3.0))
    assert 0 < len(found) < 700
    assert found[-1] < 3.0


def test_of_duration_and_requests_the_first_to_end_ends_the_plan() -> None:
    short = make_plan("uniform", MIX, random.Random(0), rate=10, duration=1.0, requests=50)
    few = make_plan("uniform", MIX, random.Random(0), rate=10, duration=9.0, requests=5)
    assert [len(short), len(few)] == [10, 5]


def test_uniform_arrivals_have_equal_gaps_from_zero_on() -> None:
    plan = make_plan("uniform", MIX, random.Random(0), rate=8, duration=2.0)
    assert offsets(plan) == [index / 8 for index in range(16)]


def test_poisson_gaps_are_exponential() -> None:
    """Mean 1/rate, and as much deviation as mean."""
    plan = make_plan("poisson", MIX, random.Random(3), rate=40, requests=20_000)
    gaps = np.diff(offsets(plan))
    assert gaps.mean() == pytest.approx(1 / 40, rel=0.03)
    assert gaps.std() == pytest.approx(1 / 40, rel=0.05)


@pytest.mark.parametrize("duration", [3.0, 7.0, 60.0])
def test_bursts_keep_the_mean_rate_at_any_length(duration: float) -> None:
    plan = make_plan("burst", MIX, random.Random(1), rate=20_000 / duration, duration=duration)
    assert len(plan) == pytest.approx(20_000, rel=0.03)


def test_a_burst_is_as_much_faster_as_it_says_and_comes_after_the_calm() -> None:
    plan = make_plan("burst", MIX, random.Random(2), rate=2000, duration=10.0)
    phase = np.asarray(offsets(plan)) % 5.0
    calm, burst = (phase < 4.0).sum() / 8.0, (phase >= 4.0).sum() / 2.0
    assert calm == pytest.approx(1000, rel=0.05)
    assert burst == pytest.approx(6000, rel=0.05)


def test_a_burst_can_take_all_and_leave_the_calm_empty() -> None:
    every = Burst(period=2.0, share=0.5, factor=2.0)
    plan = make_plan("burst", MIX, random.Random(2), rate=500, duration=4.0, burst=every)
    assert (np.asarray(offsets(plan)) % 2.0 >= 1.0).all()


def test_the_mix_is_drawn_by_weight() -> None:
    plan = make_plan("uniform", TWO, random.Random(0), rate=10, requests=8000)
    posts = [request for request in plan if request.method == "POST"]
    assert len(posts) == pytest.approx(2000, rel=0.1)
    assert {(request.path, request.body_bytes) for request in posts} == {("/b", 7)}


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("rate 0", {"rate": 0, "requests": 1}),
        ("rate nan", {"rate": math.nan, "requests": 1}),
        ("rate inf", {"rate": math.inf, "requests": 1}),
        ("neither duration nor requests", {"rate": 1}),
        ("duration -1", {"rate": 1, "duration": -1}),
        ("duration inf", {"rate": 1, "duration": math.inf}),
        ("requests 0", {"rate": 1, "requests": 0}),
        ("too many", {"rate": 1000, "duration": MOST_REQUESTS}),
    ],
)
def test_numbers_that_make_no_plan_are_named(message: str, arguments: dict[str, float]) -> None:
    with pytest.raises(WorkloadError, match=message):
        make_plan("poisson", MIX, random.Random(0), **arguments)  # type: ignore[arg-type]


def test_an_empty_mix_is_refused() -> None:
    with pytest.raises(WorkloadError, match="mix is empty"):
        make_plan("poisson", (), random.Random(0), rate=1, requests=1)


def test_a_trace_is_replayed_as_it_is_and_the_mix_fills_what_it_leaves_open() -> None:
    trace = [TracedRequest(0.0), TracedRequest(1.0, "PUT", "/x"), TracedRequest(2.0)]
    plan = trace_plan(trace, (TWO[1],), random.Random(0), duration=2.0)
    assert [(each.offset, each.method, each.path, each.body_bytes) for each in plan] == [
        (0.0, "POST", "/b", 7),
        (1.0, "PUT", "/x", 0),
    ]
    assert len(trace_plan(trace, TWO, random.Random(0))) == 3


def test_a_trace_can_be_played_faster() -> None:
    trace = [TracedRequest(0.0), TracedRequest(1.0), TracedRequest(4.0)]
    plan = trace_plan(trace, MIX, random.Random(0), duration=1.5, speed=2.0)
    assert offsets(plan) == [0.0, 0.5]


def test_every_request_has_a_quantile_which_depends_on_neither_arrivals_nor_mix() -> None:
    one = make_plan("poisson", MIX, random.Random(5), rate=50, requests=2000)
    keyed = (MixEntry(path="/{key}/{n}/{uuid}", keys=9),)
    other = make_plan("uniform", keyed, random.Random(5), rate=9, requests=2000)
    found = [each.quantile for each in one]
    assert found == [each.quantile for each in other]
    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.02)
    assert all(0 <= each < 1 for each in found)


def test_placeholders_are_filled_anew_for_each_request() -> None:
    keyed = (MixEntry(path="/item/{key}?at={n}", keys=3),)
    plan = make_plan("uniform", keyed, random.Random(0), rate=9, requests=200)
    assert {each.path.partition("?")[0] for each in plan} == {"/item/0", "/item/1", "/item/2"}
    assert len({each.path for each in plan}) == 200


def test_the_shapes_of_changing_rates_are_taken() -> None:
    dice = random.Random(1)
    slow = Modulated(calm_seconds=1e6, burst_seconds=1e-6)
    calm = make_plan("modulated", MIX, dice, rate=500, duration=4.0, modulated=slow)
    assert len(calm) == pytest.approx(2000, rel=0.1)
    flat = Diurnal(amplitude=0.0)
    assert len(make_plan("diurnal", MIX, dice, rate=500, duration=4.0, diurnal=flat)) > 1800
