"""Watches over one client's agent: when the client or the others fare worse than they did under the
operator's rule, that is put back for a while.

What is compared is the share of targets missed (of a client that has none, the share of its work
that was not done), as a mean over the last intervals under the agent, with the mean over the last
that the operator's rule was in force: at the beginning (the baseline), and whenever the guard puts
it back. Intervals count for the client's targets while it had less than by the operator's rule, and
for the others' while it had more: nothing else can be the agent's fault. Where agents are
cooperative, what one side gains is set off against what the other loses.

While the operator's rule is in force anew, it shows whether it was the agent: if what was missed
stays missed, the load has changed, and the agent is let in again with the new mean beside it; if it
is better, the agent was at fault, and the next time it is kept out for twice as long.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import isfinite, sqrt


@dataclass(frozen=True, slots=True)
class GuardParameters:
    """How it judges.

    Attributes:
        enabled: whether it does.
        baseline: intervals under the operator's rule before an agent is let in for the first time.
        window: the latest intervals that count.
        evidence: so many are needed under the agent.
        margin: by which the share of missed targets must be larger.
        hold: intervals that the operator's rule is put back for, at first.
        hold_most: and at the most, after being doubled again and again.
    """

    enabled: bool = True
    baseline: int = 5
    window: int = 20
    evidence: int = 8
    margin: float = 0.2
    hold: int = 10
    hold_most: int = 640

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: it names the key.
        """
        if self.baseline < 0:
            raise ValueError(f"baseline: must be 0 or more, not {self.baseline}")
        for name in ("window", "evidence", "hold"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise ValueError(f"{name}: must be 1 to 100000, not {getattr(self, name)}")
        if self.evidence > self.window:
            raise ValueError(f"evidence: {self.evidence} is more than window, {self.window}")
        if self.hold_most < self.hold:
            raise ValueError(f"hold_most: {self.hold_most} is less than hold, {self.hold}")
        if not (isfinite(self.margin) and 0 < self.margin <= 1):
            raise ValueError(f"margin: must be above 0 and at most 1, not {self.margin}")


SETTLING = 2
"""Intervals after the operator's rule was put back that say nothing of it: what waited still waits,
and what was held back comes all at once."""

FADING = 120.0
"""Intervals in which what is known of the operator's rule shrinks by half. An agent that misses
targets where that rule is believed to miss none is put to the test again, so that a belief of worse
times does not excuse it for ever."""

BASELINE, AGENT, GUARD = "baseline", "agent", "guard"


class Guard:
    """See the module's text.

    Attributes:
        held_by: who sets the rule now: ``baseline`` and ``guard`` are the operator.
        reason: why the guard has put the operator's rule back, as a part of a sentence; "" else.
        trips: how often it has.
    """

    __slots__ = (
        "_agent",
        "_at_trip",
        "_base",
        "_base_age",
        "_cooperative",
        "_count",
        "_hold",
        "_parameters",
        "held_by",
        "reason",
        "trips",
    )

    def __init__(self, parameters: GuardParameters, cooperative: bool = True) -> None:
        self._cooperative = cooperative
        self._parameters = parameters
        self._hold = parameters.hold
        self._base = _Seen(parameters.window)
        self._agent = _Seen(parameters.window)
        self._at_trip = 0, 0.0
        self._base_age = self._count = self.trips = 0
        self.reason = ""
        watches = parameters.enabled and parameters.baseline
        self.held_by = BASELINE if watches else AGENT

    def judge(self, own: float, others: float, less: bool = True, more: bool = True) -> str:
        """An interval is over, under whoever ``held_by`` was.

        Args:
            own, others: share of the targets that were missed, the client's and all others', each 0
                to 1, and as the weights of both are.
            less, more: whether the setting that was in force gives the client less, or more, than
                the operator's rule. What gives it more is not why its own targets are missed, and
                what gives it less is not why those of others are.

        Returns:
            Who sets the rule from now on.
        """
        if not self._parameters.enabled:
            return self.held_by
        self._count += 1
        if self.held_by == AGENT:
            self._watch(own, others, less, more)
        elif self.held_by == BASELINE:
            self._base.add(own, others)
            if self._count >= self._parameters.baseline:
                self._let_in()
        else:
            self._try(own, others)
        return self.held_by

    def _watch(self, own: float, others: float, less: bool, more: bool) -> None:
        self._base_age += 1
        self._agent.add(own, others, less, more)
        faded = 0.5 ** (self._base_age / FADING)
        for place in (OWN, OTHERS):
            count, found = self._agent.blamed(place)
            if count >= self._parameters.evidence:
                doubt = sqrt(found * (1.0 - found) / count)
                if self._worse(place, found, faded) > self._parameters.margin + doubt:
                    self._trip(place, count, found, faded)
                    return

    def _worse(self, place: int, found: float, faded: float = 1.0) -> float:
        """By how much more is missed under the agent."""
        worse = found - faded * self._base.mean(place)
        if self._cooperative:
            gain = faded * self._base.mean(1 - place) - self._agent.mean(1 - place)
            worse -= max(0.0, gain)
        return worse

    def _trip(self, place: int, count: int, found: float, faded: float) -> None:
        if self._count > 10 * self._hold:
            self._hold = self._parameters.hold  # it did well for long
        self.trips += 1
        self.held_by = GUARD
        self.reason = (
            f"{_WANTED[place]} was missed by {found:.0%} in the last {count} intervals "
            f"that the agent can be blamed for, and by {faded * self._base.mean(place):.0%} under "
            "the operator's rule, as far as is known"
        )
        self._at_trip = place, found
        self._base.clear()
        self._count = 0

    def _try(self, own: float, others: float) -> None:
        if self._count > SETTLING:
            self._base.add(own, others)
        if len(self._base.figures) < self._parameters.evidence // 2 + 1:
            return
        if self._worse(*self._at_trip) <= self._parameters.margin / 2:
            self._let_in()  # it is no better without the agent
        elif self._count >= self._hold:
            self._hold = min(self._parameters.hold_most, 2 * self._hold)
            self._let_in()

    def _let_in(self) -> None:
        self.held_by, self.reason = AGENT, ""
        self._agent.clear()
        self._base_age = self._count = 0


OWN, OTHERS = 0, 1
_WANTED = ("what the client wants", "what others want")


class _Seen:
    """Of the latest intervals under one of both: the share missed of the client's targets and of
    the others', and whether the agent can be blamed for either."""

    __slots__ = ("figures",)

    def __init__(self, window: int) -> None:
        self.figures: deque[tuple[float, float, bool, bool]] = deque(maxlen=window)

    def add(self, own: float, others: float, less: bool = True, more: bool = True) -> None:
        self.figures.append((own, others, less, more))

    def mean(self, place: int) -> float:
        """0 where nothing was seen: the operator's rule is believed to miss nothing."""
        figures = self.figures
        return sum(each[place] for each in figures) / len(figures) if figures else 0.0

    def blamed(self, place: int) -> tuple[int, float]:
        """Of those that the agent can be blamed for: how many, and the mean."""
        found = [each[place] for each in self.figures if each[2 + place]]
        return len(found), sum(found) / len(found) if found else 0.0

    def clear(self) -> None:
        self.figures.clear()
