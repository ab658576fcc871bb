"""One SQLite file with stored responses, and nobody else's. Blocking; knows no event loop.

A row is a key, a variant and a record; what a record holds is others' business. Rows are numbered
as they come, and the lowest numbers go first when there are too many bytes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Final

APPLICATION: Final = 0x534C4243
"""``PRAGMA application_id`` of our files: "SLBC"."""

VERSION: Final = 1
"""Of the table and of the records in it; rows of another one are thrown away."""

FEWEST_ROWS = 16
"""Deleted at once when there are too many bytes."""

BUSY_SECONDS = 1.0
_MAGIC = b"SQLite format 3\0"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

Row = tuple[bytes, bytes, bytes]
"""Key, variant, record."""


class CacheTable:
    """A table of records by key and variant, at most so many bytes on disk.

    Reads are for one thread and writes for another one.

    Attributes:
        path: of the file. Beside it stand SQLite's journal and an empty file that is locked, so
            that no two processes use one table.
        rows, bytes: held now, as of the last write.
        damaged: what was set aside because it could not be read, for the operator; or "".
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self.rows = 0
        self.bytes = 0
        self.damaged = ""
        self._most_bytes = most_bytes
        self._lock: FileIO | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def open(self) -> None:
        """Make or find the file. One that is damaged is set aside, and a new one made.

        Raises:
            OSError: it cannot be made or written, another process uses it, or it is the database
                of another program, which nobody wants to lose.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        self._take()
        try:
            try:
                self._connect()
            except (sqlite3.DatabaseError, ValueError) as error:
                if isinstance(error, sqlite3.Error) and not damages(error):
                    raise OSError(errno.EIO, str(error)) from None
                self.set_aside(error)
                self._connect()
        except BaseException:
            self.close()
            raise

    def find(self, key: bytes) -> list[bytes]:
        """The records of a key. Raises sqlite3.Error."""
        assert self._reader is not None
        found = self._reader.execute("SELECT record FROM responses WHERE key = ?", (key,))
        return [record for (record,) in found.fetchall()]

    def count_of(self, key: bytes) -> int:
        """How many records there are of the key. Raises sqlite3.Error."""
        assert self._reader is not None
        found = self._reader.execute("SELECT count(*) FROM responses WHERE key = ?", (key,))
        return int(found.fetchone()[0])

    def count(self, prefix: bytes) -> int:
        """How many records have a key that begins so. Raises sqlite3.Error."""
        assert self._reader is not None
        query = "SELECT count(*) FROM responses WHERE key >= ? AND key < ?"
        found = self._reader.execute(query, between(prefix))
        return int(found.fetchone()[0])

    def change(
        self, prefixes: Iterable[bytes], dropped: Iterable[bytes], added: Iterable[Row]
    ) -> int:
        """Drop what begins so, then these keys, then add rows in place of equal ones: all of it or
        nothing. How many rows had to go for want of room.

        Raises:
            sqlite3.Error: the disk is full, the file is damaged …
        """
        writer = self._writer
        assert writer is not None
        writer.execute("BEGIN IMMEDIATE")
        try:
            for prefix in prefixes:
                delete = "DELETE FROM responses WHERE key >= ? AND key < ?"
                self.rows -= writer.execute(delete, between(prefix)).rowcount
            for key in dropped:
                delete = "DELETE FROM responses WHERE key = ?"
                self.rows -= writer.execute(delete, (key,)).rowcount
            for row in added:
                delete = "DELETE FROM responses WHERE key = ? AND variant = ?"
                self.rows -= writer.execute(delete, row[:2]).rowcount
                insert = "INSERT INTO responses (key, variant, record) VALUES (?, ?, ?)"
                self.rows += writer.execute(insert, row).rowcount
            gone = self._make_room(writer)
            writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                # SQLite rolls back by itself when the disk is full.
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                self._count(writer)
            raise
        return gone

    def close(self) -> None:
        """Give the file up. No call may be under way."""
        self._disconnect()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def remove(self) -> None:
        """Throw the file away; to be closed after that. Raises OSError."""
        self._disconnect()
        for suffix in ("", "-wal", "-shm"):
            self._beside(suffix).unlink(missing_ok=True)

    def set_aside(self, error: Exception) -> None:
        """Give a file that cannot be read another name. Raises OSError."""
        self._disconnect()
        kept = self._beside(".unreadable")
        os.replace(self.path, kept)
        for suffix in ("-wal", "-shm"):
            self._beside(suffix).unlink(missing_ok=True)
        self.damaged = f"{self.path}: cannot be read ({error}); it is kept as {kept.name}"

    def _disconnect(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._reader = self._writer = None

    def _take(self) -> None:
        """A lock of its own: closing a descriptor of the database would give up SQLite's."""
        lock = FileIO(self._beside(".lock"), "ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise OSError(errno.EBUSY, "another process uses it") from None
        self._lock = lock

    def _connect(self) -> None:
        # What others may not read, they may not read here either.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        begin = os.read(descriptor, len(_MAGIC))
        os.close(descriptor)
        if begin not in (b"", _MAGIC):
            raise ValueError("it is no SQLite file")
        writer = self._writer = self._connection()
        (tables,) = writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = writer.execute("PRAGMA application_id").fetchone()
        if tables and application != APPLICATION:
            raise OSError(errno.EEXIST, "it is the database of another program")
        if not tables:
            writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            writer.execute(f"PRAGMA application_id = {APPLICATION}")
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute("PRAGMA journal_size_limit = 4194304")
        if writer.execute("PRAGMA user_version").fetchone() != (VERSION,):
            writer.execute("DROP TABLE IF EXISTS responses")
            writer.execute(f"PRAGMA user_version = {VERSION}")
        writer.execute(
            "CREATE TABLE IF NOT EXISTS responses (number INTEGER PRIMARY KEY AUTOINCREMENT,"
            " key BLOB NOT NULL, variant BLOB NOT NULL, record BLOB NOT NULL)"
        )
        writer.execute("CREATE UNIQUE INDEX IF NOT EXISTS variants ON responses (key, variant)")
        self._count(writer)
        self._reader = self._connection()
        self._reader.execute("PRAGMA query_only = 1")
        self._reader.execute("SELECT 1 FROM responses WHERE key = x''").fetchall()

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    def _count(self, writer: sqlite3.Connection) -> None:
        (self.rows,) = writer.execute("SELECT count(*) FROM responses").fetchone()
        self.bytes = _pages(writer)[1]

    def _make_room(self, writer: sqlite3.Connection) -> int:
        """Delete from the oldest on until the rest fits; how many went."""
        gone = 0
        page, used = _pages(writer)
        while used > self._most_bytes and self.rows > 0:
            share = (used - self._most_bytes) / used
            count = max(FEWEST_ROWS, int(self.rows * share))
            went = writer.execute(
                "DELETE FROM responses WHERE number IN"
                " (SELECT number FROM responses ORDER BY number LIMIT ?)",
                (count,),
            ).rowcount
            if went <= 0:
                break
            gone += went
            self.rows -= went
            page, used = _pages(writer)
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        for _ in range(pages - self._most_bytes // page):
            # The module steps this statement once only, and a step gives one page back.
            writer.execute("PRAGMA incremental_vacuum(1)")
        self.bytes = used
        return gone

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def damages(error: sqlite3.Error) -> bool:
    """Whether it says that the file is not what it should be."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED


def between(prefix: bytes) -> tuple[bytes, bytes]:
    """What begins so stands between these two: no text in UTF-8 has a byte 255."""
    return prefix, prefix + b"\xff"


def _pages(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes of a page, and of all that are in use."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return size, (pages - free) * size
