"""What is said of the machine and of the simulator."""

from dataclasses import replace

import pytest

from evaluation.agreement import Agreement, Ratio
from evaluation.bootstrap import Interval
from evaluation.caveats import effort, verdicts, warnings
from evaluation.records import ComparisonResult, Strain

pytestmark = pytest.mark.unit


def strained(result: ComparisonResult, *strains: Strain) -> ComparisonResult:
    runs = [replace(run, strain=strain) for run, strain in zip(result.runs, strains, strict=False)]
    return replace(result, runs=(*runs, *result.runs[len(runs) :]))


def test_an_idle_machine_is_described_without_a_warning(result: ComparisonResult) -> None:
    """1200 requests in each of two runs."""
    found = strained(result, Strain(20, 2, 1.2, 0.6, 0.3, 0.1), Strain(20, 2, 3.6, 1.8, 0.9, 0.5))
    assert effort(found) == (
        "17.0 % of 2 in the busiest run, of which other programs 1.2 %; a request cost the servers"
        " 2000 µs, the balancers 1000 µs and the load 500 µs"
    )
    assert warnings(found) == []
    assert effort(result) == "not measured"
    assert warnings(result) == []


def test_a_busy_machine_takes_the_evidence_away(result: ComparisonResult) -> None:
    (said,) = warnings(strained(result, Strain(10, 2, 1, 1, 1, 11)))
    assert said.startswith("The machine was too busy in 1 of 12 runs: up to 70.0 % of its")
    assert "do not count as evidence" in said


def test_what_the_simulator_does_not_play_is_said(result: ComparisonResult) -> None:
    (said,) = warnings(replace(result, unforetold="hedging: is not simulated"))
    assert said == "The simulator does not play this: hedging: is not simulated."


def test_learners_get_a_sentence_each_and_the_rules_one() -> None:
    one = Ratio("peak_ewma", 1.0, None)
    half = Ratio("peak_ewma", 0.5, Interval(0.45, 0.55))
    unsure = Ratio("prequal", 0.6, Interval(0.3, 1.2))
    rules = ("peak_ewma", "random")
    same = [Agreement("peak_ewma", 1, 1, one, one), Agreement("mine", 1, 1, half, half)]
    assert verdicts(same, rules) == [
        "Live, mine costs 0.500 times as much as peak_ewma, the best plain rule; in the simulator"
        " 0.500 times as much as peak_ewma: within 10.0 %.",
        "For all plain rules it agrees within 10.0 %.",
    ]
    off = [Agreement("mine", 1, 1, unsure, half), Agreement("random", 1, 1, unsure, one)]
    first, second = verdicts(off, rules)
    assert first.endswith("not within 10.0 %, and live figures do not tell what it tells.")
    assert second == "Of the plain rules random (−40.0 %) is further off."
    assert verdicts([], rules) == []
