"""The figures of a benchmark: samples, their spread, ratios paired by round, the printed table.

Touches neither processes nor clocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SATURATED = 0.9
"""Below this share of its core a proxy was waiting for work, and each wake-up costs extra: its
figure is then too high rather than too low."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One peer in one round.

    Attributes:
        proxy_cpu, driver_cpu: processor seconds within the window of ``seconds``.
        errors: answers that were wrong, cut short, or of another status than 200.
        reconnects: connections that the proxy closed between answers.
        load_average: of one minute, when the sample began.
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

    @property
    def microseconds(self) -> float:
        """Processor time of the proxy per request."""
        return 1e6 * self.proxy_cpu / self.completed if self.completed else float("inf")

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.completed / self.seconds

    @property
    def busy(self) -> float:
        """Share of one core that the proxy used."""
        return self.proxy_cpu / self.seconds


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of some values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(float(np.percentile(values, 50)), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of one peer; ``ratio`` is to the base, round by round, None without a base."""

    peer: str
    microseconds: Spread
    rate: Spread
    busy: Spread
    ratio: Spread | None
    errors: int


def results(samples: Sequence[Sample], base: str | None) -> list[Result]:
    """One result per peer, in the order of first appearance.

    A ratio is taken within a round, because what disturbs a machine disturbs neighbours in time
    alike. Rounds that lack one of the two (the run was interrupted) are left out of the ratio.
    """
    found = []
    of_base = {each.round: each.microseconds for each in samples if each.peer == base}
    for peer in dict.fromkeys(each.peer for each in samples):
        own = [each for each in samples if each.peer == peer]
        paired = [each.microseconds / of_base[each.round] for each in own if each.round in of_base]
        found.append(
            Result(
                peer=peer,
                microseconds=Spread.of([each.microseconds for each in own]),
                rate=Spread.of([each.rate for each in own]),
                busy=Spread.of([each.busy for each in own]),
                ratio=Spread.of(paired) if paired else None,
                errors=sum(each.errors for each in own),
            )
        )
    return found


def table(found: Sequence[Result], base: str | None) -> str:
    """For a person: medians, with the lowest and the highest round beside them."""
    heading = f"x {base}" if base else ""
    width = max([18, *(len(result.peer) + 2 for result in found)])
    lines = [
        f"{'':{width}}{'CPU us/request':>26}{heading:>24}{'requests/s':>14}{'of its core':>13}"
    ]
    for result in found:
        ratio = "" if result.ratio is None else _spread(result.ratio, 2)
        lines.append(
            f"{result.peer:{width}}{_spread(result.microseconds, 1):>26}{ratio:>24}"
            f"{result.rate.median:>14.0f}{100 * result.busy.median:>11.0f} %"
        )
    idle = [result.peer for result in found if result.busy.median < SATURATED]
    if idle:
        lines.append(
            f"Not saturated, so rather too high than too low: {', '.join(idle)}"
            " (the load, the backend or other work on this machine was the limit)."
        )
    return "\n".join(lines)


def _spread(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}..{spread.high:.{digits}f})"
