"""Strategies with parameters in their names."""

import pytest

from config.schema import Settings
from evaluation.simulate.variants import (
    VariantError,
    apply,
    classics,
    is_classic,
    name_of,
    split,
)
from load_balancer import strategies

pytestmark = pytest.mark.unit

SETTINGS = Settings()


def test_a_list_is_split_where_a_strategy_begins() -> None:
    text = "a, peak_ewma:decay_seconds=1,full_scan=true,b-ejection,c:x.y=2,b-ejection"

    assert ["a", "peak_ewma:decay_seconds=1,full_scan=true", "b-ejection", "c:x.y=2"] == split(text)
    assert ["q_learning", *classics()] == split("q_learning,classics")


def test_classics_are_every_rule_with_more_and_less_ejection() -> None:
    found = classics()

    assert {"least_request", "least_request+ejection", "least_request-ejection"} <= set(found)
    assert "peak_ewma+ejection:decay_seconds=0.3" in found
    assert "prequal:q_rif=0.25" in found
    assert len(found) == len(set(found))
    for each in found:
        assert is_classic(each)
        assert apply(SETTINGS, each)[1] in strategies.names()
    assert not is_classic("q_learning:discount_factor=0")


def test_a_plain_name_changes_nothing() -> None:
    assert (SETTINGS, "random") == apply(SETTINGS, "random")
    assert "peak_ewma" == name_of("peak_ewma+ejection:decay_seconds=1")


def test_parameters_go_into_the_strategys_section() -> None:
    settings, name = apply(SETTINGS, "peak_ewma:decay_seconds=1,failure_seconds=2")
    assert ("peak_ewma", 1, 2) == (
        name,
        settings.strategies.peak_ewma.decay_seconds,
        settings.strategies.peak_ewma.failure_seconds,
    )
    assert 0 == apply(SETTINGS, "q_learning:discount_factor=0")[0].q_learning.discount_factor
    path = "random:load_balancer.probation.share=0.5"
    assert 0.5 == apply(SETTINGS, path)[0].load_balancer.probation.share


def test_ejection_is_switched_on_and_off() -> None:
    off = apply(SETTINGS, "random-ejection")[0].load_balancer.ejection
    on = apply(SETTINGS, "random+ejection")[0].load_balancer.ejection

    assert (None, None) == (off.consecutive_failures, off.consecutive_gateway_failures)
    assert not off.failure_share.enabled
    assert 0 == off.retry_after_max_seconds
    assert on.failure_share.enabled
    assert SETTINGS == Settings()


@pytest.mark.parametrize(
    ("variant", "problem"),
    [
        ("peek_ewma", "no strategy 'peek_ewma'; did you mean 'peak_ewma'?"),
        ("random+x", "'+x' is neither +ejection nor -ejection"),
        ("peak_ewma:decay=1", "unknown key strategies.peak_ewma.decay; did you mean 'decay_sec"),
        ("peak_ewma:decay_seconds=-1", "decay_seconds: Input should be greater than 0"),
        ("peak_ewma:decay_seconds", "'decay_seconds' must be key=value"),
        ("peak_ewma:decay_seconds=[", "strategies.peak_ewma.decay_seconds: not a value"),
        ("round_robin:a=1", "round_robin has no parameters"),
        ("random:a.b=1", "unknown key a"),
        ("random:reward.scale.x=1", "unknown key reward.scale.x"),
    ],
)
def test_what_cannot_be_used_is_told(variant: str, problem: str) -> None:
    with pytest.raises(VariantError) as caught:
        apply(SETTINGS, variant)
    assert problem in str(caught.value)
