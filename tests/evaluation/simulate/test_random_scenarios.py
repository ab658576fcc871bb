"""Scenarios made of dice."""

import random

import pytest

from config.loading import effective_yaml
from config.schema import Settings
from evaluation.simulate import random_scenarios
from evaluation.simulate.random_scenarios import is_one, make, settings_of, suite

pytestmark = pytest.mark.unit


def test_a_suite_has_names() -> None:
    assert ["random#0", "random#1"] == suite("random:2")
    assert suite("random") is None
    assert is_one("random#17")
    assert not is_one("random:17")
    with pytest.raises(ValueError, match="is not the name of a random scenario"):
        settings_of("S1u", 0)


def test_one_number_and_seed_make_one_scenario() -> None:
    assert settings_of("random#3", 1) == settings_of("random#3", 1)
    assert settings_of("random#3", 1) != settings_of("random#3", 2)
    assert settings_of("random#3", 1) != settings_of("random#4", 1)


def test_scenarios_lie_within_their_bounds_and_fill_them() -> None:
    dice = random.Random(5)
    made = [make(dice) for _ in range(300)]
    loads, same = [], 0
    for settings in made:
        slots = [server.service.slots or 0 for server in settings.servers]
        delays = [server.base_delay_ms for server in settings.servers]
        capacity = sum(each * 1000 / delay for each, delay in zip(slots, delays, strict=True))
        loads.append(settings.experiment.request_rate / capacity)
        same += len(set(slots)) == 1
        assert 3 <= len(slots) <= 16
        assert 1 <= min(slots) <= max(slots) <= 16
        assert max(delays) / min(delays) <= 9.01
        assert settings.simulation.balancers in (1, 3)
        requests = settings.experiment.request_rate * settings.simulation.duration_seconds
        assert requests <= random_scenarios.MOST_REQUESTS + 1

    assert 0.3 <= min(loads) < 0.35
    assert 0.85 < max(loads) <= 0.9
    assert 0.5 < same / len(made) < 0.7
    assert {3, 16} <= {len(settings.servers) for settings in made}
    assert 4 == len({(s.servers[0].service.sizes, s.servers[0].service.spread) for s in made})
    assert any(len({x.base_delay_ms for x in s.servers}) == 1 for s in made)


def test_one_can_be_written_out() -> None:
    import yaml

    settings = settings_of("random#0", 0)
    assert settings == Settings(**yaml.safe_load(effective_yaml(settings)))
