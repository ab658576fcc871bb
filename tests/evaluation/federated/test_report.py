"""A comparison in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.federated.analysis import against, analyze
from evaluation.federated.report import PAGE, RESULTS, headlines, page, write
from evaluation.federated.sites import Manner
from evaluation.federated.study import ALONE, LONGER, TOGETHER, Plan
from tests.evaluation.federated.made import tries

pytestmark = pytest.mark.unit


def test_what_is_better_is_said_to_be() -> None:
    said = headlines(analyze(tries()))

    assert 12 == len(said)
    assert "all nodes, reward: together against alone +0.300 (+0.300 to +0.300): better." == said[0]
    assert said[1].endswith("−10.0 % (−10.0 to −10.0): better.")
    assert said[3].startswith("rush, reward: ")


@pytest.mark.parametrize(
    ("better", "seeds", "words"),
    [(-0.3, 8, "worse."), (0.0, 8, "no difference that can be told."), (1, 2, "too few seeds")],
)
def test_nothing_is_claimed_that_the_seeds_do_not_say(
    better: float, seeds: int, words: str
) -> None:
    assert words in headlines(analyze(tries(seeds, better)))[0]


def test_the_page_names_its_command_and_all_arms(tmp_path: Path) -> None:
    tried = tries()
    plan = Plan((0, 1))
    text = page(against(tried), plan, [0, 1], "python -m evaluation.federated compare")
    write(tmp_path, tried, text)

    assert "`python -m evaluation.federated compare`" in text
    row = next(line for line in text.splitlines() if line.startswith("| together | rush"))
    assert ["together", "rush", "0.887", "+0.300 (+0.300 to +0.300)"] == [
        cell.strip() for cell in row.split("|")[1:5]
    ]
    assert text == (tmp_path / PAGE).read_text(encoding="utf-8")
    assert len(tried) == len(json.loads((tmp_path / RESULTS).read_text())["tries"])


def test_every_reference_has_its_lines_and_its_table() -> None:
    tried = tries(arms=(ALONE, TOGETHER, LONGER))
    text = page(against(tried), Plan((0,), manner=Manner("dqn"), longer=True), [0], "command")

    assert "by deep Q-learning, one network for all its clients" in text
    assert "- rush, reward: together against alone, three times as long +0.300" in text
    assert 1 == text.count("| minus alone, three times as long | interactive target missed")


def test_what_was_not_compared_has_no_line() -> None:
    """Ctrl-C came before the nodes alone were done."""
    tried = tries(arms=(TOGETHER,))

    assert [] == headlines(analyze(tried))
    assert "| together" in page(against(tried), Plan((0,)), [0], "command")
