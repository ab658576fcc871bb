"""Words and tables."""

import pytest

from evaluation.shaping import wording
from evaluation.shaping.analysis import (
    Ground,
    analyze,
    by_stretch,
    first_bars,
    flood_bars,
    shift_bars,
)
from evaluation.shaping.arms import CALM_PART, FIRST, FLOOD_PART, SHIFT
from tests.evaluation.shaping.made import result

pytestmark = pytest.mark.unit
GROUND = Ground(0.15, 20.0, 5.0)
RESULT = result()
FOUND = analyze(RESULT.played[SHIFT], GROUND)
BARS = [
    *shift_bars(RESULT.played[SHIFT], GROUND),
    *flood_bars(RESULT.played[CALM_PART], RESULT.played[FLOOD_PART]),
    *first_bars(RESULT.played[FIRST], "_untrained"),
]


def test_tables_have_every_arm() -> None:
    assert 4 == len(wording.result_table(FOUND).rows)
    differences = wording.difference_table(FOUND)
    assert differences is not None and 3 == len(differences.rows)
    missed = by_stretch(RESULT.played[SHIFT], GROUND, [0.0, 20.0])
    table = wording.stretch_table(missed, ["a", "b"])
    assert ("a", "b") == table.heads and 4 == len(table.rows)
    assert wording.difference_table(FOUND[:1]) is not None
    assert None is wording.difference_table([each for each in FOUND if each.name == "static"])


def test_bars_say_whether_they_were_reached() -> None:
    table = wording.bar_table(BARS)
    assert table is not None
    told = {row.name: row.cells[-1].claim for row in table.rows}
    assert "win" in told.values() and "not reached" in told.values()
    assert None is wording.bar_table([]) and None is wording.first_table([])
    first = wording.first_table([bar for bar in BARS if "reward" in bar.text])
    assert first is not None and "+0.50" == first.rows[0].cells[0].value
    lines = wording.headlines(BARS, FOUND)
    assert "static" in lines[0] and any("reached by tabular" in line for line in lines)


def test_the_envelope_is_told_of() -> None:
    assert wording.left_envelope(RESULT.played).startswith("0 of ")


def test_method_and_limits_are_there() -> None:
    assert any("Seeds 0, 1" in line for line in wording.method((0, 1), "virtual"))
    assert any(line.startswith("Live") for line in wording.method((0, 1), "live"))
    assert wording.limits() and {"summary", "interactive", "batch", "bulk"} == set(
        wording.captions()
    )
