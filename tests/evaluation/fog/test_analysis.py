"""Paired differences of algorithms."""

from dataclasses import replace

import pytest

from evaluation.fog.analysis import analyze, best_other
from evaluation.metrics_analyzer import Claim
from tests.evaluation.fog.made import episode, episodes

pytestmark = pytest.mark.unit


def test_pairs_of_one_seed_tell_what_seeds_would_hide() -> None:
    """Seeds spread over 30 s, and the difference of 4 s is seen."""
    found = {each.name: each for each in analyze(episodes())}
    difference = found["ppo"].differences["response"]
    assert difference.estimate.value == pytest.approx(-4, abs=0.4)
    assert difference.claim is Claim.WIN
    assert found["local"].differences["response"].claim is Claim.LOSS
    own = found["ppo"].measures["response"].interval
    assert own is not None and own.high - own.low > 8
    assert not found["least_queue"].differences


def test_more_reward_is_better_and_occupancy_is_neither() -> None:
    found = {each.name: each for each in analyze(episodes())}
    assert found["ppo"].differences["reward"].claim is Claim.WIN
    assert found["ppo"].differences["completed"].claim is Claim.WIN
    assert found["ppo"].differences["occupancy"].claim is None
    assert found["ppo"].differences["expired"].claim is Claim.NO_DIFFERENCE


def test_nothing_is_claimed_of_few_seeds_or_without_the_reference() -> None:
    few = {each.name: each for each in analyze(episodes(seeds=4))}
    assert few["ppo"].differences["response"].claim is Claim.TOO_FEW
    (alone,) = analyze([episode("ppo", seed) for seed in range(6)])
    assert not alone.differences
    assert alone.seeds == (0, 1, 2, 3, 4, 5)


def test_only_seeds_that_both_played_are_compared() -> None:
    played = [each for each in episodes() if (each.algorithm, each.seed) != ("least_queue", 5)]
    changed = [replace(each, response=1e6) if each.seed == 5 else each for each in played]
    found = {each.name: each for each in analyze(changed)}
    assert found["ppo"].differences["response"].estimate.value == pytest.approx(-4, abs=0.4)


def test_best_other_completed_most_and_is_no_learner() -> None:
    best = best_other(analyze(episodes()), ["ppo"])
    assert best is not None and best.name == "least_queue"
    assert best_other(analyze(episodes(["ppo"])), ["ppo"]) is None
