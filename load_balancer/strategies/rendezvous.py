"""Rendezvous hashing: every key ranks the endpoints in an order of its own, and takes the first.

Each pair of key and endpoint has a score that nothing else goes into, and the highest one wins
(Thaler and Ravishankar 1998). So when an endpoint leaves, only its own keys move, each to its
second choice; when one joins, it takes its share from all the others and no other key moves. The
cost is a score per endpoint where a ring would search: endpoints are tens here, keys are not kept.

With weights the score is ln(u) / weight for the hash u in (0, 1), whose highest one falls to an
endpoint in proportion to its weight, and a weight that grows moves keys to its endpoint only
(Schindelhauer and Schomaker 2005). Equal weights need no logarithm, for the order is the same.

The hash does not depend on the process, so that all workers and nodes agree. It is not secret:
whoever chooses keys can aim them at one endpoint, which is what a bound on the load is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import log

from rl.vocabulary import EndpointStats

MASK = (1 << 64) - 1
SPARE_SEEDS = 16
"""Ids remembered beyond twice the candidates."""


def hash_of(text: str) -> int:
    """64 well-mixed bits of any text, the same in every process."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def scores(key: int, seeds: Iterable[int], weights: Iterable[float] | None) -> list[float]:
    """The score of each endpoint for a key, both as ``hash_of`` gave them.

    Args:
        weights: by endpoint; None where they are all equal.
    """
    found: list[float] = []
    for seed in seeds:
        # The last step of MurmurHash3 (Appleby 2011): every bit of the input turns half of the
        # output's.
        mixed = key ^ seed
        mixed = ((mixed ^ mixed >> 33) * 0xFF51AFD7ED558CCD) & MASK
        mixed = ((mixed ^ mixed >> 33) * 0xC4CEB9FE1A85EC53) & MASK
        found.append(mixed ^ mixed >> 33)
    if weights is None:
        return found
    return [
        log((mixed + 0.5) / (MASK + 1)) / weight
        for mixed, weight in zip(found, weights, strict=True)
    ]


class Rendezvous:
    """Ranks endpoints for keys. What was worked out for a key is remembered, up to a bound, as long
    as the candidates are the same list."""

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._seeds: dict[str, int] = {}
        self._candidates: Sequence[EndpointStats] = ()
        self._seen: Sequence[EndpointStats] = ()
        self._first: dict[str, int] = {}

    def first(self, key: str, candidates: Sequence[EndpointStats]) -> int:
        """The index of the key's first choice."""
        if candidates is not self._candidates:
            if candidates is not self._seen:
                # A retry's or a moment's: not worth forgetting what holds for the others.
                self._seen = candidates
                return self._best(key, candidates)
            self._candidates = candidates
            self._first.clear()
        index = self._first.get(key)
        if index is None:
            if len(self._first) >= self._remembered:
                self._first.clear()
            index = self._first[key] = self._best(key, candidates)
        return index

    def ranked(self, key: str, candidates: Sequence[EndpointStats]) -> list[int]:
        """All indices, the key's first choice first."""
        ranking = self._scores(key, candidates)
        return sorted(range(len(ranking)), key=ranking.__getitem__, reverse=True)

    def _best(self, key: str, candidates: Sequence[EndpointStats]) -> int:
        ranking = self._scores(key, candidates)
        return ranking.index(max(ranking))

    def _scores(self, key: str, candidates: Sequence[EndpointStats]) -> list[float]:
        seeds = self._seeds
        if len(seeds) > 2 * len(candidates) + SPARE_SEEDS:
            seeds.clear()
        found = []
        for each in candidates:
            seed = seeds.get(each.id)
            if seed is None:
                seed = seeds[each.id] = hash_of(each.id)
            found.append(seed)
        weights = [each.endpoint.weight for each in candidates]
        equal = weights.count(weights[0]) == len(weights)
        return scores(hash_of(key), found, None if equal else weights)


def with_room(
    ranking: Sequence[int], candidates: Sequence[EndpointStats], factor: float, free: int
) -> int:
    """The first in a ranking whose load is within bounds.

    Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2016): with m requests
    in flight none gets more than ceil(factor * (m + 1) / n), here by weight. Together they hold
    more than m, so that there always is one with room.

    Args:
        factor: above 1.
        free: requests in flight that every endpoint may have, whatever the bound. With few in
            flight the bound alone would part the two requests that one client sends at once.
    """
    # For a whole number n, n < ceil(x) is n < x.
    weights = sum([each.endpoint.weight for each in candidates])
    share = factor * (sum([each.in_flight for each in candidates]) + 1) / weights
    fits = (
        index
        for index in ranking
        if (stats := candidates[index]).in_flight < free
        or stats.in_flight < share * stats.endpoint.weight
    )
    # Only rounding can leave none.
    return next(fits, ranking[0])
