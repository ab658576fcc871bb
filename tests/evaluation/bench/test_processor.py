"""evaluation.bench.processor: the time of all processes of a tree."""

import os

import pytest

from evaluation.bench.processor import Tree

pytestmark = pytest.mark.integration


def test_a_tree_has_the_time_of_all_its_processes() -> None:
    user, system = Tree(os.getpid()).times()
    assert user > 0
    before = Tree(os.getpid()).cpu()
    assert before >= user + system
    sum(index * index for index in range(2_000_000))
    assert Tree(os.getpid()).cpu() > before
