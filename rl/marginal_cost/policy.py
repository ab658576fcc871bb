"""The endpoint where one more request costs least, in seconds of everybody: strategy marginal_cost.

    cost = speed * (service * affinity + wait) + extra * size + failing

Its own latency as learned for its class at this endpoint and this load; what it makes later
requests wait longer, from the relative value function of a queue (one step of policy improvement
upon random splitting); and the seconds that failures there cost. docs/marginal_cost.md derives
all of it.

The lowest cost is taken, one of several within ``near`` of it by the dice. An idle endpoint that
nothing was heard of for a while gets a cheap request now and then, a probe. Above ``scan``
candidates a window of them that moves on is looked at, and the best of the last one.

``select`` and ``observe`` take bounded time; what is summed up over all candidates is swept every
so often, the more rarely the more there are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from rl.marginal_cost.affinity import HOME, Keys, Placement
from rl.marginal_cost.endpoint_fit import fit_extra, fit_newcomer, fit_service, fit_wait
from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.explain import explain, table
from rl.marginal_cost.failing import KEPT
from rl.marginal_cost.fleet import UNSEEN
from rl.marginal_cost.homes import Homes, mark
from rl.marginal_cost.knowledge import LARGEST_SIZE, Knowledge
from rl.marginal_cost.load_bins import BIN, TOP
from rl.marginal_cost.merge import merged
from rl.marginal_cost.probing import MOST_PROBES, PROBE_CHANCE, PROBE_EVERY, Probing
from rl.marginal_cost.roster import Pair, Roster
from rl.marginal_cost.state import read, written
from rl.marginal_cost.window import Window
from rl.vocabulary import (
    JSON,
    Decision,
    EndpointStats,
    Observation,
    Parameters,
    Transition,
    Verdict,
)

SWEEP_SECONDS = 0.25
SWEEP_SECONDS_EACH = 0.002
"""Between two sweeps, and more with many endpoints: 2 s with 1,000, whose sweep takes 0.5 ms."""

SWEEP_ARRIVALS = 50
"""Fewer than that since the last sweep change nothing worth looking at."""

NEWCOMER_SWEEPS = 8
"""Sweeps between two descriptions of what a newcomer is like."""

EARLY = 20
"""First completions, after each of which newcomers are described anew."""

FAILURE = Verdict.FAILURE
"""To ask the enumeration for it takes twice as long as all of the comparison."""


@dataclass(frozen=True, slots=True)
class MarginalCostParameters:
    """What can be set.

    Attributes:
        failure_seconds: what a failure costs, beside the time it took.
        probe_seconds: an idle endpoint unheard of for so long may be probed.
        near: share of the lowest cost within which endpoints count as equal.
        scan: up to so many candidates all are looked at.
        sample: above that, so many at a time.
        max_classes: of requests that are told apart.
        max_kinds: of requests from which those classes are made.
        max_keys: whose endpoints are remembered; as many paths.
        max_endpoints: of which is known what was learned; the longest unheard of are dropped.
    """

    failure_seconds: float = 1.0
    probe_seconds: float = 1.5
    near: float = 0.01
    scan: int = 64
    sample: int = 9
    max_classes: int = 16
    max_kinds: int = 1024
    max_keys: int = 8192
    max_endpoints: int = 10_000

    def __post_init__(self) -> None:
        for name in ("failure_seconds", "probe_seconds"):
            value = getattr(self, name)
            if not 0 < value <= 3600:
                raise ValueError(f"{name} must be more than 0 and at most 3600, not {value}")
        if not 0 <= self.near <= 1:
            raise ValueError(f"near must lie between 0 and 1, not at {self.near}")
        for name in ("scan", "sample", "max_classes", "max_kinds", "max_keys", "max_endpoints"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


class MarginalCost:
    """See the module."""

    def __init__(self, parameters: MarginalCostParameters, dice: random.Random) -> None:
        self._parameters = parameters
        self._throw = dice.random
        self._near = 1.0 + parameters.near
        self._scan = parameters.scan
        self._keys = Keys(parameters.max_keys)
        self._start(self._unknown())
        self._probing = Probing(parameters.probe_seconds)
        self._window = Window(parameters.sample)
        self._homes = Homes(parameters.scan)

    def _unknown(self) -> Knowledge:
        bounds = self._parameters
        return Knowledge(bounds.max_classes, bounds.max_kinds, bounds.max_keys)

    def _start(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._models = knowledge.models
        self._classes = knowledge.classes
        self._kind = knowledge.classes.kind
        self._factors = knowledge.factors
        self._fleet = knowledge.fleet
        self._newcomer = knowledge.newcomer
        self._arrivals = 0
        self._sweep_at = 0.0
        self._sweeps = 0
        self._early = EARLY
        bounds = self._parameters
        self._roster = Roster(knowledge, bounds.max_endpoints, bounds.probe_seconds)

    # Choosing.

    def select(self, observation: Observation) -> Decision:
        request = observation.request
        candidates = observation.candidates
        now = observation.now
        kind = self._kind(request)
        kind.seen += 1
        number = kind.number
        self._arrivals = arrivals = self._arrivals + 1
        if now >= self._sweep_at and arrivals >= SWEEP_ARRIVALS:
            self._sweep(candidates, now)
        key = request.affinity_key
        keys = self._keys
        placement = keys.recall(key)
        factors = self._factors[number]
        marked = self._homes.marked(key, placement, candidates, now) if factors.pays else None
        indices: Sequence[int] | None = None
        roster = self._roster
        pairs: Sequence[Pair]
        if candidates is roster.candidates:
            pairs = roster.pairs
        elif len(candidates) > self._scan:
            indices = self._window.indices(candidates)
            pairs = roster.some(candidates, indices, now)
        else:
            pairs = roster.list_all(candidates, now)
        bit = 1 << number
        costs = []
        best = second = inf
        for stats, model in pairs:
            in_flight = stats.in_flight
            if in_flight != model.open:
                model.reconcile(in_flight)
            if model.valid & bit:
                cost = model.costs[number]
            else:
                bin = model.bin
                relative = model.relative[number]
                model.costs[number] = cost = (
                    model.speed * (model.service[number] + model.wait[bin])
                    + model.extra[bin] * (relative if relative < LARGEST_SIZE else LARGEST_SIZE)
                    + model.failing
                )
                model.valid |= bit
            costs.append(cost)
            if cost < second:
                if cost < best:
                    second = best
                    best = cost
                else:
                    second = cost
        if marked:
            best, second = mark(costs, pairs, number, marked, factors)
        if second > best * self._near:
            chosen = costs.index(best)
            propensity = 1.0
        else:
            limit = best * self._near
            ties = [place for place, cost in enumerate(costs) if cost <= limit]
            many = len(ties)
            chosen = ties[int(self._throw() * many)]
            propensity = 1.0 / many
        explored = False
        probing = self._probing
        if now >= probing.at and probing.saved >= 1.0 and self._fleet.cheap[number]:
            looked_at = range(len(costs)) if indices is None else indices
            target = probing.due(self._models, candidates, looked_at, now)
            if target is not None and costs[target] > best * self._near:
                if self._throw() < PROBE_CHANCE:
                    chosen, propensity, explored = target, PROBE_CHANCE, True
                else:
                    propensity *= 1.0 - PROBE_CHANCE
        index = chosen
        if indices is not None:
            index = indices[chosen]
            self._window.looked(candidates, indices, costs)
        model = pairs[chosen][1]
        id = model.id
        bin = model.bin
        place = 0
        repeat = False
        if placement is None:
            keys.put(key, Placement(id, now))
        else:
            # Before the earlier request has ended its result is nowhere.
            repeat = now - placement.at >= model.mean * model.speed
            place = placement.sent(id, now)
            if marked is not None and placement.home == id:
                place += HOME
        weight = model.relative[number]
        if place:
            weight *= factors.chosen[place]
        model.open += 1
        model.sent += 1
        model.valid = 0
        model.work = work = model.work + weight
        load = int(work + 0.5)
        model.bin = BIN[load if load < TOP else TOP]
        value = -costs[chosen] * self._knowledge.unit
        if not model.completions:
            value = self._known_value(pairs, costs)
        return Decision(
            index,
            propensity,
            value,
            explored,
            (model, kind, number, bin, place, repeat, weight, best),
        )

    def _known_value(self, pairs: Sequence[Pair], costs: Sequence[float]) -> float:
        known = [cost for (_, model), cost in zip(pairs, costs, strict=True) if model.completions]
        return -min(known) * self._knowledge.unit if known else 0.0

    # Learning.

    def observe(self, transition: Transition) -> None:
        decision = transition.decision
        model, kind, number, bin, place, repeat, weight, best = decision.memo
        outcome = transition.outcome
        latency = outcome.latency
        now = transition.observation.now
        if model.open > 1:
            model.open -= 1
            work = model.work - weight
            model.work = work = work if work > 0.0 else 0.0
            load = int(work + 0.5)
            model.bin = BIN[load if load < TOP else TOP]
        else:
            model.open = model.bin = 0
            model.work = 0.0
        model.valid = 0
        model.heard_at = now
        failed = outcome.verdict is FAILURE
        probing = self._probing
        if decision.explored:
            expected = model.service[number] + model.wait[bin]
            probing.probed(model, failed, latency, best, expected)
        elif probing.saved < MOST_PROBES:
            probing.saved += PROBE_EVERY
        if not 0.0 <= latency < inf:
            return
        failures = model.failures
        if failed:
            failures.failed(self._parameters.failure_seconds + latency)
            model.failing = failures.expected(self._fleet.failing)
            model.interval = self._parameters.probe_seconds
            return
        if failures.cost > 1e-9:
            failures.succeeded()
            model.failing = failures.expected(self._fleet.failing)
        else:
            failures.cost = 0.0
            failures.trials = failures.trials * KEPT + 1.0
            if model.failing:
                model.failing = failures.expected(self._fleet.failing)
        if not model.completions:
            model.part(self._newcomer)
        factors = self._factors[number]
        affinity = factors.chosen[place]
        ratio = model.learn(number, bin, affinity, latency if latency > 1e-6 else 1e-6)
        if repeat:
            factors.learn(place, ratio * affinity)
        reward = transition.reward
        if reward < 0.0 and latency > 1e-6:
            self._knowledge.unit = -reward / latency
        if model.due():
            self._refresh(model)
        if self._early:
            # What the first answers tell is all that is known of everybody else.
            self._sweep(transition.observation.candidates, now)
            self._early -= 1
        change = self._classes.learn(
            number,
            kind,
            model.id,
            ratio if ratio > 1 / 30 else 1 / 30,
            now,
            model.service[number],
        )
        if change is not None:
            self._knowledge.change(change)
            self._renew()
            self._factors = self._knowledge.factors

    def _refresh(self, model: EndpointModel) -> None:
        fleet = self._fleet
        fit_service(model, fleet.means, fleet.doubts, UNSEEN, self._knowledge.used)
        fit_wait(model, fleet.pooled, fleet.alike, self._knowledge.used)
        rate = fleet.expected_rate(model)
        fit_extra(model, rate)
        model.valid = 0

    def _sweep(self, candidates: Sequence[EndpointStats], now: float) -> None:
        self._arrivals = 0
        self._sweep_at = now + max(SWEEP_SECONDS, SWEEP_SECONDS_EACH * len(candidates))
        get = self._models.get
        known = [model for each in candidates if (model := get(each.id)) and model.completions]
        if known:
            fleet = self._fleet
            numbers = self._classes.numbers()
            fleet.sweep(known, numbers, now)
            self._sweeps = sweeps = self._sweeps + 1
            if self._early or not sweeps % NEWCOMER_SWEEPS:
                fit_newcomer(self._newcomer, known, fleet.means, fleet.pooled, UNSEEN)
                fleet.compare(known, numbers)
            self._renew()

    def _renew(self) -> None:
        """No cost is as it was: tables have changed, some of which newcomers share."""
        for model in self._models.values():
            model.valid = 0

    # What it knows.

    def parameters(self) -> Parameters:
        return written(self._knowledge)

    def load(self, parameters: Mapping[str, JSON]) -> None:
        bounds = self._parameters
        self._start(read(parameters, self._unknown(), bounds.max_endpoints))

    def merged(self, base: Parameters | None, learned: Sequence[Parameters]) -> Parameters:
        return merged(base, learned, self._unknown, self._parameters.max_endpoints)

    def table(self) -> list[dict[str, JSON]]:
        """One row per endpoint and class, most used first; seconds."""
        return table(self._knowledge)

    def explain(self, observation: Observation) -> list[dict[str, JSON]]:
        """What each candidate costs for this request, and of what that is made."""
        return explain(self._knowledge, self._keys, observation, self._scan)
