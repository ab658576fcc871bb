"""What is kept of a response under way, for how long, and within which bounds."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding.recording import PIECE_BYTES, Budget, Reader, Recording, whole

pytestmark = pytest.mark.unit


class Waiting:
    """As much of a reader as a recording looks at."""

    def __init__(self, recording: Recording) -> None:
        self.next = 0
        self.got = b""
        self._recording = recording
        recording.readers[cast(Reader, self)] = None

    def feed(self, now: float, most: int = 1 << 30) -> None:
        recording = self._recording
        while self.next < recording.end and most:
            self.got += recording.piece(self.next)
            self.next += 1
            most -= 1

    def take(self, pieces: int) -> None:
        self.feed(0.0, pieces)
        self._recording.taken()

    def leave(self) -> None:
        self._recording.readers.pop(cast(Any, self))
        self._recording.taken()


def recording(most: int = 100, budget: Budget | None = None) -> Recording:
    return Recording(200, b"OK", "1.1", [], budget or Budget(1 << 20), most)


def test_all_is_kept_until_it_has_been_stored() -> None:
    budget = Budget(1000)
    kept = recording(100, budget)
    for _ in range(10):
        kept.add(b"0123456789")
    assert kept.storing
    assert kept.body() == b"0123456789" * 10
    assert budget.held == 100
    kept.close()
    assert budget.held == 0


def test_more_than_is_stored_is_let_go() -> None:
    budget = Budget(1000)
    kept = recording(100, budget)
    kept.add(bytes(60))
    kept.add(bytes(60))
    assert not kept.storing
    assert budget.held == 0
    kept.add(bytes(60))
    assert (kept.size, budget.held) == (180, 0)


def test_all_recordings_share_one_budget() -> None:
    budget = Budget(150)
    first, second = recording(100, budget), recording(100, budget)
    first.add(bytes(90))
    second.add(bytes(90))
    assert first.storing and not second.storing
    assert budget.held == 90


def test_a_slow_reader_keeps_a_window_and_no_more() -> None:
    budget = Budget(1000)
    kept = recording(100, budget)
    slow, quick = Waiting(kept), Waiting(kept)
    for _ in range(4):
        kept.add(bytes(30))
        quick.take(1)
    assert not kept.storing
    assert kept.full
    assert budget.held == 120
    assert kept.slowest() == [cast(Reader, slow)]
    slow.take(3)
    assert not kept.full
    assert budget.held == 30
    slow.leave()
    assert budget.held == 0
    quick.leave()


def test_a_body_that_is_there_is_handed_out_in_pieces() -> None:
    body = bytes(range(256)) * 1000
    kept = whole(body)
    reader = Waiting(kept)
    reader.take(1)
    assert len(reader.got) == PIECE_BYTES
    reader.take(100)
    assert reader.got == body
    assert kept.over


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=30),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=60),
    st.integers(1, 200),
)
def test_every_reader_gets_every_byte(
    pieces: list[bytes], turns: list[tuple[int, int]], most: int
) -> None:
    """Whatever comes, whoever takes how much when, and wherever the bound is."""
    budget = Budget(150)
    kept = recording(most, budget)
    readers = [Waiting(kept) for _ in range(3)]
    left = list(pieces)
    for who, count in turns:
        if left:
            kept.add(left.pop(0))
        readers[who].take(count)
        if kept.storing:
            assert kept.body() == b"".join(pieces[: len(pieces) - len(left)])
    for each in left:
        kept.add(each)
    kept.feed(0.0)
    assert [reader.got for reader in readers] == [b"".join(pieces)] * 3
    for reader in readers:
        reader.leave()
    kept.close()
    assert budget.held == 0


def test_beyond_the_budget_readers_get_a_smaller_window() -> None:
    budget = Budget(PIECE_BYTES)
    under_way = recording(1 << 20, budget)
    under_way.storing = False
    Waiting(under_way)
    under_way.add(bytes(PIECE_BYTES))
    assert not under_way.full
    under_way.add(b"x")
    assert under_way.full
    budget.most = 1 << 20
    assert not under_way.full
