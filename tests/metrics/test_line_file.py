"""A bounded queue, emptied by a thread into a file that may be full, slow or moved away."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import line_file
from metrics.line_file import TOGETHER, Background, LineFile, LineLog
from tests.metrics.disk import Disk

pytestmark = pytest.mark.integration

FULL = Path("/dev/full")


def line(row: str) -> str:
    return f"{row}\n"


def until(holds: Callable[[], bool]) -> None:
    """Wait for the thread."""
    end = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lines.log"


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """``close`` ends the thread."""
    yield
    assert not [each for each in threading.enumerate() if each.name == "lines"]


def lines_on(path: Path, queue_lines: int = 1000) -> LineFile[str]:
    return LineFile(path, queue_lines, line, "lines")


def test_lines_stand_in_the_order_of_the_rows(path: Path) -> None:
    file = lines_on(path)
    numbers = [str(number) for number in range(300)]
    for number in numbers:
        file.append(number)
        if number.endswith("7"):
            file.flush()
    file.close()

    assert (numbers, 0) == (path.read_text("ascii").splitlines(), file.dropped)


def test_nothing_is_written_before_a_flush(path: Path) -> None:
    """``append`` runs on the event loop, where files are not for writing."""
    file = lines_on(path)
    file.append("a")
    before = path.read_bytes()
    file.flush()
    until(lambda: path.read_bytes() == b"a\n")
    file.close()

    assert b"" == before


def test_an_earlier_file_is_continued(path: Path) -> None:
    path.write_text("old\n", encoding="ascii")
    file = lines_on(path)
    file.append("new")
    file.close()

    assert b"old\nnew\n" == path.read_bytes()


def test_a_full_queue_drops_and_counts(path: Path) -> None:
    file = lines_on(path, 100)
    for number in range(130):
        file.append(str(number))
    dropped = file.dropped
    file.close()

    assert 30 == dropped
    assert [str(number) for number in range(100)] == path.read_text("ascii").splitlines()


def test_a_slow_disk_is_never_waited_for() -> None:
    """While the thread is busy rows gather to the bound, and no second lot is handed over."""
    disk = Disk()
    disk.may_write.clear()
    file = lines_on(disk.path, queue_lines=5)
    file.append("0")
    file.flush()
    for number in range(1, 9):
        file.append(str(number))
        file.flush()
    during = (file.dropped, disk.content)
    disk.may_write.set()
    file.close()

    assert (3, b"") == during
    assert b"0\n1\n2\n3\n4\n5\n" == disk.content


def test_a_disk_that_never_answers_does_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``close`` gives up in time, and counts what it leaves."""
    disk = Disk()
    disk.may_write.clear()
    file = lines_on(disk.path)
    file.append("0")
    file.flush()
    file.append("1")
    monkeypatch.setattr(line_file, "CLOSE_SECONDS", 0.01)
    file.close()
    after = (file.dropped, disk.closed)
    disk.may_write.set()
    until(lambda: not [each for each in threading.enumerate() if each.name == "lines"])

    assert (1, False) == after


def test_an_empty_file_closes() -> None:
    disk = Disk(0)
    file = lines_on(disk.path)
    file.flush()
    file.close()

    assert (b"", 0, True) == (disk.content, file.dropped, disk.closed)


def test_a_full_device_costs_lines_and_nothing_else() -> None:
    """No exception on the loop, none at the end, and every line is counted."""
    file = lines_on(FULL if FULL.exists() else Disk(0).path)
    for _ in range(3):
        file.append("a")
    file.flush()
    until(lambda: file.dropped == 3)
    file.append("b")
    file.close()

    assert 4 == file.dropped


@given(st.lists(st.integers(min_value=0, max_value=700), min_size=1, max_size=6))
def test_a_disk_that_fills_up_and_gets_room_again_breaks_no_line(rooms: list[int]) -> None:
    """Every line in the file is whole but the last, and written and dropped add up to all."""
    disk = Disk(0)
    file: LineFile[int] = LineFile(disk.path, 100, lambda row: f"<{row:060}>\n", "lines")
    sent = 0
    for room in rooms:
        disk.room = room
        for _ in range(2):
            file.append(sent)
            sent += 1
        file.flush()
        until(lambda: not file._queue._busy)
    disk.room = 0
    file.close()
    whole = disk.content[: disk.content.rfind(b"\n") + 1].splitlines()
    numbers = [int(each.removeprefix(b"<").removesuffix(b">")) for each in whole]

    assert {62} >= {len(each) for each in whole}
    assert sorted(numbers) == numbers
    assert sent == len(numbers) + file.dropped


def test_a_file_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lines_on(tmp_path / "missing" / "lines.log")


def test_a_row_without_a_line_costs_only_itself(path: Path) -> None:
    """A fault of the formatting is counted, and what stands around it is written."""

    def careful(row: str) -> str:
        if row == "bad":
            raise ValueError(row)
        return line(row)

    file: LineFile[str] = LineFile(path, 100, careful, "lines")
    for row in ("a", "bad", "b"):
        file.append(row)
    file.close()

    assert (b"a\nb\n", 1) == (path.read_bytes(), file.dropped)


def test_a_row_may_be_left_out(path: Path) -> None:
    file: LineFile[str] = LineFile(path, 100, lambda row: "", "lines")
    file.append("a")
    file.close()

    assert (b"", 0) == (path.read_bytes(), file.dropped)


def test_what_is_not_ascii_is_escaped_and_loses_nothing(path: Path) -> None:
    file = lines_on(path)
    file.append("é\udc80")
    file.close()

    assert b"\\xe9\\udc80\n" == path.read_bytes()


def test_every_write_holds_whole_lines() -> None:
    """Several processes append to one file; and the interpreter's lock is let go of in between."""
    disk = Disk()
    file = lines_on(disk.path)
    for number in range(3 * TOGETHER):
        file.append(str(number))
    file.close()

    assert 3 == len(disk.writes)
    assert all(each.endswith(b"\n") and each.count(b"\n") == TOGETHER for each in disk.writes)


def test_into_a_pipe_no_write_is_longer_than_the_system_keeps_together(tmp_path: Path) -> None:
    """PIPE_BUF of POSIX: the lines of two processes would be mixed up."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    file = lines_on(fifo)
    disk = Disk()
    file._file.close()
    file._file = disk  # type: ignore[assignment]
    for size in (200, 5000, 1):
        for _ in range(TOGETHER // 2):
            file.append("x" * size)
    file.close()
    os.close(reading)
    sizes = [len(each) for each in disk.writes]

    assert 32 * (201 + 5001 + 2) == sum(sizes)
    assert all(each.endswith(b"\n") for each in disk.writes)
    assert all(size <= select.PIPE_BUF or size == 5001 for size in sizes)
    assert len(sizes) < 40


def test_a_dash_is_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Which stays open when the log is closed, and is not reopened."""
    file = lines_on(Path(line_file.STANDARD_OUTPUT))
    file.reopen()
    file.append("a")
    file.close()
    os.write(1, b"b\n")

    assert "a\nb\n" == capfd.readouterr().out


def test_standard_output_may_be_another_descriptor(path: Path) -> None:
    """A worker's own leads to its supervisor."""
    with path.open("wb") as output:
        file: LineFile[str] = LineFile(Path("-"), 10, line, "lines", output.fileno())
        file.append("a")
        file.close()
        output.write(b"b\n")

    assert b"a\nb\n" == path.read_bytes()


def test_a_file_that_was_moved_away_is_begun_anew(path: Path) -> None:
    """What was noted before goes to the old one; nothing is lost."""
    moved = path.with_suffix(".1")
    file = lines_on(path)
    file.append("old")
    file.flush()
    until(lambda: path.read_bytes() == b"old\n")
    path.rename(moved)
    file.append("between")
    file.flush()
    until(lambda: moved.read_bytes() == b"old\nbetween\n")
    file.reopen()
    file.append("new")
    file.close()

    assert (b"old\nbetween\n", b"new\n") == (moved.read_bytes(), path.read_bytes())


def test_without_traffic_too_the_old_file_is_let_go_of(path: Path) -> None:
    """Its disk space is free only when nobody has it open any more."""
    file = lines_on(path)
    old = file._file
    file.reopen()
    until(lambda: old.closed)
    file.close()

    assert file._file.closed


def test_a_path_that_cannot_be_opened_again_leaves_the_old_file(path: Path) -> None:
    file = lines_on(path)
    moved = path.with_suffix(".1")
    path.rename(moved)
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        file.reopen()
    file.append("a")
    file.close()

    assert b"a\n" == moved.read_bytes()


def test_many_reopenings_behind_a_busy_thread_hold_one_file(path: Path) -> None:
    """A storm of signals must not use up the descriptors."""
    disk = Disk()
    file = lines_on(path)
    file._file.close()
    file._file = disk  # type: ignore[assignment]
    disk.may_write.clear()
    file.append("a")
    file.flush()
    assert disk.asked.wait(10)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(20):
        file.reopen()
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 1
    disk.may_write.set()
    file.append("b")
    file.close()

    assert 1 == after - before
    assert (b"a\n", b"b\n", True) == (disk.content, path.read_bytes(), disk.closed)


def test_a_line_torn_by_a_full_disk_stays_torn_in_the_old_file(path: Path) -> None:
    """Its rest is no line of the new one, and it counts as lost."""
    disk = Disk(3)
    file = lines_on(path)
    file._file.close()
    file._file = disk  # type: ignore[assignment]
    file.append("abcdef")
    file.flush()
    until(lambda: not file._queue._busy)
    file.reopen()
    file.append("next")
    file.close()

    assert (b"abc", b"next\n", 1) == (disk.content, path.read_bytes(), file.dropped)


def test_a_log_is_flushed_reopened_and_closed_as_its_file_is(path: Path) -> None:
    class Log(LineLog[str]):
        def note(self, row: str) -> None:
            self._append(row)

    log = Log(lines_on(path, 1))
    log.note("a")
    log.note("lost")
    log.flush()
    until(lambda: path.read_bytes() == b"a\n")
    moved = path.replace(path.with_suffix(".1"))
    log.reopen()
    until(path.exists)
    log.note("b")
    log.close()

    assert (b"a\n", b"b\n") == (moved.read_bytes(), path.read_bytes())
    assert (path, 1) == (log.path, log.dropped)


def test_work_that_fails_loses_its_lot_and_not_the_thread() -> None:
    done: list[list[int]] = []

    def work(rows: list[int]) -> int:
        if 13 in rows:
            raise RuntimeError
        done.append(rows)
        return 0

    queue = Background(work, 10, "lines")
    queue.append(13)
    queue.append(14)
    queue.flush()
    until(lambda: queue.dropped == 2)
    queue.append(1)

    assert queue.close()
    assert ([[1]], 2) == (done, queue.dropped)


def test_a_queue_that_was_never_used_has_no_thread() -> None:
    queue: Background[int] = Background(len, 10, "lines")
    queue.flush()

    assert queue.close()
    assert queue._thread.ident is None
