"""Names of nodes, ways as they are printed, runs found again."""

import pytest

from evaluation.network.records import (
    NetworkResult,
    Purpose,
    Setting,
    Shape,
    Variant,
    level_of,
    trajectory,
)

pytestmark = pytest.mark.unit


def test_a_level_stands_in_a_node_s_name() -> None:
    assert (level_of("904"), level_of("1010"), level_of("near")) == (9, 10, 0)


def test_ways_are_printed_as_the_document_prints_them() -> None:
    assert trajectory(("1003", "904"), True, False, "domain3.com") == "1003>904>*  domain3.com"
    assert trajectory(("1003", "904"), True, True, "domain3.com") == "1003>904>+>*  domain3.com"
    assert trajectory(("1003",), False, False, "domain3.com") == "1003>X  domain3.com"


def test_a_variant_says_that_it_has_no_cache() -> None:
    assert [Variant("random").label, Variant("random", False).label] == [
        "random",
        "random, no cache",
    ]


def test_runs_are_found_by_setting_purpose_and_shape(result: NetworkResult) -> None:
    live = result.of(Setting.LIVE)
    assert live and all(run.purpose is Purpose.LEARNING for run in live)
    assert len(result.of(Setting.LIVE, Purpose.CHANGES)) == 6
    assert result.of(Setting.LIVE, shape=Shape(9, 9)) == []
