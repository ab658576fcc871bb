"""Nodes with traffic of their own."""

from __future__ import annotations

import pytest

from evaluation.federated.traffic import NODES, STRETCH_SECONDS, STRETCHES, USUAL, drawn
from evaluation.shaping.records import CLIENTS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("node", NODES)
def test_every_node_has_its_own_kind_of_traffic(node: str) -> None:
    wanted = {**USUAL, **NODES[node]}
    for seed in range(20):
        scenario, rules = drawn(node, seed)
        assert STRETCHES * STRETCH_SECONDS == scenario.seconds
        assert list(CLIENTS) == [rule["name"] for rule in rules]
        for stretch in scenario.stretches:
            for name, rate in zip(CLIENTS, stretch.rates, strict=True):
                low, high = wanted[name]
                assert low <= rate <= high


def test_one_seed_is_one_episode() -> None:
    assert drawn("rush", 1) == drawn("rush", 1)
    assert drawn("rush", 1) != drawn("rush", 2)
    assert drawn("rush", 1)[0] != drawn("flood", 1)[0]


def test_what_is_special_at_a_node_never_comes_at_another() -> None:
    for node, special in NODES.items():
        for name, (low, high) in special.items():
            for other in NODES.keys() - {node}:
                usual_low, usual_high = {**USUAL, **NODES[other]}[name]
                assert high > usual_high or low < usual_low
