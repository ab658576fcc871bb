"""A table of values: one for each action in each coarse state (C. Watkins 1989).

An agent decides once a second, so a day is 86,400 steps and the first minute sixty. Three things
let so few be enough. States are coarse (``encoding.levels``). What is worth trying is known before
(``priors``), as so many steps already taken. And what is learned of one action in a state moves
the others there along with it, as far as it says something of the state and not of the action (the
idea of Z. Wang et al., "Dueling network architectures", 2016): what a state is worth follows the
load quickly, and what an action is worth beside the others is averaged for long. Else the action
that is taken would follow the load, those that are not would stay behind, and which of them looks
best would tell how the load has changed.

What follows is worth what the agent would get there, its exploration included (expected SARSA; H.
van Seijen et al. 2009): less noise than the best of twelve noisy values.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from rl import stored
from rl.exploration import DecayingEpsilon
from rl.shaping import priors
from rl.shaping.agents import Choice, Conduct, Step
from rl.shaping.encoding import LEVEL_SIZES, STATES, VERSION
from rl.shaping.settings import ACTIONS, KEEP
from rl.vocabulary import JSON, Parameters

PRIOR_STEPS = 3
"""That a prior counts as."""

STATE_RATE = 0.1
"""Of learning what a state is worth, at least: it changes with loads that no state shows."""

LEAST_RATE = 0.03
"""Of learning what an action is worth beside others in its state, at least."""

TO_AND_FRO = 0.05
"""By how much more than to keep the setting a step must be worth: less is noise, and would have
levers move to and fro for nothing."""

LARGEST = 1e6
"""That a stored value may be, either way from 0."""

MOST_VISITS = 10**12


class _Row:
    """One state.

    Attributes:
        values, visits: by action.
        total: of the visits.
    """

    __slots__ = ("total", "values", "visits")

    def __init__(self, values: list[float], visits: list[int]) -> None:
        self.values = values
        self.visits = visits
        self.total = sum(visits)


class Tabular:
    """See the module's text. ``rl.shaping.agents.Agent`` says what it does.

    Attributes:
        epsilon: share of choices at random.
    """

    kind = "tabular"
    learns = True
    shareable = True

    def __init__(self, conduct: Conduct) -> None:
        self._conduct = conduct
        self.experience = 0
        self._rows: dict[tuple[int, ...], _Row] = {}
        self._mean = 0.0
        self._epsilon = DecayingEpsilon(
            conduct.explore_most, conduct.explore_decay, conduct.explore_least
        )

    @property
    def epsilon(self) -> float:
        """The probability of a choice at random."""
        return self._epsilon.epsilon

    def choose(
        self,
        features: Sequence[float],
        levels: tuple[int, ...],
        mask: Sequence[bool],
        dice: random.Random,
        explore: bool = True,
    ) -> Choice:
        """The best that is allowed, if it is better than to keep; or now and then any that is."""
        row = self._row(levels)
        values = row.values
        allowed = [action for action, may in enumerate(mask) if may]
        best = max(allowed, key=values.__getitem__)
        if values[best] <= values[KEEP] + TO_AND_FRO:
            best = KEEP
        epsilon = self.epsilon if explore else 0.0
        chosen = best
        if epsilon and dice.random() < epsilon:
            chosen = dice.choice(allowed)
        probability = epsilon / len(allowed) + (1.0 - epsilon if chosen == best else 0.0)
        tries = row.visits[chosen]
        if chosen != best:
            reason = f"tried to learn what it does (done {_times(tries)} in this state)"
        elif tries:
            reason = f"the best known of {len(allowed)} steps (done {_times(tries)} in this state)"
        else:
            reason = f"thought the best of {len(allowed)} steps, not yet done in this state"
        return Choice(chosen, chosen != best, reason, probability)

    def learn(self, step: Step) -> None:
        """One step of expected SARSA."""
        goal = step.reward
        if not step.last:
            goal += self._conduct.discount * self._expected(step.next_levels, step.next_mask)
        row = self._row(step.levels)
        values, visits = row.values, row.visits
        action = step.action
        error = goal - values[action]
        row.total += 1
        of_state = error * max(STATE_RATE, 1.0 / row.total)
        for other in range(len(values)):
            values[other] += of_state
        visits[action] += 1
        prior = PRIOR_STEPS if self._conduct.prior else 0
        # What is left of it says something of the action.
        values[action] += (error - of_state) * max(LEAST_RATE, 1.0 / (visits[action] + prior))
        self.experience += 1
        self._mean += (goal - self._mean) * max(0.01, 1.0 / self.experience)
        self._epsilon.step()

    def parameters(self) -> Parameters:
        """See Agent."""
        states: list[JSON] = [
            {
                "levels": list[JSON](levels),
                "values": list[JSON](row.values),
                "visits": list[JSON](row.visits),
            }
            for levels, row in sorted(self._rows.items())
            if row.total
        ]
        return {
            "kind": self.kind,
            "encoder": VERSION,
            "experience": self.experience,
            "epsilon": self.epsilon,
            "mean": self._mean,
            "states": states,
        }

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """See Agent."""
        experience = head(parameters, self.kind)
        epsilon = stored.share(stored.member(parameters, "epsilon"), "epsilon")
        mean = stored.number(stored.member(parameters, "mean"), "mean")
        given = stored.items(stored.member(parameters, "states"), "states")
        if len(given) > STATES:
            raise ValueError(f"states: there are {STATES}, not {len(given)}")
        rows: dict[tuple[int, ...], _Row] = {}
        for number, each in enumerate(given):
            levels, row = _read(each, f"states[{number}].")
            if levels in rows:
                raise ValueError(f"states[{number}].levels: the same state stands twice")
            rows[levels] = row
        self.experience = experience
        self._rows = rows
        self._mean = mean
        conduct = self._conduct
        self._epsilon = DecayingEpsilon(
            min(epsilon, conduct.explore_most), conduct.explore_decay, conduct.explore_least
        )

    def _row(self, levels: tuple[int, ...]) -> _Row:
        row = self._rows.get(levels)
        if row is None:
            prior = self._conduct.prior
            values = [self._mean + prior * each for each in priors.worth(levels)]
            row = self._rows[levels] = _Row(values, [0] * len(values))
        return row

    def _expected(self, levels: tuple[int, ...], mask: Sequence[bool]) -> float:
        allowed = [value for value, may in zip(self._row(levels).values, mask, strict=True) if may]
        mean = sum(allowed) / len(allowed)
        return max(allowed) + self.epsilon * (mean - max(allowed))


def head(parameters: Mapping[str, JSON], kind: str) -> int:
    """The experience in an agent's parameters, which must be of this kind and of the encoder of
    now.

    Raises:
        ValueError: they are not; it names the key.
    """
    found = stored.text(stored.member(parameters, "kind"), "kind")
    if found != kind:
        raise ValueError(f"kind: must be {kind}, not {found[:40]}")
    encoder = stored.count(stored.member(parameters, "encoder"), "encoder")
    if encoder != VERSION:
        raise ValueError(
            f"encoder: what was learned by version {encoder} means nothing by version {VERSION}"
        )
    experience = stored.count(stored.member(parameters, "experience"), "experience")
    if experience > MOST_VISITS:
        raise ValueError(f"experience: must be {MOST_VISITS:.0e} at the most")
    return experience


def _read(state: JSON, at: str) -> tuple[tuple[int, ...], _Row]:
    def column(name: str, size: int) -> list[tuple[JSON, str]]:
        found = stored.items(stored.member(state, name, at), f"{at}{name}", size)
        return [(each, f"{at}{name}[{i}]") for i, each in enumerate(found)]

    levels = []
    for size, (each, place) in zip(LEVEL_SIZES, column("levels", len(LEVEL_SIZES)), strict=True):
        level = stored.count(each, place)
        if level >= size:
            raise ValueError(f"{place}: must be below {size}, not {level}")
        levels.append(level)
    values, visits = [], []
    for each, place in column("values", len(ACTIONS)):
        value = stored.number(each, place)
        if abs(value) > LARGEST:
            raise ValueError(f"{place}: {value:g} is beyond {LARGEST:g}")
        values.append(value)
    for each, place in column("visits", len(ACTIONS)):
        count = stored.count(each, place)
        if count > MOST_VISITS:
            raise ValueError(f"{place}: must be {MOST_VISITS:.0e} at the most")
        visits.append(count)
    return tuple(levels), _Row(values, visits)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
