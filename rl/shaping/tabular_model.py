"""A table of values made of counts: what followed which action in which state, and how it was paid.

An agent that learns while it runs moves each value a little with each step, and what an action is
good for that shows only after the next two is lost in the noise of that. Here all steps are kept as
counts, and the values are those of the chain that they describe, by value iteration (R. Bellman
1957; certainty equivalence: P. Kumar and P. Varaiya 1986). So it takes many steps at once, ahead of
a node; what is made is for ``tabular.Tabular``, which goes on from there.
"""

from __future__ import annotations

from rl.shaping import priors
from rl.shaping.agents import Step
from rl.shaping.encoding import VERSION
from rl.shaping.settings import ACTIONS
from rl.vocabulary import JSON, Parameters

State = tuple[int, ...]

DOUBT = 10.0
"""So many steps' weight has what is believed of an action before it was tried: that it does what is
usual in its state, but for what ``priors`` say."""

PRIOR = 2.0
"""What an action that ``priors`` call better by one is believed to be paid more."""

ROUNDS = 300
MOST_VISITS = 50
"""That are told of an action: who goes on learning must be able to change its mind."""


class _Row:
    """One state.

    Attributes:
        counts, paid: of each action.
        after: of each action, how often which state followed; None is the end.
    """

    __slots__ = ("after", "counts", "paid")

    def __init__(self) -> None:
        self.counts = [0] * len(ACTIONS)
        self.paid = [0.0] * len(ACTIONS)
        self.after: list[dict[State | None, int]] = [{} for _ in ACTIONS]


class TabularModel:
    """See the module's text.

    Attributes:
        experience: steps.
    """

    def __init__(self) -> None:
        self.experience = 0
        self._rows: dict[State, _Row] = {}

    def add(self, step: Step) -> None:
        """One step."""
        row = self._rows.get(step.levels)
        if row is None:
            row = self._rows[step.levels] = _Row()
        row.counts[step.action] += 1
        row.paid[step.action] += step.reward
        after = None if step.last else step.next_levels
        followed = row.after[step.action]
        followed[after] = followed.get(after, 0) + 1
        self.experience += 1

    def values(self, discount: float) -> dict[State, list[float]]:
        """Of each action in each state that was seen.

        Args:
            discount: of what is a step later, below 1.
        """
        worth: dict[State | None, float] = {None: 0.0}
        found: dict[State, list[float]] = {}
        beliefs = {state: priors.worth(state) for state in self._rows}
        for _ in range(ROUNDS):
            for state, row in self._rows.items():
                found[state] = _values(row, beliefs[state], worth, discount)
            after: dict[State | None, float] = {
                state: max(values) for state, values in found.items()
            }
            moved = max((abs(after[state] - worth.get(state, 0.0)) for state in after), default=0.0)
            worth.update(after)
            if moved < 1e-4:
                break
        return found

    def parameters(self, discount: float, epsilon: float) -> Parameters:
        """For ``tabular.Tabular.load``.

        Args:
            epsilon: with which the agent explores at first.
        """
        found = self.values(discount)
        states: list[JSON] = [
            {
                "levels": list[JSON](state),
                "values": list[JSON](found[state]),
                "visits": [min(MOST_VISITS, count) for count in self._rows[state].counts],
            }
            for state in sorted(found)
        ]
        usual = [max(values) for values in found.values()]
        return {
            "kind": "tabular",
            "encoder": VERSION,
            "experience": self.experience,
            "epsilon": epsilon,
            "mean": sum(usual) / len(usual) if usual else 0.0,
            "states": states,
        }


def _values(
    row: _Row, belief: list[float], worth: dict[State | None, float], discount: float
) -> list[float]:
    goals = [
        paid + discount * sum(count * worth.get(state, 0.0) for state, count in after.items())
        for paid, after in zip(row.paid, row.after, strict=True)
    ]
    usual = sum(goals) / sum(row.counts)
    return [
        (goal + DOUBT * (usual + PRIOR * better)) / (count + DOUBT)
        for goal, count, better in zip(goals, row.counts, belief, strict=True)
    ]
