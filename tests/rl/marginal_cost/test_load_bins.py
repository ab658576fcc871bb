import pytest

from rl.marginal_cost.load_bins import BIN, BINS, LOADS, SINGLE, TOP

pytestmark = pytest.mark.unit


def test_small_loads_have_a_bin_each() -> None:
    assert [BIN[load] for load in range(SINGLE)] == list(range(SINGLE))


def test_bins_rise_and_each_is_reached() -> None:
    assert sorted(LOADS) == LOADS
    assert sorted(BIN) == BIN
    assert set(BIN) == set(range(BINS))
    assert len(BIN) == TOP + 1


def test_a_load_lies_near_the_middle_of_its_bin() -> None:
    for load, bin in enumerate(BIN):
        if bin < BINS - 1:
            assert abs(LOADS[bin] - load) <= 0.15 * load + 0.5
