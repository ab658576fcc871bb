"""The classics' parameters: what their makers advise, and what is refused."""

import pytest
from pydantic import ValidationError

from config.strategies import StrategyParameters

pytestmark = pytest.mark.unit


def test_the_defaults_are_the_makers() -> None:
    """Finagle's decay, the Prequal paper's baseline, gRFC A58's periods."""
    defaults = StrategyParameters()

    assert (10.0, 2) == (defaults.peak_ewma.decay_seconds, defaults.peak_ewma.choices)
    prequal = defaults.prequal
    assert (0.84, 3.0, 16, 1.0, 1.0) == (
        prequal.q_rif,
        prequal.probes_per_request,
        prequal.pool_size,
        prequal.max_age_seconds,
        prequal.remove_rate,
    )
    weighted = defaults.client_weighted
    assert (10.0, 180.0, 1.0, 1.0) == (
        weighted.blackout_seconds,
        weighted.expiration_seconds,
        weighted.update_seconds,
        weighted.error_penalty,
    )
    assert 1.25 == defaults.bounded_hash.load_factor


@pytest.mark.parametrize(
    ("strategy", "key", "value"),
    [
        ("peak_ewma", "choices", 1),
        ("peak_ewma", "full_scan", 1),
        ("peak_ewma", "decay_seconds", 0),
        ("power_of_two", "choices", 65),
        ("prequal", "q_rif", 1.1),
        ("prequal", "probes_per_request", 0),
        ("prequal", "pool_size", 1),
        ("prequal", "max_age_seconds", 0),
        ("prequal", "remove_rate", -1),
        ("bounded_hash", "load_factor", 1),
        ("bounded_hash", "remembered_keys", 0),
        ("client_weighted", "update_seconds", 0.05),
        ("client_weighted", "error_penalty", -0.1),
        ("client_weighted", "blackout", 1),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(strategy: str, key: str, value: float) -> None:
    with pytest.raises(ValidationError, match=rf"{strategy}\.{key}"):
        StrategyParameters.model_validate({strategy: {key: value}})
