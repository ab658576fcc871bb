"""Schedules of epsilon."""

import pytest

from rl.exploration import DecayingEpsilon, Glie

pytestmark = pytest.mark.unit


def test_epsilon_decays_by_document_003s_factor() -> None:
    exploration = DecayingEpsilon(0.1, 0.995, 0.01)

    assert 0.1 == exploration.epsilon
    for _ in range(100):
        exploration.step()
    assert pytest.approx(0.1 * 0.995**100) == exploration.epsilon


def test_epsilon_never_falls_below_the_minimum() -> None:
    """0.1 * 0.995**t reaches 0.01 at t = 460."""
    exploration = DecayingEpsilon(0.1, 0.995, 0.01)
    for _ in range(459):
        exploration.step()
    assert exploration.epsilon > 0.01
    for _ in range(1000):
        exploration.step()
    assert 0.01 == exploration.epsilon


def test_epsilon_never_rises() -> None:
    """Exploration that was switched off stays off, whatever the minimum."""
    exploration = DecayingEpsilon(0.0, 0.995, 0.01)
    exploration.step()

    assert 0.0 == exploration.epsilon


def test_glie_is_one_over_t_plus_one() -> None:
    """The first choice is always an exploring one, the fourth one in four."""
    exploration = Glie()
    seen = []
    for _ in range(4):
        seen.append(exploration.epsilon)
        exploration.step()

    assert [1.0, 1 / 2, 1 / 3, 1 / 4] == seen
    assert 4 == exploration.steps


def test_glie_explores_without_end_and_ever_less() -> None:
    """Its sum passes every bound (after n steps it is above ln n), its value tends to zero."""
    exploration = Glie()
    total = 0.0
    for _ in range(22_027):
        total += exploration.epsilon
        exploration.step()

    assert total > 10.0
    assert exploration.epsilon < 1e-4


def test_glie_goes_on_where_it_was() -> None:
    exploration = Glie(3)

    assert 0.25 == exploration.epsilon
    exploration.step()
    assert (4, 0.2) == (exploration.steps, exploration.epsilon)
