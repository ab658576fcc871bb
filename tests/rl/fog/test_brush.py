"""Strokes end up where they were meant to, in their colours."""

import numpy as np
import pytest

from rl.fog.brush import Brush

pytestmark = pytest.mark.unit

RED = (255, 0, 0)
WHITE = (255, 255, 255)


def brush() -> Brush:
    return Brush(60, 40, "white")


def at(made: Brush, x: int, y: int) -> tuple[int, ...]:
    return tuple(made.picture()[y, x].tolist())


def test_paper() -> None:
    picture = brush().picture()
    assert picture.shape == (40, 60, 3)
    assert picture.dtype == np.uint8
    assert (picture == 255).all()


def test_disc_and_box_and_area_are_filled() -> None:
    made = brush()
    made.disc((10, 10), 5, RED)
    made.box((30, 5, 40, 15), RED, 0)
    made.area([(30, 20), (50, 20), (50, 35), (30, 35)], RED)
    assert at(made, 10, 10) == at(made, 35, 10) == at(made, 40, 30) == RED
    assert at(made, 20, 10) == WHITE


def test_ring_is_empty_within() -> None:
    made = brush()
    made.disc((20, 20), 10, None, RED, 2)
    assert at(made, 20, 20) == WHITE
    assert at(made, 20, 11) == RED


def test_arc_begins_at_the_top_and_goes_clockwise() -> None:
    made = brush()
    made.arc((20, 20), 10, 0.0, 0.5, RED, 3)
    assert at(made, 28, 20) == RED
    assert at(made, 11, 20) == WHITE


def test_line_and_text_leave_traces() -> None:
    made = brush()
    made.line([(0, 20), (59, 20)], RED, 2)
    assert at(made, 30, 20) == RED
    written = brush()
    written.text((30, 20), "8", 14, "black", "mm")
    assert (written.picture()[10:30, 22:38] < 100).any()
