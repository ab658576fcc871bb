"""What may be said of tries."""

from __future__ import annotations

import pytest

from evaluation.federated.analysis import ALL_NODES, against, analyze, by_seed
from evaluation.federated.study import ALONE, LONGER, MEDIAN, TOGETHER
from evaluation.federated.traffic import NODES
from evaluation.metrics_analyzer import Claim
from tests.evaluation.federated.made import tries

pytestmark = pytest.mark.unit


def test_every_arm_is_told_of_for_all_and_for_each_node() -> None:
    found = analyze(tries())

    assert [ALL_NODES, *NODES] == list(found)
    assert {(ALONE, TOGETHER)} == {tuple(each.name for each in arms) for arms in found.values()}
    assert {} == found[ALL_NODES][0].differences


def test_differences_are_paired_by_seed() -> None:
    """The seeds' own ups and downs are no part of them."""
    together = analyze(tries())["rush"][1]

    difference = together.differences["reward"]
    assert pytest.approx(0.3) == difference.estimate.value
    assert Claim.WIN is difference.claim
    assert pytest.approx(-0.1) == together.differences["missed"].estimate.value
    assert Claim.WIN is together.differences["missed"].claim


def test_what_was_tried_says_what_arms_are_compared_with() -> None:
    assert [ALONE] == list(against(tries()))

    found = against(tries(arms=(ALONE, TOGETHER, LONGER, MEDIAN)))

    assert [ALONE, LONGER, TOGETHER] == list(found)
    together = found[LONGER]["rush"][1]
    assert TOGETHER == together.name
    assert pytest.approx(0.3) == together.differences["reward"].estimate.value
    assert {} == found[TOGETHER]["rush"][1].differences


def test_an_arm_without_its_reference_is_told_of_all_the_same() -> None:
    (arm,) = analyze(tries(arms=(TOGETHER,)))["rush"]

    assert {} == arm.differences


def test_few_seeds_have_no_interval() -> None:
    together = analyze(tries(seeds=2))["rush"][1]

    assert together.differences["reward"].estimate.interval is None


def test_a_seed_is_one_number() -> None:
    found = by_seed(tries(seeds=2), ALONE, "rush")

    assert [pytest.approx(0.5), pytest.approx(0.6)] == [found[seed]["reward"] for seed in (0, 1)]
    assert {} == by_seed(tries(), "no such arm", "rush")
