"""traffic.paths: what placeholders become."""

import random
import re
import uuid
from collections import Counter

import pytest

from config.traffic import MixEntry
from traffic.paths import drawer

pytestmark = pytest.mark.unit


def paths(count: int, seed: int = 1, **entry: object) -> list[str]:
    draw = drawer(MixEntry(**entry), random.Random(seed))  # type: ignore[arg-type]
    return [draw() for _ in range(count)]


def test_a_path_without_placeholders_stays() -> None:
    assert paths(2, path="/a?b=1") == ["/a?b=1", "/a?b=1"]


def test_the_same_dice_draw_the_same_paths() -> None:
    asked = {"path": "/{key}/{n}/{uuid}", "keys": 50}
    assert paths(20, 3, **asked) == paths(20, 3, **asked)
    assert paths(20, 3, **asked) != paths(20, 4, **asked)


def test_keys_are_asked_for_evenly() -> None:
    counts = Counter(paths(20_000, path="/item/{key}", keys=4))
    assert set(counts) == {"/item/0", "/item/1", "/item/2", "/item/3"}
    assert all(count == pytest.approx(5000, rel=0.06) for count in counts.values())


def test_zipf_asks_for_the_first_keys_by_their_rank() -> None:
    counts = Counter(
        paths(60_000, path="/item/{key}", keys=5000, distribution="zipf", exponent=0.9)
    )
    total = sum(rank**-0.9 for rank in range(1, 5001))
    for key in (0, 1, 4, 19):
        expected = 60_000 * (key + 1) ** -0.9 / total
        assert counts[f"/item/{key}"] == pytest.approx(expected, rel=0.15)
    assert all(0 <= int(path.rpartition("/")[2]) < 5000 for path in counts)


def test_one_key_stands_twice_as_two_draws() -> None:
    found = paths(300, path="/{key}-{key}", keys=3)
    assert {path for path in found if re.fullmatch(r"/(\d)-(?!\1)\d", path)}


def test_numbers_and_uuids_are_new_each_time() -> None:
    found = paths(100, path="/{n}?id={uuid}&x=1")
    assert len(set(found)) == 100
    for path in found:
        match = re.fullmatch(r"/(\d{1,9})\?id=([0-9a-f-]{36})&x=1", path)
        assert match
        assert uuid.UUID(match[2]).version == 4
        assert uuid.UUID(match[2]).variant == uuid.RFC_4122
