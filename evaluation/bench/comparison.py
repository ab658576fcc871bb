"""The figures of a benchmark: samples, spreads, ratios paired by round, verdicts on the goals.

Touches neither processes nor clocks.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bench.cases import GOALS, Figure, Goal

SATURATED = 0.9
"""Below this share of its core a proxy was waiting for work, and each wake-up costs extra: its
figure is then too high rather than too low."""

DRAWS = 4000
DICE = 20_261_120
FEWEST_ROUNDS = 3
"""An interval of fewer rounds says nothing that their ends do not."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One peer in one round of one case.

    Attributes:
        proxy_cpu, driver_cpu: processor seconds within the window of ``seconds``.
        errors: answers that were wrong, cut short, or of another status than 200.
        reconnects: connections that the proxy closed between answers.
        load_average: of one minute, when the sample began.
        proxy_user: the part of ``proxy_cpu`` outside of the kernel.
        received_bytes: by the load, heads included.
        idle_bytes: memory per idle connection, where that is what was measured.
    """

    peer: str
    round: int
    completed: int
    seconds: float
    proxy_cpu: float
    driver_cpu: float
    errors: int = 0
    reconnects: int = 0
    statuses: dict[str, int] | None = None
    problem: str = ""
    load_average: float = 0.0
    case: str = "plain"
    proxy_user: float = 0.0
    received_bytes: int = 0
    idle_bytes: float = math.nan

    @property
    def microseconds(self) -> float:
        """Processor time of the proxy per request."""
        return 1e6 * self.proxy_cpu / self.completed if self.completed else math.inf

    @property
    def user_share(self) -> float:
        """Of the processor time, what the kernel did not spend."""
        return self.proxy_user / self.proxy_cpu if self.proxy_cpu else 0.0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.completed / self.seconds

    @property
    def megabytes(self) -> float:
        """Received per second, in 10⁶ bytes."""
        return self.received_bytes / 1e6 / self.seconds

    @property
    def seconds_per_gigabyte(self) -> float:
        """Processor time of the proxy per 10⁹ bytes."""
        return 1e9 * self.proxy_cpu / self.received_bytes if self.received_bytes else math.inf

    @property
    def busy(self) -> float:
        """Cores that the proxy used."""
        return self.proxy_cpu / self.seconds

    def figure(self, figure: Figure) -> float:
        """What a goal is about."""
        if figure is Figure.MEMORY:
            return self.idle_bytes
        return self.megabytes if figure is Figure.RATE else self.microseconds


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of some values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A peer over a base, round by round.

    Attributes:
        median: of the rounds' ratios.
        low, high: where the median lies with 95 % confidence, by resampling rounds; the ends of
            the rounds' ratios where there are too few of them.
    """

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of one peer in one case; ``ratio`` is to the base, None without one."""

    case: str
    peer: str
    microseconds: Spread
    user: float
    rate: Spread
    megabytes: Spread
    seconds_per_gigabyte: Spread
    idle_bytes: Spread
    busy: Spread
    ratio: Ratio | None
    errors: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a goal. ``ratio`` is None where it was not measured."""

    goal: Goal
    ratio: Ratio | None

    @property
    def word(self) -> str:
        """``met``, ``missed``, or ``not measured``; with ``(unsure)`` if the interval has both."""
        if self.ratio is None:
            return "not measured"
        met = self._holds(self.ratio.median)
        sure = self._holds(self.ratio.low) == self._holds(self.ratio.high)
        return ("met" if met else "missed") + ("" if sure else " (unsure)")

    def _holds(self, value: float) -> bool:
        return value >= self.goal.limit if self.goal.at_least else value <= self.goal.limit


def ratio_of(values: Sequence[float]) -> Ratio:
    """The median of rounds' ratios with its percentile bootstrap interval (B. Efron, "Bootstrap
    methods: another look at the jackknife", Annals of Statistics 7, 1979). Rounds are whole
    repetitions with processes of their own, so they are resampled one by one."""
    spread = Spread.of(values)
    if len(values) < FEWEST_ROUNDS:
        return Ratio(spread.median, spread.low, spread.high, len(values))
    array = np.asarray(values)
    rows = np.random.default_rng(DICE).integers(0, len(array), size=(DRAWS, len(array)))
    low, high = np.percentile(np.median(array[rows], axis=1), [2.5, 97.5])
    return Ratio(spread.median, float(low), float(high), len(values))


def paired(
    samples: Sequence[Sample], case: str, peer: str, base: str | None, figure: Figure
) -> Ratio | None:
    """``peer`` over ``base`` within each round; without a base the figure itself.

    What disturbs a machine disturbs neighbours in time alike. Rounds that lack one of the two (the
    run was interrupted) are left out. None if no round has both.
    """
    own = [each for each in samples if each.case == case and each.peer == peer]
    if base is None:
        values = [each.figure(figure) for each in own]
    else:
        bases = {
            each.round: each.figure(figure)
            for each in samples
            if each.case == case and each.peer == base
        }
        values = [each.figure(figure) / bases[each.round] for each in own if each.round in bases]
    values = [each for each in values if math.isfinite(each)]
    return ratio_of(values) if values else None


def results(samples: Sequence[Sample], base: str | None, figure: Figure) -> list[Result]:
    """One result per peer of one case's samples, in the order of first appearance."""
    found = []
    for peer in dict.fromkeys(each.peer for each in samples):
        own = [each for each in samples if each.peer == peer]
        case = own[0].case
        found.append(
            Result(
                case=case,
                peer=peer,
                microseconds=Spread.of([each.microseconds for each in own]),
                user=statistics.median([each.user_share for each in own]),
                rate=Spread.of([each.rate for each in own]),
                megabytes=Spread.of([each.megabytes for each in own]),
                seconds_per_gigabyte=Spread.of([each.seconds_per_gigabyte for each in own]),
                idle_bytes=Spread.of([each.idle_bytes for each in own]),
                busy=Spread.of([each.busy for each in own]),
                ratio=paired(samples, case, peer, base, figure) if base else None,
                errors=sum(each.errors for each in own),
            )
        )
    return found


def verdicts(samples: Sequence[Sample], goals: Sequence[Goal] = GOALS) -> list[Verdict]:
    """On every goal whose case was measured."""
    cases = {each.case for each in samples}
    return [
        Verdict(goal, paired(samples, goal.case, goal.peer, goal.base, goal.figure))
        for goal in goals
        if goal.case in cases
    ]
