"""One line a client request, of those that are wanted."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from metrics.access_log import AccessLog, Tee
from metrics.access_record import CUT, AccessRecord
from tests.metrics.disk import Disk
from tests.metrics.usual import USUAL, plain

pytestmark = pytest.mark.unit


@dataclass
class Settings:
    """The section ``access_log``."""

    format: Literal["json", "combined"] = "json"
    queue_lines: int = 100
    sample: float = 1.0
    always_log_status_from: int = 500
    min_duration_seconds: float = 0.0
    field_characters: int = 2048


def log_on(disk: Disk, **settings: Any) -> AccessLog:
    return AccessLog(disk.path, Settings(**settings), 0.0, random.Random(1))


def ids(disk: Disk) -> list[str]:
    return [json.loads(line)["request_id"] for line in disk.content.splitlines()]


def test_every_request_is_written_by_default() -> None:
    disk = Disk()
    log = log_on(disk)
    for number in range(100):
        log.append(plain(USUAL._replace(request_id=str(number))))
    log.close()

    assert [str(number) for number in range(100)] == ids(disk)
    assert 0 == log.dropped


def test_a_full_queue_drops_and_counts() -> None:
    disk = Disk()
    log = log_on(disk, queue_lines=3)
    for _ in range(5):
        log.append(plain(USUAL))
    log.close()

    assert (2, 3) == (log.dropped, len(ids(disk)))


def test_a_sample_is_about_its_share() -> None:
    """Binomial(10000, 0.2) is within five standard deviations of its mean."""
    disk = Disk(1 << 26)
    log = log_on(disk, queue_lines=10_000, sample=0.2)
    for _ in range(10_000):
        log.append(plain(USUAL))
    log.close()

    assert 1800 <= len(ids(disk)) <= 2200
    assert 0 == log.dropped


@pytest.mark.parametrize(
    ("change", "settings", "written"),
    [
        ({"status": 499}, {"sample": 0.0}, False),
        ({"status": 500}, {"sample": 0.0}, True),
        ({"status": 404}, {"sample": 0.0, "always_log_status_from": 400}, True),
        ({"status": 503}, {"sample": 0.0, "always_log_status_from": 600}, False),
        ({"termination": "complete"}, {"sample": 0.0}, False),
        *(({"termination": each}, {"sample": 0.0}, True) for each in sorted(CUT)),
        ({}, {"min_duration_seconds": 0.5}, True),
        ({}, {"min_duration_seconds": 0.6}, False),
        ({"status": 502}, {"min_duration_seconds": 0.6}, True),
        ({}, {"min_duration_seconds": 0.5, "sample": 0.0}, False),
    ],
)
def test_what_is_left_out(change: Any, settings: Any, written: bool) -> None:
    """Failures are always written; of the rest a sample of those that took long enough."""
    disk = Disk()
    log = log_on(disk, **settings)
    log.append(plain(USUAL._replace(**change)))
    log.close()

    assert int(written) == len(ids(disk))


def test_the_format_is_the_configured_one() -> None:
    disk = Disk()
    log = log_on(disk, format="combined")
    log.append(plain(USUAL))
    log.close()

    assert disk.content.startswith(b"192.0.2.1 - - [01/Jan/1970:00:01:40 +0000] ")


def test_it_is_reopened_when_its_file_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(path, Settings(), 0.0, random.Random(1))
    path.rename(tmp_path / "moved")
    log.reopen()
    log.append(plain(USUAL))
    log.close()

    assert (0, 1) == ((tmp_path / "moved").stat().st_size, path.read_bytes().count(b"\n"))


def test_a_tee_gives_each_record_to_both() -> None:
    first: list[AccessRecord] = []
    second: list[AccessRecord] = []
    tee = Tee(SimpleNamespace(append=first.append), SimpleNamespace(append=second.append))
    tee.append(plain(USUAL))

    assert [plain(USUAL)] == first == second
