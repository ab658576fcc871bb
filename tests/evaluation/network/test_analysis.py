"""Windows, measures and comparisons of runs whose truth is known."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.metrics_analyzer import Claim
from evaluation.network.analysis import (
    LATE_WINDOWS,
    REFERENCE,
    Analysis,
    comparable,
    compared,
    failure_share,
    late_hops,
    windowed,
    windows_to_clean,
)
from evaluation.network.records import WINDOW, Asked, Run, Setting, Shape, Variant

pytestmark = pytest.mark.unit


def asked(index: int, success: bool = True, hit: bool = False, hops: int = 3) -> Asked:
    way = tuple(str(100 * level + 1) for level in range(3, 3 - hops, -1))
    status = 200 if success else 503
    return Asked(index, index / 100, "domain1.com", "/", way, status, success, hit, 0.01 * hops)


def test_a_window_counts_failures_hops_and_hits() -> None:
    requests = [
        *(asked(index) for index in range(50)),
        *(asked(index, hit=True, hops=2) for index in range(50, 90)),
        *(asked(index, success=False) for index in range(90, 100)),
    ]
    (window,) = windowed(requests, 3)
    assert (window.requests, window.failures, window.hits) == (100, 10, (0, 40, 0))
    assert window.hops == pytest.approx((50 * 3 + 40 * 2) / 90)
    assert window.latency == pytest.approx((50 * 0.03 + 40 * 0.02) / 90)


def test_windows_go_by_the_plan_and_not_by_who_was_answered_first() -> None:
    requests = [asked(index, success=index >= WINDOW) for index in range(2 * WINDOW)]
    windows = windowed(requests[::-1], 3)
    assert [window.failures for window in windows] == [WINDOW, 0]
    assert [window.began for window in windows] == [0.0, 1.0]


def test_a_window_of_failures_has_no_hops() -> None:
    (window,) = windowed([asked(0, success=False)], 3)
    assert math.isnan(window.hops) and math.isnan(window.latency)


def test_only_a_full_window_can_be_clean() -> None:
    requests = [asked(index, success=index >= WINDOW) for index in range(WINDOW + 10)]
    assert windows_to_clean(windowed(requests, 3)) is None
    more = [asked(index, success=index >= WINDOW) for index in range(2 * WINDOW)]
    assert windows_to_clean(windowed(more, 3)) == 2


def test_measures_of_a_run(make_run: Callable[..., Run]) -> None:
    requests = [asked(index, success=index % 10 > 0) for index in range(10 * WINDOW)]
    run = replace(make_run(windows=1), windows=windowed(requests, 3))
    assert failure_share(run) == pytest.approx(0.1)
    assert late_hops(run) == pytest.approx(3)
    assert len(run.windows[-LATE_WINDOWS:]) == LATE_WINDOWS


def test_strategies_are_held_against_the_reference(analysis: Analysis) -> None:
    live = {each.variant: each for each in analysis.compared[Setting.LIVE, Shape(3, 3)]}
    assert live[REFERENCE].differences == {}
    assert live[REFERENCE].clean_seeds == 6
    assert live[Variant("random")].differences["failures"].claim is Claim.LOSS
    assert live[Variant("random")].clean == (None,) * 6
    virtual = {each.variant: each for each in analysis.compared[Setting.VIRTUAL, Shape(3, 3)]}
    assert virtual[Variant("shortest_path")].differences["failures"].claim is Claim.WIN


def test_hops_of_who_fails_most_are_not_held_against_anything(analysis: Analysis) -> None:
    variants = analysis.compared[Setting.LIVE, Shape(3, 3)]
    found = {each.variant: each for each in variants}
    assert not comparable("hops", found[Variant("random")], variants)
    assert comparable("failures", found[Variant("random")], variants)
    assert comparable("hops", found[Variant("q_routing", False)], variants)


def test_a_run_that_was_cut_short_is_not_compared(make_run: Callable[..., Run]) -> None:
    runs = [make_run(seed=0), replace(make_run(seed=1), complete=False)]
    assert [each.seeds for each in compared(runs)] == [(0,)]


def test_everything_is_analysed(analysis: Analysis) -> None:
    assert len(analysis.recoveries) == 2 * 6
    assert {run.variant for run, _ in analysis.values} == {Variant("q_routing", False)}
