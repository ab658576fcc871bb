"""What a node writes down, as far as its settings ask for it."""

import json
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from config.balancer import LoadBalancer
from load_balancer.logs import Logs
from load_balancer.serving import StartError
from metrics.access_log import Tee
from metrics.access_record import AccessRecord, Request

pytestmark = pytest.mark.integration

SAMPLED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RECORD = cast(AccessRecord, tuple(Request(1.0, 2.0, status=200, traceparent=SAMPLED)))
NOWHERE = {"enabled": True, "export_url": "http://127.0.0.1:1/v1/traces"}


def logs(**sections: Any) -> Logs:
    return Logs(LoadBalancer(**sections), 0.0)


def test_by_default_nothing_is_written_and_nobody_wants_a_record() -> None:
    """The data path asks for ``sink`` alone."""
    found = logs()
    found.flush()
    found.reopen()
    found.close()

    assert (None, None, None, None, None) == (
        found.sink, found.access_log, found.request_log, found.spans, found.agents_log,
    )  # fmt: skip
    assert (0, 0, 0) == (found.dropped_lines, found.access_log_dropped, found.spans_dropped)


def test_the_access_log_takes_records(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    found = logs(access_log={"path": str(path), "queue_lines": 1})
    sink = found.sink
    assert sink is not None
    sink.append(RECORD)
    sink.append(RECORD)
    found.flush()
    found.close()

    assert [200] == [json.loads(line)["status"] for line in path.read_text().splitlines()]
    assert 1 == found.access_log_dropped


def test_the_steps_of_agents_are_written_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "agents.jsonl"
    found = logs(shaping={"adaptive": {"log": str(path)}})
    assert found.agents_log is not None and path == found.agents_log.path
    found.flush()
    found.reopen()
    found.close()
    with pytest.raises(StartError, match=r"load_balancer\.shaping\.adaptive\.log: "):
        logs(shaping={"adaptive": {"log": str(tmp_path)}})


def test_who_wants_both_gets_both(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")  # of the extra otel
    found = logs(access_log={"path": str(tmp_path / "a")}, tracing=NOWHERE)
    alone = logs(tracing=NOWHERE)

    assert isinstance(found.sink, Tee)
    assert alone.sink is not None
    found.close()
    alone.close()


@pytest.mark.parametrize("key", ["access_log", "request_log"])
def test_a_file_that_cannot_be_opened_is_named(key: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=rf"load_balancer\.{key}\.path: .* cannot be written: "):
        logs(**{key: {"path": str(tmp_path)}})


def test_a_missing_extra_is_named_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open file would be a warning, which is an error here."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(StartError, match=r"load_balancer\.tracing\.export_url: .*extra otel"):
        logs(access_log={"path": str(tmp_path / "a")}, tracing=NOWHERE)


def test_both_logs_are_reopened(tmp_path: Path) -> None:
    first, second = tmp_path / "access.log", tmp_path / "requests.jsonl"
    found = logs(access_log={"path": str(first)}, request_log={"path": str(second)})
    for path in (first, second):
        path.rename(path.with_suffix(".1"))
    found.reopen()
    found.close()

    assert first.exists() and second.exists()


def test_a_file_that_cannot_be_reopened_is_said_and_the_others_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error, and the lines go on where they went before."""
    first, second = tmp_path / "requests.jsonl", tmp_path / "access.log"
    found = logs(access_log={"path": str(second)}, request_log={"path": str(first)})
    assert found.sink is not None
    for path in (first, second):
        path.rename(path.with_suffix(".1"))
    first.mkdir()
    found.reopen()
    found.sink.append(RECORD)
    found.close()

    assert (
        f"load_balancer.request_log.path: {first} cannot be written: Is a directory; "
        "the file that was open is kept\n"
    ) == capsys.readouterr().err
    assert 1 == second.read_bytes().count(b"\n")
