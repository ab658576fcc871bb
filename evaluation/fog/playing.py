"""One episode, played and measured. Nothing is learned here but by live policies, which always do.

Two algorithms under one seed are asked for the same tasks at the same moments, which is what makes
them pairs.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.schema import Settings
from load_balancer.strategies import build as build_strategy
from metrics.table import EndpointTable
from rl.fog.env import FogEnv
from rl.fog.observing import Observation
from rl.fog.seam import Seam
from rl.fog.settings import FogSettings
from rl.fog.single import Play
from rl.reward import RewardParameters
from rl.reward import build as build_reward

LIVE = "live_"
"""Before the name of a strategy of the live balancer that plays through ``rl.fog.seam``."""
STRATEGIES = ("round_robin", "least_request", "q_learning", "marginal_cost")
WARM_EPISODES = 2
"""That a live policy plays before it is measured; it has no other training."""
WARM_SEED = 2_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One episode.

    Attributes:
        decisions: tasks that agents decided about.
        reward: per decision, in the reward ``documented``.
        total_reward: of all steps, mean over the agents.
        response: seconds from a client's asking to its having the result, of those in time.
        completed: share of the applications whose result was there in time.
        dropped, expired: share of the tasks.
        overload: share of ticks and nodes in which a queue was full when work began.
        occupancy: mean load over limit, over nodes and steps.
        energy: per task that was asked for, in the settings' units.
    """

    algorithm: str
    seed: int
    decisions: int
    reward: float
    total_reward: float
    response: float
    completed: float
    dropped: float
    expired: float
    overload: float
    occupancy: float
    energy: float


Step = Callable[[Mapping[str, Observation]], dict[str, int]]


def play(settings: FogSettings, algorithm: str, seed: int, player: Play) -> Measured:
    """One episode of a player who sees what agents see."""
    env = FogEnv(settings)
    observations, _ = env.reset(seed=seed)

    def step(seen: Mapping[str, Observation]) -> dict[str, int]:
        return {agent: player(agent, seen[agent]) for agent in env.agents}

    return _episode(env, observations, algorithm, seed, step, lambda: None)


def play_live(settings: FogSettings, strategy: str, seed: int) -> Measured:
    """One episode of a strategy of the live balancer, one policy per agent, after its warm-up."""
    with warnings.catch_warnings():
        # That q_learning has more joint states than will come back is said in the report.
        warnings.filterwarnings("ignore", "q_learning has", RuntimeWarning)
        return _play_live(settings, strategy, seed)


def _play_live(settings: FogSettings, strategy: str, seed: int) -> Measured:
    env = FogEnv(settings)
    live = Settings()
    policies = {
        agent: build_strategy(strategy, live, random.Random(f"{seed} {agent}"))
        for agent in env.possible_agents
    }
    seam = Seam(env, policies, build_reward(RewardParameters()), EndpointTable(()))
    for episode in range(WARM_EPISODES):
        observations, _ = env.reset(seed=WARM_SEED + seed * WARM_EPISODES + episode)
        while env.agents:
            observations = env.step(seam.decide(observations))[0]
            seam.learn()
        seam.end()
    observations, _ = env.reset(seed=seed)
    name = LIVE + strategy
    measured = _episode(env, observations, name, seed, seam.decide, seam.learn)
    seam.end()
    return measured


def _episode(
    env: FogEnv,
    observations: Mapping[str, Observation],
    algorithm: str,
    seed: int,
    decide: Step,
    after: Callable[[], object],
) -> Measured:
    paid, decisions, steps, occupied = 0.0, 0, 0, 0.0
    infos: dict[str, dict[str, Any]] = {}
    while env.agents:
        observations, rewards, _, _, infos = env.step(decide(observations))
        after()
        steps += 1
        paid += sum(rewards.values())
        decisions += sum(each["moved"] for each in infos.values())
        occupancy = next(iter(infos.values()))["occupancy"]
        occupied += sum(occupancy) / len(occupancy)
    last = next(iter(infos.values()))
    settings, tallies = env.settings, env.world.tallies
    asked = max(1, sum(last["totalTasks"]))
    created = max(1, tallies.created)
    ticks = max(1, env.world.now * settings.nodes)
    return Measured(
        algorithm=algorithm,
        seed=seed,
        decisions=decisions,
        reward=paid / decisions if decisions else 0.0,
        total_reward=paid / len(env.possible_agents),
        response=float(last["averageResponseTime"]) / settings.ticks_per_second,
        completed=sum(last["finishedTasks"]) / asked,
        dropped=tallies.dropped / created,
        expired=tallies.expired / created,
        overload=sum(last["timesOverloaded"]) / ticks,
        occupancy=occupied / max(1, steps),
        energy=sum(last["energyConsumed"]) / created,
    )
