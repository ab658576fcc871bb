"""Peak EWMA."""

import math
import random

import pytest

from load_balancer.strategies.peak_ewma import SPARE_RECORDS, PeakEwma
from rl.vocabulary import (
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

DECAY = 10.0
FAILURE = 5.0


class Scene:
    """Endpoints, a clock, and a policy that hears of them."""

    def __init__(self, *ids: str, weights: tuple[float, ...] = ()) -> None:
        self.policy = PeakEwma(DECAY, FAILURE, random.Random(1))
        self.all = [
            EndpointStats(Endpoint(id, "h", 80, weights[i] if weights else 1.0))
            for i, id in enumerate(ids)
        ]
        self.now = 100.0

    def observation(self) -> Observation:
        return Observation(RequestContext(), self.all, self.now)

    def select(self) -> str:
        return self.all[self.policy.select(self.observation()).index].id

    def sample(self, id: str, latency: float, verdict: Verdict = Verdict.SUCCESS) -> None:
        found = [each for each in self.all if each.id == id]
        stats = found[0] if found else EndpointStats(Endpoint(id, "h", 80))
        observation = self.observation()
        decision = self.policy.select(observation)
        outcome = Outcome(verdict, latency)
        self.policy.observe(Transition(stats, observation, decision, outcome, 0.0))

    def latency(self, id: str) -> float:
        """What is believed of ``id``, found by weighing it against a known one.

        The other's in-flight count n at which the choice changes tells the ratio: the costs are
        ``latency`` and ``known * (n + 1)``, known being a thousandth of a second.
        """
        (stats,) = [each for each in self.all if each.id == id]
        kept, self.all = self.all, [stats, EndpointStats(Endpoint("gauge", "h", 80))]
        in_flight, stats.in_flight = stats.in_flight, 0
        try:
            self.sample("gauge", 0.001)
            low, high = 0, 100_000
            while low < high:
                middle = (low + high) // 2
                self.all[1].in_flight = middle
                if self.select() == id:
                    high = middle
                else:
                    low = middle + 1
            return low / 1000
        finally:
            self.all = kept
            stats.in_flight = in_flight
            self.policy._records.pop("gauge")


def test_the_first_sample_is_the_latency() -> None:
    scene = Scene("a", "b")
    scene.sample("a", 0.25)

    assert pytest.approx(0.25, abs=0.0011) == scene.latency("a")


def test_a_peak_counts_at_once() -> None:
    scene = Scene("a")
    scene.sample("a", 0.05)
    scene.now += 0.01
    scene.sample("a", 2.0)

    assert pytest.approx(2.0, abs=0.0011) == scene.latency("a")


def test_good_news_counts_by_the_time_that_passed() -> None:
    """After ``dt`` the old average keeps exp(-dt / decay)."""
    scene = Scene("a")
    scene.sample("a", 2.0)
    scene.now += 3.0
    scene.sample("a", 0.1)

    kept = math.exp(-0.3)
    assert pytest.approx(0.1 * (1 - kept) + 2.0 * kept, abs=0.0011) == scene.latency("a")


def test_many_good_samples_bring_it_down_to_the_mean() -> None:
    scene = Scene("a")
    scene.sample("a", 5.0)
    for _ in range(1000):
        scene.now += 0.1
        scene.sample("a", 0.1)

    assert pytest.approx(0.1, abs=0.002) == scene.latency("a")


def test_latency_is_paid_once_for_each_request_in_flight() -> None:
    """10 ms with 8 in flight beat 100 ms idle; with 10 in flight they do not."""
    scene = Scene("fast", "slow")
    scene.sample("fast", 0.010)
    scene.sample("slow", 0.100)

    scene.all[0].in_flight = 8
    assert "fast" == scene.select()
    scene.all[0].in_flight = 10
    assert "slow" == scene.select()


def test_weight_divides_the_cost() -> None:
    scene = Scene("a", "b", weights=(1.0, 3.0))
    scene.sample("a", 0.1)
    scene.sample("b", 0.2)

    assert "b" == scene.select()


def test_an_unseen_endpoint_is_tried_at_once_but_by_one_request() -> None:
    """A newcomer must get a request to be known at all, and no flood before it has answered."""
    scene = Scene("known", "new")
    scene.sample("known", 0.001)

    assert "new" == scene.select()
    scene.all[1].in_flight = 1
    scene.all[0].in_flight = 500
    assert "known" == scene.select()


def test_a_newcomer_that_is_busy_counts_with_what_the_table_knows() -> None:
    """The fleet's mean: its first answer may take long, and it need not idle till then."""
    scene = Scene("known", "new")
    scene.sample("known", 0.1)
    scene.all[1].latency = 0.1
    scene.all[1].in_flight = 2
    scene.all[0].in_flight = 1
    assert "known" == scene.select()
    scene.all[0].in_flight = 3
    assert "new" == scene.select()


def test_all_unseen_are_tried_in_turn() -> None:
    """At the start there is nothing to go by but the load."""
    scene = Scene("a", "b", "c")
    order = []
    for _ in range(6):
        id = scene.select()
        order.append(id)
        next(each for each in scene.all if each.id == id).in_flight += 1

    assert set(order[:3]) == set(order[3:]) == {"a", "b", "c"}


def test_ties_fall_at_random() -> None:
    scene = Scene("a", "b")
    decisions = [scene.policy.select(scene.observation()) for _ in range(1000)]

    assert {0.5} == {each.propensity for each in decisions}
    assert pytest.approx(500, abs=80) == sum(each.index for each in decisions)


def test_a_fast_failure_counts_as_a_slow_answer() -> None:
    scene = Scene("failing", "slow")
    scene.sample("failing", 0.001, Verdict.FAILURE)
    scene.sample("slow", 1.0)

    assert "slow" == scene.select()
    assert pytest.approx(FAILURE, abs=0.0011) == scene.latency("failing")


def test_a_failure_slower_than_the_penalty_counts_in_full() -> None:
    scene = Scene("failing")
    scene.sample("failing", 30.0, Verdict.FAILURE)

    assert pytest.approx(30.0, abs=0.0011) == scene.latency("failing")


def test_one_that_failed_is_tried_again_after_a_while() -> None:
    """5 s decay to 50 ms in 10 * ln(100) = 46 s, and not much sooner."""
    scene = Scene("failed", "other")
    scene.sample("failed", 0.001, Verdict.FAILURE)
    began = scene.now
    while True:
        scene.now += 0.5
        scene.sample("other", 0.05)
        if scene.select() == "failed":
            break
        assert scene.now < began + 60
    assert pytest.approx(DECAY * math.log(100), abs=1.0) == scene.now - began


def test_time_that_runs_backwards_decays_nothing() -> None:
    scene = Scene("a")
    scene.sample("a", 1.0)
    scene.now -= 50.0

    assert pytest.approx(1.0, abs=0.0011) == scene.latency("a")
    scene.sample("a", 0.1)
    assert pytest.approx(1.0, abs=0.0011) == scene.latency("a")


def test_the_gone_are_forgotten_and_the_present_are_not() -> None:
    scene = Scene("a", "b")
    scene.sample("a", 0.25)
    for number in range(10_000):
        scene.sample(f"gone{number}", 0.05)
        assert len(scene.policy._records) <= 2 * 2 + SPARE_RECORDS

    assert pytest.approx(0.25, abs=0.0011) == scene.latency("a")


def test_with_two_choices_the_cheaper_of_two_drawn_ones_is_taken() -> None:
    """As in Finagle. Of three that cost 1, 2 and 3 the first is in two of the three draws and wins
    both, the second wins the one without the first, the third none."""
    scene = Scene("a", "b", "c")
    scene.policy = PeakEwma(DECAY, FAILURE, random.Random(1), 2)
    for id, latency in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        scene.sample(id, latency)
    decisions = [scene.policy.select(scene.observation()) for _ in range(3000)]

    assert 2000 == pytest.approx(sum(each.index == 0 for each in decisions), abs=100)
    assert not any(each.index == 2 for each in decisions)
    chances = {(each.index, round(each.propensity, 9)) for each in decisions}
    assert {(0, round(2 / 3, 9)), (1, round(1 / 3, 9))} == chances
