"""Adaptive shaping on the data path: what is measured of the clients that have agents, and the
interval at whose end these are told.

Only their requests and connections are looked at. Once per interval one pass over the open
connections finds what is under way, and asks the kernel about so many of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from config.adaptive import AdaptiveShaping
from load_balancer.adaptive.settings import settings_of
from load_balancer.forwarding.tcp_info import tcp_info
from load_balancer.shaping.adaptive import Adaptive
from load_balancer.shaping.readings import Ending, Look, Meter
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping.turns import Stage, Turn
from metrics import access_record
from metrics.access_record import CLIENT_BODY, CLIENT_READ, CLIENT_WAIT
from rl.shaping.reading import Reading

if TYPE_CHECKING:
    from load_balancer.adaptive.agents_log import AgentsLog
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.listener import Listener

MOST_ASKED = 1024
"""Connections of all clients together that are asked about in one interval, at 2 to 4 µs each."""

AGENTS_A_TURN = 4
"""That act one after the other, at 50 to 150 µs each, before requests are served again."""

TURN_SECONDS = 0.001

KEPT_ASKED = 2
"""Idle connections of each endpoint and lane that are asked for their round-trip time."""

_LEFT = frozenset({CLIENT_BODY, CLIENT_WAIT, CLIENT_READ})


def measure(
    meter: Meter, exchange: Exchange, turn: Turn, termination: str, status: int, now: float
) -> None:
    """A request of a client that is looked at is over."""
    first = exchange.first_byte_at
    body = exchange.body
    meter.over(
        _ending(turn, termination, status),
        (first if first >= 0.0 else now) - turn.since,
        now - turn.since,
        0 if body is None else body.received,
        exchange.sent_bytes,
    )
    if exchange.attempt is not None:
        meter.used(exchange.attempt.stats.id)
    client = exchange.client
    if not meter.asked(client):
        # It may be gone at the end of the interval.
        _ask(meter, client)


def _ending(turn: Turn, termination: str, status: int) -> Ending:
    if turn.stage is Stage.REFUSED:
        return Ending.REFUSED
    if termination in _LEFT:
        return Ending.LEFT
    if termination in access_record.CUT:
        return Ending.BROKEN
    return Ending.COMPLETED if 0 < status < 500 else Ending.FAILED


def _ask(meter: Meter, client: ClientConnection) -> None:
    info = tcp_info(client.transport)
    if info is not None:
        meter.sampled(client, info.round_trip, info.retransmitted, info.segments)


def adaptive_for(
    listener: Listener, shaper: Shaper, section: AdaptiveShaping
) -> LiveAdaptive | None:
    """The agents that are wanted for these rules, if any are."""
    if not section.enabled:
        return None
    dice = random.Random(listener.dice.getrandbits(64))
    return LiveAdaptive(listener, Adaptive(shaper, settings_of(section), dice))


class LiveAdaptive:
    """The agents of one proxy port.

    Attributes:
        agents: who decide.
        seconds: of the event loop's time, that the last step took.
    """

    __slots__ = ("_last", "_listener", "_log", "_meters", "_steps", "_turn", "agents", "seconds")

    def __init__(self, listener: Listener, agents: Adaptive) -> None:
        self._listener = listener
        self.agents = agents
        self._meters: dict[str, Meter] = {}
        self._last = listener.time()
        self._steps: Iterator[None] | None = None
        self._turn: asyncio.Handle | None = None
        self._log: AgentsLog | None = None
        self.seconds = 0.0

    def step(self, log: AgentsLog | None = None) -> None:
        """An interval ends: measure, and let each agent see and act.

        Args:
            log: what they do is written there.
        """
        listener = self._listener
        now = listener.time()
        seconds = now - self._last
        if seconds <= 0.0:
            return
        self._last = now
        while self._steps is not None:
            self._go_on()  # the loop was too busy for all of the interval before
        self.look_at()
        self._log = log
        self.seconds = 0.0
        if self._meters:
            self._steps = self.agents.steps(now, self._read(now, seconds))
            self.seconds = listener.time() - now
            self._go_on()

    def _go_on(self) -> None:
        """Let a few agents act, and the others in other turns of the loop: requests wait for none
        of them for long."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        steps = self._steps
        if steps is None:
            return
        listener = self._listener
        began = listener.time()
        acted = sum(1 for _ in islice(steps, AGENTS_A_TURN))
        self.seconds += listener.time() - began
        if acted < AGENTS_A_TURN:
            self._steps = None
            if self._log is not None:
                self._write_down(self._log)
        else:
            # Not in the very next turn: what has come meanwhile goes first.
            self._turn = listener.loop.call_later(TURN_SECONDS, self._go_on)

    def _write_down(self, log: AgentsLog) -> None:
        """What was done at the end of this interval."""
        for name in self.agents.clients():
            history = self.agents.state(name).history
            if history and history[-1].at == self._last:
                log.append(name, history[-1])

    def look_at(self) -> None:
        """Measure the clients that are to be, from now on, and no others."""
        meters, clients = self._meters, self.agents.shaper.clients
        wanted = dict.fromkeys(self.agents.watched())
        for name in [name for name in meters if name not in wanted]:
            del meters[name]
            client = clients.get(name)
            if client is not None:
                client.meter = None
        for name in wanted:
            meter = meters.get(name)
            if meter is None:
                meter = meters[name] = Meter()
            meter.deadline = self.agents.targets_of(name).deadline_seconds
            client = clients.get(name)
            if client is not None and client.meter is not meter:
                client.meter = meter  # for the first time, or it was forgotten meanwhile
                meter.meet(client)

    def apply(self, section: AdaptiveShaping) -> None:
        """Other settings. Envelopes and weights that came by the admin port go with the old ones.

        Raises:
            ValueError: a setting is wrong; nothing was changed.
        """
        self.agents.apply(settings_of(section), self._listener.time())

    def end(self) -> None:
        """Measure nobody any more, and move nothing."""
        self._steps = None
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        for name in self._meters:
            client = self.agents.shaper.clients.get(name)
            if client is not None:
                client.meter = None
        self._meters.clear()

    def _read(self, now: float, seconds: float) -> dict[str, Reading]:
        looks = self._around(now, seconds)
        trips = self._endpoint_round_trips()
        clients = self.agents.shaper.clients
        readings = {}
        for name, meter in self._meters.items():
            look, client = looks[name], clients.get(name)
            pool = "" if client is None else client.rule.pool or ""
            self._endpoints(meter, look, pool, trips)
            readings[name] = meter.read(client, look, seconds)
        return readings

    def _around(self, now: float, seconds: float) -> dict[str, Look]:
        """What is open of each client."""
        meters = self._meters
        looks = {name: Look() for name in meters}
        left = MOST_ASKED
        for connection in self._listener.connections:
            asked = connection.peer.asked
            found = None if asked is None else asked[2]
            if found is None:
                continue
            meter = meters.get(found[1])
            if meter is None:
                continue
            if left:
                left -= self._ask_of(meter, connection)
            exchange = connection.exchange
            if exchange is not None:
                _open(meter, looks[found[1]], exchange, now, seconds)
        return looks

    def _ask_of(self, meter: Meter, connection: ClientConnection) -> int:
        if meter.asked(connection):
            return 0
        _ask(meter, connection)
        exchange = connection.exchange
        upstream = None if exchange is None else exchange.upstream
        if upstream is not None:
            info = tcp_info(upstream.transport)
            if info is not None:
                meter.sampled_endpoint(upstream, info.retransmitted, info.segments)
        return 1

    def _endpoint_round_trips(self) -> dict[str, float]:
        """By the endpoint's id, the mean of some connections to it."""
        found: dict[str, list[float]] = {}
        left = MOST_ASKED
        for stats, connection in self._listener.pool.kept(KEPT_ASKED):
            if not left:
                break
            left -= 1
            info = tcp_info(connection.transport)
            if info is not None and info.round_trip > 0.0:
                found.setdefault(stats.id, []).append(info.round_trip)
        return {id: sum(trips) / len(trips) for id, trips in found.items()}

    def _endpoints(self, meter: Meter, look: Look, pool: str, trips: Mapping[str, float]) -> None:
        """Put down how the endpoints are that a client uses, or could use."""
        listener = self._listener
        table = listener.node.table
        used = [table[id] for id in meter.endpoints if id in table] or [
            stats for stats in table.all if not pool or pool in stats.endpoint.tags
        ]
        if used:
            look.cpu = sum(stats.cpu for stats in used) / len(used)
            look.memory = sum(stats.memory for stats in used) / len(used)
        known = [trips[stats.id] for stats in used if stats.id in trips]
        if known:
            look.endpoint_round_trip = sum(known) / len(known)
        if listener.shaping is not None:
            look.pressure = min(1.0, max(0.0, listener.shaping.pressure()))


def _open(meter: Meter, look: Look, exchange: Exchange, now: float, seconds: float) -> None:
    """Put down a request that is under way."""
    account = exchange.account
    if account is None or account.ticket is None or account.ticket.turn.client.meter is not meter:
        return
    if account.ticket.turn.stage is Stage.OVER:
        return  # its client has had it; who else waits for the answer is nobody's
    look.sent += exchange.sent_bytes
    if exchange.body is not None:
        look.received += exchange.body.received
    look.queued += exchange.place is not None
    age = now - account.ticket.turn.since
    if exchange.first_byte_at < 0.0 and age > seconds:
        look.unanswered.append(age)
    if meter.deadline is not None and age - seconds < meter.deadline < age:
        look.late += 1
