"""One JSON line an attempt, behind the event loop's back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.request_log import RequestLog
from rl.vocabulary import Decision, Endpoint, EndpointStats, Outcome, Verdict
from tests.metrics.disk import Disk

pytestmark = pytest.mark.integration


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


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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
    log.close()

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
    log.close()
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
    disk = Disk()
    log = RequestLog(disk.path, 100, 0.0)
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
    log.close()

    assert [str(number) for number in range(30)] == [line["request_id"] for line in lines(path)]
    assert 0 == log.dropped


def test_a_full_queue_drops_and_counts(log: RequestLog, path: Path) -> None:
    for number in range(130):
        log.append(Tried(str(number)), OUTCOME, 0.0)
    dropped = log.dropped
    log.close()

    assert 30 == dropped
    assert [str(number) for number in range(100)] == [line["request_id"] for line in lines(path)]


def test_a_log_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RequestLog(tmp_path / "missing" / "requests.jsonl", 10, 0.0)


def test_it_is_reopened_when_its_file_was_moved_away(log: RequestLog, path: Path) -> None:
    moved = path.with_suffix(".1")
    path.rename(moved)
    log.reopen()
    log.append(Tried("new"), OUTCOME, 0.0)
    log.close()

    assert (b"", ["new"]) == (moved.read_bytes(), [line["request_id"] for line in lines(path)])
