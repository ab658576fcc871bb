"""What a comparison says."""

from dataclasses import replace

import pytest

from evaluation.fog import wording
from evaluation.fog.analysis import REFERENCE, analyze
from rl.fog.settings import FogSettings
from tests.evaluation.fog.made import checkpoint, episodes

pytestmark = pytest.mark.unit


def test_headlines_say_what_a_learner_may_claim() -> None:
    (line,) = wording.headlines(analyze(episodes()), ["ppo"], REFERENCE)
    assert line.startswith("ppo against least_queue: reward per decision +")
    assert "response (s) −3.97 (" in line
    assert line.count(": win") == 4
    (line,) = wording.headlines(analyze(episodes(seeds=3)), ["ppo"], REFERENCE)
    assert line.count("too few seeds") == 4


def test_tables_have_a_row_per_algorithm() -> None:
    found = analyze(episodes())
    table = wording.result_table(found)
    assert [row.name for row in table.rows] == ["least_queue", "local", "ppo"]
    assert all(len(row.cells) == len(table.heads) for row in table.rows)
    compared = wording.difference_table(found, REFERENCE, "Note. ")
    assert compared is not None
    assert [row.name for row in compared.rows] == ["local", "ppo"]
    assert compared.rows[1].cells[2].claim == "win"
    assert compared.note.startswith("Note. Paired")
    assert wording.difference_table(analyze(episodes(["ppo"])), REFERENCE) is None


def test_what_was_learned_is_told() -> None:
    table = wording.learned_table([checkpoint(), replace(checkpoint(seed=1), steps=100)])
    assert table is not None
    assert [row.cells[3].value for row in table.rows] == ["yes", "no"]
    assert table.rows[0].cells[1].value == "4 × 300"
    assert wording.learned_table([]) is None


def test_the_fog_in_a_line() -> None:
    text = wording.described(FogSettings())
    assert text.startswith("5 + 1 nodes, 2 agents, 1 clouds; tasks of 4e+07 instructions and 38 MB")
    assert wording.method([0, 1])[0].startswith("Each algorithm plays one episode of each")
    assert wording.limits()
