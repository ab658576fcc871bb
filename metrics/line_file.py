"""Lines behind the event loop's back: a bounded queue, a thread that empties it, a file.

``append`` costs one list entry. A timer calls ``flush``, which hands what has gathered to a thread
that formats and writes it. When the disk is slower than the traffic, lines are dropped and counted,
never waited for. Knows nothing of what the lines say.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, TypeVar

CLOSE_SECONDS = 5.0
"""How long the end of the process waits for a reader or a disk that takes no more lines."""

TOGETHER = 64
"""Lines made and written in one go. Making them holds the interpreter's lock, writing lets go of
it: the event loop never waits for more than this many lines, some 0.2 ms."""

STANDARD_OUTPUT = "-"

Row = TypeVar("Row")


class Background(Generic[Row]):
    """A bounded queue, emptied by one thread in lots.

    Attributes:
        append: takes one row, or counts it as dropped; never blocks.
    """

    __slots__ = ("_busy", "_inbox", "_limit", "_lost", "_refused", "_rows", "_thread", "_work")

    def __init__(self, work: Callable[[list[Row]], int], limit: int, name: str) -> None:
        """
        Args:
            work: in the thread, what is done with a lot; how many rows of it were lost.
            limit: rows that wait at the most, besides the lot that is worked on.
        """
        self._work = work
        self._limit = limit
        self._rows: list[Row] = []
        self._inbox: SimpleQueue[list[Row] | None] = SimpleQueue()
        self._busy = False
        # Two counts, because two threads count.
        self._refused = 0
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def dropped(self) -> int:
        """Rows that found the queue full, or were lost in the thread."""
        return self._refused + self._lost

    def append(self, row: Row) -> None:
        """Queue one row."""
        rows = self._rows
        if len(rows) < self._limit:
            rows.append(row)
        else:
            self._refused += 1

    def flush(self, always: bool = False) -> None:
        """Hand over what has gathered, unless the thread is still busy with the last lot.

        Args:
            always: even if nothing has gathered.
        """
        if self._busy or not (self._rows or always):
            return
        rows, self._rows = self._rows, []
        self._hand_over(rows)

    def lose(self, rows: int) -> None:
        """Count what was lost after the thread had ended."""
        self._lost += rows

    def close(self) -> bool:
        """Hand over everything and end the thread; whether it ended in time."""
        rows, self._rows = self._rows, []
        if rows:
            self._hand_over(rows)
        if not self._thread.is_alive():
            return True
        self._inbox.put(None)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            return True
        self._refused += len(rows)
        return False

    def _hand_over(self, rows: list[Row]) -> None:
        self._busy = True
        if self._thread.ident is None:
            self._thread.start()
        self._inbox.put(rows)

    def _run(self) -> None:
        while (rows := self._inbox.get()) is not None:
            try:
                self._lost += self._work(rows)
            except Exception:  # whatever one lot holds, the next one is worked on
                self._lost += len(rows)
            self._busy = False


class LineFile(Generic[Row]):
    """Appends lines to a file, or to standard output for the path ``-``.

    Each write holds whole lines, so that several processes may append to one file; into a pipe,
    no write is longer than what the system keeps together.

    Attributes:
        path: of the file.
        append: takes one row; see ``Background.append``.
    """

    __slots__ = (
        "_file",
        "_line",
        "_lock",
        "_next",
        "_queue",
        "_torn",
        "_write_bytes",
        "append",
        "path",
    )

    def __init__(
        self,
        path: Path,
        queue_lines: int,
        line: Callable[[Row], str],
        name: str,
        output: int = 1,
    ) -> None:
        """
        Args:
            queue_lines: rows that wait at the most.
            line: a row as one line of ASCII with its end, or "" to leave it out. Runs in the
                thread.
            name: of the thread.
            output: descriptor of what is standard output here; it stays open.

        Raises:
            OSError: the file cannot be opened.
        """
        self.path = path
        self._line = line
        self._file = _open(path, output)
        self._write_bytes = _kept_together(self._file)
        self._next: FileIO | None = None
        self._lock = threading.Lock()
        self._torn = b""
        self._queue = Background(self._write, queue_lines, name)
        self.append: Callable[[Row], None] = self._queue.append

    @property
    def dropped(self) -> int:
        """Lines that found the queue full or could not be written."""
        return self._queue.dropped

    def flush(self) -> None:
        """Hand what has gathered to the thread."""
        self._queue.flush(always=self._next is not None)

    def reopen(self) -> None:
        """Write to whatever file has the path from now on: the old one was moved away.

        Raises:
            OSError: it cannot be opened; the old file is kept.
        """
        if str(self.path) == STANDARD_OUTPUT:
            return
        new = _open(self.path, -1)
        with self._lock:
            stale, self._next = self._next, new
        if stale is not None:
            stale.close()
        self.flush()

    def close(self) -> None:
        """Write everything and close the file."""
        if not self._queue.close():
            return  # the thread is still in a write that does not end, and uses the file
        if self._torn:
            self._queue.lose(1)
        self._file.close()
        if self._next is not None:
            self._next.close()

    def _write(self, rows: list[Row]) -> int:
        """How many of the lines could not be written."""
        lost = self._turn_over() if self._next is not None else 0
        for start in range(0, len(rows), TOGETHER):
            some = rows[start : start + TOGETHER]
            try:
                lines = list(map(self._line, some))
            except Exception:
                lines, unmade = self._one_by_one(some)
                lost += unmade
            data = "".join(lines).encode("ascii", "backslashreplace")
            for part in _parts(data, self._write_bytes):
                lost += self._put(part)
        return lost

    def _one_by_one(self, rows: list[Row]) -> tuple[list[str], int]:
        """The lines of ``rows``, and how many of them cannot be made."""
        lines = []
        for row in rows:
            try:
                lines.append(self._line(row))
            except Exception:
                continue
        return lines, len(rows) - len(lines)

    def _turn_over(self) -> int:
        """Change to the file that was opened last; 1 if a line was left unfinished in the old."""
        with self._lock:
            new, self._next = self._next, None
        if new is None:
            return 0
        self._file.close()
        self._file = new
        self._write_bytes = _kept_together(new)
        torn, self._torn = self._torn, b""
        return 1 if torn else 0

    def _put(self, data: bytes) -> int:
        """How many lines of ``data`` could not be written. The next one first ends a line of which
        the disk took a part, so that one full disk breaks no line in the middle of the file.
        """
        data = self._torn + data
        written = 0
        try:
            while written < len(data):
                took = self._file.write(data[written:] if written else data)
                if took is None:
                    raise BlockingIOError  # somebody else made this pipe non-blocking
                written += took
        except OSError:
            within_line = data[written - 1] != ord("\n") if written else bool(self._torn)
            end = data.index(b"\n", written) + 1 if within_line else written
            self._torn = data[written:end]
            return data.count(b"\n", end)
        self._torn = b""
        return 0


class LineLog(Generic[Row]):
    """What logs have in common: each makes rows of what it is told, and its file lines of them.

    Attributes:
        path, flush, reopen, close: see ``LineFile``.
    """

    __slots__ = ("_append", "_file", "close", "flush", "path", "reopen")

    def __init__(self, file: LineFile[Row]) -> None:
        self.path = file.path
        self._file = file
        # Bound once: one is called with every request.
        self._append = file.append
        self.flush = file.flush
        self.reopen = file.reopen
        self.close = file.close

    @property
    def dropped(self) -> int:
        """Lines that found the queue full or could not be written."""
        return self._file.dropped


def _open(path: Path, output: int) -> FileIO:
    # Unbuffered: after a full disk a buffer would hold lines that were counted as dropped.
    if str(path) == STANDARD_OUTPUT:
        return os.fdopen(os.dup(output), "ab", 0)
    return path.open("ab", buffering=0)


def _kept_together(file: FileIO) -> int:
    """Bytes of one write that no other process's lines get into."""
    pipe = stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
    return select.PIPE_BUF if pipe else sys.maxsize


def _parts(data: bytes, most: int) -> Iterator[bytes]:
    """The lines of ``data``, as many together as fit into ``most`` bytes, one at the least."""
    while len(data) > most:
        end = data.rfind(b"\n", 0, most) + 1 or data.index(b"\n") + 1
        yield data[:end]
        data = data[end:]
    yield data
