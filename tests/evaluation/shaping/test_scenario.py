"""What is played, described."""

import pytest

from config.shaping import Shaping
from evaluation.shaping.records import CLIENTS
from evaluation.shaping.scenario import TUNED, Scenario, adaptive_section, static_rules
from load_balancer.adaptive.settings import settings_of
from load_balancer.shaping.adapted import setting_of
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_loads_follow_the_stretches() -> None:
    interactive, batch, bulk = SHORT.loads()
    assert [20, 80] == [interactive.rate(1.0), interactive.rate(4.0)]
    assert ("/batch", "/bulk") == (batch.path, bulk.path)
    assert (8.0, [0.0, 4.0]) == (SHORT.seconds, SHORT.begins())
    assert ["usual", "more", "more"] == [SHORT.stretch_at(at).name for at in (0, 4, 99)]
    assert 4.0 == SHORT.shortened(0.5).seconds


def test_one_server_is_slow_when_a_stretch_says_so() -> None:
    first, last = SHORT.backends()
    assert () == first.service.phases
    (phase,) = last.service.phases
    assert (4.0, 8.0, 2.0) == (phase.start, phase.end, phase.factor)


def test_rules_tell_the_clients_apart_and_lie_in_the_envelopes() -> None:
    shaping = SHORT.balancer(TUNED).shaping
    assert CLIENTS == tuple(rule.name for rule in shaping.rules)
    envelopes = settings_of(adaptive_section("tabular")).envelopes
    for rule in shaping.rules:
        assert envelopes[rule.name].envelope.holds(setting_of(rule))
    assert not Scenario().balancer(None).shaping.enabled


def test_the_adaptive_section_is_one_of_a_configuration() -> None:
    Shaping(
        enabled=True,
        rules=Scenario().balancer(static_rules(None, None, None)).shaping.rules,
        adaptive=adaptive_section("dqn"),
    )
