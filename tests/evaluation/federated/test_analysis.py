"""What may be said of tries."""

from __future__ import annotations

import pytest

from evaluation.federated.analysis import ALL_NODES, analyze, by_seed
from evaluation.federated.study import ALONE, TOGETHER
from evaluation.federated.traffic import NODES
from tests.evaluation.federated.made import tries

pytestmark = pytest.mark.unit


def test_every_arm_has_a_row_for_all_and_for_each_node() -> None:
    rows = analyze(tries())

    expected = [(arm, node) for arm in (ALONE, TOGETHER) for node in (ALL_NODES, *NODES)]
    assert expected == [(row.arm, row.node) for row in rows]
    assert {} == rows[0].differences


def test_differences_are_paired_by_seed() -> None:
    """The seeds' own ups and downs are no part of them."""
    row = next(row for row in analyze(tries()) if (row.arm, row.node) == (TOGETHER, "rush"))

    difference = row.differences["reward"]
    assert pytest.approx(0.3) == difference.value
    assert difference.interval is not None
    assert pytest.approx(0.3) == difference.interval.low
    assert pytest.approx(-0.1) == row.differences["missed"].value


def test_few_seeds_have_no_interval() -> None:
    row = analyze(tries(seeds=2))[-1]

    assert row.differences["reward"].interval is None


def test_a_seed_is_one_number() -> None:
    found = by_seed(tries(seeds=2), ALONE, "rush", "reward")

    assert {0: pytest.approx(0.5), 1: pytest.approx(0.6)} == found
    assert {} == by_seed(tries(), "no such arm", "rush", "reward")
