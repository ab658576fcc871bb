"""What the adaptive mode is told."""

import pytest

from load_balancer.shaping.adaptive_records import Path, RuleEnvelope, UnknownClient
from rl.shaping.envelope import Envelope

pytestmark = pytest.mark.unit


def test_an_envelope_has_as_many_paths_as_it_says() -> None:
    RuleEnvelope(Envelope({}, paths=2), (Path(pool="b"),))
    with pytest.raises(ValueError, match="paths: must be 1, not 0"):
        RuleEnvelope(Envelope({}, paths=2))


def test_a_client_that_is_unknown_is_named() -> None:
    error = UnknownClient("r/10.0.0.1")

    assert isinstance(error, LookupError)
    assert (str(error), error.name) == ("there is no client 'r/10.0.0.1'", "r/10.0.0.1")
