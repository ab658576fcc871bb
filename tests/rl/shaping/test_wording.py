"""What agents saw and did, in words."""

from dataclasses import replace
from typing import Any

import pytest

from rl.shaping.settings import Setting
from rl.shaping.wording import did, saw

pytestmark = pytest.mark.unit

BEFORE = Setting(50.0, 1e6, 5, 3, 0.1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "Keeps the setting"),
        ({"requests_per_second": 40.0}, "Lowers requests_per_second from 50 to 40"),
        ({"requests_per_second": None}, "Sets requests_per_second to no bound"),
        (
            {"download_bytes_per_second": 1.25e6},
            "Raises download_bytes_per_second from 1,000,000 to 1,250,000",
        ),
        ({"burst": 6}, "Raises burst from 5 to 6"),
        ({"urgency": 2}, "Makes it more urgent, from 3 to 2"),
        ({"urgency": 4}, "Makes it less urgent, from 3 to 4"),
        ({"drop_probability": 0.25}, "Raises drop_probability from 0.1 to 0.25"),
        ({"path": 2}, "Goes on to path 2"),
    ],
)
def test_what_was_done(changed: dict[str, Any], words: str) -> None:
    assert did(BEFORE, replace(BEFORE, **changed)) == words


def test_what_was_seen() -> None:
    assert saw((0, 0, 1, 0, 0, 3)) == (
        "the client is well within its targets and the others are well"
    )
    assert saw((3, 0, 1, 0, 1, 3)) == (
        "the client misses its targets by far while the others are well, and its own rule holds it "
        "back"
    )
    assert saw((1, 2, 1, 0, 0, 3)) == "the client is close to a target while others miss theirs"
    assert saw((3, 0, 1, 0, 2, 3)) == (
        "the client misses its targets by far while the others are well, and it asks for much more "
        "than its rule lets it"
    )
    assert saw((2, 2, 1, 0, 0, 3)) == "the client misses a target and others miss theirs"
