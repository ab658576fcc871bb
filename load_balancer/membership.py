"""Which endpoints there are: what several sources want, made one list and applied.

A source (the configuration, a watched file, a name in the DNS, the operator) says which endpoints
it wants; every time it does, the difference to what is there is applied: newcomers join, what
changed is changed, and who is wanted no more is drained. The operator has the last word: what the
admin port adds stands before what the same id is elsewhere, and who was drained or removed there
stays out until the operator adds it again or its source has stopped wanting it.

Pure: whoever must know of a change is told by ``Watcher``; words for the operator go to ``say``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, EndpointStats

OPERATOR = "admin"
"""The source that stands before all others."""

NAMED_IN_A_MESSAGE = 5


def _ignore(_: object) -> None:
    """Nothing is kept by endpoint."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who keeps something by endpoint, and wants to know of a change.

    Attributes:
        joined: it may be given requests from now on; it may have been here before.
        left: it is no longer in the table; requests to it may still be in flight.
        emptied: it left, and none is in flight any more; its id may be another one's by now.
        forgotten: the id of one that left long ago; nothing need be kept of it.
    """

    joined: Callable[[EndpointStats], None] = _ignore
    left: Callable[[EndpointStats], None] = _ignore
    emptied: Callable[[EndpointStats], None] = _ignore
    forgotten: Callable[[str], None] = _ignore


class Change:
    """What one call has changed, by id.

    Attributes:
        joined, left: came, and went or began to drain.
        changed: have another weight, other tags or domains.
    """

    __slots__ = ("changed", "joined", "left")

    def __init__(self) -> None:
        self.joined: list[str] = []
        self.left: list[str] = []
        self.changed: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.joined or self.left or self.changed)

    def __str__(self) -> str:
        parts = [
            f"{word} {_shown(ids)}"
            for word, ids in (
                ("joined", self.joined),
                ("left", self.left),
                ("changed", self.changed),
            )
            if ids
        ]
        return "; ".join(parts) or "nothing changed"


class Membership:
    """The endpoints of one node, as its sources want them.

    Attributes:
        table: what they are applied to.
        changes: how many endpoints joined, left and changed so far.
    """

    def __init__(
        self,
        table: EndpointTable,
        watchers: Sequence[Watcher],
        refresh: Callable[[], None],
        say: Callable[[str], None],
        most: int,
        sources: Sequence[str] = (),
        changes: dict[str, int] | None = None,
        fits: Callable[[Endpoint], None] = _ignore,
    ) -> None:
        """
        Args:
            refresh: called once after each change of who may be given requests.
            say: takes one line for the operator.
            most: endpoints at the most, over all sources.
            sources: in their order: where two want the same id the first counts. One that is not
                named here comes last.
            changes: where joined, left and changed are counted.
            fits: raises ValueError for an endpoint that cannot be reached as it says.
        """
        self.table = table
        self.changes = {"joined": 0, "left": 0, "changed": 0} if changes is None else changes
        self._watchers = watchers
        self._refresh = refresh
        self._say = say
        self._most = most
        self._fits = fits
        self._of_operator: dict[str, Endpoint] = {}
        self._wanted: dict[str, dict[str, Endpoint]] = {source: {} for source in sources}
        # What the operator has said of what other sources want.
        self._out: set[str] = set()
        self._weights: dict[str, float] = {}
        # Removed or moved while requests were in flight.
        self._leaving: list[EndpointStats] = []

    def apply(self, source: str, endpoints: Iterable[Endpoint]) -> Change:
        """All that ``source`` wants now; what it wanted before and does not name leaves.

        Raises:
            ValueError: an id stands twice, one does not fit, or there would be too many; nothing
                was changed.
        """
        wanted = self.check(source, endpoints)
        before = self._wanted.get(source, {})
        self._wanted[source] = wanted
        # Who comes back to its source is judged anew.
        for id in before.keys() - wanted.keys():
            if not self._source_of(id):
                self._out.discard(id)
                self._weights.pop(id, None)
        return self._settle_difference(source)

    def check(self, source: str, endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
        """What ``apply`` would take, by id; changes nothing.

        Raises:
            ValueError: as ``apply``.
        """
        wanted = self._checked(endpoints)
        self._check_number({**self._wanted, source: wanted, OPERATOR: self._of_operator})
        return wanted

    def add(self, endpoints: Iterable[Endpoint]) -> Change:
        """The operator's: each is added, or replaces who has its id.

        Raises:
            ValueError: an id stands twice, one does not fit, or there would be too many; nothing
                was changed.
        """
        added = self._checked(endpoints)
        wanted = self._of_operator | added
        self._check_number({**self._wanted, OPERATOR: wanted})
        self._of_operator = wanted
        self._out -= added.keys()
        for id in added:
            self._weights.pop(id, None)
        return self._settle_difference(OPERATOR)

    def drain(self, id: str) -> None:
        """The operator's: no new requests; it leaves when its last one is over.

        Raises:
            KeyError: there is no such endpoint.
        """
        self.table[id]
        self._hold_out(id)
        self._settle_difference(OPERATOR)

    def remove(self, id: str) -> None:
        """The operator's: it leaves at once, and nobody waits for its requests in flight, which go
        on all the same.

        Raises:
            KeyError: there is no such endpoint.
        """
        self.table[id]
        self._hold_out(id)
        change = Change()
        if id not in self.table.draining:
            change.left.append(id)
        self._remove(id)
        self._tell(OPERATOR, change)

    def weigh(self, id: str, weight: float) -> None:
        """The operator's: another weight, whatever its source says, as long as it is wanted.

        Raises:
            KeyError: there is no such endpoint, or it drains.
        """
        if id in self.table.draining:
            raise KeyError(id)
        self.table[id]
        self._weights[id] = weight
        self._settle_difference(OPERATOR)

    def source(self, id: str) -> str:
        """Whose an endpoint is; "" for one that nobody wants any more and that drains."""
        return "" if id in self._out else self._source_of(id)

    def settle(self) -> None:
        """Let those leave whose last request is over. For a timer: costs nothing with nobody on
        the way out."""
        if self.table.draining:
            for id in self.table.settled():
                self._remove(id)
        if self._leaving:
            over = [stats for stats in self._leaving if not stats.in_flight]
            self._leaving = [stats for stats in self._leaving if stats.in_flight]
            for stats in over:
                self._emptied(stats)

    # What is wanted, and what is there.

    def _desired(self) -> dict[str, Endpoint]:
        """In the order of the sources, so that who comes back comes back to its place."""
        desired: dict[str, Endpoint] = {}
        for wanted in (*self._wanted.values(), self._of_operator):
            for id, endpoint in wanted.items():
                if id not in desired and id not in self._out:
                    endpoint = self._of_operator.get(id, endpoint)
                    weight = self._weights.get(id)
                    if weight is not None:
                        endpoint = replace(endpoint, weight=weight)
                    desired[id] = endpoint
        return desired

    def _source_of(self, id: str) -> str:
        if id in self._of_operator:
            return OPERATOR
        return next((source for source, wanted in self._wanted.items() if id in wanted), "")

    def _hold_out(self, id: str) -> None:
        self._of_operator.pop(id, None)
        self._weights.pop(id, None)
        if self._source_of(id):
            self._out.add(id)

    def _checked(self, endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
        found = _by_id(endpoints)
        for endpoint in found.values():
            self._fits(endpoint)
        return found

    def _check_number(self, wanted: Mapping[str, Mapping[str, Endpoint]]) -> None:
        number = len(set().union(*wanted.values()))
        if number > self._most:
            raise ValueError(
                f"{number} endpoints are more than the {self._most} of discovery.max_endpoints"
            )

    def _settle_difference(self, source: str) -> Change:
        table = self.table
        desired = self._desired()
        change = Change()
        for stats in list(table.all):
            wanted = desired.get(stats.id)
            if wanted is None:
                change.left.append(stats.id)
                table.drain(stats.id)
            elif wanted != stats.endpoint:
                change.changed.append(stats.id)
                self._change(stats, wanted)
        for id, endpoint in desired.items():
            if id not in table:
                change.joined.append(id)
                self._join(endpoint)
            elif id in table.draining:
                change.joined.append(id)
                stats = table[id]
                table.resume(id)
                if stats.endpoint != endpoint:
                    self._change(stats, endpoint)
        table.arrange(desired)
        self._tell(source, change)
        return change

    def _change(self, stats: EndpointStats, endpoint: Endpoint) -> None:
        try:
            self.table.change(endpoint)
        except ValueError:  # another place: another endpoint under the same id
            self._remove(stats.id)
            self._join(endpoint)

    def _join(self, endpoint: Endpoint) -> None:
        stats = self.table.join(endpoint)
        for watcher in self._watchers:
            watcher.joined(stats)

    def _remove(self, id: str) -> None:
        stats = self.table[id]
        forgotten = self.table.remove(id)
        for watcher in self._watchers:
            watcher.left(stats)
        if stats.in_flight:
            self._leaving.append(stats)
        else:
            self._emptied(stats)
        for each in forgotten:
            for watcher in self._watchers:
                watcher.forgotten(each)

    def _emptied(self, stats: EndpointStats) -> None:
        for watcher in self._watchers:
            watcher.emptied(stats)

    def _tell(self, source: str, change: Change) -> None:
        if change:
            self._refresh()
            self.changes["joined"] += len(change.joined)
            self.changes["left"] += len(change.left)
            self.changes["changed"] += len(change.changed)
            self._say(f"endpoints from {source}: {change}; now {len(self.table.all)}")
        self.settle()


def _by_id(endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
    found: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        if endpoint.id in found:
            raise ValueError(f"two endpoints have the id {endpoint.id!r}")
        found[endpoint.id] = endpoint
    return found


def _shown(ids: Sequence[str]) -> str:
    more = len(ids) - NAMED_IN_A_MESSAGE
    shown = ", ".join(ids[:NAMED_IN_A_MESSAGE])
    return f"{shown} and {more} more" if more > 0 else shown
