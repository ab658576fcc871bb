"""The settings of requests in flight per endpoint."""

import pytest
from pydantic import ValidationError

from config.admission import AdaptiveLimit, Admission

pytestmark = pytest.mark.unit


def test_nothing_is_limited_by_default() -> None:
    assert Admission().requests_per_endpoint is None
    assert not Admission().adaptive.enabled


def test_an_adaptive_limit_begins_between_its_ends() -> None:
    with pytest.raises(ValidationError, match="must rise"):
        AdaptiveLimit(minimum=21)
