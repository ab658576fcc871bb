"""Where stored responses go that do not fit into memory: a file that outlives the process.

What is let go is written by a thread in lots; what is looked for is read at once, because a look
into an index costs some microseconds (docs/caching.md has the figures). A response is in memory or
here, never in both: who takes one back drops it.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from config.caching import CacheSettings
from load_balancer.cache_table import CacheTable, Row, damages
from load_balancer.caching.record import pack, unpack
from load_balancer.caching.vocabulary import Stored
from metrics.line_file import Background

TOGETHER_BYTES = 4 << 20
"""Written in one transaction, so that the file outgrows its bound by no more."""

LOTS = 4
"""That wait for the thread at the most; there is never more than one, and one at the end."""

MOST_PREFIXES = 1000
"""That wait to be dropped; with more of them everything is."""

CLOSE_SECONDS = 5.0
PAUSE_SECONDS = 0.01

Variant = tuple[tuple[bytes, bytes | None], ...]


class Lot:
    """What is to be written: first the prefixes are dropped, then the keys, then what is kept.

    Attributes:
        kept: by key and variant.
        bytes: of all that is kept.
        over, failed: the thread is done with it, and could not write it.
    """

    __slots__ = ("bytes", "dropped", "failed", "kept", "over", "prefixes")

    def __init__(self) -> None:
        self.prefixes: list[str] = []
        self.dropped: set[str] = set()
        self.kept: dict[str, dict[Variant, Stored]] = {}
        self.bytes = 0
        self.over = False
        self.failed = False

    def __bool__(self) -> bool:
        return bool(self.prefixes or self.dropped or self.kept)

    def keep(self, stored: Stored) -> None:
        variants = self.kept.setdefault(stored.key, {})
        self._uncount(variants.pop(stored.varying, None))
        variants[stored.varying] = stored
        self.bytes += stored.size

    def drop(self, key: str) -> bool:
        """Whether something of it was kept here."""
        variants = self.kept.pop(key, {})
        for each in variants.values():
            self._uncount(each)
        return bool(variants)

    def hides(self, key: str) -> bool:
        """Whether what is older than this is gone."""
        if key in self.dropped or (self.failed and key in self.kept):
            return True
        return any(map(key.startswith, self.prefixes))

    def _uncount(self, stored: Stored | None) -> None:
        self.bytes -= 0 if stored is None else stored.size


class CacheFile:
    """An ``Overflow`` on disk. After ``open``, nothing raises: a node that has no disk any more
    still has its memory.

    Attributes:
        path: of the file.
        refused, lost: responses that were not written: the disk was too slow, or failed.
        written: those that were.
        found: those that were read back.
        evicted_rows: those that went for want of room.
    """

    def __init__(
        self,
        path: Path,
        most_bytes: int,
        queue_bytes: int,
        pack: Callable[[Stored], bytes],
        unpack: Callable[[str, bytes], Stored],
    ) -> None:
        """
        Args:
            most_bytes: of the file.
            queue_bytes: of responses that wait to be written, at the most.
            pack: a response as bytes; runs in the thread.
            unpack: the response of that key again. Raises ValueError.
        """
        self.path = path
        # Two counts, because two threads count.
        self.refused = 0
        self.lost = 0
        self.written = 0
        self.found = 0
        self.evicted_rows = 0
        self._table = CacheTable(path, most_bytes)
        self._queue_bytes = queue_bytes
        self._pack = pack
        self._unpack = unpack
        self._waiting = Lot()
        self._writing: Lot | None = None
        self._thread: Background[Lot] = Background(self._write, LOTS, "cache file")
        self._usable = False
        self._opened = False
        self._damage: sqlite3.Error | None = None
        self._told = ""

    @property
    def entries(self) -> int:
        """In the file, as of the last write."""
        return self._table.rows

    @property
    def bytes(self) -> int:
        """Of the file that are in use, as of the last write."""
        return self._table.bytes

    def open(self) -> None:
        """Find what an earlier process left. Raises OSError, for ``problem``."""
        self._table.open()
        self._usable = self._opened = True
        if self._table.damaged:
            _warn(f"{self._table.damaged}; starting anew")

    def problem(self, error: OSError) -> str:
        """What ``open`` met with, for the operator."""
        return f"load_balancer.cache.disk: {self.path} cannot be used: {error.strerror or error}"

    # An Overflow.

    def evicted(self, stored: Stored) -> None:
        """Keep it, unless too much waits already: then nothing older of its key stays either."""
        if not self._usable:
            return
        waiting, writing = self._waiting, self._writing
        held = waiting.bytes + (0 if writing is None else writing.bytes)
        if held + stored.size > self._queue_bytes:
            self.refused += 1
            self.drop(stored.key)
            return
        waiting.keep(stored)

    def find(self, key: str) -> Sequence[Stored]:
        """All that are kept for the key, from the queue and from the file."""
        if not self._usable:
            return ()
        # A lot that the thread has just written is found twice, and counts once.
        found: dict[Variant, Stored] = {}
        for lot in (self._waiting, self._writing):
            if lot is None:
                continue
            if not lot.failed:
                found = lot.kept.get(key, {}) | found
            if lot.hides(key):
                return self._counted(found)
        try:
            records = self._table.find(_bytes(key))
        except sqlite3.Error as error:
            self._fail(error)
            records = []
        for record in records:
            try:
                stored = self._unpack(key, record)
            except ValueError as error:
                _warn(f"{self.path}: a response of {key!r} cannot be read ({error})")
                self._waiting.dropped.add(key)
                continue
            found.setdefault(stored.varying, stored)
        return self._counted(found)

    def drop(self, key: str) -> None:
        """Forget all of the key."""
        if not self._usable:
            return
        self._waiting.drop(key)
        if self._waiting.hides(key):
            return
        writing = self._writing
        if (writing is not None and key in writing.kept) or self._in_file(key):
            self._waiting.dropped.add(key)

    def drop_prefix(self, prefix: str) -> int:
        """Forget all whose key begins so; how many they were."""
        if not self._usable:
            return 0
        self._settle()
        waiting = self._waiting
        ours = [key for key in waiting.kept if key.startswith(prefix)]
        count = sum(len(waiting.kept[key]) for key in ours)
        for key in ours:
            waiting.drop(key)
        count += self._elsewhere(prefix)
        if prefix not in waiting.prefixes:
            waiting.prefixes.append(prefix)
        if len(waiting.prefixes) > MOST_PREFIXES:
            # The disk does not take them. All of them together are less than everything.
            waiting.prefixes[:] = [""]
        return count

    # Its life.

    def flush(self) -> None:
        """Hand what waits to the thread, unless it is still busy; called now and then."""
        if not self._usable:
            return
        self._thread.flush()
        self._settle()
        if self._writing is None and self._waiting and self._usable:
            self._hand_over()

    def freeze(self) -> None:
        """Let every call but ``close``, which may take a while, have no effect from now on, so
        that it may be made in another thread."""
        self._usable = False

    def close(self, rest: Iterable[Stored] = ()) -> None:
        """Write what waits and ``rest``, the one used longest ago first, and give the file up. The
        disk is waited for some seconds at the most. No other call may follow."""
        self.freeze()
        if self._opened and self._damage is None:
            deadline = time.monotonic() + CLOSE_SECONDS
            while self._writing is not None and not self._writing.over:
                if time.monotonic() > deadline:
                    break
                time.sleep(PAUSE_SECONDS)
            self._settle()
            for each in rest:
                self._waiting.keep(each)
            if self._waiting:
                self._hand_over()
        if not self._thread.close():
            _warn(f"{self.path}: the disk is too slow; some responses are not kept")
            return
        last = self._writing
        try:
            if self._damage is not None:
                self._table.set_aside(self._damage)
                _warn(self._table.damaged)
            elif last is not None and last.failed and (last.dropped or last.prefixes):
                # What was purged must not be there again after the next start.
                self._table.remove()
        except OSError as error:
            _warn(f"{self.path}: {error.strerror or error}")
        self._table.close()

    def _hand_over(self) -> None:
        self._writing, self._waiting = self._waiting, Lot()
        self._thread.append(self._writing)
        self._thread.flush()

    def _settle(self) -> None:
        """What could not be written is lost; that it replaces something older is not."""
        if self._damage is not None:
            self._usable = False
        writing = self._writing
        if writing is None or not writing.over:
            return
        self._writing = None
        if writing.failed:
            waiting = self._waiting
            waiting.prefixes[:0] = [p for p in writing.prefixes if p not in waiting.prefixes]
            waiting.dropped |= writing.dropped | writing.kept.keys()

    def _write(self, lots: list[Lot]) -> int:
        """In the thread. Failures are told and counted here; none is left to the queue."""
        for lot in lots:
            count = sum(map(len, lot.kept.values()))
            try:
                self._write_one(lot)
                self.written += count
                self._told = ""
            except Exception as error:
                self.lost += count
                lot.failed = True
                self._fail(error)
            lot.over = True
        return 0

    def _write_one(self, lot: Lot) -> None:
        prefixes = map(_bytes, lot.prefixes)
        dropped = map(_bytes, lot.dropped)
        for rows in _together(self._rows(lot)):
            self.evicted_rows += self._table.change(prefixes, dropped, rows)

    def _rows(self, lot: Lot) -> Iterator[Row]:
        for key, variants in lot.kept.items():
            for variant, stored in variants.items():
                yield _bytes(key), repr(variant).encode("ascii"), self._pack(stored)

    def _elsewhere(self, prefix: str) -> int:
        """Responses whose key begins so, but for those that wait to be written."""
        waiting, writing = self._waiting, self._writing
        count = 0
        hidden = set(waiting.dropped)
        if writing is not None:
            # Whether they are in the file already or not.
            hidden |= writing.dropped | writing.kept.keys()
            count = sum(
                len(variants)
                for key, variants in writing.kept.items()
                if key.startswith(prefix) and not waiting.hides(key)
            )
        try:
            count += self._table.count(_bytes(prefix))
            for key in hidden:
                if key.startswith(prefix):
                    count -= self._table.count_of(_bytes(key))
            for each in waiting.prefixes:
                if each.startswith(prefix) or prefix.startswith(each):
                    count -= self._table.count(_bytes(max(each, prefix, key=len)))
        except sqlite3.Error as error:
            self._fail(error)
        return max(0, count)

    def _counted(self, found: dict[Variant, Stored]) -> list[Stored]:
        self.found += len(found)
        return list(found.values())

    def _in_file(self, key: str) -> bool:
        try:
            return self._table.count_of(_bytes(key)) > 0
        except sqlite3.Error as error:
            self._fail(error)
            return False

    def _fail(self, error: Exception) -> None:
        """With a damaged file there is no going on. Told once, until something succeeds."""
        if isinstance(error, sqlite3.Error) and damages(error):
            self._damage = error
        text = f"{self.path}: stored responses cannot be kept on disk ({error})"
        if text != self._told:
            self._told = text
            _warn(text)


def cache_file(settings: CacheSettings, number: int = 0) -> CacheFile | None:
    """The file that these settings want, not yet opened; None if they want none.

    Args:
        number: among workers, each of which has one of its own: ``cache.db`` is ``cache-2.db``
            for the second.
    """
    if not settings.enabled or settings.disk is None:
        return None
    path = Path(settings.disk)
    if number:
        path = path.with_name(f"{path.stem}-{number}{path.suffix}")
    take_up = partial(unpack, settings=settings)
    return CacheFile(path, settings.disk_bytes, settings.disk_queue_bytes, pack, take_up)


def _together(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in lists of some bytes; one list at the least."""
    some: list[Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(map(len, row))
        if size > TOGETHER_BYTES:
            yield some
            some, size = [], 0
    yield some


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)
