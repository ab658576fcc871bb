"""Arms and parts."""

from pathlib import Path

import pytest

from evaluation.checkpoint_file import CheckpointError
from evaluation.shaping import arms
from evaluation.shaping.arms import FIRST, SHIFT, ArmError, Task
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_names_are_checked() -> None:
    arms.check(arms.ARMS)
    arms.check(["dqn_untrained"])
    with pytest.raises(ArmError, match="'clever'"):
        arms.check(["none", "clever"])


def test_every_part_has_the_arms_that_it_is_about() -> None:
    found = arms.tasks(["none", "static", "tabular"], [1, 2])
    assert len(set(found)) == len(found) == 2 * (3 + 2 * 2 + 2)
    assert Task(FIRST, "tabular_untrained", 2) in found
    assert {each.part for each in found if each.arm == "none"} == {SHIFT}


def test_each_arm_can_be_played() -> None:
    for arm in ("none", "static", "aimd", "tabular_untrained", "dqn_untrained"):
        assert arm == arms.play(Task(SHIFT, arm, 1), {}, SHORT).arm


def test_trained_arms_need_what_was_learned(tmp_path: Path) -> None:
    assert {} == arms.learned(["none", "tabular_untrained"], tmp_path)
    with pytest.raises(CheckpointError, match="train first"):
        arms.learned(["tabular"], tmp_path)


def test_what_is_shipped_is_of_this_encoder() -> None:
    there = [each for each in arms.LEARNERS if (arms.LEARNED / f"{each}.json").exists()]
    assert list(there) == list(arms.learned(there))
