"""Two bandits for the comparison: each endpoint is an arm, its reward what a request there earned.

They learn which endpoint earned most of late and ignore load: neither what is in flight nor that
their own choices make an endpoint slow. Where endpoints queue, everything goes to the best one
until it is no longer the best; requests that are out meanwhile have taught nothing yet.

Both forget: an observation's weight is ``discount`` to the number of observations since, of
whatever arm (Garivier and Moulines 2011, "On upper-confidence bound policies for switching bandit
problems"). Rewards have no bound here, so that the unit of exploration is the arms' own: the mean
size of a reward. An arm without an observation has the others' mean as its value, and is tried.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, isfinite, log, sqrt

from rl import stored
from rl.vocabulary import JSON, Decision, EndpointStats, Observation, Parameters, Transition

VERSION = 1
"""Of the stored parameters."""

SPARE_ARMS = 16
"""Ids remembered beyond twice the candidates."""

LARGEST_WEIGHT = 1e9
"""Weights grow with each observation, in place of all others shrinking, until they reach this."""

LEAST_WEIGHT = 1e-9
"""Of one observation; what is left of an arm with less is forgotten, it is as good as new."""

LEAST_SPREAD = 0.1
"""Of a reward's mean size: an arm's rewards spread at least as much, so that it is tried again."""

POINTS, REACH = 48, 4.0
"""Of the sum over an arm's draws that gives its propensity, and to how many deviations it goes."""


@dataclass(frozen=True, slots=True)
class BanditParameters:
    """Of ``ucb`` and ``thompson``.

    Attributes:
        discount: of what was observed, with each further observation; 0.998 remembers some 500.
        exploration: factor of what is added to, or thrown around, an arm's mean.
    """

    discount: float = 0.998
    exploration: float = 1.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.discount <= 1:
            raise ValueError(f"discount must lie between 0.5 and 1, not at {self.discount}")
        if not 0 <= self.exploration <= 1e6:
            raise ValueError(f"exploration must lie between 0 and 1e6, not at {self.exploration}")


class Arm:
    """Discounted sums of one endpoint's rewards: their weights, they, and their squares."""

    __slots__ = ("squares", "sum", "weight")

    def __init__(self, weight: float = 0.0, sum: float = 0.0, squares: float = 0.0) -> None:
        self.weight = weight
        self.sum = sum
        self.squares = squares


class Arms:
    """What is known of all arms, by endpoint id.

    Attributes:
        unit: the weight of an observation that would be made now.
    """

    __slots__ = ("_discount", "arms", "unit")

    def __init__(self, discount: float) -> None:
        self._discount = discount
        self.arms: dict[str, Arm] = {}
        self.unit = 1.0

    def observe(self, id: str, reward: float, present: Sequence[EndpointStats]) -> None:
        """One more reward."""
        if not isfinite(reward):  # it would stay in the sums for ever
            return
        unit = self.unit = self.unit / self._discount
        arm = self.arms.get(id)
        if arm is None:
            self._drop_gone(present)
            arm = self.arms[id] = Arm()
        arm.weight += unit
        arm.sum += unit * reward
        arm.squares += unit * reward * reward
        if unit > LARGEST_WEIGHT:
            self.arms = {
                id: Arm(each.weight / unit, each.sum / unit, each.squares / unit)
                for id, each in self.arms.items()
                if each.weight > LEAST_WEIGHT * unit
            }
            self.unit = 1.0

    def prior(self, candidates: Sequence[EndpointStats]) -> float:
        """The mean of the candidates' rewards; 0.0 if there are none."""
        weight = total = 0.0
        for each in candidates:
            arm = self.arms.get(each.id)
            if arm is not None:
                weight += arm.weight
                total += arm.sum
        return total / weight if weight else 0.0

    def _drop_gone(self, present: Sequence[EndpointStats]) -> None:
        if len(self.arms) > 2 * len(present) + SPARE_ARMS:
            ids = {each.id for each in present}
            self.arms = {id: arm for id, arm in self.arms.items() if id in ids}

    def parameters(self) -> Parameters:
        """See ``Learner``."""
        unit = self.unit
        return {
            "version": VERSION,
            "endpoints": list[JSON](self.arms),
            "weights": [arm.weight / unit for arm in self.arms.values()],
            "sums": [arm.sum / unit for arm in self.arms.values()],
            "squares": [arm.squares / unit for arm in self.arms.values()],
        }

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """See ``Learner``."""
        stored.version(parameters, VERSION)
        endpoints = stored.items(stored.member(parameters, "endpoints"), "endpoints")
        size = len(endpoints)
        columns = {
            key: [
                stored.number(value, f"{key}[{number}]")
                for number, value in enumerate(
                    stored.items(stored.member(parameters, key), key, size)
                )
            ]
            for key in ("weights", "sums", "squares")
        }
        arms: dict[str, Arm] = {}
        for number, endpoint in enumerate(endpoints):
            id = stored.text(endpoint, f"endpoints[{number}]")
            if id in arms:
                raise ValueError(f"endpoints[{number}]: {id!r} stands twice")
            weight = columns["weights"][number]
            if not 0.0 < weight <= LARGEST_WEIGHT:
                raise ValueError(f"weights[{number}]: must lie above 0, not at {weight}")
            arms[id] = Arm(weight, columns["sums"][number], columns["squares"][number])
        self.arms = arms
        self.unit = 1.0


class Ucb:
    """Discounted UCB: the highest mean plus bonus, of equal ones by the dice.

    The bonus of an arm of (discounted) count n among N in all is exploration * R * sqrt(log N / n),
    R being the mean size of a reward. An arm without an observation comes before all others.
    """

    def __init__(self, parameters: BanditParameters, dice: random.Random) -> None:
        self._exploration = parameters.exploration
        self._arms = Arms(parameters.discount)
        self._throw = dice.random

    def select(self, observation: Observation) -> Decision:
        candidates, arms = observation.candidates, self._arms.arms
        unit = self._arms.unit
        known = [arms.get(each.id) for each in candidates]
        new = [index for index, arm in enumerate(known) if arm is None]
        weight = total = 0.0
        for arm in known:
            if arm is not None:
                weight += arm.weight
                total += arm.sum
        if new:
            ties, value = new, total / weight if weight else 0.0
        else:
            size = abs(total / weight) * self._exploration
            reach = size * sqrt(max(0.0, log(weight / unit)) * unit) if weight > unit else 0.0
            best, ties, value = float("-inf"), [0], 0.0
            for index, arm in enumerate(known):
                assert arm is not None
                bound = arm.sum / arm.weight + reach / sqrt(arm.weight)
                if bound > best:
                    best, ties = bound, [index]
                elif bound == best:
                    ties.append(index)
        index = ties[0] if len(ties) == 1 else ties[int(self._throw() * len(ties))]
        chosen = known[index]
        if chosen is not None:
            value = chosen.sum / chosen.weight
        return Decision(index, 1.0 / len(ties), value, bool(new) and weight > 0.0)

    def observe(self, transition: Transition) -> None:
        self._arms.observe(
            transition.endpoint.id, transition.reward, transition.observation.candidates
        )

    def parameters(self) -> Parameters:
        return self._arms.parameters()

    def load(self, parameters: Mapping[str, JSON]) -> None:
        self._arms.load(parameters)


class Thompson:
    """Thompson sampling with normal posteriors: a draw for each arm, the highest one is taken.

    An arm's draw has its mean and exploration * s / sqrt(n + 1), s being the deviation of its
    rewards and at least ``LEAST_SPREAD`` of their mean size. One without an observation has the
    mean of all, and that mean's size as its deviation.

    The propensity is a sum over ``POINTS`` of the arm's possible draws of the chance that all
    others draw less: exact but for what is steeper than the points are apart.
    """

    def __init__(self, parameters: BanditParameters, dice: random.Random) -> None:
        self._exploration = parameters.exploration
        self._arms = Arms(parameters.discount)
        self._gauss = dice.gauss

    def select(self, observation: Observation) -> Decision:
        candidates, known = observation.candidates, self._arms.arms
        unit, exploration = self._arms.unit, self._exploration
        prior = self._arms.prior(candidates)
        least = max(LEAST_SPREAD * abs(prior), 1e-12)
        means: list[float] = []
        deviations: list[float] = []
        for each in candidates:
            arm = known.get(each.id)
            if arm is None:
                means.append(prior)
                deviations.append(max(1e-12, exploration * max(abs(prior), 1e-12)))
                continue
            mean = arm.sum / arm.weight
            spread = max(least, sqrt(max(0.0, arm.squares / arm.weight - mean * mean)))
            means.append(mean)
            deviations.append(max(1e-12, exploration * spread / sqrt(arm.weight / unit + 1.0)))
        gauss = self._gauss
        best, index = float("-inf"), 0
        for number, mean in enumerate(means):
            draw = gauss(mean, deviations[number])
            if draw > best:
                best, index = draw, number
        explored = means[index] < max(means)
        return Decision(index, _chance(index, means, deviations), means[index], explored)

    def observe(self, transition: Transition) -> None:
        self._arms.observe(
            transition.endpoint.id, transition.reward, transition.observation.candidates
        )

    def parameters(self) -> Parameters:
        return self._arms.parameters()

    def load(self, parameters: Mapping[str, JSON]) -> None:
        self._arms.load(parameters)


def _chance(index: int, means: Sequence[float], deviations: Sequence[float]) -> float:
    """That this arm's draw is the highest."""
    mean, deviation = means[index], deviations[index]
    lowest = mean - REACH * deviation
    # In the unit that erfc has; who never draws as high as this arm's lowest is no rival.
    rivals = [
        ((mean - other) / (other_deviation * ROOT), deviation / (other_deviation * ROOT))
        for number, (other, other_deviation) in enumerate(zip(means, deviations, strict=True))
        if number != index and other + REACH * other_deviation > lowest
    ]
    if not rivals:
        return 1.0
    chance = 0.0
    for point, share in GRID:
        for offset, slope in rivals:
            share *= 0.5 * erfc(-(offset + slope * point))
            if share < 1e-12:
                break
        chance += share
    return min(1.0, max(chance, 1e-9))


ROOT = sqrt(2.0)


def _grid() -> tuple[tuple[float, float], ...]:
    """Points of a standard normal draw, each with its share of all."""
    step = 2.0 * REACH / POINTS
    points = [-REACH + step * (number + 0.5) for number in range(POINTS)]
    densities = [exp(-0.5 * point * point) for point in points]
    total = sum(densities)
    return tuple((point, density / total) for point, density in zip(points, densities, strict=True))


GRID = _grid()
