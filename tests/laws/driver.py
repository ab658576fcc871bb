"""A node in miniature for the laws: endpoints, their stats, requests in flight, virtual time.

The stats are written by the metrics table itself; the policy is handed what a node would hand it,
and may be treated worse: endpoints come and go as the laws please.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence

from config.schema import Settings
from load_balancer.strategies import build
from metrics.table import EndpointTable
from rl.reward import RewardParameters
from rl.reward import build as build_reward
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    Policy,
    Prober,
    RequestContext,
    Transition,
    Verdict,
)

Service = Callable[[str], tuple[float, Verdict]]
"""The latency and the verdict of one request to the endpoint with this id."""


class Attempt:
    """One request in flight."""

    def __init__(self, stats: EndpointStats, decision: Decision, sent_at: float) -> None:
        self.stats = stats
        self.decision = decision
        self.sent_at = sent_at


class Driver:
    """Sends requests through a policy and tells it what came of them.

    Attributes:
        probing: a policy's probes are answered, at once.
    """

    def __init__(self, policy: Policy, ids: Sequence[str] = ("a", "b", "c")) -> None:
        self.policy = policy
        self.now = 1000.0
        self.candidates: list[EndpointStats] = []
        self.request = RequestContext()
        self.probing = False
        self._table = EndpointTable(())
        self._reward = build_reward(RewardParameters())
        for id in ids:
            self.join(id)

    def join(self, id: str, weight: float = 1.0) -> EndpointStats:
        stats = EndpointStats(Endpoint(id, "127.0.0.1", 80, weight))
        self.candidates = [*self.candidates, stats]
        return stats

    def leave(self, index: int) -> None:
        self.candidates = [each for i, each in enumerate(self.candidates) if i != index]

    def observation(self) -> Observation:
        return Observation(self.request, self.candidates, self.now)

    def send(self) -> Attempt:
        decision = self.policy.select(self.observation())
        stats = self.candidates[decision.index]
        self._table.sent(stats)
        policy = self.policy
        if self.probing and isinstance(policy, Prober):
            for each in policy.probes(self.candidates, self.now):
                policy.probed(each, each.in_flight, each.latency, self.now)
        return Attempt(stats, decision, self.now)

    def complete(
        self,
        attempt: Attempt,
        verdict: Verdict = Verdict.SUCCESS,
        latency: float | None = None,
    ) -> None:
        """The end of ``attempt``; its latency is the time since it was sent unless given.

        As in the node, the policy does not hear of what is IGNORED.
        """
        stats = attempt.stats
        seconds = self.now - attempt.sent_at if latency is None else latency
        outcome = Outcome(verdict, seconds, 200 if verdict is Verdict.SUCCESS else 500)
        self._table.completed(stats, outcome, self.now)
        if verdict is Verdict.IGNORED:
            return
        self.policy.observe(
            Transition(stats, self.observation(), attempt.decision, outcome, self._reward(outcome))
        )

    def run(
        self, requests: int, gap: Callable[[], float], service: Service
    ) -> list[tuple[str, float]]:
        """Open-loop traffic: what each request used and how long it took, in order of sending. Each
        asks for a page of its own."""
        taken: list[tuple[str, float]] = []
        pending: list[tuple[float, int, Verdict, Attempt]] = []
        arrival = self.now
        for number in range(requests):
            arrival += gap()
            while pending and pending[0][0] <= arrival:
                self._finish_next(pending)
            self.now = arrival
            self.request = RequestContext(path=f"/{number}")
            attempt = self.send()
            seconds, verdict = service(attempt.stats.id)
            heapq.heappush(pending, (self.now + seconds, number, verdict, attempt))
            taken.append((attempt.stats.id, seconds))
        while pending:
            self._finish_next(pending)
        return taken

    def _finish_next(self, pending: list[tuple[float, int, Verdict, Attempt]]) -> None:
        self.now, _, verdict, attempt = heapq.heappop(pending)
        self.complete(attempt, verdict)


def policy_of(name: str, seed: int = 1, settings: Settings | None = None) -> Policy:
    """A new policy of the strategy ``name``."""
    return build(name, settings or Settings(), random.Random(seed))


def poisson(rate: float, seed: int) -> Callable[[], float]:
    """Gaps of a Poisson stream of ``rate`` requests per second."""
    dice = random.Random(seed)
    return lambda: dice.expovariate(rate)


def jittered(seconds: dict[str, float], seed: int, spread: float = 0.1) -> Service:
    """Unlimited servers: a mean per endpoint id, uniform within ``spread`` of it; never fails."""
    dice = random.Random(seed)
    return lambda id: (seconds[id] * dice.uniform(1 - spread, 1 + spread), Verdict.SUCCESS)
