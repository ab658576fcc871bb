"""Numbers, intervals and lists look the same in every report."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import notation
from evaluation.bootstrap import Interval

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "signed", "digits", "expected"),
    [
        (12.34, False, 1, "12.3"),
        (12.34, True, 1, "+12.3"),
        (-12.34, False, 2, "−12.34"),
        (-0.001, True, 2, "0.00"),
        (0.0, True, 1, "0.0"),
        (-1234.5, False, 2, "−1,234"),
        (7.97e7, False, 2, "7.97e7"),
        (-7.97e12, True, 2, "−7.97e12"),
        (float("nan"), True, 1, "–"),
        (float("inf"), False, 1, "–"),
    ],
)
def test_numbers(value: float, signed: bool, digits: int, expected: str) -> None:
    assert expected == notation.number(value, signed, digits)


@settings(max_examples=50)
@given(st.floats(), st.booleans(), st.integers(0, 4))
def test_a_sign_stands_only_before_what_is_not_nothing(
    value: float, signed: bool, digits: int
) -> None:
    text = notation.number(value, signed, digits)
    assert "-" not in text
    if not any(digit in text for digit in "123456789"):
        assert not set(text) & {"+", "−"}


@pytest.mark.parametrize(
    ("seconds", "signed", "expected"),
    [
        (0.0786, False, "78.6"),
        (1.2345, False, "1,234"),
        (-0.0189, True, "−18.9"),
        (0.0189, True, "+18.9"),
        (-0.00001, True, "0.0"),
        (float("nan"), False, "–"),
    ],
)
def test_milliseconds(seconds: float, signed: bool, expected: str) -> None:
    assert expected == notation.ms(seconds, signed)


@pytest.mark.parametrize(
    ("share", "signed", "expected"),
    [
        (0.241, False, "24.1 %"),
        (1.0, False, "100 %"),
        (0.99999, False, "99.9 %"),
        (-0.241, True, "−24.1 %"),
        (1.0, True, "+100.0 %"),
        (float("nan"), False, "–"),
    ],
)
def test_shares(share: float, signed: bool, expected: str) -> None:
    """A single failure among many is not rounded away."""
    assert expected == notation.per_cent(share, signed)


def test_an_interval_follows_its_number() -> None:
    between = notation.span(Interval(-0.5, 0.25), signed=True, digits=2)
    assert "−0.50 to +0.25" == between
    assert "0.10 (−0.50 to +0.25)" == notation.with_span("0.10", between)
    assert "−50.0 to 25.0" == notation.span(Interval(-0.5, 0.25), 100)
    assert "" == notation.span(None)
    assert "0.10" == notation.with_span("0.10", "")


def test_lists_and_counts() -> None:
    assert ["", "a", "a and b", "a, b and c"] == [
        notation.listed(each) for each in ([], ["a"], ["a", "b"], ["a", "b", "c"])
    ]
    assert ["1 seed", "2 seeds"] == [notation.counted(each, "seed") for each in (1, 2)]
    assert "Live, 3 × 3, Q" == notation.capital("live, 3 × 3, Q")


def test_times() -> None:
    assert ["119 s", "2.0 minutes"] == [notation.length(each) for each in (119.0, 120.0)]
    assert "2026-01-02 03:04:05 UTC" == notation.moment("2026-01-02T03:04:05Z")
