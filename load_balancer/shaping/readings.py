"""What the agents of adaptive shaping see, from what a node measures: one meter per client that is
looked at, read and begun anew once per interval.

Each request is told of when it is over; a look around at the end of the interval adds what is still
open, so that a transfer of minutes shows while it lasts, and an endpoint that answers nobody does
not look like a quiet one. Percentiles are those of the interval's own requests, by nearest rank.
Knows no clock and no socket.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from math import ceil

from load_balancer.shaping.clients import Client
from rl.shaping.reading import Reading

LATENCIES = 1024
"""That one interval keeps. When they are too many every second one is let go, and from then on
every second one (then every fourth, …) is kept: the percentiles of what came evenly stay."""

CONNECTIONS = 64
"""Of one client, that are asked for their round-trip time in one interval."""

KEPT_INTERVALS = 8
"""For which what was last known of a connection is kept, if it was not asked again."""

ENDPOINTS = 64
"""That one client's requests are remembered to have used in one interval."""


class Ending(Enum):
    """How a request was over."""

    COMPLETED = "completed"
    """Its client got an answer below 500, to the end."""
    FAILED = "failed"
    """It did not, and was not the one who gave up."""
    BROKEN = "broken"
    """The same, and its connection had to be broken off."""
    LEFT = "left"
    """It broke the connection off."""
    REFUSED = "refused"
    """Its rule did not let it pass."""


class Meter:
    """One client, in the present interval.

    Attributes:
        deadline: seconds that its requests may take to their last byte; None for no such target.
        endpoints: ids of those that its requests have used.
    """

    __slots__ = (
        "_asked",
        "_completed",
        "_delayed",
        "_ended",
        "_failed",
        "_interval",
        "_kept",
        "_known",
        "_late",
        "_latencies",
        "_open",
        "_received",
        "_refused",
        "_resets",
        "_retransmitted",
        "_round_trip",
        "_segments",
        "_sent",
        "_shown",
        "_skip",
        "_told_late",
        "_trips",
        "deadline",
        "endpoints",
    )

    def __init__(self) -> None:
        self.deadline: float | None = None
        self._sent = self._received = 0
        self._shown = (0, 0)  # bytes sent and received that earlier readings have told of
        self._open = 0
        self._delayed = 0
        self._told_late = 0  # requests that are open and were late in an earlier reading
        # By connection: segments that were sent again, all that were sent, and when that was so.
        self._known: dict[Hashable, tuple[int, int, int]] = {}
        self._interval = 0
        self._begin()

    def _begin(self) -> None:
        self._ended = self._completed = self._failed = self._resets = self._refused = 0
        self._late = self._retransmitted = self._segments = self._trips = self._asked = 0
        self._round_trip = 0.0
        self._latencies: list[float] = []
        self._kept = 1  # every so many-th
        self._skip = 0
        self.endpoints: set[str] = set()

    def meet(self, client: Client) -> None:
        """The client is this one from now on; what was before counts for nothing."""
        self._delayed = client.tally.delayed
        self._open = client.in_flight + client.delayed + len(client.line)

    def over(
        self, ending: Ending, latency: float, seconds: float, received: int, sent: int
    ) -> None:
        """A request is over.

        Args:
            latency: seconds from its coming to the first byte of its answer.
            seconds: to the last one.
            received, sent: bytes of its body, and of all that its client was sent for it.
        """
        self._ended += 1
        self._received += received
        self._sent += sent
        if ending is Ending.REFUSED:
            self._refused += 1
            return
        if ending is Ending.COMPLETED:
            self._completed += 1
        else:
            self._failed += ending is not Ending.LEFT
            self._resets += ending is not Ending.FAILED
        if self.deadline is not None and seconds > self.deadline:
            if self._told_late:
                self._told_late -= 1  # while it was open
            else:
                self._late += 1
        self._add(latency)

    def used(self, endpoint: str) -> None:
        """A request went to this endpoint."""
        if len(self.endpoints) < ENDPOINTS:
            self.endpoints.add(endpoint)

    def asked(self, connection: Hashable) -> bool:
        """Whether a connection's state is known for this interval, or is not wanted."""
        known = self._known.get(connection)
        return self._asked >= CONNECTIONS or (known is not None and known[2] == self._interval)

    def sampled(
        self, connection: Hashable, round_trip: float, retransmitted: int, segments: int
    ) -> None:
        """What the kernel says of one of its connections, counted since that is there."""
        self._segments_of(connection, retransmitted, segments, (0, 0))
        if round_trip > 0.0:
            self._round_trip += round_trip
            self._trips += 1

    def sampled_endpoint(self, connection: Hashable, retransmitted: int, segments: int) -> None:
        """The same of a connection to an endpoint that works for it. It is not its alone: what was
        sent before counts for nobody."""
        self._segments_of(connection, retransmitted, segments, (retransmitted, segments))

    def _segments_of(
        self, connection: Hashable, retransmitted: int, segments: int, first: tuple[int, int]
    ) -> None:
        known = self._known.get(connection, first)
        self._retransmitted += max(0, retransmitted - known[0])
        self._segments += max(0, segments - known[1])
        self._known[connection] = (retransmitted, segments, self._interval)
        self._asked += 1

    def read(self, client: Client | None, look: Look, seconds: float) -> Reading:
        """The interval that ends now, of so many seconds; another one begins.

        Args:
            client: None while it is not remembered, for it has been idle for so long.
            look: around, at the same moment.
        """
        for age in look.unanswered:
            self._add(age)
        latencies = sorted(self._latencies)
        sent, received = self._sent + look.sent, self._received + look.received
        waiting = in_flight = delayed = 0
        if client is not None:
            waiting = client.delayed + len(client.line) + look.queued
            in_flight = client.in_flight
            delayed = client.tally.delayed
        present = in_flight + waiting - look.queued
        reading = Reading(
            seconds=seconds,
            arrivals=max(0, self._ended + present - self._open),
            completed=self._completed,
            failed=self._failed,
            refused=self._refused,
            # Whose client was forgotten and is known again begins at 0.
            delayed=delayed - self._delayed if delayed >= self._delayed else delayed,
            received_bytes=max(0, received - self._shown[1]),
            sent_bytes=max(0, sent - self._shown[0]),
            resets=self._resets,
            retransmitted=self._retransmitted,
            segments=self._segments,
            round_trip_seconds=self._round_trip / self._trips if self._trips else 0.0,
            endpoint_round_trip_seconds=look.endpoint_round_trip,
            p50_seconds=percentile(latencies, 0.5),
            p95_seconds=percentile(latencies, 0.95),
            waiting=waiting,
            in_flight=in_flight,
            cpu=look.cpu,
            memory=look.memory,
            pressure=look.pressure,
            deadline_missed=self._late + look.late,
        )
        self._told_late += look.late
        self._shown = (sent, received)
        self._open = present
        self._delayed = delayed
        self._interval += 1
        oldest = self._interval - KEPT_INTERVALS
        for connection in [each for each, known in self._known.items() if known[2] < oldest]:
            del self._known[connection]
        self._begin()
        return reading

    def _add(self, latency: float) -> None:
        if self._skip:
            self._skip -= 1
            return
        self._skip = self._kept - 1
        latencies = self._latencies
        latencies.append(latency)
        if len(latencies) >= LATENCIES:
            del latencies[1::2]
            self._kept *= 2
            self._skip = self._kept - 1


class Look:
    """What is open of one client at one moment, and what it goes by.

    Attributes:
        sent, received: bytes so far of requests that are not over.
        queued: requests that have passed and wait for an endpoint.
        unanswered: ages in seconds of requests whose answer has not begun for longer than the
            interval.
        late: requests, of those that are open, that have missed their deadline in this interval.
        endpoint_round_trip: seconds, of the endpoints that it uses; 0 unknown.
        cpu, memory: of these endpoints, from 0 to 1.
        pressure: of the node, from 0 to 1.
    """

    __slots__ = (
        "cpu",
        "endpoint_round_trip",
        "late",
        "memory",
        "pressure",
        "queued",
        "received",
        "sent",
        "unanswered",
    )

    def __init__(self) -> None:
        self.sent = self.received = self.queued = self.late = 0
        self.unanswered: list[float] = []
        self.endpoint_round_trip = self.cpu = self.memory = self.pressure = 0.0


def percentile(ordered: list[float], share: float) -> float:
    """By nearest rank, of what is in order; 0.0 of nothing."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0
