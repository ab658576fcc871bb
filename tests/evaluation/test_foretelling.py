"""An experiment in virtual time."""

import io
from dataclasses import replace

import pytest

from config.schema import Experiment, Server, Settings
from config.simulation import Simulation
from evaluation.foretelling import CannotForetell, as_played, foretell
from evaluation.progress import Steps
from rl.simulation.service import Phase, ServiceProfile

pytestmark = pytest.mark.unit

SETTINGS = Settings(
    servers=(
        Server(id="one", port=1, base_delay_ms=20),
        Server(id="two", port=2, base_delay_ms=40),
    ),
    simulation=Simulation(duration_seconds=3.0, warmup_seconds=1.0),
)


def test_every_strategy_and_seed_is_played() -> None:
    settings = as_played(SETTINGS, Experiment(request_rate=100.0), timed=True)
    shown = io.StringIO()
    found = foretell(settings, ("round_robin", "random"), (3, 4), Steps(4, stream=shown))
    assert [(each.strategy, each.seed) for each in found] == [
        ("round_robin", 3), ("random", 3), ("round_robin", 4), ("random", 4),
    ]  # fmt: skip
    assert found[0].mean == pytest.approx(0.030, rel=0.05)
    assert found[0].cost == found[0].mean
    assert found[0].failure_rate == 0.0
    assert 150 < found[0].requests < 250


def test_a_run_of_so_many_requests_lasts_as_long_as_they_take() -> None:
    experiment = Experiment(requests=500, warmup_requests=50, request_rate=100.0)
    timed = as_played(SETTINGS, experiment, timed=True).simulation
    assert timed.duration_seconds == SETTINGS.simulation.duration_seconds
    assert timed.warmup_seconds == SETTINGS.simulation.warmup_seconds
    played = as_played(SETTINGS, experiment, timed=False)
    assert played.simulation.duration_seconds == 5.0
    assert played.simulation.warmup_seconds == 0.5
    assert played.experiment == experiment


def test_what_cannot_be_played_is_said() -> None:
    hedging = SETTINGS.load_balancer.hedging.model_copy(update={"enabled": True})
    balancer = SETTINGS.load_balancer.model_copy(update={"hedging": hedging})
    settings = SETTINGS.model_copy(update={"load_balancer": balancer})
    with pytest.raises(CannotForetell, match="hedging"):
        foretell(settings, ("random",), (0,), Steps(1, stream=io.StringIO()))


def test_what_hangs_is_given_up_when_the_balancer_would() -> None:
    stuck = Server(
        id="one", port=1, service=ServiceProfile(phases=(Phase("hang", probability=0.1),))
    )
    deadlines = replace(SETTINGS.load_balancer.deadlines, first_byte_seconds=2.0)
    balancer = SETTINGS.load_balancer.model_copy(update={"deadlines": deadlines})
    settings = SETTINGS.model_copy(update={"servers": (stuck,), "load_balancer": balancer})
    played = as_played(settings, Experiment(request_rate=50.0), timed=True)
    assert played.simulation.timeout_seconds == 2.0
    (found,) = foretell(played, ("random",), (0,), Steps(1, stream=io.StringIO()))
    assert 0.0 < found.failure_rate < 0.3
