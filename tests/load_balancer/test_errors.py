"""The exceptions of a request's way."""

import pytest

from load_balancer import errors
from load_balancer.errors import Declined, NoCandidate, NoService, StatusDeclined, UpstreamError

pytestmark = pytest.mark.unit

EVERY = {
    "UpstreamError": (502, "upstream"),
    "ConnectFailed": (502, "connect_failed"),
    "ConnectTimeout": (504, "connect_timeout"),
    "CertificateInvalid": (502, "certificate_invalid"),
    "ResponseTimeout": (504, "response_timeout"),
    "ResponseInvalid": (502, "response_invalid"),
    "ConnectionLost": (502, "connection_lost"),
    "StatusDeclined": (502, "status_declined"),
    "NoCandidate": (503, "no_candidate"),
    "QueueFull": (503, "queue_full"),
    "QueueTimeout": (503, "queue_timeout"),
    "NoService": (503, "no_service"),
    "Declined": (503, "declined"),
    "Limited": (429, "limited"),
}
WITH_A_STATUS = {"StatusDeclined", "NoService", "Declined", "Limited"}
"""Its own, which it is made with."""


@pytest.mark.parametrize(("name", "expected"), EVERY.items(), ids=EVERY)
def test_each_says_its_status_and_its_label(name: str, expected: tuple[int, str]) -> None:
    kind = getattr(errors, name)

    assert expected == (kind.status, kind.label)
    if name not in WITH_A_STATUS:
        assert "why" == str(kind("why"))


def test_a_declined_answer_is_told_with_its_own_status() -> None:
    declined = StatusDeclined(503)

    assert (503, 503) == (declined.status, declined.answered)
    assert "503" in str(declined)


def test_who_cannot_serve_says_so_with_the_status_that_is_wanted() -> None:
    assert (501, "no_service") == (NoService(501).status, NoService(501).label)
    assert (501, "declined") == (Declined(501).status, Declined(501).label)
    assert 503 == NoService().status  # one of them changes no other


def test_the_table_here_is_whole() -> None:
    found = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, Exception)
    }
    assert set(EVERY) == found


def test_no_two_share_a_label() -> None:
    """They are counted by it."""
    assert len(EVERY) == len({label for _, label in EVERY.values()})


def test_what_the_endpoint_did_is_told_from_what_we_lack() -> None:
    """Only the former may be tried elsewhere."""
    assert not issubclass(NoCandidate, UpstreamError)
    for name in EVERY.keys() - {
        name for name in EVERY if issubclass(getattr(errors, name), NoCandidate)
    }:
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
        if len(words) > 1 and words[1].isdigit():
            drawn[words[0]] = (above[indent - 2], int(words[1]))

    assert drawn == {
        name: (getattr(errors, name).__bases__[0].__name__, status)
        for name, (status, _) in EVERY.items()
    }
