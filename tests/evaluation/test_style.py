"""Colours that stay with their names and can be read; labels that do not touch."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.bootstrap import Interval
from evaluation.metrics_analyzer import Estimate
from evaluation.style import (
    COLOURS,
    PlotError,
    _luminance,
    canvas,
    colour,
    estimate_row,
    ink,
    label_ends,
    label_rows,
    latency_axis,
    name_rows,
    row_height,
    seconds_axis,
    spans_wide,
    spread_apart,
    whisker,
    widen,
)

pytestmark = pytest.mark.unit


def test_a_strategy_keeps_its_colour_and_shares_it_with_nobody() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert colour("q_learning") == COLOURS["q_learning"]


def test_an_unknown_strategy_has_a_colour_of_its_own_name() -> None:
    """The same one in every report, and none of the known ones."""
    assert colour("brand_new") == colour("brand_new")
    assert colour("brand_new") not in COLOURS.values()


@pytest.mark.parametrize("name", [*COLOURS, "brand_new"])
def test_names_can_be_read_on_white(name: str) -> None:
    """A contrast of 4.5 at the least."""
    text = ink(name)
    parts = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    assert 1.05 / (_luminance(parts) + 0.05) >= 4.4


@given(st.lists(st.floats(0, 1), max_size=12))
def test_labels_are_apart_in_order_and_within_limits(places: list[float]) -> None:
    found = spread_apart(places, 0.06, 0.0, 1.0)
    assert len(found) == len(places)
    ranked = sorted(found)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in found)
    gaps = [after - before for before, after in itertools.pairwise(ranked)]
    assert all(gap >= 0.06 - 1e-9 for gap in gaps)
    for one in range(len(places)):
        for other in range(len(places)):
            if places[one] < places[other]:
                assert found[one] < found[other]


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread_apart([0.9, 0.1, 0.5], 0.06, 0, 1) == [0.9, 0.1, 0.5]


def test_labels_that_touch_move_to_either_side() -> None:
    assert spread_apart([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])


def test_too_many_labels_share_what_room_there_is() -> None:
    found = spread_apart([0.5] * 11, 0.5, 0, 1)
    assert found == pytest.approx([index / 10 for index in range(11)])


def test_axes_are_logarithmic_only_over_a_wide_range() -> None:
    assert spans_wide(1, 31)
    assert not spans_wide(1, 30)
    assert not spans_wide(0, 30)


def test_axes_and_marks(tmp_path: Path) -> None:
    """Milliseconds from zero or logarithmic, time at whole seconds, no whisker without a range."""
    with canvas(tmp_path / "a.png", "Title", "One line\nand another", 3) as figure:
        left, right = figure.subplots(1, 2)
        left.plot([0, 10], [40, 60])
        latency_axis(left, "y", 40, 60)
        seconds_axis(left, 21)
        label_ends(left, [("round_robin", 60), ("q_learning", 60)])
        right.plot([1, 2], [1, 5000])
        latency_axis(right, "y", 1, 5000)
        latency_axis(right, "x", 1, 2)
        marks = len(left.lines)
        whisker(left, 1, 1, 0)
        assert len(left.lines) == marks
        whisker(left, 1, 2, 0)
        assert len(left.lines) == marks + 1
    assert left.get_ylim()[0] == 0
    assert left.get_yscale() == "linear"
    assert right.get_yscale() == "log"
    assert all(float(tick).is_integer() for tick in left.get_xticks())
    assert {text.get_text() for text in left.texts} == {"round_robin", "q_learning"}
    places = [text.get_position()[1] for text in left.texts]
    assert abs(places[0] - places[1]) > 0.05


def test_rows_have_labels_and_estimates(tmp_path: Path) -> None:
    """The first on top; a bar only where there is an interval; colours for strategies only."""
    with canvas(tmp_path / "a.png", "Title", "Line", row_height(["a", "b"])) as figure:
        left, right = figure.subplots(1, 2)
        label_rows(left, ["one", "two"])
        name_rows(right, ["round_robin", "q_learning"])
        estimate_row(right, 0, Estimate(0.5, None), "round_robin", 100)
        assert [50.0] == list(right.lines[-1].get_xdata())
        assert 1 == len(right.lines)
        estimate_row(right, 1, Estimate(0.5, Interval(0.4, 0.7)), "q_learning", 100)
        assert [40.0, 70.0] == pytest.approx(list(right.lines[1].get_xdata()))
        left.set_xlim(0, 100)
        widen(left)
    assert (-12, 112) == pytest.approx(left.get_xlim())
    assert left.get_ylim()[0] > left.get_ylim()[1]
    named = right.get_yticklabels()
    assert ["round_robin", "q_learning"] == [each.get_text() for each in named]
    assert ink("q_learning") == named[1].get_color() != left.get_yticklabels()[1].get_color()


def test_missing_matplotlib_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(PlotError, match=r"pip install '\.\[report\]'"):
        with canvas(tmp_path / "a.png", "", "", 1):
            pass
