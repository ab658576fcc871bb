"""Q and QReward: which numbers are taken for some, and that what is written is read again."""

from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.q_headers import LONGEST, Told, lines, read

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"0", 0.0),
        (b"-0.05", -0.05),
        (b" 12.5\t", 12.5),
        (b"+1.", 1.0),
        (b".5", 0.5),
        (b"1e3", 1000.0),
        (b"-1E-3", -0.001),
        (b"1000000", 1e6),
    ],
)
def test_a_decimal_number_is_read(text: bytes, number: float) -> None:
    assert number == read(text, 1e6)


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"-", b".", b"NaN", b"inf", b"-Infinity", b"1e400", b"1e9", b"-1000000.1",
        b"1_000", b"0x10", b"1, 2", b"1 2", b"\xd9\xa1", b"1\n", b"e5", b"1e99999",
        b"0" * (LONGEST + 1), b"--1", b"1\x00",
    ],
)  # fmt: skip
def test_whatever_else_is_not(text: bytes) -> None:
    assert read(text, 1e6) is None


@given(st.binary(max_size=40), st.floats(min_value=1e-3, max_value=1e12))
def test_nothing_is_read_that_is_no_bounded_number(text: bytes, largest: float) -> None:
    number = read(text, largest)

    assert number is None or (isfinite(number) and abs(number) <= largest)


@given(
    st.floats(allow_nan=False),
    st.floats(allow_nan=False),
    st.floats(min_value=1e-3, max_value=1e12),
)
def test_what_is_written_is_read_again(value: float, reward: float, largest: float) -> None:
    """To twelve digits, and within the bound."""
    written = lines(value, reward, largest)
    fields = [tuple(line.split(b": ")) for line in written.splitlines()]
    told = Told([(name, text) for name, text in fields], largest * (1 + 1e-9))

    assert all(len(text) <= LONGEST for _, text in fields)
    for number, again in ((value, told.value), (reward, told.reward)):
        assert again == pytest.approx(max(-largest, min(largest, number)), rel=1e-11)
        assert (number == 0.0) is (again == 0.0)  # 0 is the end of the way


@pytest.mark.parametrize(("value", "reward"), [(nan, 1.0), (1.0, nan), (-nan, nan)])
def test_what_is_no_number_is_not_told(value: float, reward: float) -> None:
    assert b"" == lines(value, reward, 1e6)


def test_what_is_told() -> None:
    assert b"Q: -0.05\r\nQReward: 1000\r\n" == lines(-0.05, inf, 1e3)
    assert b"Q: 0\r\nQReward: 0\r\n" == lines(-0.0, 0.0, 1e3)


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Q", b"1")],
        [(b"QReward", b"1")],
        [(b"Q", b"1"), (b"QReward", b"NaN")],
        [(b"Q", b"x"), (b"QReward", b"1")],
        [(b"Q", b"1"), (b"q", b"1"), (b"QReward", b"1")],
        [(b"Q", b"1"), (b"QReward", b"1"), (b"QREWARD", b"1")],
    ],
)
def test_one_without_the_other_says_nothing(fields: list[tuple[bytes, bytes]]) -> None:
    told = Told([(b"Date", b"now"), *fields], 1e6)

    assert (True, None, None) == (told.sent, told.value, told.reward)


def test_an_answer_may_tell_nothing() -> None:
    told = Told([(b"X-Q", b"1"), (b"Quality", b"2")], 1e6)

    assert (False, None, None) == (told.sent, told.value, told.reward)
