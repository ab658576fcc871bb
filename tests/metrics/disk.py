"""A file that can be full or slow, in place of a path."""

import errno
import threading
from pathlib import Path
from typing import cast


class Disk:
    """Takes a number of bytes, then has no room until it gets more."""

    def __init__(self, room: int = 1 << 20) -> None:
        self.room = room
        self.content = b""
        self.writes: list[bytes] = []
        self.closed = False
        self.asked = threading.Event()
        self.may_write = threading.Event()
        self.may_write.set()

    @property
    def path(self) -> Path:
        """As a log takes it."""
        return cast(Path, self)

    def open(self, mode: str, buffering: int) -> "Disk":
        assert ("ab", 0) == (mode, buffering)
        return self

    def fileno(self) -> int:
        return 2  # of something; asked for its kind only

    def write(self, data: bytes) -> int:
        self.asked.set()
        assert self.may_write.wait(10)
        taken = data[: self.room]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(taken)
        self.content += taken
        self.writes.append(taken)
        return len(taken)

    def close(self) -> None:
        self.closed = True
