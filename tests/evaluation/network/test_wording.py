"""Sentences that say what the data say."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.network import wording
from evaluation.network.analysis import Analysis, analyze
from evaluation.network.records import NetworkResult, Purpose, Run, Setting, Shape, Variant
from evaluation.network.recovery import recovery

pytestmark = pytest.mark.unit

SMALL = Shape(3, 3)


def test_headlines_tell_of_learning_failures_recovery_and_values(
    result: NetworkResult, analysis: Analysis
) -> None:
    text = "\n".join(wording.headlines(result, analysis))
    assert "Live, 3 × 3: a window of 100 requests without failure" in text
    assert "within 25 windows in 6 of 6 seeds" in text
    assert "more than that: random 7" in text
    assert "fewer than that: shortest_path" in text
    assert "Live, 3 × 3: after a middle node was killed, the last failure came after" in text
    assert "and 50 requests failed" in text
    assert "at 18 of 18 nodes" in text


def test_the_document_is_named_beside_its_own_network_only(
    make_run: Callable[..., Run], result: NetworkResult
) -> None:
    small = analyze(result).compared[Setting.VIRTUAL, SMALL][0]
    assert "11" not in wording.learned_sentence((Setting.VIRTUAL, SMALL), small)
    assert "published with 11" in wording.learned_sentence(
        (Setting.VIRTUAL, wording.DOCUMENT), small
    )


def test_one_seed_claims_nothing(make_result: Callable[..., NetworkResult]) -> None:
    few = make_result(seeds=(0,), shapes=(SMALL,))
    text = "\n".join(wording.headlines(few, analyze(few)))
    assert "too few seeds to judge: random" in text
    assert "more than that" not in text and "in 1 of 1 seed (" in text


def test_failures_that_did_not_end_are_said(make_run: Callable[..., Run]) -> None:
    run = make_run(purpose=Purpose.CHANGES, windows=20, outage=4.5)
    healed = make_run(purpose=Purpose.CHANGES, windows=20, seed=1)
    (alone,) = wording.recovery_sentences([recovery(run, run.changes[0])])
    assert "failures did not end while it was watched" in alone
    (both,) = wording.recovery_sentences(
        [recovery(each, each.changes[0]) for each in (run, healed)]
    )
    assert "in 1 of them failures did not end" in both


def test_a_doubled_value_is_outside(make_run: Callable[..., Run], result: NetworkResult) -> None:
    run = make_run(variant=Variant("q_routing", False), windows=20, advertised=2.0)
    found = analyze(NetworkResult((run,), result.circumstances))
    text = wording.values_sentence(found)
    assert "at 0 of 3 nodes" in text and "for 0 of 9 pairs" in text and "off by +" in text


def test_warnings(result: NetworkResult) -> None:
    assert wording.warnings(result) == []
    cut = replace(
        result,
        interrupted=True,
        problem="the network ended",
        runs=(replace(result.runs[0], complete=False), *result.runs[1:]),
    )
    early, short = wording.warnings(cut)
    assert "ended early" in early and "the network ended." in early
    assert short.startswith("1 run cut short")


def test_every_plot_has_its_caption(result: NetworkResult, analysis: Analysis) -> None:
    captions = wording.captions(result, analysis)
    assert all(captions.values())
    assert "with cache" in captions["hops_per_request"]
    assert "ms from level 3" in captions["cost_by_level"]


def test_a_drawing_s_caption_counts_the_links_and_tells_of_changes(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(purpose=Purpose.CHANGES)
    text = wording.links_caption(run)
    tried = sum(link.value is not None for link in run.snapshots[-1].links)
    assert f"{tried} of {len(run.snapshots[-1].links)} links" in text
    assert "At 6.0 s node 202 is killed." in text


def test_method_and_limits_speak_of_what_was_measured(result: NetworkResult) -> None:
    virtual = NetworkResult(tuple(result.of(Setting.VIRTUAL)), result.circumstances)
    assert not any(line.startswith("Live:") for line in wording.method(virtual))
    assert any(line.startswith("Live:") for line in wording.method(result))
    assert "2 processors" in wording.limits(result)[0]
