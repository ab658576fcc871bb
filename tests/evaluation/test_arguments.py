"""Values on command lines, and what is said of those that cannot be used."""

import pytest

from config.loading import ConfigError
from evaluation.arguments import (
    INTERRUPTED,
    REFUSED,
    BadArgument,
    count,
    ended,
    parse_names,
    parse_seeds,
    share,
)

pytestmark = pytest.mark.unit


def test_seeds_are_numbers_and_ranges() -> None:
    assert [0, 1, 2, 7] == parse_seeds("0-2,1, 7")


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "0-10000"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(BadArgument, match="--seeds"):
        parse_seeds(text)


def test_names_come_once() -> None:
    assert ["a", "b"] == parse_names(" a,b,, a", "--arms")
    with pytest.raises(BadArgument, match="--arms: names none"):
        parse_names(" ,", "--arms")


@pytest.mark.parametrize("text", ["0", "10000001", "x"])
def test_counts_begin_with_one(text: str) -> None:
    assert 1 == count("1")
    with pytest.raises(ValueError):
        count(text)


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan"])
def test_shares_end_with_one(text: str) -> None:
    assert (0.0, 1.0) == (share("0"), share("1"))
    with pytest.raises(ValueError):
        share(text)


def test_what_is_refused_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(error: BaseException) -> int:
        raise error

    assert 7 == ended("it", lambda: 7)
    for error in (BadArgument("no"), KeyError("no"), ConfigError(["no", "nor that"])):
        assert REFUSED == ended("it", lambda error=error: refuse(error), KeyError)  # type: ignore[misc]
    assert INTERRUPTED == ended("it", lambda: refuse(KeyboardInterrupt()))
    assert ["it: no", "it: 'no'", "it: no", "nor that"] == capsys.readouterr().err.splitlines()
    with pytest.raises(IndexError):
        ended("it", lambda: refuse(IndexError()), KeyError)
