"""Experiments one after the other, and what the simulator says of each."""

import pytest

from config.schema import Experiment, Server, Settings
from config.simulation import Simulation
from evaluation import parts
from evaluation.parts import Part, announcement, foretold, measure
from evaluation.records import ComparisonResult
from evaluation.testbed import ExperimentError

SETTINGS = Settings(
    servers=(
        Server(id="one", port=1, base_delay_ms=5),
        Server(id="two", port=2, base_delay_ms=10),
    ),
    simulation=Simulation(duration_seconds=1.0, warmup_seconds=0.2),
)


def small(**changes: object) -> Experiment:
    values = {
        "strategies": ("round_robin",),
        "seeds": (0,),
        "requests": 60,
        "request_rate": 100.0,
        "warmup_requests": 5,
    }
    return Experiment.model_validate(values | changes)


@pytest.mark.unit
def test_what_will_be_done_is_said_first() -> None:
    first = Part(SETTINGS, small(requests=1000, seeds=(0, 1)))
    assert announcement([first]) == (
        "round_robin: 1000 requests at 100/s for each of 2 seeds, about 29 s; Ctrl-C keeps what is"
        " measured"
    )
    second = Part(SETTINGS, small(requests=90_000), title="Part two: kinds")
    assert (
        "; then part two: kinds: 90000 requests at 100/s for each of 1 seeds, about 15.6 min"
        in (announcement([first, second]))
    )


@pytest.mark.unit
def test_a_part_that_cannot_be_measured_begins_nothing() -> None:
    good, bad = Part(SETTINGS, small()), Part(SETTINGS, small(strategies=("no_such",)))
    with pytest.raises(ExperimentError, match="no strategy 'no_such'"):
        measure([good, bad], "")


@pytest.mark.unit
def test_the_simulator_speaks_of_the_same_settings(result: ComparisonResult) -> None:
    found = foretold(Part(SETTINGS, small(seeds=(0, 1))), result)
    assert [(each.strategy, each.seed) for each in found.foretold] == [
        ("round_robin", 0),
        ("round_robin", 1),
    ]
    assert found.foretold[0].mean == pytest.approx(0.0075, rel=0.1)
    assert found.runs == result.runs


@pytest.mark.unit
def test_what_it_does_not_play_is_noted(
    result: ComparisonResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    hedging = SETTINGS.load_balancer.hedging.model_copy(update={"enabled": True})
    balancer = SETTINGS.load_balancer.model_copy(update={"hedging": hedging})
    settings = SETTINGS.model_copy(update={"load_balancer": balancer})
    found = foretold(Part(settings, small()), result)
    assert found.foretold == ()
    assert "hedging" in found.unforetold

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "foretell", interrupt)
    assert foretold(Part(SETTINGS, small()), result).unforetold == "it was interrupted"


@pytest.mark.integration
def test_a_timed_run_is_measured_and_foretold() -> None:
    """As long as it is in virtual time, with the same warm-up."""
    (result,) = measure([Part(SETTINGS, small(), "mine", timed=True)], "make it")
    (run,) = result.runs
    for request in run.requests:
        assert request.warmup == (request.intended < 0.2)
    assert 0.8 < run.requests[-1].intended < 1.0
    assert result.circumstances.scenario == "mine"
    assert result.circumstances.command == "make it"
    assert len(result.foretold) == 1
    assert run.strain is not None
    assert run.strain.servers > 0 and run.strain.balancers > 0
