"""What a learner is told of a change."""

import pytest

from rl.request_classes.change import Change

pytestmark = pytest.mark.unit


def test_ratios_are_to_what_is_predicted_and_the_pooled_ones_elsewhere() -> None:
    """As of the last completion, or as the learner says."""
    change = Change(True, 0, 2, {"a": (0.1, 0.05, 0.3)}, (0.7, 2.0))

    assert pytest.approx((0.5, 3.0)) == (change.kept_ratio("a"), change.other_ratio("a"))
    assert pytest.approx((0.25, 1.5)) == (change.kept_ratio("a", 0.2), change.other_ratio("a", 0.2))
    assert (0.7, 2.0) == (change.kept_ratio("b", 9.0), change.other_ratio("b"))
    assert "<Change split 0 2>" == repr(change)


def test_a_merge_changes_no_row() -> None:
    change = Change(False, 0, 2)

    assert (1.0, 1.0) == (change.kept_ratio("a"), change.other_ratio("a"))
    assert "<Change merge 0 2>" == repr(change)
