"""A comparison in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.federated.analysis import analyze
from evaluation.federated.report import PAGE, RESULTS, headlines, page, write
from evaluation.federated.study import Plan
from tests.evaluation.federated.made import tries

pytestmark = pytest.mark.unit


def test_what_is_better_is_said_to_be() -> None:
    said = headlines(analyze(tries()))

    assert 6 == len(said)
    assert "rush, reward: together against alone +0.300 (+0.300 to +0.300): better." == said[0]
    assert said[1].endswith("-10.0 % (-10.0 % to -10.0 %): better.")


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
    text = page(analyze(tried), Plan((0, 1)), [0, 1], "python -m evaluation.federated compare")
    write(tmp_path, tried, text)

    assert "`python -m evaluation.federated compare`" in text
    assert "| together | rush | 0.887 | +0.300 (+0.300 to +0.300) |" in text
    assert text == (tmp_path / PAGE).read_text(encoding="utf-8")
    assert len(tried) == len(json.loads((tmp_path / RESULTS).read_text())["tries"])
