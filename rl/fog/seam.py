"""Where a router's policy takes an agent's seat.

To the policy the node's neighbours are endpoints, the node itself the first of them; the load that
the node believes a neighbour has is its ``in_flight``, and its latency is what the results of
earlier tasks took to come back. The task to decide about is a request. So a policy of a live node
plays here unchanged, and what it learns here (``parameters``) can be loaded there.

One tick is ``1 / ticks_per_second`` seconds of ``now``. A decision is completed once: when the
task's result is back at the node, or when the task came to a bad end, which counts as a failure of
the endpoint that was chosen; whatever is still out when an episode ends is IGNORED.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rl.fog.env import FogEnv
from rl.fog.observing import Observation as FogObservation
from rl.fog.tasks import Place, Task
from rl.fog.world import World
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    Policy,
    RequestContext,
    Reward,
    Transition,
    Verdict,
)

DOMAIN = "fog"


class Ledger(Protocol):
    """Keeps the stats of endpoints; ``metrics.table.EndpointTable`` is one."""

    def completed(self, stats: EndpointStats, outcome: Outcome, now: float) -> None:
        """A request is over, however it ended."""
        ...


class _Open:
    """A decision that nothing has come of yet."""

    __slots__ = ("decision", "request", "seat", "since", "stats")

    def __init__(
        self,
        seat: _Seat,
        request: RequestContext,
        stats: EndpointStats,
        decision: Decision,
        since: float,
    ) -> None:
        self.seat = seat
        self.request = request
        self.stats = stats
        self.decision = decision
        self.since = since


class _Seat:
    """One agent, its policy and the endpoints that it chooses from.

    Attributes:
        candidates: those that the last mask allowed; the same object while they are the same.
        slots: of each candidate, its index among the node's neighbours.
        open: what is still out, in the order of deciding. A policy may give one and the same
            decision many times, so that these are told apart and not the decisions.
    """

    __slots__ = ("_known", "_neighbours", "candidates", "node", "open", "policy", "slots")

    def __init__(self, node: int, policy: Policy) -> None:
        self.node = node
        self.policy = policy
        self.candidates: list[EndpointStats] = []
        self.slots: list[int] = []
        self.open: dict[_Open, None] = {}
        self._neighbours: tuple[int, ...] = ()
        self._known: dict[int, EndpointStats] = {}

    def look(self, world: World, allowed: list[int], loads: list[int], now: float) -> None:
        """Bring the candidates up to date.

        Args:
            allowed: by index of a neighbour, 1 if it may be chosen.
            loads: by index, as the node believes.
        """
        neighbours = world.ground.neighbours[self.node]
        slots = [slot for slot in range(len(neighbours)) if allowed[slot]]
        if slots != self.slots or neighbours != self._neighbours:
            self.slots, self._neighbours = slots, neighbours
            self.candidates = [self._stats(world, neighbours[slot]) for slot in slots]
        for slot, stats in zip(slots, self.candidates, strict=True):
            stats.in_flight = stats.active = loads[slot]
            stats.reported_at = now

    def _stats(self, world: World, node: int) -> EndpointStats:
        stats = self._known.get(node)
        if stats is None:
            nodes, settings = world.nodes, world.settings
            if node < len(nodes):
                id, power = f"worker_{node}", float(nodes.power[node])
            else:
                id = f"cloud_{node - len(nodes)}"
                power = settings.cloud_instructions_per_second / settings.ticks_per_second
            weight = power * len(nodes) / sum(nodes.power)
            stats = self._known[node] = EndpointStats(Endpoint(id, DOMAIN, node, weight))
            if node < len(nodes):
                stats.limit = nodes.limits[node]
        return stats


class Seam:
    """Policies in the seats of agents, from one episode to the next.

    Args:
        env: reset and stepped by the caller: ``decide``, ``env.step``, ``learn``.
        policies: by agent; those without one are left out of the actions.
        reward: what a live node would pay.
        ledger: keeps the endpoints' latency and errors.
    """

    def __init__(
        self,
        env: FogEnv,
        policies: Mapping[str, Policy],
        reward: Reward,
        ledger: Ledger,
    ) -> None:
        unknown = [agent for agent in policies if agent not in env.possible_agents]
        if unknown:
            raise ValueError(f"there is no agent {unknown[0]!r}")
        self._env = env
        self._reward = reward
        self._ledger = ledger
        self._began = 0.0
        self._seats = {
            agent: _Seat(int(agent.removeprefix("worker_")), policy)
            for agent, policy in policies.items()
        }

    def decide(self, observations: Mapping[str, FogObservation]) -> dict[str, int]:
        """What each policy does about the next task of its node; nothing where there is none."""
        env, world = self._env, self._env.world
        now = self._now(world)
        actions = {}
        for agent, seat in self._seats.items():
            task = world.nodes.undecided(seat.node)
            if task is None or agent not in observations:
                continue
            allowed = observations[agent]["action_mask"][:: env.batch_width].tolist()
            seat.look(world, allowed, env.believed(agent), now)
            request = _request(task)
            decision = seat.policy.select(Observation(request, seat.candidates, now))
            stats = seat.candidates[decision.index]
            made = _Open(seat, request, stats, decision, now)
            seat.open[made] = None
            if task.memo is None:
                task.memo = []
            task.memo.append(made)
            actions[agent] = env.batch_action(seat.slots[decision.index], 1)
        return actions

    def learn(self) -> int:
        """Complete what has come back since the last call; how many decisions that were."""
        world = self._env.world
        now = self._now(world)
        count = 0
        for task, node in world.watched:
            memo: list[_Open] = task.memo
            over = [made for made in memo if self._is_over(made, task, node)]
            for made in over:
                memo.remove(made)
                verdict = Verdict.FAILURE if node < 0 else Verdict.SUCCESS
                self._complete(made, verdict, now)
                count += 1
        world.watched.clear()
        return count

    def end(self) -> None:
        """The episode is over: what is still out is IGNORED, and time goes on from here."""
        world = self._env.world
        now = self._now(world)
        for seat in self._seats.values():
            for made in list(seat.open):
                self._complete(made, Verdict.IGNORED, now)
        self._began = now
        world.watched.clear()

    def _is_over(self, made: _Open, task: Task, node: int) -> bool:
        """A task that went round in a circle does not come back through all that sent it."""
        return node < 0 or made.seat.node == node or task.place is Place.COMPLETED

    def _complete(self, made: _Open, verdict: Verdict, now: float) -> None:
        seat, stats = made.seat, made.stats
        del seat.open[made]
        status = {Verdict.SUCCESS: 200, Verdict.FAILURE: 503, Verdict.IGNORED: 0}[verdict]
        outcome = Outcome(verdict, now - made.since, status)
        self._ledger.completed(stats, outcome, now)
        if verdict is Verdict.IGNORED:
            return
        seen = Observation(made.request, seat.candidates, now)
        seat.policy.observe(Transition(stats, seen, made.decision, outcome, self._reward(outcome)))

    def _now(self, world: World) -> float:
        return self._began + world.now / world.settings.ticks_per_second


def _request(task: Task) -> RequestContext:
    """Tasks of one type are requests of one class."""
    return RequestContext(
        "POST",
        f"/task-{task.kind}",
        DOMAIN,
        f"worker_{task.application.client}",
        hops=len(task.path) - 1,
        size=int(task.size_bytes),
    )


def play(env: FogEnv, seam: Seam, seed: int | None = None) -> dict[str, Any]:
    """One episode with the seam's policies; the last step's information about the fog.

    Agents without a policy do nothing.
    """
    observations, infos = env.reset(seed=seed)
    last: dict[str, Any] = {}
    while env.agents:
        observations, _, _, _, infos = env.step(seam.decide(observations))
        seam.learn()
        last = next(iter(infos.values()))
    seam.end()
    return last
