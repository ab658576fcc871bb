"""traffic.progress: a bar in a terminal, a line now and then elsewhere."""

import io

import pytest

from traffic.progress import LINE_SECONDS, Progress
from traffic.records import Record

pytestmark = pytest.mark.unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(status: int = 200) -> Record:
    return Record(0, 0.0, 0.0, 0.02, 0.01, status, "", "0", "")


def test_without_a_terminal_there_is_a_line_every_few_seconds() -> None:
    now = 0.0
    out = io.StringIO()
    progress = Progress(10, stream=out, clock=lambda: now)
    progress.record(record())
    assert out.getvalue() == ""
    now = LINE_SECONDS
    progress.record(record(500))
    progress.record(record())
    progress.close()
    assert out.getvalue() == "2 of 10 requests, recent mean 20.0 ms, 1 failed\n"


def test_in_a_terminal_there_is_a_bar_with_latency_and_failures() -> None:
    now = 0.0
    out = Terminal()
    progress = Progress(10, stream=out, clock=lambda: now)
    for now in (1.0, 2.0, 3.0):  # noqa: B007 - the clock reads it
        progress.record(record(404))
    progress.close()
    assert "3/10" in out.getvalue()
    assert "3 failed" in out.getvalue()


def test_quiet_shows_nothing_in_a_terminal_either() -> None:
    now = 0.0
    out = Terminal()
    progress = Progress(10, quiet=True, stream=out, clock=lambda: now)
    now = 100.0
    progress.record(record())
    progress.close()
    assert out.getvalue() == ""
