"""The coordinator's side of federated learning: who has offered what in the round that is open, and
what all know together since the last one was closed.

A round is open until it is closed with whoever is there; who comes too late is told the new one,
and goes on from that. Knows neither sockets nor clocks; the costly parts (``examine`` and
``Work.done``) change nothing and may run in a thread.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rl.federated import averaging, forms
from rl.federated.averaging import Merged
from rl.federated.terms import Terms
from rl.merging import Mergeable
from rl.vocabulary import JSON, Parameters

MOST_NAMES = 1000
"""Learners of one site."""

LONGEST_NAME = 300
LONGEST_WORDS = 300

MOST_IDLE_ROUNDS = 10
"""After which a learner is forgotten that nobody offers any more."""

Learners: TypeAlias = Callable[[str], Mergeable | None]
"""By name, who can merge parameters that only their own learner understands."""


class Stale(Exception):
    """The offer is about another round than the open one."""


@dataclass(slots=True)
class SiteTally:
    """What was seen of one site.

    Attributes:
        offers: that came; of each at least a part was ``refused`` so many times, at once or when
            it was merged.
        merged, missed: rounds with anything of it, and closed without.
        clipped: learners of it whose change was scaled down, so far.
        refusal: the last one's reasons, by learner.
        included: by learner, the latest offer that is in what all know.
        round: the last one that it was merged in.
    """

    offers: int = 0
    refused: int = 0
    merged: int = 0
    missed: int = 0
    clipped: int = 0
    refusal: dict[str, str] = field(default_factory=dict)
    included: dict[str, str] = field(default_factory=dict)
    round: int = 0


@dataclass(frozen=True, slots=True)
class Examined:
    """An offer, sorted."""

    fitting: dict[str, Parameters]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round.

    Attributes:
        merged: by learner.
        body: what all know together, as JSON.
    """

    merged: dict[str, Merged]
    body: bytes


@dataclass(frozen=True, slots=True)
class Work:
    """A round that is being closed.

    Attributes:
        ids: of the offers, by site.
    """

    base: Mapping[str, Parameters]
    offers: Mapping[str, Mapping[str, Parameters]]
    ids: Mapping[str, str]
    terms: Terms
    own: str
    dice: random.Random
    learners: Learners

    def done(self) -> Outcome:
        """Merge."""
        merged = {name: self._one(name) for name in dict.fromkeys((*self.base, *self._names()))}
        whole = {
            name: each.parameters for name, each in merged.items() if each.parameters is not None
        }
        return Outcome(merged, json.dumps(whole, allow_nan=False).encode())

    def _names(self) -> Iterable[str]:
        return sorted({name for offered in self.offers.values() for name in offered})

    def _one(self, name: str) -> Merged:
        base = self.base.get(name)
        offers = {site: offered[name] for site, offered in self.offers.items() if name in offered}
        if not offers:
            return Merged(base)
        if any(forms.known(each) for each in offers.values()):
            return averaging.merge(base, offers, self.terms, self.dice, self.own)
        learner = self.learners(name)
        if learner is None:
            return Merged(base, refused=dict.fromkeys(offers, UNKNOWN))
        return averaging.merge_learners(learner, base, offers, self.terms.largest)


UNKNOWN = "nothing here knows how to merge it"


class Rounds:
    """The rounds.

    Attributes:
        run: tells the rounds of this life from those of another one.
        round: the open one; 1 at first.
        body: what all knew together when it was opened, as JSON.
        closing: the open round takes no more offers.
        sites: what was seen of each, the own one as well.
        unmerged: how often a round was to be closed and was not, for too few were there.
    """

    def __init__(
        self,
        run: str,
        own: str,
        others: Iterable[str],
        least_sites: int,
        terms: Terms,
        dice: random.Random,
        learners: Learners,
    ) -> None:
        self.run = run
        self.round = 1
        self.body = b"{}"
        self.closing = False
        self.sites = {site: SiteTally() for site in (own, *others)}
        self.unmerged = 0
        self._own = own
        self._least_sites = least_sites
        self._terms = terms
        self._dice = dice
        self._learners = learners
        self._model: dict[str, Parameters] = {}
        self._idle: dict[str, int] = {}
        self._offers: dict[str, tuple[str, dict[str, Parameters]]] = {}

    @property
    def offered(self) -> list[str]:
        """Sites that are in the open round."""
        return list(self._offers)

    @property
    def names(self) -> list[str]:
        """Learners that all know something of together."""
        return list(self._model)

    def examine(self, offered: Mapping[str, JSON]) -> Examined:
        """What of an offer can be merged, as far as it can be told without the others'.

        Raises:
            ValueError: none of it is taken, and why.
        """
        if len(offered) > MOST_NAMES:
            raise ValueError(f"parameters: there may be {MOST_NAMES} learners")
        fitting: dict[str, Parameters] = {}
        refused: dict[str, str] = {}
        for name, parameters in offered.items():
            if not 1 <= len(name) <= LONGEST_NAME:
                raise ValueError(f"parameters: a name may have 1 to {LONGEST_NAME} characters")
            try:
                if not isinstance(parameters, dict):
                    raise ValueError("must hold keys and values")
                self._check(name, parameters)
                fitting[name] = parameters
            except (ValueError, OverflowError, RecursionError) as error:
                refused[name] = str(error)[:LONGEST_WORDS]
        return Examined(fitting, refused)

    def receive(self, site: str, run: str, round: int, id: str, offer: Examined) -> None:
        """Take an offer, in the place of an earlier one of the same site.

        Args:
            run, round: whose parameters the site has begun at.
            id: the site's own name for this offer.

        Raises:
            Stale: another round is open.
        """
        if self.closing or (run, round) != (self.run, self.round):
            raise Stale
        tally = self.sites[site]
        tally.offers += 1
        if offer.refused:
            tally.refused += 1
            tally.refusal = offer.refused
        if offer.fitting:
            self._offers[site] = id, offer.fitting

    def refuse(self, site: str, why: str) -> None:
        """Count an offer that could not even be read."""
        tally = self.sites[site]
        tally.offers += 1
        tally.refused += 1
        tally.refusal = {"": why[:LONGEST_WORDS]}

    def close(self) -> Work | None:
        """Begin to close the open round; None if too few are there, and it stays open."""
        if self.closing or len(self._offers) < self._least_sites:
            self.unmerged += not self.closing
            return None
        self.closing = True
        return Work(
            dict(self._model),
            {site: offered for site, (_, offered) in self._offers.items()},
            {site: id for site, (id, _) in self._offers.items()},
            self._terms,
            self._own,
            self._dice,
            self._learners,
        )

    def finish(self, work: Work, outcome: Outcome) -> None:
        """Open the next round."""
        refusals: dict[str, dict[str, str]] = {}
        for name, merged in outcome.merged.items():
            self._keep(name, merged)
            for site in merged.taken:
                self.sites[site].included[name] = work.ids[site]
            for site in merged.clipped:
                self.sites[site].clipped += 1
            for site, why in merged.refused.items():
                refusals.setdefault(site, {})[name] = why[:LONGEST_WORDS]
        for site, tally in self.sites.items():
            if site in refusals:
                tally.refused += 1
                tally.refusal = refusals[site]
            refused = refusals.get(site, {})
            if any(name not in refused for name in work.offers.get(site, ())):
                tally.merged += 1
                tally.round = self.round
            else:
                tally.missed += 1
            tally.included = {
                name: id for name, id in tally.included.items() if name in self._model
            }
        self._offers.clear()
        self.body = outcome.body
        self.round += 1
        self.closing = False

    def abandon(self) -> None:
        """The round could not be merged; it is open again, without what was offered."""
        self._offers.clear()
        self.closing = False

    def _check(self, name: str, parameters: Parameters) -> None:
        if forms.known(parameters):
            forms.read(parameters, self._terms.largest)
            return
        learner = self._learners(name)
        if learner is None:
            raise ValueError(UNKNOWN)
        forms.check_numbers(parameters, float(forms.MOST_EXPERIENCE))
        learner.merged(None, [parameters])

    def _keep(self, name: str, merged: Merged) -> None:
        if merged.parameters is None:
            return
        idle = 0 if merged.taken else self._idle.get(name, 0) + 1
        if idle > MOST_IDLE_ROUNDS:
            self._model.pop(name, None)
            self._idle.pop(name, None)
            return
        self._model[name] = merged.parameters
        self._idle[name] = idle
