"""Prequal: by probes, which say how many requests an endpoint has and how long one more would take.

Wydrowski, Kleinberg, Rumble and Archer, "Load is not what you should balance: Introducing Prequal"
(NSDI 2024). Probes are asked for beside the requests and kept in a pool, so that no request waits
for one. What the paper names RIF, requests in flight, is the endpoint's own count of them, from
everybody.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence

from load_balancer.strategies.draw import WeightedRandom, draw
from load_balancer.strategies.least_request import TOLERATED, success
from rl.vocabulary import Decision, EndpointStats, Observation, learn_nothing

FEWEST = 2
"""With fewer usable probes the choice is left to chance, as in the paper."""

NET_RATE = 1.0
"""The paper's delta: so many more probes than are used up should come in per request."""

RECENT = 128
"""Last probes of all endpoints, of whose requests in flight the quantile is taken."""

MOST_USES = 1_000_000.0
"""Where probes are replaced faster than they can be used up; their age ends them."""


class _Probe:
    """One answer.

    Attributes:
        active: the endpoint's requests, and those sent there since by this answer.
        uses: how often it may still be used.
    """

    __slots__ = ("active", "at", "id", "latency", "uses")

    def __init__(self, id: str, active: int, latency: float, at: float, uses: int) -> None:
        self.id = id
        self.active = active
        self.latency = latency
        self.at = at
        self.uses = uses


def reuse_budget(
    probes_per_request: float, remove_rate: float, pool_size: int, endpoints: int
) -> float:
    """How often a probe is used, on average: the paper's b_reuse,

        max(1, (1 + delta) / ((1 - m / n) * r_probe - r_remove))

    for a pool of m and n endpoints. A pool that has room for all of them is not used up by choices:
    a new probe replaces the endpoint's last one.
    """
    coming = (1.0 - min(pool_size, endpoints) / endpoints) * probes_per_request - remove_rate
    return MOST_USES if coming <= 0.0 else min(MOST_USES, max(1.0, (1.0 + NET_RATE) / coming))


class Prequal:
    """Of the pool's probes the cold one with the lowest latency; if all are hot, the one with the
    fewest requests. Equal ones by the dice, and any endpoint by weight with too few probes.

    A probe is hot if its requests are more than the ``q_rif`` quantile of what recent probes told:
    0 makes all of them hot, 1 none. An endpoint that fails is hot, and its requests count as many
    more (``least_request``): the paper too keeps away from whoever fails at once and looks idle.

    Each use adds one to the probe's requests, and ends it when its budget is used up. The pool has
    one probe an endpoint. With every choice ``remove_rate`` probes leave it, in turns the oldest
    and the worst: the hot one with the most requests, or the slowest if none is hot; two remain.
    """

    def __init__(
        self,
        q_rif: float,
        probes_per_request: float,
        pool_size: int,
        max_age: float,
        remove_rate: float,
        dice: random.Random,
    ) -> None:
        self._q_rif = q_rif
        self._probes_per_request = probes_per_request
        self._pool_size = pool_size
        self._max_age = max_age
        self._remove_rate = remove_rate
        self._dice = dice
        self._by_chance = WeightedRandom(dice)
        # The oldest first.
        self._pool: list[_Probe] = []
        self._recent: deque[int] = deque()
        self._sorted: list[int] = []
        self._uses = 1.0
        self._owed = self._surplus = 0.0
        self._oldest_next = True
        self._candidates: Sequence[EndpointStats] = ()
        self._index: dict[str, int] = {}

    def select(self, observation: Observation) -> Decision:
        candidates, now = observation.candidates, observation.now
        index = self._index
        if candidates is not self._candidates:
            index = self._index = {each.id: number for number, each in enumerate(candidates)}
            self._candidates = candidates
        pool = self._pool
        since = now - self._max_age
        while pool and pool[0].at < since:
            del pool[0]
        limit = self._hot_above()
        usable = 0
        least_latency = least_active = float("inf")
        cold: list[_Probe] = []
        hot: list[_Probe] = []
        for probe in pool:
            at = index.get(probe.id)
            if at is None:
                continue
            usable += 1
            stats = candidates[at]
            fails = stats.error_rate > TOLERATED
            if probe.active <= limit and not fails:
                if probe.latency < least_latency:
                    least_latency = probe.latency
                    cold = [probe]
                elif probe.latency == least_latency:
                    cold.append(probe)
            elif not cold:
                active = float(probe.active)
                if fails:
                    active = (active + 1.0) / success(stats, now) - 1.0
                if active < least_active:
                    least_active = active
                    hot = [probe]
                elif active == least_active:
                    hot.append(probe)
        if usable < FEWEST:
            return self._by_chance.select(observation)
        best = cold or hot
        ties = len(best)
        chosen = best[0] if ties == 1 else best[int(self._dice.random() * ties)]
        chosen.active += 1
        chosen.uses -= 1
        if chosen.uses <= 0:
            pool.remove(chosen)
        self._remove(limit)
        return Decision(index[chosen.id], 1.0 / ties)

    observe = learn_nothing

    def probes(self, candidates: Sequence[EndpointStats], now: float) -> Sequence[EndpointStats]:
        size = len(candidates)
        if size < FEWEST:
            return ()
        self._uses = reuse_budget(
            self._probes_per_request, self._remove_rate, self._pool_size, size
        )
        owed = self._owed + self._probes_per_request
        count = min(int(owed), size)
        # What cannot be asked because there are too few is not asked later.
        self._owed = owed - int(owed)
        return [candidates[index] for index in draw(size, count, self._dice)]

    def probed(self, stats: EndpointStats, active: int, latency: float, now: float) -> None:
        recent, ordered = self._recent, self._sorted
        if len(recent) >= RECENT:
            del ordered[bisect_left(ordered, recent.popleft())]
        recent.append(active)
        insort(ordered, active)
        id, pool = stats.id, self._pool
        for number, probe in enumerate(pool):
            if probe.id == id:
                del pool[number]
                break
        # A budget that is no whole number is rounded up as often as makes it right on average.
        uses = int(self._uses)
        if self._dice.random() < self._uses - uses:
            uses += 1
        pool.append(_Probe(id, active, latency, now, uses))
        if len(pool) > self._pool_size:
            del pool[0]

    def _hot_above(self) -> float:
        """Requests in flight above which a probe is hot."""
        ordered, share = self._sorted, self._q_rif
        if share >= 1.0:
            return float("inf")
        if share <= 0.0 or not ordered:
            return -1.0
        return ordered[int(share * len(ordered))]

    def _remove(self, limit: float) -> None:
        """Let go of what the removal rate asks for."""
        pool = self._pool
        self._surplus += self._remove_rate
        while self._surplus >= 1.0:
            self._surplus -= 1.0
            if len(pool) <= FEWEST:
                continue
            if self._oldest_next:
                del pool[0]
            else:
                hot = [probe for probe in pool if probe.active > limit]
                if hot:
                    pool.remove(max(hot, key=_active))
                else:
                    pool.remove(max(pool, key=_latency))
            self._oldest_next = not self._oldest_next


def _active(probe: _Probe) -> int:
    return probe.active


def _latency(probe: _Probe) -> float:
    return probe.latency
