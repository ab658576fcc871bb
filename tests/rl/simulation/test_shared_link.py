"""A link that slices share in turn."""

import math

import pytest

from rl.simulation.shared_link import SharedLink

pytestmark = pytest.mark.unit


def test_what_is_given_leaves_at_the_rate_and_in_order() -> None:
    link = SharedLink(1000.0)
    assert 10.5 == link.send(500, 10.0)
    assert 11.0 == link.send(500, 10.0)
    assert 1.0 == link.backlog(10.0)
    assert 13.0 == link.send(1000, 12.0)
    assert 2000 == link.sent and 0.0 == link.backlog(14.0)


def test_without_a_bound_it_takes_no_time() -> None:
    link = SharedLink()
    assert 5.0 == link.send(10**9, 5.0)
    assert 0.0 == link.backlog(5.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_is_above_0(rate: float) -> None:
    with pytest.raises(ValueError, match="bytes_per_second"):
        SharedLink(rate)
