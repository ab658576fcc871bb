"""Tasks as they are made."""

import pytest

from rl.fog.tasks import Place
from tests.rl.fog.fogs import application

pytestmark = pytest.mark.unit


def test_a_new_task_comes_with_its_application_and_all_of_it_is_left() -> None:
    made = application(2, 1, 5.0)
    first, second = made.tasks

    assert first.place is second.place is Place.COMING
    assert (first.left, first.path, first.local, first.memo) == (5.0, [], False, None)
    assert first.path is not second.path
    assert "COMING" in repr(first)


def test_the_ends_come_last() -> None:
    assert [each for each in Place if each >= Place.COMPLETED] == [
        Place.COMPLETED,
        Place.DROPPED,
        Place.EXPIRED,
    ]
