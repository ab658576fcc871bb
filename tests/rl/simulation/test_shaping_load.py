"""Arrivals whose rate changes."""

import random
import statistics
from typing import Any

import pytest

from rl.simulation.shaping_load import Arrival, Arrivals, ClientLoad

pytestmark = pytest.mark.unit


def load(**more: Any) -> ClientLoad:
    given: dict[str, Any] = {"rates": ((0.0, 100.0), (10.0, 0.0), (20.0, 300.0))}
    return ClientLoad("one", "192.0.2.1", "/one", **{**given, **more})


def all_of(load: ClientLoad, seed: int = 1, end: float = 30.0) -> list[Arrival]:
    arrivals = Arrivals(load, random.Random(seed))
    found = []
    while (following := arrivals.following(end)) is not None:
        found.append(following)
    return found


def test_each_stretch_has_its_rate() -> None:
    found = all_of(load())
    counts = [sum(low <= each.offset < low + 10 for each in found) for low in (0, 10, 20)]
    assert 900 < counts[0] < 1100 and 0 == counts[1] and 2800 < counts[2] < 3200
    assert [each.offset for each in found] == sorted(each.offset for each in found)
    assert found[-1].offset < 30.0
    assert [load().rate(second) for second in (0, 9.9, 10, 20, 99)] == [100, 100, 0, 300, 300]


def test_one_seed_one_load() -> None:
    assert all_of(load()) == all_of(load()) != all_of(load(), seed=2)


def test_answers_are_of_the_mean_size() -> None:
    same = {each.answer_bytes for each in all_of(load(answer_bytes=5000))}
    assert {5000} == same
    spread = [each.answer_bytes for each in all_of(load(answer_bytes=5000, spread=0.5))]
    assert statistics.mean(spread) == pytest.approx(5000, rel=0.05)
    assert statistics.stdev(spread) == pytest.approx(2500, rel=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": ()},
        {"rates": ((1.0, 5.0),)},
        {"rates": ((0.0, 5.0), (0.0, 6.0))},
        {"rates": ((0.0, -1.0),)},
        {"rates": ((0.0, float("nan")),)},
        {"answer_bytes": 0},
        {"spread": -1.0},
    ],
)
def test_impossible_loads_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one: "):
        load(**wrong)
