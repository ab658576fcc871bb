"""Document 000's agent: for each domain, what each next hop is worth.

The state is the domain of the request, the action a the next hop. With the reward r and the value
Q' that the next node advertises for its own best choice, per completed request

    Q(domain, a) <- Q(domain, a) + alpha * (r + beta * Q' - Q(domain, a))

(Boyan and Littman 1994, "Packet routing in dynamically changing networks"). Where the way ends
there is no Q', which counts as 0. Choices are greedy but for one in t+1 after t learned decisions
of this node, for whatever domain; ties fall at random. The document counts t where it decides and
learns before it decides again, so that both counts are the same there; counted where it learns, the
odds of a choice depend on what was learned alone.

``estimate: mean`` departs from the document in two things, for values that are true sooner. The
first visits of a value count alike, so that it is their mean and not mixed with the 0 that it began
at; over ten hops a constant alpha of 0.1 lags by hundreds of requests. But a next hop's own refusal
always teaches at alpha: it may be a passing one, and worse than a refusal nothing can become. And
only next hops that were tried are advertised: the 0 of an untried one promises a way that costs
nothing, and where rewards are negative the nodes before follow every such promise.

All values of a new domain begin at 0. A next hop that joins later begins at the best value that the
domain has, whatever its sign: it ties with the best one and is tried soon, while exploration has
long become too rare to find it.

The least recently used domains are dropped above ``max_domains``, and before them those that were
never answered well, as long as they are more than a share of all: names that clients invent do not
push out what was learned, unless somebody answers to them. Of the next hops of a domain that
are not offered any more the latest few are remembered: one that was ejected comes back to what it
was worth. ``select``, ``observe`` and ``advertised`` take time in proportion to the candidates.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias, get_args

from rl import stored
from rl.exploration import Glie
from rl.merging import merge_value
from rl.vocabulary import (
    JSON,
    Decision,
    EndpointStats,
    Observation,
    Parameters,
    Transition,
    Verdict,
)

Estimate: TypeAlias = Literal["mean", "document"]

VERSION = 1
"""Of the stored parameters."""

INITIAL_VALUE = 0.0

ROUNDING = 1e-9
"""Values that differ by less than this share are equal: else equal hops would be told apart by the
last digits of their clocks."""

UNPROVEN_SHARE = 0.1
"""Of the domains that may be held: so many are those that were never answered well, when others are
dropped for them."""

MOST_ABSENT = 16
"""Next hops of one domain that are remembered though they are not offered."""


@dataclass(frozen=True, slots=True)
class QRoutingParameters:
    """Document 000's hyper-parameters (its alpha and beta) and our bound.

    Attributes:
        estimate: how values come about: ``document`` as it has them; ``mean`` is explained above.
        max_domains: held at the most; 10,000 domains of three next hops are some 7 MB.
    """

    learning_rate: float = 0.1
    discount_factor: float = 1.0
    estimate: Estimate = "mean"
    max_domains: int = 10_000

    def __post_init__(self) -> None:
        for name in ("learning_rate", "discount_factor"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not at {value}")
        if self.estimate not in get_args(Estimate):
            raise ValueError(
                f"estimate must be one of {', '.join(get_args(Estimate))}, not {self.estimate!r}"
            )
        if self.max_domains < 1:
            raise ValueError(f"max_domains must be at least 1, not {self.max_domains}")


class Worth:
    """Of one next hop for one domain.

    Attributes:
        visits: how often the value was learned.
    """

    __slots__ = ("value", "visits")

    def __init__(self, value: float = INITIAL_VALUE, visits: int = 0) -> None:
        self.value = value
        self.visits = visits


Row: TypeAlias = dict[str, Worth]
"""By the next hop's id, the latest joined last."""


class QRouting:
    """Document 000's agent as a policy."""

    def __init__(self, parameters: QRoutingParameters, dice: random.Random) -> None:
        self._learning_rate = parameters.learning_rate
        self._discount_factor = parameters.discount_factor
        self._means = parameters.estimate == "mean"
        self._max_domains = parameters.max_domains
        self._exploration = Glie()
        self._throw = dice.random
        self._rows: OrderedDict[str, Row] = OrderedDict()
        # Those of them that were never answered well, in the same order.
        self._unproven: OrderedDict[str, None] = OrderedDict()

    def select(self, observation: Observation) -> Decision:
        candidates = observation.candidates
        row = self._row(observation.request.domain, candidates)
        values = [row[each.id].value for each in candidates]
        size = len(values)
        if size == 1:
            return Decision(0, 1.0, values[0])
        epsilon = self._exploration.epsilon
        best = max(values)
        least = best - ROUNDING * abs(best)
        ties = [index for index, value in enumerate(values) if value >= least]
        explored = self._throw() < epsilon
        if explored:
            index = int(self._throw() * size)
        else:
            index = ties[int(self._throw() * len(ties))] if len(ties) > 1 else ties[0]
        # Exploration may hit a best action as well: both ways there count.
        propensity = epsilon / size
        if values[index] >= least:
            propensity += (1.0 - epsilon) / len(ties)
        return Decision(index, propensity, values[index], explored)

    def observe(self, transition: Transition) -> None:
        self._exploration.step()
        # A domain that was dropped while the request was out is forgotten with it.
        domain = transition.observation.request.domain
        row = self._rows.get(domain)
        if row is None:
            return
        if self._unproven and transition.outcome.verdict is Verdict.SUCCESS:
            self._unproven.pop(domain, None)
        worth = row.get(transition.endpoint.id)
        if worth is None:
            return
        new = self._learned(worth, transition)
        if isfinite(new):  # one NaN would stay in the table for ever
            worth.value = new
            worth.visits += 1

    def advertised(self, transition: Transition) -> float:
        id = transition.endpoint.id
        row = self._rows.get(transition.observation.request.domain, {})
        best = self._learned(row.get(id) or Worth(), transition)
        for stats in transition.observation.candidates:
            if stats.id == id:
                continue
            other = row.get(stats.id) or Worth()
            if self._means and not other.visits:
                continue
            if not best >= other.value:  # nor if it is no number
                best = other.value
        return best if isfinite(best) else INITIAL_VALUE

    def parameters(self) -> Parameters:
        return {
            "version": VERSION,
            "steps": self._exploration.steps,
            "domains": _written(self._rows),
        }

    def load(self, parameters: Mapping[str, JSON]) -> None:
        stored.version(parameters, VERSION)
        steps = stored.count(stored.member(parameters, "steps"), "steps")
        rows = _read(stored.member(parameters, "domains"))
        self._exploration = Glie(steps)
        self._rows = rows
        self._unproven.clear()
        self._drop_oldest()

    def merged(self, base: Parameters | None, learned: Sequence[Parameters]) -> Parameters:
        for each in (*learned, *([base] if base else [])):
            stored.version(each, VERSION)
        steps = [stored.count(stored.member(each, "steps"), "steps") for each in learned]
        began = 0 if not base else stored.count(stored.member(base, "steps"), "steps")
        before = OrderedDict[str, Row]() if not base else _read(stored.member(base, "domains"))
        tables = [_read(stored.member(each, "domains")) for each in learned]
        rows: OrderedDict[str, Row] = OrderedDict()
        for table in tables:
            for domain in table:
                if domain not in rows:
                    rows[domain] = _merged_row(domain, before, tables)
                rows.move_to_end(domain)
        while len(rows) > self._max_domains:
            rows.popitem(last=False)
        return {
            "version": VERSION,
            "steps": began + sum(max(0, each - began) for each in steps),
            "domains": _written(rows),
        }

    def table(self) -> list[dict[str, JSON]]:
        """One row per domain, the most learned first; ``best`` is the first of equal ones."""
        rows = [(domain, row) for domain, row in self._rows.items() if row]
        rows.sort(key=lambda item: -sum(worth.visits for worth in item[1].values()))
        return [
            {
                "domain": domain,
                "values": {id: worth.value for id, worth in row.items()},
                "visits": {id: worth.visits for id, worth in row.items()},
                "best": max(row, key=lambda id: row[id].value),
            }
            for domain, row in rows
        ]

    def values(self, domain: str) -> dict[str, float]:
        """By next hop, what was learned of it for this domain."""
        row = self._rows.get(domain, {})
        return {id: worth.value for id, worth in row.items() if worth.visits}

    def _row(self, domain: str, candidates: Sequence[EndpointStats]) -> Row:
        """What is known of this domain, now the most recently used one; it has all candidates."""
        row = self._rows.get(domain)
        if row is None:
            row = self._rows[domain] = {stats.id: Worth() for stats in candidates}
            self._unproven[domain] = None
            self._drop_oldest()
            return row
        self._rows.move_to_end(domain)
        if domain in self._unproven:
            self._unproven.move_to_end(domain)
        for stats in candidates:
            if stats.id not in row:
                self._welcome(row, candidates)
                break
        return row

    def _welcome(self, row: Row, candidates: Sequence[EndpointStats]) -> None:
        """Begin those that joined, and forget who has long left."""
        known = [worth.value for stats in candidates if (worth := row.get(stats.id))]
        first = max(known, default=INITIAL_VALUE)
        offered = {stats.id for stats in candidates}
        absent = [id for id in row if id not in offered]
        for id in absent[: max(0, len(absent) - MOST_ABSENT)]:
            del row[id]
        for stats in candidates:
            if stats.id not in row:
                row[stats.id] = Worth(first)

    def _learned(self, worth: Worth, transition: Transition) -> float:
        next_value = transition.next_value
        target = transition.reward
        if next_value:
            target += self._discount_factor * next_value
        rate = self._learning_rate
        if self._means and (next_value or transition.outcome.verdict is not Verdict.FAILURE):
            rate = max(rate, 1.0 / (worth.visits + 1))
        return worth.value + rate * (target - worth.value)

    def _drop_oldest(self) -> None:
        rows, unproven = self._rows, self._unproven
        while len(rows) > self._max_domains:
            if len(unproven) > max(1.0, UNPROVEN_SHARE * self._max_domains):
                domain, _ = unproven.popitem(last=False)
                del rows[domain]
            else:
                domain, _ = rows.popitem(last=False)
                unproven.pop(domain, None)


def _merged_row(
    domain: str, before: OrderedDict[str, Row], tables: Sequence[OrderedDict[str, Row]]
) -> Row:
    began = before.get(domain, {})
    rows = [table[domain] for table in tables if domain in table]
    merged: Row = {}
    for id in dict.fromkeys(id for row in rows for id in row):
        having = [row[id] for row in rows if id in row]
        first = began.get(id) or Worth(having[0].value)
        merged[id] = Worth(
            *merge_value(
                (first.value, first.visits), [(each.value, each.visits) for each in having]
            )
        )
    return merged


def _written(rows: OrderedDict[str, Row]) -> list[JSON]:
    """All of it as plain data, least recently used first."""
    return [
        {
            "domain": domain,
            "endpoints": list[JSON](row),
            "values": [worth.value for worth in row.values()],
            "visits": [worth.visits for worth in row.values()],
        }
        for domain, row in rows.items()
    ]


def _read(domains: JSON) -> OrderedDict[str, Row]:
    rows: OrderedDict[str, Row] = OrderedDict()
    for number, each in enumerate(stored.items(domains, "domains")):
        at = f"domains[{number}]."
        domain = stored.text(stored.member(each, "domain", at), f"{at}domain")
        if domain in rows:
            raise ValueError(f"{at}domain: {domain!r} stands twice")
        endpoints = stored.items(stored.member(each, "endpoints", at), f"{at}endpoints")
        size = len(endpoints)
        values = stored.items(stored.member(each, "values", at), f"{at}values", size)
        visits = stored.items(stored.member(each, "visits", at), f"{at}visits", size)
        row: Row = {}
        for i, endpoint in enumerate(endpoints):
            id = stored.text(endpoint, f"{at}endpoints[{i}]")
            if id in row:
                raise ValueError(f"{at}endpoints[{i}]: {id!r} stands twice")
            row[id] = Worth(
                stored.number(values[i], f"{at}values[{i}]"),
                stored.count(visits[i], f"{at}visits[{i}]"),
            )
        rows[domain] = row
    return rows
