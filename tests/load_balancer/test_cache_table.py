"""One SQLite file with records: found again, within its bound, never taken from others."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from load_balancer.cache_table import APPLICATION, CacheTable

pytestmark = pytest.mark.unit

LARGE = 100 << 20


@pytest.fixture
def table(tmp_path: Path) -> Iterator[CacheTable]:
    it = opened(tmp_path / "new" / "cache.db")
    yield it
    it.close()


def opened(path: Path, most_bytes: int = LARGE) -> CacheTable:
    it = CacheTable(path, most_bytes)
    it.open()
    return it


def test_what_was_added_is_found_by_its_key(table: CacheTable) -> None:
    table.change([], [], [(b"a", b"1", b"first"), (b"a", b"2", b"second"), (b"b", b"1", b"other")])
    assert sorted(table.find(b"a")) == [b"first", b"second"]
    assert (table.find(b"c"), table.count_of(b"a"), table.count_of(b"c")) == ([], 2, 0)
    assert table.rows == 3
    assert table.bytes > 0


def test_an_equal_variant_is_replaced(table: CacheTable) -> None:
    table.change([], [], [(b"a", b"1", b"old")])
    table.change([], [], [(b"a", b"1", b"new")])
    assert table.find(b"a") == [b"new"]
    assert table.rows == 1


def test_prefixes_go_first_then_keys_then_what_is_new_comes(table: CacheTable) -> None:
    table.change(
        [], [], [(key, b"", b"old") for key in (b"http://a/x", b"http://a/y", b"http://b/")]
    )
    assert table.count(b"http://a/") == 2
    assert table.count(b"") == 3
    table.change([b"http://a/"], [b"http://b/"], [(b"http://a/x", b"", b"new")])
    assert table.find(b"http://a/x") == [b"new"]
    assert table.find(b"http://a/y") == table.find(b"http://b/") == []
    assert table.rows == 1


def test_it_survives_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with closing(opened(path)) as it:
        it.change([], [], [(b"a", b"1", b"kept")])
    with closing(opened(path)) as again:
        assert again.find(b"a") == [b"kept"]
        assert again.rows == 1
        assert again.damaged == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_oldest_go_first_and_the_file_keeps_its_bound(tmp_path: Path) -> None:
    most, body = 1 << 20, os.urandom(2000)
    with closing(opened(tmp_path / "cache.db", most)) as it:
        gone = 0
        for number in range(40):
            rows = [(b"%d/%d" % (number, each), b"", body) for each in range(50)]
            gone += it.change([], [], rows)
            assert it.bytes <= most
        assert gone + it.rows == 2000
        assert it.rows > 200
        assert it.find(b"0/0") == []
        assert it.find(b"39/49") == [body]
    assert (tmp_path / "cache.db").stat().st_size <= most


def test_a_smaller_bound_makes_an_old_file_smaller(tmp_path: Path) -> None:
    path, body = tmp_path / "cache.db", os.urandom(2000)
    with closing(opened(path)) as it:
        it.change([], [], [(b"%d" % each, b"", body) for each in range(2000)])
    assert path.stat().st_size > 4_000_000
    with closing(opened(path, 1 << 20)) as it:
        it.change([], [], [(b"last", b"", body)])
        assert it.find(b"last") == [body]
    assert path.stat().st_size <= 1 << 20


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 40, b"x"])
def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(content)
    with closing(opened(path)) as it:
        assert str(path) in it.damaged
        assert "kept as cache.db.unreadable" in it.damaged
        it.change([], [], [(b"a", b"", b"new")])
        assert it.find(b"a") == [b"new"]
    assert (tmp_path / "cache.db.unreadable").read_bytes() == content


def test_a_file_that_was_cut_short_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with closing(opened(path)) as it:
        it.change([], [], [(b"%d" % each, b"", os.urandom(500)) for each in range(500)])
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with closing(opened(path)) as it:
        assert "cannot be read" in it.damaged
        assert it.rows == 0


def test_the_database_of_another_program_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(OSError, match="database of another program"):
        opened(path)
    assert path.read_bytes() == before


def test_rows_of_another_version_are_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with closing(opened(path)) as it:
        it.change([], [], [(b"a", b"", b"old")])
    with closing(sqlite3.connect(path)) as later:
        assert later.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
        later.execute("PRAGMA user_version = 999")
    with closing(opened(path)) as it:
        assert (it.rows, it.find(b"a")) == (0, [])


def test_no_two_use_one_file(tmp_path: Path) -> None:
    """Nor two processes; and it is free again when the first has ended."""
    path = tmp_path / "cache.db"
    other = (
        "import sys; from pathlib import Path; from load_balancer.cache_table import CacheTable\n"
        "try: CacheTable(Path(sys.argv[1]), 1 << 20).open()\n"
        "except OSError as error: print(error.strerror)\n"
    )
    with closing(opened(path)):
        with pytest.raises(OSError, match="another process uses it"):
            opened(path)
        done = subprocess.run(
            [sys.executable, "-c", other, str(path)], capture_output=True, text=True, check=False
        )
        assert done.stdout == "another process uses it\n"
    opened(path).close()


def test_what_was_written_survives_the_end_of_its_process(tmp_path: Path) -> None:
    """However sudden; and the file is free again."""
    path = tmp_path / "cache.db"
    other = (
        "import os, sys; from pathlib import Path\n"
        "from load_balancer.cache_table import CacheTable\n"
        "it = CacheTable(Path(sys.argv[1]), 1 << 20); it.open()\n"
        "it.change([], [], [(b'a', b'', b'kept')]); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", other, str(path)], check=False)
    with closing(opened(path)) as it:
        assert it.find(b"a") == [b"kept"]
        assert it.damaged == ""


@pytest.mark.parametrize("name", ["file/cache.db", "folder"])
def test_a_place_that_cannot_be_had_is_found_out_at_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        opened(tmp_path / name)


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """A full disk: all of it or nothing, and it works again when there is room."""
    with closing(opened(tmp_path / "cache.db")) as it:
        it.change([], [], [(b"a", b"", b"old"), (b"b", b"", b"other")])
        assert it._writer is not None
        (pages,) = it._writer.execute("PRAGMA page_count").fetchone()
        it._writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            it.change([b"b"], [], [(b"a", b"", os.urandom(100_000))])
        assert (it.find(b"a"), it.find(b"b"), it.rows) == ([b"old"], [b"other"], 2)
        it._writer.execute("PRAGMA max_page_count = 1000000")
        it.change([b"b"], [], [(b"a", b"", b"new")])
        assert (it.find(b"a"), it.find(b"b"), it.rows) == ([b"new"], [], 1)
