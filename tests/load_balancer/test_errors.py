"""The exceptions of a request's way."""

import pytest

from load_balancer import errors
from load_balancer.errors import NoCandidate, UpstreamError

pytestmark = pytest.mark.unit

EVERY = {
    "UpstreamError": (502, "upstream"),
    "ConnectFailed": (502, "connect_failed"),
    "ConnectTimeout": (504, "connect_timeout"),
    "ResponseTimeout": (504, "response_timeout"),
    "ResponseInvalid": (502, "response_invalid"),
    "ConnectionLost": (502, "connection_lost"),
    "NoCandidate": (503, "no_candidate"),
}


@pytest.mark.parametrize(("name", "expected"), EVERY.items(), ids=EVERY)
def test_each_says_its_status_and_its_label(name: str, expected: tuple[int, str]) -> None:
    kind = getattr(errors, name)

    assert expected == (kind.status, kind.label)
    assert "why" == str(kind("why"))


def test_the_table_here_is_whole() -> None:
    assert set(EVERY) == {name for name, each in vars(errors).items() if isinstance(each, type)}


def test_no_two_share_a_label() -> None:
    """They are counted by it."""
    assert len(EVERY) == len({label for _, label in EVERY.values()})


def test_what_the_endpoint_did_is_told_from_what_we_lack() -> None:
    """Only the former may be tried elsewhere."""
    assert not issubclass(NoCandidate, UpstreamError)
    for name in EVERY.keys() - {"NoCandidate"}:
        assert issubclass(getattr(errors, name), UpstreamError)


def test_the_drawn_tree_is_the_real_one() -> None:
    """The module's text draws every exception with its parent and its status."""
    assert errors.__doc__ is not None
    drawn: dict[str, tuple[str, int]] = {}
    above: dict[int, str] = {}
    for line in errors.__doc__.splitlines():
        words = line.split()
        indent = len(line) - len(line.lstrip())
        if indent < 4:
            continue
        above[indent] = words[0]
        if len(words) > 1:
            drawn[words[0]] = (above[indent - 2], int(words[1]))

    assert drawn == {
        name: (getattr(errors, name).__bases__[0].__name__, status)
        for name, (status, _) in EVERY.items()
    }
