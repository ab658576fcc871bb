"""Rules that look into the stations: never far from the best that is known of a queue."""

import random
from statistics import fmean

import pytest

from config.loading import load
from config.schema import Server, Settings
from evaluation.simulate.cast import from_registry
from evaluation.simulate.reference import LOOKED_AT, NAMES, Builder, Known, squared_variation
from evaluation.simulate.run import simulate
from rl.queueing import erlang_c
from rl.simulation.profile import Phase, ServiceProfile

pytestmark = pytest.mark.unit


def small(scenario: str, *overrides: str) -> Settings:
    given = ["simulation.duration_seconds=8", "simulation.warmup_seconds=1", *overrides]
    return load(scenario=scenario, overrides=given, environ={})


def cost(settings: Settings, name: str, seed: int = 1) -> float:
    policy = Builder(seed) if name in NAMES else from_registry
    run = simulate(settings, name, seed, policy)
    return float(run.cost[run.counted].mean())


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_one_run(name: str) -> None:
    settings = small("S10")

    assert cost(settings, name) == cost(settings, name)


def test_without_queues_everything_goes_to_the_fastest() -> None:
    assert cost(small("S1u"), "oracle") == pytest.approx(0.05, rel=0.02)


def test_the_externality_pays_off_where_it_is_crowded() -> None:
    """Three unequal servers at 0.9 of their capacity: greed fills the fastest one's queue."""
    settings = small("S1:.9", "simulation.duration_seconds=30")
    greedy, half = (fmean(cost(settings, name, seed) for seed in range(3)) for name in NAMES[:2])

    assert half < 0.95 * greedy


@pytest.mark.parametrize("scenario", ["S2", "S3:bh100", "S4:.5", "S5", "S6:350", "S8", "S9"])
def test_it_beats_who_cannot_look(scenario: str) -> None:
    settings = small(scenario)
    reference = min(cost(settings, name) for name in NAMES)

    assert reference <= 1.02 * cost(settings, "least_request")


def test_who_fails_or_is_slow_is_left_alone() -> None:
    for phase in (Phase("fail"), Phase("slow", factor=50), Phase("hang")):
        first = Server(id="a", port=1, service=ServiceProfile(slots=50, phases=(phase,)))
        settings = Settings(
            servers=(first, Server(id="b", port=2, service=ServiceProfile(slots=50))),
            simulation={"duration_seconds": 2, "warmup_seconds": 0, "timeout_seconds": 1},  # type: ignore[arg-type]
        )
        run = simulate(settings, "oracle", 0, Builder(0))

        assert {1} == {*run.endpoint.tolist()}


def test_a_remembered_page_counts() -> None:
    """One page, asked for again and again: it is worked out at most once by each server."""
    settings = small(
        "S6:350",
        'traffic.mix=[{path: "/one"}]',
        "experiment.request_rate=40",
        "simulation.warmup_seconds=2",
    )

    assert cost(settings, "oracle") == pytest.approx(0.005)


def test_processor_sharing_slows_everybody() -> None:
    """M/M/c's mean also holds under processor sharing: one server of four slots at 0.8."""
    service = ServiceProfile(
        slots=4, sizes="exponential", discipline="processor_sharing", queue_limit=10_000
    )
    settings = Settings(
        servers=(Server(id="a", port=1, base_delay_ms=50, service=service),),
        experiment={"request_rate": 64.0},  # type: ignore[arg-type]
        simulation={"duration_seconds": 300, "warmup_seconds": 20},  # type: ignore[arg-type]
    )
    expected = 0.05 + erlang_c(4, 3.2) * 0.05 / (4 - 3.2)

    assert cost(settings, "oracle:externality=1") == pytest.approx(expected, rel=0.1)


def test_of_a_large_fleet_a_sample_is_looked_at() -> None:
    settings = small("large:100", "simulation.duration_seconds=1.5")
    run = simulate(settings, "oracle", 0, Builder(0))

    assert LOOKED_AT < len({*run.endpoint.tolist()}) <= 100
    assert not run.failed.any()


def test_balancers_know_of_each_other() -> None:
    builder = Builder(0)
    settings = small("S5")
    assert builder.shared(settings, []) is builder.shared(settings, [])
    with pytest.raises(ValueError, match="no reference 'x'; valid: oracle,"):
        builder("x", settings, random.Random(0), [])


def test_variations_of_sizes() -> None:
    assert 1.0 == squared_variation(ServiceProfile(sizes="exponential"))
    assert pytest.approx(0.01 / 3) == squared_variation(ServiceProfile(spread=0.1))
    assert 4.0 == squared_variation(ServiceProfile(sizes="lognormal", spread=2.0))


def test_work_that_is_over_is_forgotten() -> None:
    class Nobody:
        class behaviour:
            profile = ServiceProfile(slots=2)
            base_delay = 0.05

    known = Known(Nobody())  # type: ignore[arg-type]
    known.place(0.2, 1.0)
    assert 0.2 == known.work
    assert 0.05 < known.mean < 0.2
    known.over(0.3)
    assert 0.0 == known.work
    assert 0.5 == known.rate(1.0) > known.rate(2.0)
