"""The clients that rules hold, each with its buckets, and the bounded table of them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from config.shaping import Rule
from load_balancer.shaping.buckets import BURST_SECONDS, Bucket, changed
from load_balancer.shaping.fair_queue import Share
from load_balancer.shaping.rate_limit import policy

if TYPE_CHECKING:
    from load_balancer.shaping.readings import Meter
    from load_balancer.shaping.turns import Turn

LARGEST_SLICE = 64 << 10
"""Bytes that go on at once at any rate; what a socket's buffer takes."""

SMALLEST_SLICE = 512
"""And at least so many: at 10 kB/s that is twenty times a second."""

LOOKED_AT = 8
"""Of the clients that were seen least recently, the first without requests makes room."""


class Lane(NamedTuple):
    """How an endpoint is reached for a client; None is as for everybody."""

    dscp: int | None
    source: str | None
    interface: str | None


class Tally:
    """What was counted, of a client or of a rule.

    Attributes:
        passed: requests that went on, those included that were ``delayed`` first.
        delay: seconds that those were held, in all.
        refused: requests, by reason.
        received, sent: bytes of bodies from clients, and of whole answers to them.
    """

    __slots__ = ("delay", "delayed", "passed", "received", "refused", "sent")

    def __init__(self) -> None:
        self.passed = self.delayed = self.received = self.sent = 0
        self.delay = 0.0
        self.refused: dict[str, int] = {}


class Client:
    """One client.

    Attributes:
        name: whoever looks at it knows it by.
        rule: in force for it; another one by ``apply``.
        requests, up, down: its buckets; None is no bound.
        slice_up, slice_down: bytes that go on at once.
        in_flight: requests that have passed and are not over.
        line: turns that wait until that is less, in order.
        delayed: turns that wait for their time.
        share: of the endpoints' time.
        lane: how they are reached.
        meter: of a client that is looked at, by its agent or because it has told its targets.
        policy: its RateLimit-Policy field's value.
        seen: when a request of it came or ended.
    """

    __slots__ = (
        "delayed",
        "down",
        "in_flight",
        "lane",
        "line",
        "meter",
        "name",
        "of_rule",
        "policy",
        "requests",
        "rule",
        "seen",
        "share",
        "slice_down",
        "slice_up",
        "tally",
        "up",
    )

    rule: Rule

    def __init__(self, name: str, rule: Rule, of_rule: Tally, now: float) -> None:
        self.name = name
        self.tally = Tally()
        self.requests: Bucket | None = None
        self.up: Bucket | None = None
        self.down: Bucket | None = None
        self.in_flight = self.delayed = 0
        self.line: deque[Turn] = deque()
        self.share = Share()
        self.meter: Meter | None = None
        self.apply(rule, of_rule, now)

    def apply(self, rule: Rule, of_rule: Tally, now: float) -> None:
        """Hold it by another rule from now on. What its buckets owe stays owed."""
        self.rule = rule
        self.of_rule = of_rule
        self.seen = now
        self.requests = changed(self.requests, rule.requests_per_second, rule.burst, now)
        self.up, self.slice_up = _bytes(self.up, rule.upload_bytes_per_second, now)
        self.down, self.slice_down = _bytes(self.down, rule.download_bytes_per_second, now)
        self.share.weight = rule.weight
        source = None if rule.source_address is None else str(rule.source_address)
        lane = Lane(rule.dscp, source, rule.interface)
        self.lane = None if lane == (None, None, None) else lane
        self.policy = policy(rule)

    @property
    def busy(self) -> bool:
        """Requests of it are under way or wait."""
        return bool(self.in_flight or self.delayed or self.line)

    def has_room(self) -> bool:
        """One more request may be in flight."""
        most = self.rule.in_flight
        return most is None or self.in_flight < most


def _bytes(bucket: Bucket | None, rate: float | None, now: float) -> tuple[Bucket | None, int]:
    if rate is None:
        return None, 0
    size = max(SMALLEST_SLICE, min(LARGEST_SLICE, int(rate * 0.01)))
    return changed(bucket, rate, max(float(size), rate * BURST_SECONDS), now), size


class ClientTable:
    """The clients that were seen last, so many at the most, and none for longer than it is of use.

    Attributes:
        most, idle_seconds: its bounds.
        forgotten: clients that had to make room while they were still remembered.
    """

    __slots__ = ("_clients", "forgotten", "idle_seconds", "most")

    def __init__(self, most: int, idle_seconds: float) -> None:
        self._clients: OrderedDict[str, Client] = OrderedDict()
        self.most = most
        self.idle_seconds = idle_seconds
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        """Those seen least recently first."""
        return iter(self._clients.values())

    def get(self, name: str) -> Client | None:
        """One of them, as it is."""
        return self._clients.get(name)

    def find(self, name: str, rule: Rule, of_rule: Tally, now: float) -> Client:
        """The client of this name, which is seen now."""
        client = self._clients.get(name)
        if client is None:
            while len(self._clients) >= self.most:
                self._make_room()
            client = self._clients[name] = Client(name, rule, of_rule, now)
        else:
            self._clients.move_to_end(name)
            client.seen = now
        return client

    def remove(self, name: str) -> None:
        """Forget a client. What is under way of it ends as it began."""
        self._clients.pop(name, None)

    def sweep(self, now: float) -> None:
        """Forget who has been idle for too long; so many that are busy are passed over."""
        limit = now - self.idle_seconds
        passed = 0
        gone = []
        for client in self._clients.values():
            if client.seen > limit or passed > LOOKED_AT:
                break
            if client.busy:
                passed += 1
            else:
                gone.append(client.name)
        for name in gone:
            del self._clients[name]

    def _make_room(self) -> None:
        self.forgotten += 1
        oldest = ""
        for number, client in enumerate(self._clients.values()):
            oldest = oldest or client.name
            if not client.busy:
                oldest = client.name
                break
            if number >= LOOKED_AT:
                break
        del self._clients[oldest]
