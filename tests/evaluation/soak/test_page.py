"""evaluation.soak.page: the verdicts of a soak."""

from dataclasses import replace

import pytest

from evaluation.soak.memory import Held
from evaluation.soak.page import Found, page

pytestmark = pytest.mark.unit

FLAT = [Held(1000 * index, float(index), 90_000_000, 80_000_000, 40) for index in range(40)]
GOOD = Found(
    requests=39_000,
    seconds=39.0,
    baseline=4000,
    kinds={"bulk": 38_000, "post": 1000},
    samples=FLAT,
    descriptors_before=20,
    descriptors_after=20,
    in_flight=0,
    surprises=0,
    problems=[],
)


def test_a_flat_soak_meets_every_goal() -> None:
    assert GOOD.met
    text = page(GOOD, {"machine": "this one"})
    assert "- machine: this one" in text
    assert "39,000 in 39 s, 1,000 a second: 38,000 bulk, 1,000 post" in text
    assert "missed" not in text
    assert "+0.0 %" in text
    # Not every sample, but the first and the last.
    assert text.count("80.0") == 25
    assert "| 39,000 " in text


@pytest.mark.parametrize(
    "found",
    [
        replace(
            GOOD, samples=[*FLAT[:20], *[replace(each, private=85_000_000) for each in FLAT[20:]]]
        ),
        replace(GOOD, samples=FLAT[:5]),
        replace(GOOD, descriptors_after=21),
        replace(GOOD, in_flight=1),
        replace(GOOD, in_flight=None),
        replace(GOOD, surprises=1, problems=["get: nothing came"]),
    ],
)
def test_each_goal_can_be_missed(found: Found) -> None:
    assert not found.met
    assert page(found, {}).count("missed") == 1
