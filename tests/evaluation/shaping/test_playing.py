"""Runs in virtual time."""

import pytest

from evaluation.shaping.playing import play_adaptive, play_rules
from evaluation.shaping.records import CLIENTS, INTERACTIVE
from evaluation.shaping.scenario import TUNED
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_arms_of_one_seed_are_asked_for_the_same() -> None:
    none = play_rules(SHORT, "none", None, 1)
    static = play_rules(SHORT, "static", TUNED, 1)
    aimd = play_adaptive(SHORT, "aimd", TUNED, 1, "aimd")
    for name in CLIENTS:
        asked = [[each.arrivals for each in one.windows[name]] for one in (none, static, aimd)]
        assert asked[0] == asked[1] == asked[2] and 8 == len(asked[0])
    assert 2 == len(none.stretches[INTERACTIVE])
    assert not none.decided and 50.0 == static.decided["batch"][0].requests_per_second
    assert 8 == len(aimd.decided["batch"]) and 0 == aimd.left_envelope


def test_one_seed_one_run() -> None:
    assert play_adaptive(SHORT, "tabular", TUNED, 1, "tabular") == play_adaptive(
        SHORT, "tabular", TUNED, 1, "tabular"
    )
