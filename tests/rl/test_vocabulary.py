"""The shared words: what is frozen, what is worked out late, who counts as what."""

import random
from dataclasses import FrozenInstanceError

import pytest

from load_balancer.strategies.round_robin import RoundRobin
from rl.encoding import LoadEncoding
from rl.q_learning import QLearning, QLearningParameters
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Explainable,
    Improvable,
    Learner,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit


def test_an_endpoint_cannot_be_changed() -> None:
    """Everything is keyed by endpoints; one that changes would be two."""
    endpoint = Endpoint("a", "localhost", 80)

    with pytest.raises(FrozenInstanceError):
        endpoint.port = 81  # type: ignore[misc]


def test_a_new_endpoint_is_healthy_and_unmeasured() -> None:
    """Nothing is claimed of an endpoint that was never asked."""
    stats = EndpointStats(Endpoint("a", "localhost", 80))

    assert (0, 0.0, 0, True, False) == (
        stats.in_flight,
        stats.latency,
        stats.completed,
        stats.healthy,
        stats.ejected,
    )
    assert float("-inf") == stats.latency_at == stats.reported_at
    assert "<EndpointStats a in_flight=0 latency=0.0000>" == repr(stats)


def test_the_request_class_is_method_and_route_template() -> None:
    """And it stays the same when it is asked for again."""
    context = RequestContext("POST", "/report/8841?x=1")

    assert "POST /report/{n}" == context.request_class == context.request_class


def test_the_path_is_the_affinity_key_unless_another_is_given() -> None:
    """Repeats of a path belong together by default."""
    assert "/a" == RequestContext(path="/a").affinity_key
    assert "user-7" == RequestContext(path="/a", affinity_key="user-7").affinity_key


@pytest.mark.parametrize(
    "record",
    [
        EndpointStats(Endpoint("a", "localhost", 80)),
        RequestContext(),
        Observation(RequestContext(), [], 0.0),
        Decision(0),
        Outcome(Verdict.SUCCESS, 0.1),
    ],
    ids=lambda record: type(record).__name__,
)
def test_records_of_the_hot_path_have_no_dict(record: object) -> None:
    """A misspelt attribute is an error, and four of them a request stay cheap."""
    with pytest.raises(AttributeError):
        record.in_fligth = 1  # type: ignore[attr-defined]


def test_a_transition_keeps_the_very_decision() -> None:
    """Credit goes by the decision that travelled with the request."""
    stats = EndpointStats(Endpoint("a", "localhost", 80))
    decision = Decision(0, memo="mine")
    observation = Observation(RequestContext(), [stats], 1.0)
    outcome = Outcome(Verdict.SUCCESS, 0.1)
    transition = Transition(stats, observation, decision, outcome, -10.0)

    assert transition.decision is decision
    assert transition.next_value is None


def test_a_classic_is_no_learner_and_q_learning_can_be_explained() -> None:
    """What the application asks with isinstance."""
    learner = QLearning(QLearningParameters(), LoadEncoding(), random.Random(0))

    assert isinstance(learner, Learner)
    assert isinstance(learner, Explainable)
    assert not isinstance(learner, Improvable)
    assert not isinstance(RoundRobin(), Learner)
