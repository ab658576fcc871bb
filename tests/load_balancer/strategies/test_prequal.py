"""Prequal, against the paper's rules with numbers worked out by hand."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.strategies.prequal import MOST_USES, RECENT, Prequal, reuse_budget
from rl.vocabulary import Decision, Endpoint, EndpointStats, Observation, Prober, RequestContext

pytestmark = pytest.mark.unit


class Scene:
    """Endpoints, their probes, and a policy. Nothing leaves the pool by itself unless asked for."""

    def __init__(
        self,
        size: int = 4,
        q_rif: float = 0.84,
        pool_size: int = 16,
        remove_rate: float = 0.0,
        probes_per_request: float = 3.0,
        seed: int = 1,
    ) -> None:
        self.policy = Prequal(
            q_rif, probes_per_request, pool_size, 1.0, remove_rate, random.Random(seed)
        )
        self.all = [EndpointStats(Endpoint(f"e{number}", "h", 80)) for number in range(size)]
        self.now = 100.0
        self.policy.probes(self.all, self.now)  # so that the reuse budget is known

    def probed(self, *answers: tuple[int, float], first: int = 0) -> None:
        """Answers of the endpoints in order: requests, and seconds for one more."""
        for number, (active, latency) in enumerate(answers, first):
            self.policy.probed(self.all[number], active, latency, self.now)

    def select(self) -> Decision:
        return self.policy.select(Observation(RequestContext(), self.all, self.now))

    def pool(self) -> list[str]:
        return [probe.id for probe in self.policy._pool]


def test_it_is_a_prober() -> None:
    assert isinstance(Scene().policy, Prober)


@pytest.mark.parametrize(
    ("probes", "remove", "pool", "endpoints", "budget"),
    [
        # The paper's own setting: (1 + 1) / ((1 - 16/100) * 3 - 1) = 2 / 1.52.
        (3.0, 1.0, 16, 100, 2 / 1.52),
        (2.0, 0.25, 16, 64, 2 / 1.25),
        (5.0, 1.0, 16, 100, 1.0),  # 2 / 3.2, but never less than once
        (1.0, 1.0, 16, 100, MOST_USES),  # fewer come in than are removed
        (3.0, 1.0, 16, 6, MOST_USES),  # a pool with room for all
    ],
)
def test_the_reuse_budget_is_the_paper_s(
    probes: float, remove: float, pool: int, endpoints: int, budget: float
) -> None:
    assert budget == pytest.approx(reuse_budget(probes, remove, pool, endpoints))


def test_a_budget_that_is_not_whole_is_right_on_average() -> None:
    """2 / 1.52 = 1.316: of 2000 probes 632 are used twice and the others once."""
    scene = Scene(100, remove_rate=1.0)
    uses = []
    for _ in range(20):
        for number in range(100):
            scene.probed((0, 0.1), first=number)
            uses.append(scene.policy._pool[-1].uses)
    assert {1, 2} == set(uses)
    assert 632 == pytest.approx(uses.count(2), abs=90)


def test_of_cold_probes_the_fastest_is_taken() -> None:
    """Even where it has more requests than others, as long as it is not hot."""
    scene = Scene(4)
    scene.probed((3, 0.010), (0, 0.050), (1, 0.020), (9, 0.001))
    # The quantile .84 of (0, 1, 3, 9) is 9, so that nobody is hot but who has more.
    assert 3 == scene.select().index
    # Used once it counts 10, and is hot.
    assert 0 == scene.select().index


def test_a_hot_one_is_not_taken_however_fast_it_is() -> None:
    scene = Scene(4, q_rif=0.5)
    scene.probed((9, 0.001), (0, 0.050), (1, 0.020), (1, 0.030))
    # The median of (0, 1, 1, 9) is 1.
    assert 2 == scene.select().index


def test_if_all_are_hot_the_one_with_the_fewest_requests_is_taken() -> None:
    """With a quantile of 0 always: the rule is then requests in flight alone."""
    scene = Scene(4, q_rif=0.0)
    scene.probed((5, 0.001), (2, 0.9), (7, 0.001), (4, 0.1))
    assert [1, 1] == [scene.select().index for _ in range(2)]


def test_with_a_quantile_of_one_the_rule_is_latency_alone() -> None:
    scene = Scene(3, q_rif=1.0)
    scene.probed((900, 0.001), (0, 0.002), (0, 0.003))
    assert [0] * 5 == [scene.select().index for _ in range(5)]


def test_each_use_counts_as_one_more_request_there() -> None:
    """Else all requests until the next probe would go to the same endpoint."""
    scene = Scene(3, q_rif=0.0)
    scene.probed((0, 0.1), (0, 0.1), (0, 0.1))
    assert {0: 3, 1: 3, 2: 3} == Counter(scene.select().index for _ in range(9))


def test_equal_ones_fall_at_random() -> None:
    seen: Counter[int] = Counter()
    for seed in range(300):
        scene = Scene(3, seed=seed)
        scene.probed((0, 0.1), (0, 0.1), (0, 0.2))
        decision = scene.select()
        assert 0.5 == decision.propensity
        seen[decision.index] += 1
    assert {0, 1} == set(seen)
    assert 150 == pytest.approx(seen[0], abs=40)


@pytest.mark.parametrize("answers", [0, 1])
def test_with_too_few_probes_the_choice_is_by_chance(answers: int) -> None:
    scene = Scene(4)
    scene.probed(*[(0, 0.1)] * answers)
    decisions = [scene.select() for _ in range(400)]
    assert {0, 1, 2, 3} == {each.index for each in decisions}
    assert {0.25} == {each.propensity for each in decisions}


def test_old_probes_do_not_count() -> None:
    scene = Scene(4)
    scene.probed((0, 0.1), (0, 0.1))
    scene.now += 1.0
    scene.probed((0, 0.3), (0, 0.2), first=2)
    assert 0.5 == scene.select().propensity
    scene.now += 0.1
    assert 3 == scene.select().index
    assert ["e2", "e3"] == scene.pool()
    scene.now += 1.0
    assert 0.25 == scene.select().propensity


def test_a_new_probe_replaces_the_endpoint_s_last_one() -> None:
    scene = Scene(4)
    scene.probed((0, 0.1), (0, 0.2))
    scene.probed((0, 0.3))
    assert ["e1", "e0"] == scene.pool()
    assert 1 == scene.select().index


def test_the_oldest_makes_room() -> None:
    scene = Scene(6, pool_size=3)
    scene.probed(*[(0, 0.1)] * 5)
    assert ["e2", "e3", "e4"] == scene.pool()


def test_removal_is_of_the_oldest_and_the_worst_in_turns() -> None:
    """One a request: the oldest (e0); then of the others the slowest, as none is hot (e3); the
    oldest (e1); then there are no more than two."""
    scene = Scene(5, q_rif=1.0, remove_rate=1.0)
    scene.probed((0, 0.5), (0, 0.2), (0, 0.1), (0, 0.9), (0, 0.3))
    for left in (["e1", "e2", "e3", "e4"], ["e1", "e2", "e4"], ["e2", "e4"], ["e2", "e4"]):
        scene.select()
        assert left == scene.pool()


def test_of_hot_ones_the_fullest_is_the_worst() -> None:
    scene = Scene(5, q_rif=0.5, remove_rate=1.0)
    scene.probed((0, 0.5), (0, 0.2), (0, 0.1), (8, 0.001), (5, 0.001))
    scene.select()
    scene.select()
    assert ["e1", "e2", "e4"] == scene.pool()


def test_a_removal_rate_below_one_is_one_now_and_then() -> None:
    scene = Scene(5, remove_rate=0.5)
    scene.probed(*[(0, 0.1)] * 5)
    sizes = []
    for _ in range(4):
        scene.select()
        sizes.append(len(scene.pool()))
    assert [5, 4, 4, 3] == sizes


def test_a_used_up_probe_leaves() -> None:
    scene = Scene(100, probes_per_request=5.0, remove_rate=1.0)
    scene.policy._remove_rate = 0.0  # the budget is 1; nothing else shall leave
    scene.probed((0, 0.1), (0, 0.2), (0, 0.3))
    assert [0, 1] == [scene.select().index for _ in range(2)]
    assert ["e2"] == scene.pool()


def test_who_fails_is_hot_and_looks_busy() -> None:
    """It answers at once and is idle. With nine of ten failed it counts as ten times as busy."""
    scene = Scene(3)
    scene.all[0].error_rate, scene.all[0].error_rate_at = 0.9, scene.now
    scene.probed((0, 0.001), (4, 0.2), (4, 0.3))
    assert 1 == scene.select().index
    for others, chosen in ((8, 1), (10, 0)):
        scene = Scene(2, q_rif=0.0)
        scene.all[0].error_rate, scene.all[0].error_rate_at = 0.9, scene.now
        scene.probed((0, 0.001), (others, 0.2))
        assert chosen == scene.select().index


def test_probes_go_to_different_endpoints_as_many_as_configured() -> None:
    scene = Scene(10, probes_per_request=2.5)
    counts, asked = [], Counter[str]()
    for _ in range(1000):
        named = scene.policy.probes(scene.all, scene.now)
        assert len({stats.id for stats in named}) == len(named)
        counts.append(len(named))
        asked.update(stats.id for stats in named)
    assert 2500 == pytest.approx(sum(counts), abs=1)
    assert {2, 3} == set(counts)
    assert all(250 == pytest.approx(count, abs=60) for count in asked.values())


def test_nobody_is_asked_where_there_is_no_choice() -> None:
    assert not Scene(1).policy.probes(Scene(1).all, 100.0)
    assert 2 == len(Scene(2).policy.probes(Scene(2).all, 100.0))


def test_who_is_no_candidate_is_not_taken() -> None:
    """A retry avoids the endpoint that has the best probe."""
    scene = Scene(4)
    scene.probed((0, 0.1), (0, 0.2), (0, 0.3))
    observation = Observation(RequestContext(), scene.all[1:], scene.now)
    assert 0 == scene.policy.select(observation).index
    assert 0 == scene.select().index


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_order_of_choices_and_answers(data: st.DataObject) -> None:
    scene = Scene(
        data.draw(st.integers(1, 6)),
        q_rif=data.draw(st.sampled_from([0.0, 0.5, 0.84, 1.0])),
        pool_size=data.draw(st.integers(2, 5)),
        remove_rate=data.draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
    )
    for step in data.draw(st.lists(st.sampled_from(["select", "answer", "ask", "wait"]))):
        if step == "wait":
            scene.now += data.draw(st.sampled_from([0.0, 0.01, 0.6, 5.0]))
        elif step == "ask":
            for stats in scene.policy.probes(scene.all, scene.now):
                assert stats in scene.all
        elif step == "answer":
            stats = data.draw(st.sampled_from(scene.all))
            scene.policy.probed(
                stats, data.draw(st.integers(0, 50)), data.draw(st.floats(0.0, 9.0)), scene.now
            )
        else:
            decision = scene.select()
            assert 0 <= decision.index < len(scene.all)
            assert 0.0 < decision.propensity <= 1.0
        pool = scene.pool()
        assert len(pool) == len(set(pool)) <= scene.policy._pool_size
        assert len(scene.policy._recent) == len(scene.policy._sorted) <= RECENT
