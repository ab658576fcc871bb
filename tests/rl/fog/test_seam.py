"""Policies of live nodes in the seats of agents."""

import random
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.strategies import build
from metrics.table import EndpointTable
from rl.fog.env import FogEnv
from rl.fog.seam import Seam, play
from rl.fog.tasks import Place
from rl.reward import RewardParameters
from rl.reward import build as build_reward
from rl.vocabulary import Decision, Learner, Observation, Policy, Transition, Verdict
from tests.rl.fog.fogs import LARGE, SMALL, TWELVE, application, plain

pytestmark = pytest.mark.unit


class Recorder:
    """Always chooses the same, and keeps all that it sees."""

    def __init__(self, index: int = 0) -> None:
        self.index = index
        self.seen: list[Observation] = []
        self.made: list[Decision] = []
        self.learned: list[Transition] = []

    def select(self, observation: Observation) -> Decision:
        self.seen.append(observation)
        self.made.append(Decision(min(self.index, len(observation.candidates) - 1)))
        return self.made[-1]

    def observe(self, transition: Transition) -> None:
        self.learned.append(transition)


def seated(env: FogEnv, policies: dict[str, Policy]) -> Seam:
    return Seam(env, policies, build_reward(RewardParameters()), EndpointTable(()))


def strategy(name: str, seed: int = 1) -> Policy:
    return build(name, Settings(), random.Random(seed))


def silent(nodes: int = 2, **more: Any) -> FogEnv:
    env = FogEnv(plain(nodes, rate=0.0, **more))
    env.reset(seed=1)
    return env


def test_neighbours_are_endpoints_and_their_loads_what_is_in_flight() -> None:
    env, recorder = silent(3), Recorder(1)
    seam = seated(env, {"worker_0": recorder})
    observations = env.step({})[0]
    assert seam.decide(observations) == {}

    env.world._lives.accept(application(2, 0))
    env.world._lives.accept(application(5, 2))
    env.world.nodes.power[2] = 1
    observations = env.step({})[0]
    env.world._lives.accept(application(3, 0))
    actions = seam.decide(observations)
    seen = recorder.seen[0]

    assert actions == {"worker_0": 1}
    assert [each.id for each in seen.candidates] == ["worker_0", "worker_1", "worker_2"]
    assert [each.in_flight for each in seen.candidates] == [1, 0, 5]
    assert [each.limit for each in seen.candidates] == [10, 10, 10]
    assert (seen.request.size, seen.request.request_class) == (38_000_000, "POST /task-0")
    assert seen.now == 2.0


def test_a_decision_is_completed_when_the_result_is_back() -> None:
    env, recorder = silent(positions_meters=((0.0, 0.0), (10.0, 0.0))), Recorder(1)
    seam = seated(env, {"worker_0": recorder})
    env.world._lives.accept(application(1, 0))
    observations = env._look()
    back = []
    for _ in range(13):
        observations = env.step(seam.decide(observations))[0]
        back.append(seam.learn())

    assert back == [0] * 11 + [1, 0]
    (transition,) = recorder.learned
    assert transition.decision is recorder.made[0]
    assert transition.outcome.verdict is Verdict.SUCCESS
    assert transition.outcome.latency == 12.0
    assert transition.reward == -1200.0
    assert transition.endpoint.id == "worker_1"
    assert transition.endpoint.latency == 12.0


def test_a_bad_end_is_a_failure_of_who_was_chosen() -> None:
    env, recorder = silent(), Recorder(1)
    seam = seated(env, {"worker_0": recorder})
    env.world._lives.accept(application(1, 0))
    observations = env.step(seam.decide(env._look()))[0]
    env.world._lives.fail(1)
    while not recorder.learned:
        observations = env.step(seam.decide(observations))[0]
        seam.learn()

    (transition,) = recorder.learned
    assert transition.outcome.verdict is Verdict.FAILURE
    assert (transition.endpoint.id, transition.endpoint.failures) == ("worker_1", 1)


def test_a_task_that_goes_round_in_a_circle_completes_all_its_decisions() -> None:
    env, first, second = silent(), Recorder(1), Recorder(1)
    seam = seated(env, {"worker_0": first, "worker_1": second})
    asked = application(1, 0, 4e9)
    env.world._lives.accept(asked)
    observations = env._look()
    for _ in range(60):
        observations = env.step(seam.decide(observations))[0]
        seam.learn()
    assert len(first.made) > 1 and len(second.made) > 1
    first.index = second.index = 0
    asked.tasks[0].left = 1.0
    for _ in range(60):
        observations = env.step(seam.decide(observations))[0]
        seam.learn()

    assert asked.tasks[0].place is Place.COMPLETED
    for each in (first, second):
        assert [made.decision for made in each.learned] == each.made


def test_what_is_still_out_at_the_end_is_ignored_and_time_goes_on() -> None:
    env, recorder = FogEnv(plain(3, rate=1.0, duration_seconds=50)), Recorder(2)
    seam = seated(env, {"worker_0": recorder})
    play(env, seam, seed=1)
    made, learned = len(recorder.made), len(recorder.learned)
    assert learned < made
    play(env, seam, seed=2)

    times = [each.now for each in recorder.seen]
    assert times == sorted(times)
    assert recorder.seen[made].now >= 49.0
    known = {id(each) for each in recorder.made}
    done = [id(each.decision) for each in recorder.learned]
    assert len(done) == len(set(done)) and set(done) <= known


def test_only_what_the_mask_allows_is_a_candidate() -> None:
    env, recorder = silent(3, never_to_longer_queue=True), Recorder(1)
    seam = seated(env, {"worker_0": recorder})
    env.world._lives.accept(application(2, 0))
    env.world._lives.accept(application(5, 1))
    env.world.nodes.power = [1, 1, 1]
    observations = env.step({})[0]

    assert seam.decide(observations) == {"worker_0": 2}
    assert [each.id for each in recorder.seen[0].candidates] == ["worker_0", "worker_2"]


@pytest.mark.parametrize(
    "name", ["round_robin", "least_request", "peak_ewma", "q_learning", "marginal_cost"]
)
@pytest.mark.parametrize("fog", ["clouds", "moving", "failing", "batch", "compat", "lossy"])
def test_strategies_of_live_nodes_play(name: str, fog: str) -> None:
    env = FogEnv(TWELVE[fog])
    policies = {agent: strategy(name) for agent in env.possible_agents}
    seam = seated(env, policies)
    observations, _ = env.reset(seed=1)
    learned = 0
    for _ in range(120):
        observations = env.step(seam.decide(observations))[0]
        learned += seam.learn()

    assert env.world.census().balanced
    assert learned > 10
    assert sum(env.world.tallies.sent) > 0


def test_what_was_learned_loads_into_a_policy_of_a_live_node() -> None:
    env = FogEnv(plain(3, rate=0.9, task_types=(SMALL, LARGE), duration_seconds=200))
    policies = {agent: strategy("q_learning") for agent in env.possible_agents}
    told = play(env, seated(env, policies), seed=1)
    learned = policies["worker_0"]
    live = strategy("q_learning", 2)
    assert isinstance(learned, Learner) and isinstance(live, Learner)
    live.load(learned.parameters())

    assert live.parameters() == learned.parameters() != strategy("q_learning").parameters()  # type: ignore[attr-defined]
    assert sum(told["finishedTasks"]) > 0


def test_a_stranger_has_no_seat() -> None:
    with pytest.raises(ValueError, match="worker_9"):
        seated(FogEnv(), {"worker_9": Recorder()})
