"""When the operator's rule is put back, and when an agent is let in again."""

from math import nan
from typing import Any

import pytest

from rl.shaping.guard import AGENT, BASELINE, FADING, GUARD, SETTLING, Guard, GuardParameters

pytestmark = pytest.mark.unit

PARAMETERS = GuardParameters(baseline=4, window=10, evidence=5, margin=0.2, hold=10, hold_most=40)
TRIAL = SETTLING + PARAMETERS.evidence // 2 + 1


def guard(own: float = 0.0, others: float = 0.0, cooperative: bool = True) -> Guard:
    """One that has seen the operator's rule miss so much, and has let the agent in."""
    found = Guard(PARAMETERS, cooperative)
    for _ in range(PARAMETERS.baseline):
        assert found.held_by == BASELINE
        found.judge(own, others)
    assert found.held_by == AGENT
    return found


def lasts(found: Guard, held_by: str, own: float, others: float = 0.0, most: int = 500) -> int:
    """Intervals until somebody else sets the rule; ``most``, if nobody does."""
    for interval in range(most):
        if found.held_by != held_by:
            return interval
        found.judge(own, others)
    return most


def test_a_good_agent_stays() -> None:
    found = guard()

    assert lasts(found, AGENT, 0.0) == 500
    assert (found.trips, found.reason) == (0, "")


def test_what_is_a_little_worse_is_not_enough() -> None:
    assert lasts(guard(), AGENT, 0.19) == 500


def test_an_agent_that_harms_its_client_is_put_out_with_the_reason() -> None:
    found = guard()

    assert lasts(found, AGENT, 1.0) == PARAMETERS.evidence
    assert (found.held_by, found.trips) == (GUARD, 1)
    assert found.reason == (
        "what the client wants was missed by 100% in the last 5 intervals that the agent can be "
        "blamed for, and by 0% under the operator's rule, as far as is known"
    )


def test_an_agent_that_harms_others_is_put_out() -> None:
    found = guard()

    assert lasts(found, AGENT, 0.0, 1.0) == PARAMETERS.evidence
    assert found.reason.startswith("what others want was missed by 100%")


def test_doubt_asks_for_more_evidence() -> None:
    """Five in ten is half, give or take a sixth."""
    found = guard()
    intervals = 0
    while found.held_by == AGENT:
        found.judge(float(intervals % 3 == 0), 0.0)
        intervals += 1
        assert intervals < 200
    assert intervals > PARAMETERS.evidence


def test_only_what_an_agent_has_done_is_its_fault() -> None:
    """A client that has more than by the operator's rule does not miss its targets for that, and
    one that has less is not why others miss theirs."""
    found = guard()
    for _ in range(100):
        found.judge(1.0, 0.0, less=False, more=True)
        found.judge(0.0, 1.0, less=True, more=False)
    assert found.held_by == AGENT
    for _ in range(20):
        found.judge(1.0, 1.0, less=False, more=False)
    assert found.held_by == AGENT
    for _ in range(PARAMETERS.evidence):
        found.judge(1.0, 0.0, less=True, more=False)
    assert found.held_by == GUARD


def test_the_cooperative_may_give_what_others_gain() -> None:
    found = guard(own=0.0, others=1.0)
    assert lasts(found, AGENT, 0.9, 0.0, most=50) == 50

    alone = guard(own=0.0, others=1.0, cooperative=False)
    assert lasts(alone, AGENT, 0.9, 0.0, most=50) < 20


def test_an_agent_at_fault_is_kept_out_for_twice_as_long() -> None:
    found = guard()
    held = []
    for _ in range(5):
        lasts(found, AGENT, 1.0)
        held.append(lasts(found, GUARD, 0.0))

    assert held == [10, 20, 40, 40, 40]
    assert found.trips == 5


def test_it_is_forgiven_after_having_done_well_for_long() -> None:
    found = guard()
    lasts(found, AGENT, 1.0)
    lasts(found, GUARD, 0.0)
    for _ in range(250):
        found.judge(0.0, 0.0)
    lasts(found, AGENT, 1.0)

    assert lasts(found, GUARD, 0.0) == 10


def test_where_the_load_has_changed_the_agent_is_soon_let_in_again() -> None:
    """Without it, it is no better; and that is known from now on."""
    found = guard()
    lasts(found, AGENT, 1.0)

    assert lasts(found, GUARD, 1.0) == TRIAL
    assert found.reason == ""
    assert lasts(found, AGENT, 1.0, most=30) == 30


def test_what_is_known_of_worse_times_fades() -> None:
    found = guard(own=1.0)

    lasted = lasts(found, AGENT, 1.0)
    assert 0.1 * FADING < lasted < FADING


def test_without_a_baseline_the_operators_rule_is_believed_to_miss_nothing() -> None:
    found = Guard(GuardParameters(baseline=0))

    assert found.held_by == AGENT
    assert lasts(found, AGENT, 1.0) == GuardParameters().evidence


def test_one_that_is_off_does_nothing() -> None:
    found = Guard(GuardParameters(enabled=False))

    assert lasts(found, AGENT, 1.0, 1.0) == 500


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"baseline": -1}, "baseline: must be 0 or more"),
        ({"window": 0}, "window: must be 1 to 100000"),
        ({"evidence": 0}, "evidence: must be 1 to 100000"),
        ({"hold": 0}, "hold: must be 1 to 100000"),
        ({"evidence": 30}, "evidence: 30 is more than window, 20"),
        ({"hold_most": 5}, "hold_most: 5 is less than hold, 10"),
        ({"margin": nan}, "margin: must be above 0 and at most 1"),
        ({"margin": 0.0}, "margin: must be above 0 and at most 1"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GuardParameters(**given)
