"""Document 003's agent: tabular Q-learning on the joint load levels of all servers.

The state s is the tuple of every candidate's load level (low, medium, high), the action a is the
endpoint, the reward r that of ``rl.reward``. Per completed request, with the learning rate alpha
and the discount factor gamma,

    Q(s, a) <- Q(s, a) + alpha * (r + gamma * max over a' of Q(s', a') - Q(s, a))

(Watkins and Dayan 1992; Sutton and Barto, 2nd edition, section 6.5), where s' is what can be seen
when the answer arrives. Choices are epsilon-greedy and ties fall at random. All values begin at 0,
and rewards are negative, so that each action of a new state is tried before any is repeated.

What it is weak at, and why it is never the default:

- The bootstrap credits an action with states that it did not cause: what is seen at completion is
  the work of all requests in flight. With gamma 0 the same table learns far better here.
- Three levels saturate at high just where the choice matters: from about six tenths of the
  servers' capacity on it is no better than round robin, and like those of round robin its queues
  run away at eight tenths, where the least busy endpoint would still answer almost at once.
- One failure at the document's reward of -1000 weighs as much as ten seconds of latency and takes
  long to forget at alpha 0.1.
- 3**N states: above N = 8 servers hardly any state comes back to be learned from.

A state belongs to its candidates, in the order in which they were offered: another membership has
states of its own, onto which what was learned is projected (``q_table`` says how). The least
recently used states are dropped above ``max_values``. Both ``select`` and ``observe`` take time in
proportion to the candidates, because naming a joint state means looking at each of them.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from rl import stored
from rl.encoding import LoadEncoding
from rl.exploration import DecayingEpsilon
from rl.merging import merge_decay
from rl.q_table import Key, QTable, Row
from rl.vocabulary import (
    JSON,
    Decision,
    EndpointStats,
    Observation,
    Parameters,
    Transition,
)

VERSION = 1
"""Of the stored parameters."""

MANY_SERVERS = 8
"""3**8 are 6,561 states; above that the agent warns."""


@dataclass(frozen=True, slots=True)
class QLearningParameters:
    """Document 003's hyper-parameters and defaults, and our bound.

    Attributes:
        max_values: action values held at the most, over all states; 524,288 are 65,536 states of
            eight servers, some 70 MB. A bound on states alone would bound nothing: a state is as
            large as the number of servers.
    """

    learning_rate: float = 0.1
    discount_factor: float = 0.9
    exploration_rate: float = 0.1
    exploration_decay: float = 0.995
    min_exploration_rate: float = 0.01
    max_values: int = 524_288

    def __post_init__(self) -> None:
        for name in (
            "learning_rate",
            "discount_factor",
            "exploration_rate",
            "exploration_decay",
            "min_exploration_rate",
        ):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not at {value}")
        if self.max_values < 1:
            raise ValueError(f"max_values must be at least 1, not {self.max_values}")


class QLearning:
    """Document 003's agent as a policy.

    A decision's memo is the table row it was made from, so that its reward reaches that row and
    that endpoint, whatever was decided or completed meanwhile. A row that was dropped in between,
    by the bound or by ``load``, learns once more and is forgotten with its request.
    """

    def __init__(
        self, parameters: QLearningParameters, encoding: LoadEncoding, dice: random.Random
    ) -> None:
        self._learning_rate = parameters.learning_rate
        self._discount_factor = parameters.discount_factor
        self._exploration = DecayingEpsilon(
            parameters.exploration_rate,
            parameters.exploration_decay,
            parameters.min_exploration_rate,
        )
        self._levels = encoding.levels
        # The last candidates, and their ids.
        self._candidates: Sequence[EndpointStats] = ()
        self._ids: tuple[str, ...] = ()
        self._throw = dice.random
        self._max_values = parameters.max_values
        self._least_exploration = parameters.min_exploration_rate
        self._table = QTable(parameters.max_values)
        self._warned = False

    def select(self, observation: Observation) -> Decision:
        row = self._table.row(self._key(observation.candidates))
        values = row.values
        size = len(values)
        if size == 1:
            return Decision(0, 1.0, values[0], False, row)
        if size > MANY_SERVERS and not self._warned:
            self._warn(size)
        epsilon = self._exploration.epsilon
        best = max(values)
        ties = values.count(best)
        explored = self._throw() < epsilon
        if explored:
            index = int(self._throw() * size)
        else:
            index = values.index(best)
            if ties > 1:
                for _ in range(int(self._throw() * ties)):
                    index = values.index(best, index + 1)
        # Exploration may hit a best action as well: both ways there count.
        propensity = epsilon / size
        if values[index] == best:
            propensity += (1.0 - epsilon) / ties
        return Decision(index, propensity, values[index], explored, row)

    def observe(self, transition: Transition) -> None:
        decision = transition.decision
        row: Row = decision.memo
        next_value = transition.next_value
        if next_value is None:
            next_value = self._table.best_value(self._key(transition.observation.candidates))
        index = decision.index
        old = row.values[index]
        target = transition.reward + self._discount_factor * next_value
        new = old + self._learning_rate * (target - old)
        if not isfinite(new):
            return  # one NaN would stay in the table for ever
        self._table.learn(row, index, new)
        self._exploration.step()

    def parameters(self) -> Parameters:
        return {
            "version": VERSION,
            "epsilon": self._exploration.epsilon,
            "tables": self._table.as_json(),
        }

    def load(self, parameters: Mapping[str, JSON]) -> None:
        stored.version(parameters, VERSION)
        epsilon = stored.share(stored.member(parameters, "epsilon"), "epsilon")
        self._table.load(stored.member(parameters, "tables"))
        self._exploration.epsilon = epsilon

    def merged(self, base: Parameters | None, learned: Sequence[Parameters]) -> Parameters:
        for each in (*learned, *([base] if base else [])):
            stored.version(each, VERSION)
        rates = [stored.share(stored.member(each, "epsilon"), "epsilon") for each in learned]
        rate = None if base is None else stored.share(stored.member(base, "epsilon"), "epsilon")
        table = QTable(self._max_values)
        table.merge(
            [] if base is None else stored.member(base, "tables"),
            [stored.member(each, "tables") for each in learned],
        )
        return {
            "version": VERSION,
            "epsilon": merge_decay(rate, rates, self._least_exploration),
            "tables": table.as_json(),
        }

    def table(self) -> list[dict[str, JSON]]:
        return self._table.shown()

    def _key(self, candidates: Sequence[EndpointStats]) -> Key:
        if candidates is not self._candidates:
            self._candidates = candidates
            self._ids = tuple([each.id for each in candidates])
        # The load is our own in-flight count: it is true at this moment, while the count that the
        # server reports is up to a poll old, and all who read one report rush to one server.
        return self._ids, self._levels(candidates)

    def _warn(self, size: int) -> None:
        self._warned = True
        warnings.warn(
            f"q_learning has 3**{size} joint states for {size} servers; above {MANY_SERVERS} "
            "hardly any comes back to be learned from, so choose another strategy",
            RuntimeWarning,
            stacklevel=3,
        )
