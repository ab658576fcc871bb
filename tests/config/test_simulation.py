"""What a scenario says of runs in virtual time, and of being served live."""

import pytest
from pydantic import ValidationError

from config.simulation import Live, Simulation
from tests.config.place import Place

pytestmark = pytest.mark.unit


def test_by_default_there_is_one_balancer_and_nothing_goes_wrong() -> None:
    simulation = Simulation()

    assert (1, 60.0, 5.0) == (
        simulation.balancers,
        simulation.duration_seconds,
        simulation.warmup_seconds,
    )
    assert simulation.timeout_seconds is None
    assert not simulation.retries
    assert Live(time_factor=1, servers=None, duration_seconds=None) == Live()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"warmup_seconds": 60}, "leaves nothing of the 60 s of duration_seconds"),
        ({"balancers": 0}, "greater than or equal to 1"),
        ({"balancers": True}, "must be a number"),
        ({"joins": {"a b": 1}}, "pattern"),
        ({"joins": {"a": -1}}, "greater than or equal to 0"),
        ({"timeout_seconds": 0}, "greater than 0"),
        ({"retries": 1}, "must be true or false"),
    ],
)
def test_what_cannot_be_run_is_refused(given: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Simulation.model_validate(given)


def test_who_joins_must_be_a_server(place: Place) -> None:
    assert place.load("simulation: {joins: {server2: 3}}").simulation.joins == {"server2": 3}
    assert ["config.yaml:1: simulation: joins: there is no server 'serverx'"] == place.problems(
        "simulation: {joins: {serverx: 3}}"
    )
