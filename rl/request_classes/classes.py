"""Request classes found by themselves: requests that cost alike share a class, whatever they are.

Every kind of request (see ``kinds``) begins in class 0, or in the class of its nearest
kin. Evidence that it costs other than the rest of its class (see ``evidence``) moves it to
the class that it is most like, or to a new one; classes that turn out equal are merged. So a kind
that is seen once costs nothing, and a hundred routes that cost the same remain one class. What a
class costs, and what of that is the endpoint's doing, is for the learner to know; it is told here
what the learner predicted and how far off that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, inf, log
from typing import Final

from rl.request_classes.change import Change as Change
from rl.request_classes.evidence import LARGEST, OTHERS, SLOTS, Evidence, weighted_mean
from rl.request_classes.kinds import Kind, Kinds
from rl.request_classes.levels import FAST, SLOW, SMALLEST_EFFECT, Levels, equal
from rl.request_classes.state import bounded, read_classes, stored_state
from rl.vocabulary import JSON, Parameters, RequestContext

MOST_APART: Final = 100.0
"""Times that one part of a class may cost what another does, for others to believe it."""

FIRST_LOOK: Final = 8
"""Samples of a kind before it is judged."""

LONGEST_LOOK: Final = 4096
"""Samples without a finding, after which its evidence begins anew: a route may change."""

ERROR_RATE: Final = 1e-5
"""The chance that a kind that costs the same is ever found to differ, if deviations were normal and
their variance known; with what services are like it is some times that."""

LARGEST_SHARE: Final = 0.9

TIDIED_EVERY: Final = 256
FOLDED_EVERY: Final = 4096
"""Samples between two looks at whether classes are equal, and at words that are not asked for."""

FORGOTTEN_SECONDS: Final = 600.0
"""A class unseen for so long gives its number to another one, if there is no other left."""

SLOT_SECONDS: Final = 60.0
"""An endpoint unheard of for so long gives its slot to another one."""


class RequestClasses:
    """The classes of one learner.

    Attributes:
        kind: gives a request's kind, whose ``number`` is that of its class. Who serves the request
            adds 1 to the kind's ``seen``.
    """

    def __init__(self, most: int = 16, most_kinds: int = 1024, most_paths: int = 8192) -> None:
        """
        Args:
            most: classes at the most.
            most_kinds, most_paths: as in ``Kinds``.
        """
        if most < 1:
            raise ValueError(f"most: must be 1 or more, not {most}")
        self._most = most
        self._bounds = most_kinds, most_paths
        self._start()

    def _start(self) -> None:
        self._kinds = Kinds(*self._bounds)
        self.kind = self._kinds.of
        self._classes: list[Levels | None] = [Levels()] + [None] * (self._most - 1)
        self._evidence: dict[Kind, Evidence] = {}
        self._slots: dict[str, int] = {}
        self._heard = [-inf] * SLOTS
        self._vacant = SLOTS
        self._owners: list[str | None] = [None] * SLOTS
        self._samples = 0
        self._compared = 0

    def number(self, request: RequestContext) -> int:
        """The number of a request's class, for who asks and does not serve it."""
        return self._kinds.of(request).number

    def learn(
        self,
        number: int,
        kind: Kind,
        endpoint_id: str,
        ratio: float,
        now: float,
        service: float,
    ) -> Change | None:
        """One request has been served well.

        Args:
            number: of the class that its kind belonged to when it was sent.
            kind: as it was then.
            ratio: what it took to what was predicted, without waiting.
            service: seconds that were predicted for its class at this endpoint.

        Returns:
            None almost always.
        """
        if kind.number != number or kind.gone:
            return None  # the classes have changed since
        mine = self._classes[number]
        took = ratio * service
        if mine is None or not (0.0 < took < inf and service > 0.0):
            return None
        slot = self._slots.get(endpoint_id)
        if slot is None:
            slot = self._take_slot(endpoint_id) if self._vacant else OTHERS
        if slot == OTHERS:
            value = log(ratio)
        else:
            value = log(took)
            self._heard[slot] = now
        mine.last = now
        mine.services[slot] = service
        counts, present, levels = mine.counts, mine.now, mine.levels
        seen = counts[slot]
        counts[slot] = seen + 1
        if not seen:
            present[slot] = levels[slot] = value
        else:
            # The first at an endpoint is no evidence, of any kind.
            mine.total += 1
            deviation = value - present[slot]
            if deviation > LARGEST:
                deviation = LARGEST
            elif deviation < -LARGEST:
                deviation = -LARGEST
            level = levels[slot]
            present[slot] += deviation * (FAST if seen > 31 else 1.0 / (seen + 1))
            levels[slot] = level + (value - level) * (SLOW if seen > 511 else 1.0 / (seen + 1))
            variance = mine.variance
            mine.variance = variance + (deviation * deviation - variance) * FAST
            evidence = self._evidence.get(kind)
            if evidence is None:
                evidence = self._evidence[kind] = Evidence(mine.total - 1, FIRST_LOOK)
            if evidence.add(slot, deviation):
                change = self._judge(kind, evidence, mine, now)
                if change is not None:
                    return change
        self._samples += 1
        if not self._samples % TIDIED_EVERY:
            return self._tidy(now)
        return None

    def label(self, number: int) -> str:
        """A class in a person's words: its kind that is asked for most, and how many more."""
        mine = [kind for kind in self._kinds if kind.number == number]
        if not mine:
            return f"class {number}"
        most = max(mine, key=lambda kind: kind.seen).label
        return most if len(mine) == 1 else f"{most} and {len(mine) - 1} more"

    def numbers(self) -> list[int]:
        """Those in use; 0 always is."""
        return [number for number, each in enumerate(self._classes) if each is not None]

    def template(self, request: RequestContext) -> str:
        """The kind of a request in a person's words."""
        return self._kinds.of(request).label

    # Endpoints.

    def _take_slot(self, endpoint_id: str) -> int:
        slot = self._owners.index(None)
        self._owners[slot] = endpoint_id
        self._slots[endpoint_id] = slot
        self._vacant -= 1
        return slot

    def _free_slots(self, now: float) -> None:
        for slot, owner in enumerate(self._owners):
            if owner is not None and self._heard[slot] < now - SLOT_SECONDS:
                self._owners[slot] = None
                self._vacant += 1
                del self._slots[owner]
                for each in self._classes:
                    if each is not None:
                        each.forget(slot)
                for evidence in self._evidence.values():
                    evidence.forget(slot)

    # Judging.

    def _judge(self, kind: Kind, evidence: Evidence, mine: Levels, now: float) -> Change | None:
        evidence.next = evidence.total + 1 + evidence.total // 8
        variance = evidence.variance(mine.variance)
        if evidence.against(variance) < -log(ERROR_RATE):
            if evidence.total > LONGEST_LOOK:
                del self._evidence[kind]
            return None
        share = evidence.total / max(1, mine.total - evidence.since)
        effect = evidence.effect(variance, share)
        # Who is nearly all of its class does not differ from it; the rest does.
        if share > LARGEST_SHARE or effect < SMALLEST_EFFECT:
            return None
        nearest, distance = self._nearest(kind.number, evidence, mine, variance)
        if distance < SMALLEST_EFFECT:
            self._move(kind, nearest)
            return None
        if None in self._classes:
            return self._split(kind, evidence, mine, now)
        for known in self._classes:
            if known is not None and known.last == -inf:
                known.last = now  # it comes from an earlier life
        old = min(
            (each for each in self.numbers() if each and each != kind.number),
            key=self._last,
            default=0,
        )
        if old and self._last(old) < now - FORGOTTEN_SECONDS:
            return self._merge(0, old)
        if distance < effect / 2:
            self._move(kind, nearest)
        return None

    def _last(self, number: int) -> float:
        each = self._classes[number]
        return inf if each is None else each.last

    def _nearest(
        self, own: int, evidence: Evidence, mine: Levels, variance: float
    ) -> tuple[int, float]:
        """The class that costs most like a kind, and how far it is from that."""
        found, closest = own, inf
        slots = [slot for slot in evidence.used() if slot != OTHERS]
        for number, other in enumerate(self._classes):
            if other is None or number == own:
                continue
            square = weight = noise = 0.0
            for slot in slots:
                if other.counts[slot] and mine.counts[slot]:
                    n = evidence.counts[slot]
                    apart = mine.now[slot] + evidence.means[slot] - other.levels[slot]
                    square += n * apart * apart
                    noise += variance + n * other.variance / min(other.counts[slot], 512)
                    weight += n
            if 2 * weight >= evidence.total:
                distance = (max(0.0, square - noise) / weight) ** 0.5
                if distance < closest:
                    found, closest = number, distance
        return found, closest

    def _move(self, kind: Kind, number: int) -> None:
        before, kind.number = kind.number, number
        self._evidence.pop(kind, None)
        self._anew(before)
        left = self._classes[before]
        assert left is not None
        # Its level was that of others as well.
        left.levels = left.now.copy()
        left.counts = [min(each, int(1 / FAST)) for each in left.counts]

    def _split(self, kind: Kind, evidence: Evidence, mine: Levels, now: float) -> Change:
        kept = kind.number
        other = self._classes.index(None)
        rest = [
            each
            for each_kind, each in self._evidence.items()
            if each_kind.number == kept and each_kind is not kind
        ]
        new = self._classes[other] = Levels()
        new.last = now
        known: dict[str, tuple[float, float, float]] = {}
        spread = evidence.variance(mine.variance)
        ratios: list[tuple[float, float, int]] = []
        for slot in range(SLOTS + 1):
            if not mine.counts[slot]:
                continue
            remains = weighted_mean((each.means[slot], each.counts[slot]) for each in rest)
            kept_level = mine.now[slot] + remains
            other_level = mine.now[slot] + evidence.means[slot]
            samples = evidence.counts[slot]
            if samples:
                # Levels are means of logarithms; what is to be predicted is a mean.
                kept_value = exp(bounded(kept_level + spread / 2))
                other_value = exp(bounded(other_level + spread / 2))
                owner = None if slot == OTHERS else self._owners[slot]
                before = 1.0 if owner is None else mine.services[slot]
                if owner is not None:
                    known[owner] = before, kept_value, other_value
                # Of an endpoint that misjudged the class altogether others learn nothing.
                least, most = before / MOST_APART, before * MOST_APART
                if least < kept_value < most and least < other_value < most:
                    ratios.append((kept_value / before, other_value / before, samples))
                new.counts[slot] = 1
                new.now[slot] = new.levels[slot] = other_level
                new.services[slot] = mine.services[slot]
            mine.now[slot] = mine.levels[slot] = kept_level
            mine.counts[slot] = min(mine.counts[slot], FIRST_LOOK)
        new.variance = mine.variance = spread
        kind.number = other
        del self._evidence[kind]
        self._anew(kept)
        pooled = 1.0, 1.0
        if ratios:
            pooled = (
                weighted_mean((each, samples) for each, _, samples in ratios),
                weighted_mean((each, samples) for _, each, samples in ratios),
            )
        return Change(True, kept, other, known, pooled)

    def _anew(self, number: int) -> None:
        """What the kinds of this class are measured from has changed."""
        for kind in [each for each in self._evidence if each.number == number]:
            del self._evidence[kind]

    def _merge(self, kept: int, other: int) -> Change:
        for kind in self._kinds:
            if kind.number == other:
                kind.number = kept
        self._classes[other] = None
        self._anew(kept)
        return Change(False, kept, other)

    def _tidy(self, now: float) -> Change | None:
        self._free_slots(now)
        if not self._samples % FOLDED_EVERY:
            self._kinds.tidy()
        gone = [kind for kind in self._evidence if kind.gone]
        for kind in gone:
            del self._evidence[kind]
        self._compared = (self._compared + 1) % self._most
        one = self._classes[self._compared]
        if one is None:
            return None
        for number, other in enumerate(self._classes):
            if other is not None and number != self._compared and equal(one, other):
                return self._merge(min(number, self._compared), max(number, self._compared))
        return None

    # What is kept.

    def parameters(self) -> Parameters:
        """The classes and who belongs to them, as plain data."""
        classes = []
        for number in self.numbers():
            each = self._classes[number]
            assert each is not None
            levels = {
                owner: (each.levels[slot], each.counts[slot])
                for slot, owner in enumerate(self._owners)
                if owner is not None and each.counts[slot]
            }
            classes.append((number, each.variance, levels))
        return stored_state(classes, [(kind.words, kind.number, kind.seen) for kind in self._kinds])

    def load(self, parameters: Mapping[str, JSON]) -> None:
        """Take up what ``parameters`` gave. Classes beyond the most that there may be become part
        of class 0.

        Raises:
            ValueError: the data are of another version or malformed; nothing was changed.
        """
        classes, kinds = read_classes(parameters)
        self._start()
        for index, variance, levels in classes:
            if index >= self._most:
                continue
            each = self._classes[index] = Levels()
            each.variance = variance
            for endpoint_id, (level, samples) in levels.items():
                slot = self._slots.get(endpoint_id, OTHERS)
                if slot == OTHERS and self._vacant:
                    slot = self._take_slot(endpoint_id)
                if slot != OTHERS:
                    each.levels[slot] = each.now[slot] = level
                    each.services[slot] = exp(bounded(level))
                    each.counts[slot] = min(samples, 512)
        for words, index, seen in kinds[: self._bounds[0]]:
            known = index < self._most and self._classes[index] is not None
            self._kinds.put(words, index if known else 0, seen)
