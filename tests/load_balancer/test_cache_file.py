"""What memory has no room for, on disk: found at once, after a restart, and never once gone."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from config.caching import CacheSettings
from load_balancer.cache_file import CacheFile
from load_balancer.caching.cache import Cache
from load_balancer.caching.record import pack, unpack
from load_balancer.caching.storing import build
from load_balancer.caching.vocabulary import CacheRequest, Kind, Stored

pytestmark = pytest.mark.integration

SETTINGS = CacheSettings(enabled=True)
NOW = 1_700_000_000.0
LARGE = 100 << 20


def response(key: str, text: bytes = b"text", language: bytes | None = None) -> Stored:
    varying = () if language is None else ((b"accept-language", language),)
    fields = [(b"Cache-Control", b"max-age=60")]
    return build(key, varying, NOW, NOW, 200, b"OK", fields, text, SETTINGS)


def made(path: Path, most: int = LARGE, queue: int = 1 << 20) -> CacheFile:
    return CacheFile(path, most, queue, pack, partial(unpack, settings=SETTINGS))


def opened(path: Path, most: int = LARGE, queue: int = 1 << 20) -> CacheFile:
    it = made(path, most, queue)
    it.open()
    return it


def written(it: CacheFile) -> None:
    """Everything that waited has been written."""
    deadline = time.monotonic() + 20
    it.flush()
    while it._writing is not None or it._waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)
        it.flush()


def bodies(it: CacheFile, key: str) -> set[bytes]:
    return {each.body for each in it.find(key)}


def test_what_was_let_go_is_found_before_and_after_it_is_written(tmp_path: Path) -> None:
    it = opened(tmp_path / "cache.db")
    it.evicted(response("http://a/", b"en", b"en"))
    it.evicted(response("http://a/", b"de", b"de"))
    assert bodies(it, "http://a/") == {b"en", b"de"}
    written(it)
    assert bodies(it, "http://a/") == {b"en", b"de"}
    assert bodies(it, "http://b/") == set()
    assert (it.written, it.entries, it.found) == (2, 2, 4)
    it.close()


def test_it_is_found_while_it_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is dropped meanwhile stays away, once by once."""
    it = opened(tmp_path / "cache.db")
    begun, go_on = threading.Event(), threading.Event()
    change = it._table.change

    def slow(*arguments: object) -> int:
        begun.set()
        assert go_on.wait(20)
        return change(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(it._table, "change", slow)
    for name in "abc":
        it.evicted(response(f"http://{name}/", b"old"))
    it.flush()
    assert begun.wait(20)
    assert bodies(it, "http://a/") == {b"old"}
    it.drop("http://a/")
    it.evicted(response("http://b/", b"new"))
    assert it.drop_prefix("http://c") == 1
    it.flush()  # it is still busy
    for _ in range(2):
        assert bodies(it, "http://a/") == bodies(it, "http://c/") == set()
        assert bodies(it, "http://b/") == {b"new"}
        go_on.set()
        written(it)
    assert it.entries == 1
    it.close()


def test_dropped_is_gone_for_good(tmp_path: Path) -> None:
    """Whether it waits, is being written, or was written by an earlier process."""
    path = tmp_path / "cache.db"
    it = opened(path)
    for name in ("a/1", "a/2", "b/1", "b/2", "c/1"):
        it.evicted(response(f"http://{name}"))
    written(it)
    it.drop("http://a/1")
    assert it.drop_prefix("http://b/") == 2
    it.evicted(response("http://b/1", b"new"))
    assert (bodies(it, "http://a/1"), bodies(it, "http://b/2")) == (set(), set())
    assert bodies(it, "http://b/1") == {b"new"}
    it.close()
    again = opened(path)
    assert (bodies(again, "http://a/1"), bodies(again, "http://b/2")) == (set(), set())
    assert bodies(again, "http://b/1") == {b"new"}
    assert bodies(again, "http://a/2") == bodies(again, "http://c/1") == {b"text"}
    assert again.drop_prefix("") == 3
    again.close()
    again = opened(path)
    assert again.entries == 0
    again.close()


def test_the_rest_is_written_at_the_end(tmp_path: Path) -> None:
    """More than may wait at any other time."""
    path = tmp_path / "cache.db"
    it = opened(path, queue=10_000)
    it.close(response(f"http://a/{number}", b"x" * 1000) for number in range(500))
    again = opened(path)
    assert again.entries == 500
    assert bodies(again, "http://a/499") == {b"x" * 1000}
    again.close()


def test_frozen_it_takes_nothing_but_the_end(tmp_path: Path) -> None:
    """Which may come from another thread, while a timer still calls."""
    path = tmp_path / "cache.db"
    it = opened(path)
    it.evicted(response("http://a/"))
    it.freeze()
    it.flush()
    it.evicted(response("http://b/"))
    assert (it.find("http://a/"), it.drop_prefix("")) == ((), 0)
    it.close([response("http://c/")])
    again = opened(path)
    found = {key for key in "abc" if again.find(f"http://{key}/")}
    assert found == {"a", "c"}
    again.close()


def test_what_waits_is_bounded_and_no_older_one_stays(tmp_path: Path) -> None:
    it = opened(tmp_path / "cache.db", queue=20_000)
    it.evicted(response("http://a/", b"old"))
    written(it)
    for number in range(20):
        it.evicted(response(f"http://b/{number}", b"x" * 1000))
    it.evicted(response("http://a/", b"new" * 1000))
    assert it.refused > 10
    assert it._waiting.bytes <= 20_000
    assert bodies(it, "http://a/") == set()
    written(it)
    assert bodies(it, "http://a/") == set()
    assert it.entries == 21 - it.refused
    it.close()


def test_the_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    it = opened(path, 1 << 20, 1 << 20)
    for number in range(1000):
        it.evicted(response(f"http://a/{number}", os.urandom(3000)))
        if number % 100 == 99:
            written(it)
    assert bodies(it, "http://a/0") == set()
    assert len(bodies(it, "http://a/999")) == 1
    assert it.evicted_rows + it.entries == 1000
    assert it.bytes <= 1 << 20
    it.close()
    assert path.stat().st_size <= 1 << 20


def test_a_file_that_cannot_be_read_is_told_and_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"something else" * 100)
    with pytest.warns(RuntimeWarning, match=r"cache\.db: cannot be read .* starting anew"):
        it = opened(path)
    it.evicted(response("http://a/"))
    written(it)
    assert bodies(it, "http://a/") == {b"text"}
    it.close()


def test_who_cannot_have_the_file_is_told_why(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    first, second = opened(path), made(path)
    with pytest.raises(OSError) as caught:
        second.open()
    assert second.problem(caught.value) == (
        f"load_balancer.cache.disk: {path} cannot be used: another process uses it"
    )
    second.close()
    first.close()


def broken(*_: object) -> int:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_full_disk_costs_what_is_written_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once; what was dropped meanwhile does not come back; then all works again."""
    it = opened(tmp_path / "cache.db")
    for name in "abc":
        it.evicted(response(f"http://{name}/", b"old"))
    written(it)
    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="full") as told:
        patch.setattr(it._table, "change", broken)
        it.evicted(response("http://a/", b"new"))
        it.drop("http://b/")
        for _ in range(3):
            it.flush()
            while it._writing is not None and not it._writing.over:
                time.sleep(0.001)
            assert bodies(it, "http://a/") == bodies(it, "http://b/") == set()
            assert bodies(it, "http://c/") == {b"old"}
    assert len(told) == 1
    assert it.lost == 1
    written(it)
    it.evicted(response("http://a/", b"newer"))
    written(it)
    assert bodies(it, "http://a/") == {b"newer"}
    assert bodies(it, "http://b/") == set()
    it.close()


def test_what_was_purged_and_could_not_be_written_takes_the_file_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache.db"
    it = opened(path)
    it.evicted(response("http://a/"))
    written(it)
    monkeypatch.setattr(it._table, "change", broken)
    it.drop("http://a/")
    with pytest.warns(RuntimeWarning, match="full"):
        it.close()
    again = opened(path)
    assert again.entries == 0
    again.close()


def test_a_file_that_is_damaged_while_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done without, and set aside at the end, so that the next start is a clean one."""
    path = tmp_path / "cache.db"
    it = opened(path)
    it.evicted(response("http://a/"))
    written(it)
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def malformed(key: bytes) -> list[bytes]:
        raise damage

    monkeypatch.setattr(it._table, "find", malformed)
    with pytest.warns(RuntimeWarning, match="malformed"):
        assert bodies(it, "http://a/") == set()
    it.flush()
    it.evicted(response("http://b/"))
    it.drop("http://b/")
    assert (it.find("http://b/"), it.drop_prefix("http://")) == ((), 0)
    with pytest.warns(RuntimeWarning, match=r"kept as cache\.db\.unreadable"):
        it.close([response("http://c/")])
    again = opened(path)
    assert again.entries == 0
    again.close()


def test_one_record_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    it = opened(tmp_path / "cache.db")
    it.evicted(response("http://a/"))
    written(it)
    it._table.change([], [], [(b"http://a/", b"another", b"gibberish")])
    with pytest.warns(RuntimeWarning, match="cannot be read"):
        assert bodies(it, "http://a/") == {b"text"}
    it.close()


def test_keys_are_any_text(tmp_path: Path) -> None:
    it = opened(tmp_path / "cache.db")
    keys = ["http://ä/", "http://a/\udcff", "http://a/\U0010ffff", "http://a/'; DROP TABLE"]
    for key in keys:
        it.evicted(response(key, key.encode("utf-8", "surrogatepass")))
    written(it)
    for key in keys:
        assert bodies(it, key) == {key.encode("utf-8", "surrogatepass")}
    assert it.drop_prefix("http://a/") == 3
    it.close()


@pytest.mark.parametrize("seed", range(5))
def test_it_is_a_dictionary_whatever_is_done_to_it(tmp_path: Path, seed: int) -> None:
    """With flushes and restarts in between."""
    dice = random.Random(seed)
    path = tmp_path / "cache.db"
    it, model = opened(path), dict[str, bytes]()
    keys = [f"http://{host}/{number}" for host in "ab" for number in range(4)]
    for step in range(400):
        key = dice.choice(keys)
        act = dice.random()
        if act < 0.4:
            model[key] = b"%d" % step
            it.evicted(response(key, model[key]))
        elif act < 0.55:
            model.pop(key, None)
            it.drop(key)
        elif act < 0.58:
            prefix = dice.choice(["http://a", "http://b", "http://a/1"])
            model = {each: model[each] for each in model if not each.startswith(prefix)}
            it.drop_prefix(prefix)
        elif act < 0.7:
            it.flush()
        elif act < 0.72:
            it.close()
            it = opened(path)
        else:
            assert bodies(it, key) == ({model[key]} if key in model else set())
    it.close()


def test_a_cache_with_a_disk_forgets_nothing_and_ages_rightly(tmp_path: Path) -> None:
    """The whole of it: evicted, taken back, a restart, as old as it is, purged."""
    path = tmp_path / "cache.db"
    settings = CacheSettings(enabled=True, entries=10)

    def cache_with(file: CacheFile) -> Cache:
        return Cache(settings, file)

    def ask(cache: Cache, number: int, now: float) -> tuple[Kind, int]:
        found = cache.lookup(CacheRequest("GET", "a", f"/{number}", []), now)
        return found.kind, -1 if found.answer is None else found.answer.age

    file = opened(path)
    cache = cache_with(file)
    for number in range(100):
        request = CacheRequest("GET", "a", f"/{number}", [])
        fields = [(b"Cache-Control", b"max-age=60")]
        assert cache.store(request, NOW, NOW, 200, b"OK", fields, b"%d" % number) is not None
        if number % 10 == 0:
            file.flush()
    assert [ask(cache, number, NOW + 5) for number in (0, 50, 99)] == [(Kind.HIT, 5)] * 3
    file.close(cache)

    file = opened(path)
    cache = cache_with(file)
    assert [ask(cache, number, NOW + 30) for number in range(100)] == [(Kind.HIT, 30)] * 100
    assert ask(cache, 7, NOW + 61)[0] is Kind.MISS
    assert cache.purge("http://a/8") == 1
    assert cache.purge_prefix("http://a/9") == 11
    file.close(cache)

    file = opened(path)
    cache = cache_with(file)
    kinds = {number: ask(cache, number, NOW + 30)[0] for number in range(100)}
    gone = {8, 9, *range(90, 100)}
    assert {number for number in kinds if kinds[number] is Kind.MISS} == gone
    file.close()
