"""One JSON line an attempt, behind the event loop's back."""

import errno
import json
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.request_log import RequestLog
from rl.vocabulary import Decision, Endpoint, EndpointStats, Outcome, Verdict

pytestmark = pytest.mark.integration

FULL = Path("/dev/full")


class Named:
    """A strategy as the log sees it."""

    def __init__(self, name: str) -> None:
        self.name = name


class Tried:
    """An attempt as the log sees it."""

    def __init__(
        self,
        request_id: str = "r1",
        strategy: str = "round_robin",
        endpoint: str = "server1",
        decision: Decision | None = None,
        number: int = 1,
    ) -> None:
        self.request_id = request_id
        self.strategy = Named(strategy)
        self.stats = EndpointStats(Endpoint(endpoint, "localhost", 80))
        self.decision = decision or Decision(0)
        self.number = number


OUTCOME = Outcome(Verdict.SUCCESS, 0.0125, 200)


def written(log: RequestLog) -> None:
    """Wait until the writer has done what it was handed."""
    if log._writing is not None:
        wait([log._writing], timeout=10)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Disk:
    """A file that takes a number of bytes, then has no room until it gets more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.content = b""
        self.closed = False
        self.may_write = threading.Event()
        self.may_write.set()

    def open(self, mode: str, buffering: int) -> "Disk":
        assert ("ab", 0) == (mode, buffering)
        return self

    def write(self, data: bytes) -> int:
        assert self.may_write.wait(10)
        taken = data[: self.room]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(taken)
        self.content += taken
        return len(taken)

    def close(self) -> None:
        self.closed = True


def log_on(disk: Disk, queue_lines: int = 100) -> RequestLog:
    return RequestLog(cast(Path, disk), queue_lines, 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.jsonl"


@pytest.fixture
def log(path: Path) -> Iterator[RequestLog]:
    log = RequestLog(path, 100, 1_700_000_000.0)
    yield log
    log.close()


def test_a_line_says_everything_of_an_attempt(log: RequestLog, path: Path) -> None:
    """The fields that reports, tests and people rely on, with their types; time is unix time."""
    decision = Decision(1, 0.25, -3.0, True, memo=object())
    outcome = Outcome(Verdict.FAILURE, 1.5, 503)
    log.append(Tried("abc-1", "q_learning", "server2", decision, 2), outcome, 12.25)
    log.flush()
    written(log)

    assert [
        {
            "time": 1_700_000_012.25,
            "request_id": "abc-1",
            "strategy": "q_learning",
            "endpoint": "server2",
            "latency": 1.5,
            "status": 503,
            "verdict": "failure",
            "attempt": 2,
            "explored": True,
            "propensity": 0.25,
        }
    ] == lines(path)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_word(log: RequestLog, path: Path, verdict: Verdict) -> None:
    log.append(Tried(), Outcome(verdict, 0.0, 0), 0.0)
    log.flush()
    written(log)
    (line,) = lines(path)

    assert (verdict.value, 0, False) == (line["verdict"], line["status"], line["explored"])


@given(
    st.text(max_size=20),
    st.floats(min_value=0.0, max_value=1e6),
    st.floats(min_value=1e-12, max_value=1.0),
    st.integers(min_value=0, max_value=999),
)
def test_every_line_is_json_whatever_it_holds(
    name: str, latency: float, propensity: float, status: int
) -> None:
    """Quotes, newlines, lone surrogates, tiny propensities: one line, and the values come back."""
    disk = Disk(1 << 20)
    log = log_on(disk)
    outcome = Outcome(Verdict.SUCCESS, latency, status)
    log.append(Tried(name, name, name, Decision(0, propensity)), outcome, 1.0)
    log.close()
    (text,) = disk.content.splitlines()
    line = json.loads(text)

    assert [name] * 3 == [line["request_id"], line["strategy"], line["endpoint"]]
    assert (pytest.approx(latency, abs=1e-6), status) == (line["latency"], line["status"])
    assert pytest.approx(propensity, rel=1e-5) == line["propensity"]


def test_lines_stand_in_the_order_of_completion(log: RequestLog, path: Path) -> None:
    for number in range(30):
        log.append(Tried(str(number)), OUTCOME, float(number))
        if number % 7 == 0:
            log.flush()
            written(log)
    log.close()

    assert [str(number) for number in range(30)] == [line["request_id"] for line in lines(path)]
    assert 0 == log.dropped


def test_nothing_is_written_before_a_flush(log: RequestLog, path: Path) -> None:
    """``append`` runs on the event loop, where files are not for writing."""
    log.append(Tried(), OUTCOME, 0.0)

    assert b"" == path.read_bytes()


def test_an_earlier_log_is_continued(path: Path) -> None:
    path.write_text('{"request_id": "old"}\n', encoding="utf-8")
    log = RequestLog(path, 10, 0.0)
    log.append(Tried("new"), OUTCOME, 0.0)
    log.close()

    assert ["old", "new"] == [line["request_id"] for line in lines(path)]


def test_a_full_queue_drops_and_counts(log: RequestLog, path: Path) -> None:
    for number in range(130):
        log.append(Tried(str(number)), OUTCOME, 0.0)
    dropped = log.dropped
    log.close()

    assert 30 == dropped
    assert [str(number) for number in range(100)] == [line["request_id"] for line in lines(path)]


def test_a_slow_disk_is_never_waited_for() -> None:
    """While the writer is busy lines gather to the bound, and no second writer is started."""
    disk = Disk(1 << 20)
    disk.may_write.clear()
    log = log_on(disk, queue_lines=5)
    log.append(Tried("0"), OUTCOME, 0.0)
    log.flush()
    for number in range(1, 9):
        log.append(Tried(str(number)), OUTCOME, 0.0)
        log.flush()
    during = (log.dropped, disk.content)
    disk.may_write.set()
    log.close()

    assert (3, b"") == during
    assert [str(number) for number in range(6)] == [
        json.loads(line)["request_id"] for line in disk.content.splitlines()
    ]


def test_close_writes_what_is_left_even_behind_a_busy_writer(path: Path) -> None:
    log = RequestLog(path, 100, 0.0)
    log.append(Tried("1"), OUTCOME, 0.0)
    log.flush()
    log.append(Tried("2"), OUTCOME, 0.0)
    log.close()

    assert ["1", "2"] == [line["request_id"] for line in lines(path)]


def test_close_leaves_no_thread_and_no_open_file() -> None:
    disk = Disk(1 << 20)
    log = log_on(disk)
    log.append(Tried(), OUTCOME, 0.0)
    log.flush()
    log.close()

    assert disk.closed
    assert not [each for each in threading.enumerate() if each.name.startswith("request-log")]


def test_an_empty_log_closes() -> None:
    disk = Disk(0)
    log = log_on(disk)
    log.flush()
    log.close()

    assert (b"", 0, True) == (disk.content, log.dropped, disk.closed)


def test_a_full_device_costs_lines_and_nothing_else() -> None:
    """No exception on the loop, none at the end, and every line is counted."""
    log = RequestLog(FULL, 100, 0.0) if FULL.exists() else log_on(Disk(0))
    for _ in range(3):
        log.append(Tried(), OUTCOME, 0.0)
    log.flush()
    written(log)
    log.flush()
    log.append(Tried(), OUTCOME, 0.0)
    log.close()

    assert 4 == log.dropped


def test_a_log_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RequestLog(tmp_path / "missing" / "requests.jsonl", 10, 0.0)


@given(st.lists(st.integers(min_value=0, max_value=700), min_size=1, max_size=6))
def test_a_disk_that_fills_up_and_gets_room_again_breaks_no_line(rooms: list[int]) -> None:
    """Every line in the file is whole but the last, and written and dropped add up to all."""
    disk = Disk(0)
    log = log_on(disk)
    sent = 0
    for room in rooms:
        disk.room = room
        for _ in range(2):
            log.append(Tried(str(sent)), OUTCOME, 0.0)
            sent += 1
        log.flush()
        written(log)
    disk.room = 0
    log.close()
    whole = disk.content[: disk.content.rfind(b"\n") + 1].splitlines()
    ids = [int(json.loads(line)["request_id"]) for line in whole]

    assert sorted(ids) == ids
    assert sent == len(ids) + log.dropped
