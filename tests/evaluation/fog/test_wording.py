"""What a comparison says."""

from dataclasses import replace

import pytest

from evaluation.bootstrap import Interval
from evaluation.fog import wording
from evaluation.fog.analysis import MEASURES, REFERENCE, analyze
from rl.fog.settings import FogSettings
from tests.evaluation.fog.made import checkpoint, episodes

pytestmark = pytest.mark.unit
BY_NAME = {measure.name: measure for measure in MEASURES}


@pytest.mark.parametrize(
    ("name", "number", "signed", "text"),
    [
        ("response", 1.234, False, "1.23"),
        ("response", -1.234, True, "−1.23"),
        ("response", 1.234, True, "+1.23"),
        ("reward", -0.001, True, "0.00"),
        ("dropped", 0.0, True, "0.0 %"),
        ("total_reward", -1234.5, False, "−1,234"),
        ("dropped", -0.256, True, "−25.6 %"),
        ("energy", 7.97e7, False, "7.97e7"),
    ],
)
def test_numbers(name: str, number: float, signed: bool, text: str) -> None:
    assert wording.value(BY_NAME[name], number, signed) == text


def test_intervals() -> None:
    between = Interval(-0.5, 0.25)
    assert wording.interval(BY_NAME["reward"], between, True) == "−0.50 to +0.25"
    assert wording.interval(BY_NAME["reward"], None) == ""


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
