"""Tests of a suite held against what they came to before."""

import pytest

from evaluation.conformance.baseline import Judged, compared, count, read, steadier, written
from evaluation.conformance.cache_suite import BASELINE

pytestmark = pytest.mark.unit

BEFORE = {
    "a": Judged("required", True),
    "b": Judged("required", False),
    "c": Judged("optimal", True),
    "d": Judged("check", True),
    "e": Judged("check", False),
    "gone": Judged("required", True),
}


def test_nothing_differs_from_itself() -> None:
    found = compared(BEFORE, BEFORE)
    assert not any((found.lost, found.gained, found.behaves, found.unknown, found.gone))


def test_what_passed_and_does_not_is_lost_but_a_behaviour_just_differs() -> None:
    now = {
        "a": Judged("required", False),
        "b": Judged("required", True),
        "c": Judged("optimal", False),
        "d": Judged("check", False),
        "e": Judged("check", True),
        "new": Judged("optimal", False),
    }
    found = compared(now, BEFORE)
    assert found.lost == ("a", "c")
    assert found.gained == ("b",)
    assert found.behaves == ("d", "e")
    assert (found.unknown, found.gone) == (("new",), ("gone",))


def test_only_what_was_asked_again_counts_from_the_second_run() -> None:
    second = {"a": Judged("required", False), "b": Judged("required", True)}
    found = steadier(BEFORE, second, ["b", "c"])
    assert found == BEFORE | {"b": Judged("required", True)}


def test_a_kind_is_counted() -> None:
    assert count(BEFORE, "required") == (2, 3)
    assert count(BEFORE, "check") == (1, 2)
    assert count({}, "check") == (0, 0)


def test_what_was_written_is_read() -> None:
    assert read(written(BEFORE, "abc")) == BEFORE


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"required": {"passed": []}}', '{"required": 5}']
)
def test_something_else_is_told(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_the_committed_baseline_is_what_the_bars_ask_for() -> None:
    """Every required test and 75 optimal ones; whoever loses one must lose it here as well."""
    tests = read(BASELINE.read_text(encoding="utf-8"))
    assert count(tests, "required") == (160, 160)
    passed, total = count(tests, "optimal")
    assert total == 105
    assert passed >= 75
    assert count(tests, "check")[1] == 100
