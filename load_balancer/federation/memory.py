"""A site's side of federated learning: from what it went on, what it has offered since, and so what
it goes on with when all know more together.

A site learns on between its offer and the answer. Which of its offers are in what it is given it is
told by their ids: answers get lost, and rounds are closed without it. Knows neither sockets nor
clocks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from load_balancer.federation.rounds import UNKNOWN, Learners
from rl.federated import averaging, forms
from rl.vocabulary import JSON, Parameters

KEPT_OFFERS = 4
"""That were made since the last round began; with an earlier one nothing is known to be merged."""


@dataclass(frozen=True, slots=True)
class Model:
    """What all know together.

    Attributes:
        included: by learner, the id of the site's latest offer that is in it.
    """

    run: str
    round: int
    parameters: Mapping[str, JSON]
    included: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What to load, by learner, and what could not be joined to what is learned here."""

    parameters: dict[str, JSON]
    refused: dict[str, str]


class Memory:
    """Of one site.

    Attributes:
        run, round: of the latest model; what is offered begins at it.
    """

    def __init__(self, life: str, learners: Learners) -> None:
        """
        Args:
            life: tells the ids of this life from those of another one.
        """
        self.run = ""
        self.round = 0
        self._life = life
        self._learners = learners
        self._made = 0
        self._base: Mapping[str, JSON] = {}
        self._offers: OrderedDict[str, Mapping[str, JSON]] = OrderedDict()

    @property
    def names(self) -> list[str]:
        """Learners that all know something of together."""
        return list(self._base)

    def offer(self, now: Mapping[str, JSON]) -> str:
        """The id of an offer of this, which may from now on be in what all know."""
        self._made += 1
        id = f"{self._life}-{self._made}"
        self._offers[id] = now
        if len(self._offers) > KEPT_OFFERS:
            self._offers.popitem(last=False)
        return id

    def join(self, model: Model, now: Mapping[str, JSON]) -> Taken:
        """What the site goes on with. Changes nothing; may run in a thread."""
        joined: dict[str, JSON] = {}
        refused: dict[str, str] = {}
        base = self._base if model.run == self.run else {}
        for name, merged in model.parameters.items():
            mine = now.get(name)
            offered = self._offers.get(model.included.get(name, ""), base)
            try:
                joined[name] = self._joined(name, offered.get(name), merged, mine)
            except (ValueError, OverflowError, RecursionError) as error:
                refused[name] = str(error)
        return Taken(joined, refused)

    def begin(self, model: Model) -> None:
        """What is learned from now on is added to this."""
        self.run, self.round = model.run, model.round
        self._base = model.parameters
        self._offers.clear()

    def _joined(self, name: str, began: JSON, merged: JSON, mine: JSON) -> Parameters:
        if not isinstance(merged, dict):
            raise ValueError("must hold keys and values")
        if not isinstance(mine, dict):
            return merged
        start = began if isinstance(began, dict) else None
        if forms.known(merged):
            return averaging.catch_up(start, merged, mine)
        learner = self._learners(name)
        if learner is None:
            raise ValueError(UNKNOWN)
        return learner.merged(start, [merged, mine])
