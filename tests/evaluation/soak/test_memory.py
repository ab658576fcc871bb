"""evaluation.soak.memory: what is held, and whether it grows."""

import mmap
import os
import socket

import pytest

from evaluation.soak.memory import Held, growth, held


def at(requests: int, memory: int) -> Held:
    return Held(requests, 0.0, 2 * memory, memory, 10)


@pytest.mark.unit
def test_growth_is_from_the_first_to_the_last_after_the_baseline() -> None:
    samples = [at(10, 50), at(100, 100), at(200, 104), at(300, 110), at(400, 120)]
    assert growth(samples, 100) == pytest.approx(115 / 102 - 1)
    assert growth([at(10, 50), at(100, 100), at(200, 150)], 100) == pytest.approx(0.5)
    assert growth([at(10, 50), at(100, 100)], 100) is None
    assert growth([], 0) is None


@pytest.mark.unit
def test_one_odd_sample_is_not_growth() -> None:
    samples = [at(index, 100) for index in range(9)]
    samples[-1] = at(9, 300)
    assert growth(samples, 0) == 0.0


@pytest.mark.unit
def test_where_the_private_part_is_not_known_all_that_is_resident_counts() -> None:
    assert Held(0, 0.0, 200, 0, 1).memory == 200
    assert Held(0, 0.0, 200, 90, 1).memory == 90


@pytest.mark.integration
def test_a_descriptor_and_memory_are_seen() -> None:
    before = held(os.getpid(), 7, 1.5)
    assert (before.requests, before.seconds) == (7, 1.5)
    # Pages of its own: what Python has freed before would hold an array without growing.
    with mmap.mmap(-1, 30 << 20) as ballast, socket.socket():
        ballast.write(os.urandom(1 << 20) * 30)
        after = held(os.getpid(), 8, 2.0)
    assert after.descriptors == before.descriptors + 1
    assert after.rss - before.rss > 20 << 20
