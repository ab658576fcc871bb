"""Document 000's agent."""

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from rl.merging import Mergeable
from rl.q_routing import MOST_ABSENT, QRouting, QRoutingParameters
from rl.vocabulary import (
    Advertising,
    Decision,
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

DOCUMENT = QRoutingParameters(estimate="document")
MEAN = QRoutingParameters()


def agent(parameters: QRoutingParameters = DOCUMENT, steps: int = 0, seed: int = 1) -> QRouting:
    policy = QRouting(parameters, random.Random(seed))
    if steps:
        policy.load({"version": 1, "steps": steps, "domains": []})
    return policy


def hops(*ids: str) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "node", 80, proxy_node=True)) for id in ids]


def see(candidates: Sequence[EndpointStats], domain: str = "domain1.com") -> Observation:
    return Observation(RequestContext(domain=domain), candidates, now=0.0)


def transition(
    candidates: Sequence[EndpointStats],
    id: str,
    reward: float,
    next_value: float | None = None,
    domain: str = "domain1.com",
    verdict: Verdict = Verdict.SUCCESS,
) -> Transition:
    (endpoint,) = hops(id)
    outcome = Outcome(verdict, 0.05, 200, next_value)
    return Transition(endpoint, see(candidates, domain), Decision(0), outcome, reward, next_value)


def teach(policy: QRouting, candidates: Sequence[EndpointStats], *args: Any, **more: Any) -> None:
    policy.select(see(candidates, more.get("domain", "domain1.com")))
    policy.observe(transition(candidates, *args, **more))


def test_it_can_do_what_a_network_needs() -> None:
    assert isinstance(agent(), Advertising)
    assert isinstance(agent(), Mergeable)


# Values.


def test_the_documents_update() -> None:
    """(1 - 0.1) * 0 + 0.1 * (-40 + 1 * 300), then once more from there."""
    policy, candidates = agent(), hops("a", "b")
    teach(policy, candidates, "a", -40.0, 300.0)
    assert policy.values("domain1.com") == {"a": pytest.approx(26.0)}
    teach(policy, candidates, "a", -40.0, 300.0)
    assert policy.values("domain1.com") == {"a": pytest.approx(0.9 * 26.0 + 26.0)}


def test_at_the_end_of_the_way_there_is_no_next_value() -> None:
    policy, candidates = agent(), hops("a")
    teach(policy, candidates, "a", 500.0, None)
    assert policy.values("domain1.com") == {"a": pytest.approx(50.0)}


def test_alpha_and_beta_are_settings() -> None:
    policy = agent(QRoutingParameters(0.5, 0.9, "document"))
    teach(policy, hops("a"), "a", 10.0, 100.0)
    assert policy.values("domain1.com") == {"a": pytest.approx(50.0)}


def test_a_domain_learns_nothing_of_another() -> None:
    policy, candidates = agent(), hops("a", "b")
    teach(policy, candidates, "a", 500.0, domain="domain2.com")
    assert policy.values("domain1.com") == {}
    assert policy.values("domain2.com") == {"a": pytest.approx(50.0)}


def test_the_mean_of_the_first_visits_is_learned_then_alpha() -> None:
    policy, candidates = agent(MEAN), hops("a")
    for reward in (-4.0, -8.0, -6.0):
        teach(policy, candidates, "a", reward)
    assert policy.values("domain1.com") == {"a": pytest.approx(-6.0)}
    for _ in range(7):
        teach(policy, candidates, "a", -6.0)
    teach(policy, candidates, "a", -16.0)  # the eleventh
    assert policy.values("domain1.com") == {"a": pytest.approx(-7.0)}


def test_one_refusal_does_not_condemn() -> None:
    """It teaches at alpha; a failure that the next node passed on tells of more than one way."""
    policy, candidates = agent(MEAN), hops("a", "b")
    teach(policy, candidates, "a", -1000.0, 0.0, verdict=Verdict.FAILURE)
    teach(policy, candidates, "b", -1.0, -100.0, verdict=Verdict.FAILURE)
    assert policy.values("domain1.com") == pytest.approx({"a": -100.0, "b": -101.0})


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf, 1.7e308])
def test_what_is_no_number_teaches_nothing(reward: float) -> None:
    policy, candidates = agent(), hops("a")
    teach(policy, candidates, "a", reward, reward)
    assert policy.values("domain1.com") == {}
    assert math.isfinite(policy.advertised(transition(candidates, "a", reward, reward)))


# Choices.


def test_all_but_one_in_t_plus_one_is_greedy() -> None:
    policy, candidates = agent(steps=99), hops("a", "b", "c")
    policy.load(
        {
            "version": 1,
            "steps": 99,
            "domains": [
                {
                    "domain": "domain1.com",
                    "endpoints": ["a", "b", "c"],
                    "values": [1.0, 3.0, 2.0],
                    "visits": [1, 1, 1],
                }
            ],
        }
    )
    chosen = [policy.select(see(candidates)) for _ in range(10_000)]
    assert {1} == {each.index for each in chosen if not each.explored}
    assert 60 <= sum(each.explored for each in chosen) <= 140
    for each in chosen:
        assert each.propensity == pytest.approx(0.01 / 3 + (0.99 if each.index == 1 else 0.0))
    assert 3.0 == next(each.value for each in chosen if each.index == 1)


def test_the_first_choice_explores_and_each_learned_one_makes_it_rarer() -> None:
    policy, candidates = agent(), hops("a", "b")
    assert policy.select(see(candidates)).explored
    for number in range(1, 5):
        teach(policy, candidates, "a", 1.0, domain=f"domain{number}.com")
    assert 4 == policy.parameters()["steps"]


def test_ties_fall_at_random_also_where_only_rounding_tells_them_apart() -> None:
    policy, candidates = agent(steps=10**9), hops("a", "b", "c")
    for id, value in (("a", -50.0), ("b", -50.0 - 1e-12), ("c", -50.1)):
        policy.select(see(candidates))
        teach(policy, candidates, id, value * 10)  # of which alpha takes a tenth
    taken = Counter(policy.select(see(candidates)).index for _ in range(1000))
    assert {0, 1} == set(taken)
    assert 400 < taken[0] < 600


def test_requests_in_flight_are_credited_to_their_own_hop_and_domain() -> None:
    policy, candidates = agent(), hops("a", "b")
    for domain in ("domain1.com", "domain2.com", "domain3.com"):
        policy.select(see(candidates, domain))
    policy.observe(transition(candidates, "b", 100.0, domain="domain2.com"))
    policy.observe(transition(candidates, "a", -100.0, domain="domain1.com"))
    assert policy.values("domain1.com") == {"a": pytest.approx(-10.0)}
    assert policy.values("domain2.com") == {"b": pytest.approx(10.0)}
    assert policy.values("domain3.com") == {}


# What the node before is told.


@pytest.mark.parametrize("parameters", [DOCUMENT, MEAN])
@pytest.mark.parametrize("verdict", [Verdict.SUCCESS, Verdict.FAILURE])
def test_what_is_advertised_is_the_best_value_once_it_is_learned(
    parameters: QRoutingParameters, verdict: Verdict
) -> None:
    """And advertising it changes nothing."""
    policy, candidates, dice = agent(parameters), hops("a", "b", "c"), random.Random(3)
    for id in "abc":
        teach(policy, candidates, id, 100.0, 10.0)
    for _ in range(200):
        policy.select(see(candidates))
        reward, next_value = dice.uniform(-500, 500), dice.choice([None, 0.0, dice.uniform(-9, 9)])
        coming = transition(candidates, dice.choice("abc"), reward, next_value, verdict=verdict)
        before = json.dumps(policy.parameters())
        advertised = policy.advertised(coming)
        assert before == json.dumps(policy.parameters())
        policy.observe(coming)
        assert advertised == max(policy.values("domain1.com").values())


def test_the_document_advertises_an_untried_hop_as_nothing_lost() -> None:
    policy, candidates = agent(DOCUMENT), hops("a", "b")
    policy.select(see(candidates))
    assert 0.0 == policy.advertised(transition(candidates, "a", -50.0, -100.0))


def test_only_what_was_tried_is_advertised_with_means() -> None:
    policy, candidates = agent(MEAN), hops("a", "b")
    policy.select(see(candidates))
    assert -150.0 == policy.advertised(transition(candidates, "a", -50.0, -100.0))


# Next hops that come and go.


@pytest.mark.parametrize("value", [400.0, -5.0])
def test_a_newcomer_begins_at_the_best_there_is_and_is_soon_tried(value: float) -> None:
    policy = agent(steps=10**9)
    for _ in range(200):
        teach(policy, hops("a", "b"), "a", value)
        teach(policy, hops("a", "b"), "b", -500.0)
    chosen = {policy.select(see(hops("a", "b", "new"))).index for _ in range(100)}
    assert {0, 2} == chosen


def test_who_comes_back_is_worth_what_it_was() -> None:
    policy = agent()
    for id in "ab":
        teach(policy, hops("a", "b"), id, -100.0)
    known = policy.values("domain1.com")
    for _ in range(10):
        policy.select(see(hops("b")))
    policy.select(see(hops("a", "b")))
    assert known == policy.values("domain1.com")


def test_who_left_for_good_is_forgotten() -> None:
    policy = agent()
    for number in range(1000):
        teach(policy, hops(f"n{number}", "b"), f"n{number}", 1.0)
    assert len(policy.values("domain1.com")) <= MOST_ABSENT + 2


def test_an_answer_from_a_hop_that_has_left_teaches_it_alone() -> None:
    policy = agent()
    policy.select(see(hops("a", "b")))
    late = transition(hops("b"), "a", 100.0)
    assert 10.0 == policy.advertised(late)
    policy.observe(late)
    assert policy.values("domain1.com") == {"a": pytest.approx(10.0)}


# The bound.


def test_a_hundred_thousand_domains_are_bounded_and_the_used_one_stays() -> None:
    policy, candidates = agent(QRoutingParameters(max_domains=50)), hops("a", "b", "c")
    for number in range(100_000):
        policy.select(see(candidates, f"{number}.example"))
        if number % 40 == 0:
            teach(policy, candidates, "a", 100.0, domain="mine.example")
    stored = policy.parameters()["domains"]
    assert isinstance(stored, list)
    assert 50 == len(stored)
    assert policy.values("mine.example")["a"] > 90.0


def test_invented_domains_do_not_push_out_what_was_learned() -> None:
    policy, candidates = agent(QRoutingParameters(max_domains=50)), hops("a", "b")
    real = [f"domain{number}.com" for number in range(40)]
    for domain in real:
        policy.select(see(candidates, domain))
        policy.observe(transition(candidates, "a", -1.0, domain=domain))
    for number in range(1000):
        policy.select(see(candidates, f"invented{number}"))
        policy.observe(
            transition(candidates, "a", -5.0, domain=f"invented{number}", verdict=Verdict.FAILURE)
        )
    assert len(policy.table()) == 50
    assert all(policy.values(domain) == {"a": -1.0} for domain in real)
    # Newcomers that are answered well get in all the same, in place of the least recently used.
    for number in range(100):
        policy.select(see(candidates, f"new{number}"))
        policy.observe(transition(candidates, "b", -1.0, domain=f"new{number}"))
    assert len(policy.table()) == 50
    assert not policy.values(real[0])
    assert policy.values("new99") == {"b": -1.0}


def test_a_domain_that_was_dropped_is_not_begun_by_its_answer() -> None:
    policy, candidates = agent(QRoutingParameters(max_domains=1)), hops("a")
    policy.select(see(candidates, "domain1.com"))
    policy.select(see(candidates, "domain2.com"))
    policy.observe(transition(candidates, "a", 100.0))
    assert policy.values("domain1.com") == {}


# Stored, merged, shown.


def test_loading_more_domains_than_there_is_room_for_keeps_the_latest() -> None:
    policy, candidates = agent(), hops("a")
    for number in range(10):
        teach(policy, candidates, "a", 1.0, domain=f"{number}.example")
    small = agent(QRoutingParameters(max_domains=3))
    small.load(policy.parameters())
    assert [bool(small.values(f"{n}.example")) for n in (0, 6, 7, 9)] == [False, False, True, True]
    merged = small.merged(None, [policy.parameters()])["domains"]
    assert isinstance(merged, list)
    assert 3 == len(merged)


@pytest.mark.parametrize(
    ("domains", "problem"),
    [
        ([{}], r"domains\[0\]\.domain: is missing"),
        ([{"domain": "d", "endpoints": ["a", "a"], "values": [1, 2], "visits": [1, 1]}], "twice"),
        ([{"domain": "d", "endpoints": ["a"], "values": [], "visits": [1]}], "must hold 1 items"),
        ([{"domain": "d", "endpoints": [], "values": [], "visits": []}] * 2, "'d' stands twice"),
    ],
)
def test_malformed_domains_are_refused(domains: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        agent().load({"version": 1, "steps": 0, "domains": domains})


def test_workers_that_learned_side_by_side_know_the_mean_by_new_visits() -> None:
    candidates = hops("a", "b")
    one, two = agent(), agent()
    for _ in range(3):
        teach(one, candidates, "a", 100.0)
    teach(two, candidates, "a", -100.0)
    teach(two, candidates, "b", 10.0, domain="domain2.com")
    merged = agent()
    merged.load(one.merged(None, [one.parameters(), two.parameters()]))
    assert merged.values("domain1.com") == {"a": pytest.approx((3 * 27.1 - 10.0) / 4)}
    assert merged.values("domain2.com") == {"b": pytest.approx(1.0)}
    assert 5 == merged.parameters()["steps"]


def test_the_table_shows_the_most_learned_domain_first() -> None:
    policy, candidates = agent(), hops("a", "b")
    teach(policy, candidates, "a", -10.0)
    for _ in range(2):
        teach(policy, candidates, "b", 100.0, domain="domain2.com")
    first, second = policy.table()
    assert first == {
        "domain": "domain2.com",
        "values": {"a": 0.0, "b": pytest.approx(19.0)},
        "visits": {"a": 0, "b": 2},
        "best": "b",
    }
    assert "domain1.com" == second["domain"]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"learning_rate": 1.5}, "learning_rate must lie between 0 and 1"),
        ({"discount_factor": -0.1}, "discount_factor must lie between 0 and 1"),
        ({"max_domains": 0}, "max_domains must be at least 1"),
        ({"estimate": "best"}, "estimate must be one of mean, document, not 'best'"),
    ],
)
def test_impossible_parameters_are_refused(parameters: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        QRoutingParameters(**parameters)
