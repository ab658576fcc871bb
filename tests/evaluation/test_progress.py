"""The bar in a terminal, and lines where there is none."""

import io

import pytest

from evaluation.progress import Progress, Steps
from traffic.records import Record

pytestmark = pytest.mark.unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def record(latency: float = 0.05, status: int = 200) -> Record:
    return Record(0, 0.0, 0.0, latency, latency, status, "", "id", "server1")


def test_a_line_every_ten_seconds_and_one_a_run() -> None:
    """With run, strategy, seed, rolling mean and the time that is left."""
    clock, stream = Clock(), io.StringIO()
    progress = Progress(2, 40, stream=stream, clock=clock)
    progress.begin_run("q_learning", 3)
    for _ in range(10):
        clock.now += 1.5
        progress.record(record())
    progress.record(record(status=500))
    progress.end_run()
    progress.close()
    first, last = stream.getvalue().splitlines()
    assert first == ("[1/2] q_learning, seed 3: 7 requests, rolling mean 50.0 ms, about 50 s left")
    assert last == (
        "[1/2] q_learning, seed 3: 11 requests, rolling mean 50.0 ms, 1 failed, about 40 s left"
    )


def test_the_last_line_promises_no_more_time() -> None:
    stream = io.StringIO()
    progress = Progress(1, 1, stream=stream, clock=Clock())
    progress.begin_run("random", 0)
    progress.record(record(status=500))
    progress.end_run()
    assert stream.getvalue() == "[1/1] random, seed 0: 1 requests, rolling mean 0.0 ms, 1 failed\n"


def test_a_terminal_has_a_bar_that_goes_away() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress(1, 10, stream=stream, clock=clock)
    progress.begin_run("round_robin", 1)
    for _ in range(10):
        clock.now += 0.3
        progress.record(record())
    progress.end_run()
    progress.close()
    progress.close()
    shown = stream.getvalue()
    assert "round_robin, seed 1" in shown
    assert "rolling mean 50.0 ms" in shown
    assert shown.endswith("\r")


def test_every_run_has_its_own_mean() -> None:
    stream = io.StringIO()
    progress = Progress(2, 2, stream=stream, clock=Clock())
    for name, latency in (("a", 0.1), ("b", 0.2)):
        progress.begin_run(name, 0)
        progress.record(record(latency))
        progress.end_run()
    assert "[2/2] b, seed 0: 1 requests, rolling mean 200.0 ms" in stream.getvalue()


def test_steps_are_told_now_and_then() -> None:
    clock, stream = Clock(), io.StringIO()
    steps = Steps(8, stream=stream, clock=clock)
    for number in range(8):
        clock.now += 4.0
        steps.step(f"q_routing, seed {number}")
    steps.close()

    assert stream.getvalue().splitlines() == [
        "[3/8] q_routing, seed 2, about 20 s left",
        "[6/8] q_routing, seed 5, about 8 s left",
    ]


def test_steps_are_a_bar_in_a_terminal() -> None:
    stream = Terminal()
    steps = Steps(2, stream=stream, clock=Clock())
    steps.step("q_routing, seed 0")
    steps.step("q_routing, seed 1")
    steps.close()
    steps.close()

    assert "2/2" in stream.getvalue()
