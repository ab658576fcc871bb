"""Clients that rules hold, in virtual time: each request from its coming over its turn, its place
in the queue and its work to the last byte of its answer.

It is handed the production parts: the shaper that gives turns, the queue in which a node's requests
wait for places, the node that decides where they go. Around them it does what the data path does:
answers are passed on in slices at the rate of their client's bucket, an endpoint's place is taken
until the last byte, and who has waited for too long is told so. Deterministic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from rl.simulation.kernel import Kernel
from rl.simulation.service import ServiceBehaviour
from rl.simulation.shaping_load import Arrival, Arrivals, ClientLoad
from rl.simulation.shared_link import SharedLink
from rl.simulation.station import Station, Visit
from rl.vocabulary import EndpointStats, Outcome, RequestContext, Verdict

SWEEP_SECONDS = 0.25
"""Who waits is looked after that often, as in the live data path."""

SLICE_BYTES = 64 << 10
"""That go on at once where no rate is given."""

BEGINNING = 100_000.0
"""Monotonic seconds at the first moment: a clock does not begin at 0."""

REFUSED, UNAVAILABLE, TIMED_OUT = 429, 503, 504


class Shaping(Protocol):
    """The part of a shaper that a request drives."""

    def resume(self, turn: Any, now: float) -> None: ...

    def over(
        self,
        turn: Any,
        now: float,
        seconds: float | None = None,
        received: int = 0,
        sent: int = 0,
    ) -> Any: ...

    def sweep(self, now: float) -> None: ...


class Queue(Protocol):
    """Who waits for a place at an endpoint."""

    length: int

    @property
    def full(self) -> bool: ...

    def yields(self, item: Any) -> Any: ...

    def join(self, item: Any, now: float) -> Any: ...

    def leave(self, place: Any, served: bool = False) -> None: ...

    def waiting(self) -> Iterator[Any]: ...

    def expired(self, now: float) -> list[Any]: ...


class Routing(Protocol):
    """The part of a node that a request drives."""

    def route(
        self,
        context: RequestContext,
        request_id: str,
        now: float,
        tried: Collection[str] = (),
        pool: str = "",
    ) -> Any: ...

    def complete(self, attempt: Any, outcome: Outcome, now: float) -> None: ...


Admit = Callable[["Asked", float], Any]
"""The turn of a request that has just come, by the rule of its client; None if none is for it."""


class Asked:
    """One request.

    Attributes:
        load: whose it is.
        arrival: its sizes.
        came: when it came.
        context: what it asks.
        turn: by its client's rule; None without one.
        place: in the queue, while it waits there.
        attempt, started: where it went, and when.
        left: bytes of its answer that have not been sent.
        sent: those that have.
        status: of its answer; 0 until there is one.
        answered_at: when the node had its first byte.
        first_byte: seconds from its coming until its client had that; infinite if it never does.
    """

    __slots__ = (
        "answered_at",
        "arrival",
        "attempt",
        "came",
        "context",
        "first_byte",
        "left",
        "load",
        "place",
        "sent",
        "started",
        "status",
        "turn",
    )

    def __init__(self, load: ClientLoad, arrival: Arrival, now: float) -> None:
        self.load = load
        self.arrival = arrival
        self.came = self.started = self.answered_at = now
        self.context = RequestContext("GET", load.path, "", client=load.address)
        self.turn: Any = None
        self.place: Any = None
        self.attempt: Any = None
        self.left = arrival.answer_bytes
        self.sent = self.status = 0
        self.first_byte = math.inf

    @property
    def share(self) -> Any:
        """Of the endpoints' time, that it takes from; None for the one that all share who have no
        rule. For the queue."""
        return None if self.turn is None else self.turn.client.share


class Parts:
    """What a world is handed.

    Attributes:
        admit, shaping: the shaper; its queue and its node.
        stations: (id, behaviour) of each backend.
        link: that all answers go over.
    """

    __slots__ = ("admit", "link", "node", "queue", "shaping", "stations")

    def __init__(
        self,
        admit: Admit,
        shaping: Shaping,
        queue: Queue,
        node: Routing,
        stations: Sequence[tuple[str, ServiceBehaviour]],
        link: SharedLink,
    ) -> None:
        self.admit = admit
        self.shaping = shaping
        self.queue = queue
        self.node = node
        self.stations = stations
        self.link = link


Ended = Callable[[Asked, float], object]
"""Told of each request at its end, and the time; its ``status`` says how it ended."""


def _nobody(asked: Asked, now: float) -> None:
    """Is told, and does nothing."""


class ShapingWorld:
    """See the module's text.

    Attributes:
        kernel: the clock.
        stations: the backends.
        link: that all answers go over.
        open: each client's requests that are not over, in the order of their coming.
    """

    def __init__(
        self,
        parts: Parts,
        arrivals: Sequence[Arrivals],
        seconds: float,
        ended: Ended = _nobody,
        beginning: float = BEGINNING,
    ) -> None:
        """
        Args:
            arrivals: of each client.
            seconds: until which requests come.
        """
        self.kernel = kernel = Kernel(beginning)
        self.link = parts.link
        self._parts = parts
        self._beginning = beginning
        self._end = seconds
        self._ended = ended
        self._serving = False
        self.stations = [
            Station(id, number, behaviour, kernel, self._answered)
            for number, (id, behaviour) in enumerate(parts.stations)
        ]
        self._by_id: Mapping[str, Station] = {each.id: each for each in self.stations}
        self.open: dict[str, dict[Asked, None]] = {each.load.name: {} for each in arrivals}
        for each in arrivals:
            self._await(each)
        kernel.every(SWEEP_SECONDS, self._sweep)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.kernel.now - self._beginning

    def run_until(self, second: float) -> None:
        """Let time pass until that second."""
        self.kernel.run_until(self._beginning + second)

    def utilization(self, now: float) -> float:
        """Mean share of the stations' slots that were busy lately."""
        found = 0.0
        for station in self.stations:
            station.meter.sample(now)
            found += station.meter.utilization
        return found / len(self.stations)

    # A request's way.

    def _await(self, arrivals: Arrivals) -> None:
        following = arrivals.following(self._end)
        if following is not None:
            at = self._beginning + following.offset
            self.kernel.at(at, self._arrive, (arrivals, following))

    def _arrive(self, one: tuple[Arrivals, Arrival], now: float) -> None:
        arrivals, arrival = one
        self._await(arrivals)
        asked = Asked(arrivals.load, arrival, now)
        self.open[asked.load.name][asked] = None
        turn = asked.turn = self._parts.admit(asked, now)
        if turn is None:
            self._place(asked, now)
            return
        turn.memo = asked
        self._look(asked, now)

    def _look(self, asked: Asked, now: float) -> None:
        """See what has become of its turn."""
        turn = asked.turn
        stage = turn.stage.value
        if stage == "passed":
            self._place(asked, now)
        elif stage == "refused":
            self._over(asked, REFUSED, now)
        else:
            self.kernel.at(max(now, turn.until), self._due, asked)

    def _due(self, asked: Asked, now: float) -> None:
        turn = asked.turn
        if turn.stage.value not in ("delayed", "in_line"):
            return  # it has passed meanwhile, in the stead of one that is over
        self._parts.shaping.resume(turn, now)
        self._look(asked, now)

    def _place(self, asked: Asked, now: float) -> None:
        queue = self._parts.queue
        if queue.length and not self._serving:
            self._serve(now)
        if not queue.length and self._send(asked, now):
            return
        given = queue.yields(asked) if queue.full else None
        lost = asked if given is None else given.item
        if given is not None:
            lost.place = None
            queue.leave(given)
        asked.place = queue.join(asked, now)
        if lost.place is None:
            self._over(lost, UNAVAILABLE, now)

    def _send(self, asked: Asked, now: float) -> bool:
        """To an endpoint, if one has room."""
        turn = asked.turn
        pool = "" if turn is None else turn.client.rule.pool or ""
        attempt = self._parts.node.route(asked.context, "", now, (), pool)
        if attempt is None:
            return False
        asked.attempt = attempt
        asked.started = now
        stats: EndpointStats = attempt.stats
        station = self._by_id[stats.id]
        visit = Visit(
            0, asked.came, asked.context, asked.arrival.quantile, None, asked, (), station
        )
        station.arrive(visit, now)
        return True

    def _serve(self, now: float) -> None:
        """Send those who wait, in order, while there is room."""
        if self._serving:
            return
        self._serving = True
        try:
            while self._serve_one(now):
                pass
        finally:
            self._serving = False

    def _serve_one(self, now: float) -> bool:
        queue = self._parts.queue
        crowded: set[str] = set()
        for asked in queue.waiting():
            pool = "" if asked.turn is None else asked.turn.client.rule.pool or ""
            if pool in crowded:
                continue
            # It leaves first: whoever it is sent to may answer at once.
            place = asked.place
            if self._send(asked, now):
                asked.place = None
                queue.leave(place, served=True)
                return True
            crowded.add(pool)
        return False

    def _sweep(self, now: float) -> None:
        parts = self._parts
        if parts.queue.length:
            self._serve(now)
            for asked in parts.queue.expired(now):
                asked.place = None
                self._over(asked, TIMED_OUT, now)
        parts.shaping.sweep(now)

    # Its answer.

    def _answered(self, visit: Visit, now: float) -> None:
        asked: Asked = visit.attempt
        asked.status = visit.status
        asked.answered_at = now
        if visit.status >= 400:
            asked.left = 0
        # Not within the station's call, which still sees to who comes next.
        self.kernel.at(now, self._more, asked)

    def _more(self, asked: Asked, now: float) -> None:
        """The next slice of its answer, or its end."""
        if asked.sent and asked.first_byte == math.inf:
            asked.first_byte = now - asked.came
        if not asked.left:
            self._complete(asked, now)
            return
        size = min(asked.left, SLICE_BYTES)
        wait = 0.0
        client = None if asked.turn is None else asked.turn.client
        if client is not None and client.down is not None:
            size = min(size, client.slice_down)
            wait = client.down.take(float(size), now)
        if wait:
            self.kernel.at(now + wait, self._slice, (asked, size))
        else:
            self._slice((asked, size), now)

    def _slice(self, one: tuple[Asked, int], now: float) -> None:
        asked, size = one
        asked.left -= size
        asked.sent += size
        self.kernel.at(self.link.send(size, now), self._more, asked)

    def _complete(self, asked: Asked, now: float) -> None:
        verdict = Verdict.SUCCESS if asked.status < 500 else Verdict.FAILURE
        latency = asked.answered_at - asked.started
        self._parts.node.complete(asked.attempt, Outcome(verdict, latency, asked.status), now)
        self._over(asked, asked.status, now)
        if self._parts.queue.length:
            self._serve(now)

    def _over(self, asked: Asked, status: int, now: float) -> None:
        asked.status = status
        turn = asked.turn
        del self.open[asked.load.name][asked]
        if turn is not None:
            seconds = None if asked.attempt is None else now - asked.started
            received = 0 if asked.attempt is None else asked.load.request_bytes
            following = self._parts.shaping.over(turn, now, seconds, received, asked.sent)
            turn.memo = None
            if following is not None and isinstance(following.memo, Asked):
                self.kernel.at(now, self._passed, following.memo)
        self._ended(asked, now)

    def _passed(self, asked: Asked, now: float) -> None:
        """Its turn has come, in the stead of one that is over."""
        self._place(asked, now)
