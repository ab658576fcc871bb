"""Runs over processes."""

import io
import math
import multiprocessing
from contextlib import closing

import pytest

from evaluation.progress import Steps
from evaluation.workers import played

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("no_process_is_left")]
TASKS = [1.0, 4.0, 9.0]


def test_processes_give_what_one_gives() -> None:
    told: list[str] = []

    class Told(Steps):
        def step(self, name: str) -> None:
            told.append(name)

    steps = Told(3, stream=io.StringIO())
    assert [1.0, 2.0, 3.0] == list(played(math.sqrt, TASKS, 1, None, str))
    assert [1.0, 2.0, 3.0] == sorted(played(math.sqrt, TASKS, 2, steps, str))
    assert ["1.0", "2.0", "3.0"] == sorted(told)
    assert [] == list(played(math.sqrt, [], None, None, str))


def test_who_stops_listening_ends_the_workers() -> None:
    with closing(played(math.sqrt, TASKS * 50, 2, None, str)) as runs:
        next(runs)
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()
