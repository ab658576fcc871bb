"""What several workers learned apart, made one."""

import random

import pytest

from rl.encoding import LoadEncoding
from rl.merging import Mergeable, merge_decay, merge_value
from rl.q_learning import QLearning, QLearningParameters
from rl.vocabulary import (
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    Parameters,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit


def test_a_value_is_the_mean_by_new_visits() -> None:
    """Who saw it three times as often counts three times."""
    assert (-7.0, 14) == merge_value((0.0, 10), [(-4.0, 11), (-8.0, 13)])


def test_what_nobody_visited_stays_as_it_was() -> None:
    assert (-3.0, 10) == merge_value((-3.0, 10), [(-3.0, 10), (-3.0, 10)])


def test_the_base_counts_once_however_often_it_is_merged() -> None:
    """Visits are those that happened, not twice as many at each merge."""
    merged = merge_value((0.0, 0), [(-1.0, 5), (-1.0, 5)])
    for _ in range(10):
        merged = merge_value(merged, [merged, merged])
    assert (-1.0, 10) == merged


def test_one_that_lost_its_visits_takes_nothing_away() -> None:
    """A worker that was started anew, or whose row was dropped."""
    assert (-2.0, 12) == merge_value((-1.0, 10), [(0.0, 0), (-2.0, 12)])


def test_a_rate_has_decayed_by_the_steps_of_all() -> None:
    assert merge_decay(0.4, [0.2, 0.1], 0.01) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("base", "learned", "expected"),
    [
        (0.4, [0.01, 0.01], 0.01),  # never below the floor
        (0.0, [0.0, 0.0], 0.0),  # 0 means never, for ever
        (0.005, [0.005, 0.005], 0.005),  # one that began below the floor stays there
        (None, [0.3, 0.2], 0.2),  # nobody knows where it began: who went furthest
        (0.1, [0.5, 0.1], 0.1),  # it never rises
    ],
)
def test_the_ends_of_a_rate(base: float | None, learned: list[float], expected: float) -> None:
    assert expected == merge_decay(base, learned, 0.01)


# Document 003's agent among several workers.

ENDPOINTS = [EndpointStats(Endpoint(id, "localhost", 1)) for id in ("a", "b")]


def agent(seed: int = 0, max_values: int = 1000) -> QLearning:
    parameters = QLearningParameters(max_values=max_values)
    return QLearning(parameters, LoadEncoding(), random.Random(seed))


def teach(learner: QLearning, times: int, reward: float) -> None:
    for _ in range(times):
        seen = Observation(RequestContext(), ENDPOINTS, 0.0)
        decision = learner.select(seen)
        outcome = Outcome(Verdict.SUCCESS, 0.1, 200)
        learner.observe(Transition(ENDPOINTS[decision.index], seen, decision, outcome, reward, 0.0))


def visits(parameters: Parameters) -> int:
    learner = agent()
    learner.load(parameters)
    total = 0
    for row in learner.table():
        counts = row["visits"]
        assert isinstance(counts, dict)
        total += sum(count for count in counts.values() if isinstance(count, int))
    return total


def test_the_agent_can_be_merged() -> None:
    assert isinstance(agent(), Mergeable)


def test_merging_over_and_over_counts_each_lesson_once() -> None:
    """Three rounds of two workers: as many visits as there were lessons, values in between."""
    one, two, keeper = agent(1), agent(2), agent()
    base: Parameters | None = None
    for _ in range(3):
        teach(one, 20, -1.0)
        teach(two, 5, -9.0)
        base = keeper.merged(base, [one.parameters(), two.parameters()])
        one.load(base)
        two.load(base)
    assert base is not None
    assert 75 == visits(base)
    values: list[float] = []
    for row in one.table():
        found = row["values"]
        assert isinstance(found, dict)
        values += [value for value in found.values() if isinstance(value, float)]
    assert values
    assert -9.0 < min(values) < 0.0


def test_what_was_learned_meanwhile_is_added_to_what_comes_back() -> None:
    """The worker's own rule: its snapshot is the base of the merged and the present."""
    one, two, keeper = agent(1), agent(2), agent()
    teach(one, 10, -1.0)
    teach(two, 10, -1.0)
    told = one.parameters()
    merged = keeper.merged(None, [told, two.parameters()])
    teach(one, 4, -1.0)
    one.load(one.merged(told, [merged, one.parameters()]))
    assert 24 == visits(one.parameters())


def test_merging_changes_nothing_of_the_learner_itself() -> None:
    one, two = agent(1), agent(2)
    teach(one, 5, -1.0)
    teach(two, 5, -2.0)
    before = one.parameters()
    one.merged(None, [before, two.parameters()])
    assert before == one.parameters()


def test_a_state_that_all_have_dropped_is_forgotten_and_the_bound_holds() -> None:
    one = agent(1)
    teach(one, 5, -1.0)
    assert [] == agent().merged(one.parameters(), [agent(2).parameters()])["tables"]
    small = agent(max_values=1)
    merged = small.merged(None, [one.parameters()])
    assert 5 == visits(merged)  # the newest state stays even if it is larger than the bound


@pytest.mark.parametrize("broken", [{}, {"version": 2}, {"version": 1, "epsilon": 2, "tables": []}])
def test_what_is_malformed_is_refused(broken: Parameters) -> None:
    good = agent().parameters()
    with pytest.raises(ValueError, match=r"version|epsilon"):
        agent().merged(None, [good, broken])
    with pytest.raises(ValueError, match=r"version|epsilon"):
        agent().merged({**good, **broken} if broken else {"version": 0}, [good])
