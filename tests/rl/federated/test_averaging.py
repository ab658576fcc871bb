"""What several nodes have learned, made one."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.encoding import LoadEncoding
from rl.federated.averaging import Merged, catch_up, merge, merge_learners
from rl.federated.terms import Terms
from rl.marginal_cost.policy import MarginalCost, MarginalCostParameters
from rl.merging import merge_value
from rl.q_learning import QLearning, QLearningParameters
from rl.q_routing import QRouting, QRoutingParameters
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

PLAIN = Terms(clip_ratio=None, most_share=1.0, caution=0.0)


def network(*weights: float, experience: int = 0, **rest: Any) -> Parameters:
    return {
        "kind": "dqn",
        "encoder": 1,
        "experience": experience,
        "arrays": {"weight": list(weights)},
        **rest,
    }


def table(experience: int, **states: tuple[list[float], list[int]]) -> Parameters:
    rows = [
        {"levels": [int(name[1:])], "values": values, "visits": visits}
        for name, (values, visits) in states.items()
    ]
    return {"kind": "tabular", "encoder": 1, "experience": experience, "states": rows}  # type: ignore[dict-item]


def weights(merged: Merged | Parameters) -> Any:
    parameters = merged.parameters if isinstance(merged, Merged) else merged
    assert parameters is not None
    return parameters["arrays"]["weight"]  # type: ignore[call-overload,index]


def row(parameters: Parameters | None, level: int) -> Any:
    assert parameters is not None
    (found,) = [each for each in parameters["states"] if each["levels"] == [level]]  # type: ignore[union-attr,index,call-overload]
    return found


def test_a_network_is_the_mean_of_the_sites_by_what_each_has_learned_since() -> None:
    base = network(0.0, 10.0, experience=100)

    merged = merge(
        base,
        {"a": network(3.0, 10.0, experience=130), "b": network(0.0, 14.0, experience=110)},
        PLAIN,
    )

    assert [2.25, 11.0] == weights(merged)
    assert {"a": 30, "b": 10} == merged.taken
    assert merged.parameters is not None
    assert 140 == merged.parameters["experience"]


def test_a_table_is_averaged_value_by_value_as_workers_are() -> None:
    base = table(10, s0=([1.0, 5.0], [8, 2]))
    one = table(16, s0=([2.0, 5.0], [14, 2]))
    two = table(12, s0=([4.0, 5.0], [10, 2]))

    merged = merge(base, {"a": one, "b": two}, PLAIN).parameters

    value, visits = merge_value((1.0, 8), [(2.0, 14), (4.0, 10)])
    found = row(merged, 0)
    assert (pytest.approx(value), visits) == (found["values"][0], found["visits"][0])
    assert (5.0, 2) == (found["values"][1], found["visits"][1])


def test_what_nobody_tried_in_a_state_comes_from_who_was_there() -> None:
    """An agent learns of untried actions along with tried ones; 0 would look best among losses."""
    one = table(3, s0=([-5.0, -4.0], [3, 0]))
    two = table(1, s0=([-9.0, -8.0], [1, 0]))

    found = row(merge(None, {"a": one, "b": two}, PLAIN).parameters, 0)

    assert [pytest.approx(-6.0), pytest.approx(-5.0)] == found["values"]
    assert [4, 0] == found["visits"]


def test_an_action_does_not_look_better_for_being_tried_at_an_easy_site() -> None:
    """What a state is worth differs by site; what sets actions apart is what is shared."""
    hard = table(40, s0=([-9.0, -10.0], [40, 0]))
    easy = table(40, s0=([1.0, 0.0], [0, 40]))

    found = row(merge(None, {"a": hard, "b": easy}, Terms()).parameters, 0)

    assert found["values"][0] - found["values"][1] == pytest.approx(1.0)


def test_what_was_tried_a_few_times_counts_little() -> None:
    """Of many actions the one that looks best after a visit was lucky."""
    untried = table(100, s0=([0.0, 0.0], [100, 0]))

    def apart(visits: int) -> float:
        lucky = table(visits, s0=([-2.0, 2.0], [0, visits]))
        found = row(merge(None, {"a": untried, "b": lucky}, Terms(caution=10.0)).parameters, 0)
        return float(found["values"][1] - found["values"][0])

    few, many = apart(1), apart(1000)
    assert 0 < few < 0.5
    assert many > 1.5


def test_who_has_learned_nothing_says_nothing() -> None:
    known = table(2, s0=([1.0, 0.0], [2, 0]))

    merged = merge(None, {"a": known, "new": table(0)}, Terms())

    assert (known, {}) == (merged.parameters, merged.refused)
    assert row(catch_up(None, known, table(0)), 0) == row(known, 0)


def test_tables_of_other_actions_are_others() -> None:
    two, three = table(1, s0=([1.0, 0.0], [1, 0])), table(1, s0=([1.0, 0.0, 0.0], [1, 0, 0]))

    merged = merge(None, {"a": two, "b": two, "bad": three}, Terms())

    assert ["bad"] == list(merged.refused)
    assert "values: has the shape (3,)" in merged.refused["bad"]


def test_a_state_that_one_site_has_seen_is_known_to_all() -> None:
    merged = merge(
        None,
        {"a": table(2, s0=([1.0, 0.0], [2, 0])), "b": table(3, s1=([0.0, 7.0], [0, 3]))},
        Terms(),
    ).parameters

    assert 1.0 == row(merged, 0)["values"][0]
    assert 7.0 == row(merged, 1)["values"][1]


def test_merging_what_was_merged_changes_nothing() -> None:
    base = merge(
        None,
        {"a": table(2, s0=([1.0, 0.0], [2, 0])), "b": table(3, s1=([0.0, 7.0], [0, 3]))},
        Terms(),
    ).parameters
    assert base is not None

    again = merge(base, {"a": base, "b": base, "c": base}, Terms())

    assert base == again.parameters
    assert {"a": 0, "b": 0, "c": 0} == again.taken


def test_networks_drawn_apart_are_not_averaged() -> None:
    offers = {
        "a": network(1.0, 1.0, experience=5),
        "b": network(1.2, 1.0, experience=4),
        "far": network(900.0, -900.0, experience=10**9),
    }

    assert [1.2, 1.0] == weights(merge(None, offers, Terms()))
    assert [1.0, 1.0] == weights(merge(None, offers, Terms(), own="a"))


@pytest.mark.parametrize(
    ("poison", "words"),
    [
        (network(float("nan"), 1.0, experience=5), "arrays.weight: must hold finite"),
        (network(1e9, 1.0, experience=5), r"arrays.weight: 1e\+09 is beyond"),
        (network(1.0, 1.0, 1.0, experience=5), r"arrays.weight: has the shape \(3,\)"),
        (network(1.0, 1.0, experience=10**20), "experience: must be"),
        ({**network(1.0, 1.0), "encoder": 2}, "encoder: is 2, of the others 1"),
        ({**network(1.0, 1.0), "kind": "ppo"}, "kind: is ppo, of the others dqn"),
        ({**network(1.0, 1.0), "arrays": {"w": [1.0]}}, "arrays.w: has the shape"),
        (table(1, s0=([1.0], [1])), "kind: is tabular"),
        ({}, "kind: is missing"),
    ],
)
@pytest.mark.parametrize("base", [None, network(0.0, 0.0, experience=1)])
def test_the_poisoned_are_left_out_and_named(
    base: Parameters | None, poison: Parameters, words: str
) -> None:
    good = {"a": network(1.0, 1.0, experience=5), "b": network(1.0, 1.0, experience=5)}

    merged = merge(base, {**good, "bad": poison}, Terms())

    assert ["bad"] == list(merged.refused)
    with pytest.raises(ValueError, match=words):
        raise ValueError(merged.refused["bad"])
    assert [1.0, 1.0] == weights(merged)


def test_a_network_without_one_of_the_arrays_is_another_one() -> None:
    both: Parameters = {**network(1.0), "arrays": {"bias": [1.0], "weight": [1.0]}}

    merged = merge(None, {"a": both, "b": both, "bad": network(1.0)}, Terms())

    assert {"bad": "arrays.bias: is missing"} == merged.refused


def test_most_sites_decide_what_is_merged_from_now_on() -> None:
    """An encoder of a new version is taken up when most have it."""
    old = network(1.0, experience=50)
    new = {**network(2.0, experience=5), "encoder": 2}

    merged = merge(old, {"a": new, "b": new, "c": old}, Terms())
    assert {"c": "encoder: is 1, of the others 2"} == merged.refused
    assert [2.0] == weights(merged)


def test_nobody_who_fits_leaves_what_was() -> None:
    base = network(1.0, experience=5)

    assert base == merge(base, {"bad": {}}, Terms()).parameters
    assert merge(None, {"bad": {}}, Terms()).parameters is None
    assert base == merge(base, {}, Terms()).parameters


def test_a_large_change_is_scaled_down_to_the_norm() -> None:
    base = network(0.0, 0.0, experience=0)

    merged = merge(base, {"a": network(3.0, 4.0, experience=1)}, Terms(clip_norm=1.0))

    assert [pytest.approx(0.6), pytest.approx(0.8)] == weights(merged)
    assert ("a",) == merged.clipped


def test_who_is_far_off_the_others_is_scaled_down_to_a_multiple_of_theirs() -> None:
    base = network(0.0, experience=0)
    offers = {
        "a": network(1.0, experience=1),
        "b": network(1.0, experience=1),
        "bad": network(1000.0, experience=1),
    }

    merged = merge(base, offers, Terms(clip_ratio=3.0))

    assert ("bad",) == merged.clipped
    assert [pytest.approx(5 / 3)] == weights(merged)


def test_a_boasting_site_has_half_of_the_weight_at_the_most() -> None:
    base = network(0.0, experience=0)
    offers = {
        "a": network(1.0, experience=10),
        "b": network(1.0, experience=10),
        "bad": network(3.0, experience=10**12),
    }

    assert [pytest.approx(2.0)] == weights(merge(base, offers, Terms()))


def test_the_median_is_as_the_most_are_whatever_one_says() -> None:
    base = network(0.0, 0.0, experience=0)
    offers = {
        "a": network(1.0, 2.0, experience=1),
        "b": network(1.2, 2.2, experience=1),
        "bad": network(9e5, -9e5, experience=10**12),
    }

    merged = merge(base, offers, Terms("median", clip_ratio=None))

    assert [pytest.approx(1.2), pytest.approx(2.0)] == weights(merged)


def test_the_median_of_a_table_asks_those_who_were_there() -> None:
    offers = {
        "a": table(4, s0=([1.0, 3.0], [4, 0])),
        "b": table(4, s0=([2.0, 4.0], [4, 0])),
        "c": table(9, s0=([50.0, 30.0], [2, 7])),
    }

    terms = Terms("median", clip_ratio=None, caution=0.0)
    found = row(merge(None, offers, terms).parameters, 0)

    # The state is worth 3, its first action 1 less; only one site has tried the second one.
    assert [2.0, 3.0 - 10.0] == found["values"]
    assert [10, 7] == found["visits"]


def test_noise_is_as_large_as_it_is_said_to_be() -> None:
    size = 4000
    base = network(*[0.0] * size, experience=0)
    offers = {site: network(*[0.0] * size, experience=1) for site in "ab"}
    terms = Terms(noise=0.5, clip_norm=2.0)

    found = np.array(weights(merge(base, offers, terms, random.Random(1))))

    assert 0.5 == pytest.approx(found.std(), rel=0.05)
    assert weights(merge(base, offers, terms, random.Random(1))) == found.tolist()
    with pytest.raises(ValueError, match="needs dice"):
        merge(base, offers, terms)


def test_the_order_of_the_sites_does_not_matter() -> None:
    offers = {
        "a": table(2, s0=([1.0, 0.0], [2, 0])),
        "b": table(3, s1=([0.0, 7.0], [0, 3])),
        "c": table(5, s0=([3.0, 1.0], [4, 1])),
    }

    assert merge(None, offers, Terms()) == merge(None, dict(reversed(offers.items())), Terms())


# Going on.


def test_a_network_that_learned_on_adds_its_own_steps() -> None:
    offered = network(1.0, experience=10, epsilon=0.3)
    now = network(1.5, experience=12, epsilon=0.2)
    merged = network(4.0, experience=50, epsilon=0.9)

    found = catch_up(offered, merged, now)

    assert [4.5] == weights(found)
    assert (52, 0.2) == (found["experience"], found["epsilon"])


def test_who_is_not_in_it_takes_the_network_of_all() -> None:
    found = catch_up(None, network(4.0, experience=50), network(1.5, experience=12))

    assert [4.0] == weights(found)


def test_a_table_that_learned_on_is_averaged_with_that_of_all() -> None:
    offered = table(4, s0=([1.0, 0.0], [4, 0]))
    now = table(6, s0=([2.0, 0.0], [6, 0]), s1=([0.0, 3.0], [0, 1]))
    merged = table(10, s0=([4.0, 0.0], [10, 0]))

    found = catch_up(offered, merged, now)

    # Of 8 new visits the others made 6, the site itself 2.
    assert pytest.approx((6 * 4.0 + 2 * 2.0) / 8) == row(found, 0)["values"][0]
    assert 12 == row(found, 0)["visits"][0]
    assert [0, 1] == row(found, 1)["visits"]


def test_two_estimates_of_the_same_do_not_add_up() -> None:
    offered = table(0, s0=([0.0, 0.0], [0, 0]))
    same = table(5, s0=([-5.0, 0.0], [5, 0]))

    assert -5.0 == row(catch_up(offered, same, same), 0)["values"][0]


def test_another_kind_of_agent_goes_on_alone() -> None:
    with pytest.raises(ValueError, match="kind: is dqn, of the others tabular"):
        catch_up(None, network(1.0), table(1, s0=([1.0], [1])))
    # What was offered before the kind was changed is nothing to go on from.
    assert [2.0] == weights(catch_up(table(1, s0=([1.0], [1])), network(2.0), network(1.0)))


# The live strategies.


def taught(policy: Any, seed: int, requests: int) -> Parameters:
    """What a strategy knows after requests to two endpoints of different speed."""
    dice = random.Random(seed)
    endpoints = [EndpointStats(Endpoint(id, "h", 1)) for id in ("a", "b")]
    for number in range(requests):
        observation = Observation(RequestContext("GET", "/", "x"), endpoints, 0.1 * number)
        decision = policy.select(observation)
        latency = (0.01, 0.05)[decision.index] * dice.expovariate(1.0)
        outcome = Outcome(Verdict.SUCCESS, latency, 200)
        endpoint = endpoints[decision.index]
        policy.observe(Transition(endpoint, observation, decision, outcome, -latency))
    found: Parameters = policy.parameters()
    return found


def q_learning(seed: int = 0) -> QLearning:
    return QLearning(QLearningParameters(), LoadEncoding(), random.Random(seed))


def test_q_tables_are_merged_as_those_of_workers_are() -> None:
    learned = [taught(q_learning(seed), seed, 100) for seed in range(3)]
    wanted, found = q_learning(), q_learning()
    wanted.load(wanted.merged(None, learned))

    merged = merge(None, {str(seed): each for seed, each in enumerate(learned)}, PLAIN).parameters
    assert merged is not None
    found.load(merged)

    (theirs,), (ours,) = wanted.table(), found.table()
    assert theirs["visits"] == ours["visits"]
    assert theirs["values"] == pytest.approx(ours["values"])


def test_q_routing_goes_through_the_same_door() -> None:
    policies = [QRouting(QRoutingParameters(), random.Random(seed)) for seed in range(2)]
    learned = [taught(each, seed, 50) for seed, each in enumerate(policies)]
    wanted, found = policies
    wanted.load(wanted.merged(None, learned))

    merged = merge(None, {str(seed): each for seed, each in enumerate(learned)}, PLAIN).parameters
    assert merged is not None
    found.load(merged)

    (theirs,), (ours,) = wanted.table(), found.table()
    assert theirs["visits"] == ours["visits"]
    assert theirs["values"] == pytest.approx(ours["values"])
    assert 100 == merged["steps"]


def test_marginal_cost_is_merged_by_itself_and_the_poisoned_left_out() -> None:
    learners = [MarginalCost(MarginalCostParameters(), random.Random(seed)) for seed in range(2)]
    one, two = (taught(each, seed, 200) for seed, each in enumerate(learners))
    poisoned = json.loads(json.dumps(one))
    poisoned["endpoints"][0]["mean"] = float("nan")

    merged = merge_learners(learners[0], None, {"a": one, "b": two, "bad": poisoned})

    assert {"a", "b"} == set(merged.taken)
    assert ["bad"] == list(merged.refused)
    assert merged.parameters == learners[0].merged(None, [one, two])
    assert one == merge_learners(learners[0], one, {"bad": {}}).parameters


numbers = st.floats(-1e6, 1e6)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(numbers, st.integers(0, 10**6)), min_size=1, max_size=5),
    numbers,
    st.sampled_from(["mean", "median"]),
    st.sampled_from([None, 0.5, 3.0]),
)
def test_what_is_merged_lies_between_the_base_and_what_sites_say(
    said: list[tuple[float, int]], began: float, method: Any, clip: float | None
) -> None:
    base = network(began, experience=5)
    offers = {str(i): network(value, experience=5 + more) for i, (value, more) in enumerate(said)}

    (found,) = weights(merge(base, offers, Terms(method, clip_norm=clip)))

    everything = [began, *(value for value, _ in said)]
    assert min(everything) - 1e-6 <= found <= max(everything) + 1e-6
