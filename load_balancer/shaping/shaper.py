"""What becomes of a request by its client's rule: it passes, is delayed, waits in line, or is
refused with the time after which it is worth another try.

The live node and a simulator drive the same object, each with its own time: ``admit`` when a
request comes, ``resume`` when a turn's ``until`` has come, ``over`` exactly once for each turn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from math import ceil

from config.shaping import Rule, Shaping
from load_balancer.forwarding.fields import Fields
from load_balancer.shaping.clients import Client, ClientTable, Tally
from load_balancer.shaping.identity import Found, Recogniser, asked_urgency
from load_balancer.shaping.turns import Stage, Turn

RATE, UPLOAD, IN_FLIGHT, SHED = "rate_limited", "upload_limited", "in_flight_limited", "shed"
"""Why requests are refused."""

SHED_SECONDS = 2
"""When one that was refused under pressure is worth another try."""


def _calm() -> float:
    return 0.0


class Shaper:
    """The rules of one node and the clients that they hold.

    Attributes:
        settings: in force, but for rules that were put in later, which are in ``rules``.
        rules: in their order.
        clients: those that were seen lately.
        recogniser: tells who sends a request.
        pressure: of the node, from 0 to 1; asked only for requests that may be shed.
    """

    __slots__ = ("_tallies", "_throw", "clients", "pressure", "recogniser", "rules", "settings")

    def __init__(
        self, settings: Shaping, dice: random.Random, pressure: Callable[[], float] = _calm
    ) -> None:
        self._throw = dice.random
        self.pressure = pressure
        self._tallies: dict[str, Tally] = {}
        self.clients = ClientTable(settings.clients, settings.idle_seconds)
        self.apply(settings, 0.0)

    def apply(self, settings: Shaping, now: float) -> None:
        """Other settings, for what comes next; clients whose rule stays keep what they owe."""
        self.settings = settings
        self.clients.most = settings.clients
        self.clients.idle_seconds = settings.idle_seconds
        self.hold(settings.rules, now)

    def hold(self, rules: Sequence[Rule], now: float) -> None:
        """Other rules, for what comes next."""
        self.rules = tuple(rules)
        self.recogniser = Recogniser(self.rules, self.settings.api_key_header)
        named = {rule.name: rule for rule in self.rules}
        self._tallies = {name: self._tallies.get(name) or Tally() for name in named}
        for client in list(self.clients):
            rule = named.get(client.rule.name)
            if rule is None:
                self.clients.remove(client.name)
            elif rule != client.rule:
                client.apply(rule, self._tallies[rule.name], now)

    def tallies(self) -> Iterator[tuple[Rule, Tally]]:
        """What was counted of each rule, since it is there."""
        return ((rule, self._tallies[rule.name]) for rule in self.rules)

    def admit(self, found: Found, now: float, fields: Fields, has_body: bool = False) -> Turn:
        """The turn of a request that has just come.

        Args:
            found: by ``recogniser``: whose request it is.
            fields: of its head, where ``recogniser`` wants to see them.
        """
        rule, name = found
        client = self.clients.find(name, rule, self._tallies[rule.name], now)
        rule = client.rule
        turn = Turn(client, _urgency(rule, fields), now)
        drop = rule.drop
        if (
            drop.probability
            and turn.urgency >= drop.urgency
            and self.pressure() >= drop.pressure
            and self._throw() < drop.probability
        ):
            return self._refused(turn, SHED, SHED_SECONDS)
        return self._begin(turn, client, rule, now, has_body)

    def _begin(self, turn: Turn, client: Client, rule: Rule, now: float, has_body: bool) -> Turn:
        polices = rule.mode == "police"
        most = 0.0 if polices else rule.delay_seconds
        if not client.has_room() and (polices or len(client.line) >= rule.waiting):
            return self._refused(turn, IN_FLIGHT, 1)
        bucket = client.requests
        wait = 0.0 if bucket is None else bucket.wait(1.0, now)
        if wait > most or (wait and client.delayed >= rule.waiting):
            return self._refused(turn, RATE, ceil(wait))
        if has_body and client.up is not None:
            # What of a body comes with its head has come before anybody could slow it down.
            owed = client.up.wait(0.0, now)
            if owed > most:
                return self._refused(turn, UPLOAD, ceil(owed))
            wait = max(wait, owed)
        if bucket is not None:
            bucket.take(1.0, now)
        if wait:
            turn.stage = Stage.DELAYED
            turn.until = now + wait
            client.delayed += 1
            client.tally.delayed += 1
            client.of_rule.delayed += 1
            return turn
        if client.has_room():
            return self._passed(turn, client, now)
        client.tally.delayed += 1
        client.of_rule.delayed += 1
        return self._in_line(turn, client, rule)

    def resume(self, turn: Turn, now: float) -> None:
        """``until`` has come for a turn that is delayed or in line."""
        client = turn.client
        if turn.stage is Stage.DELAYED:
            client.delayed -= 1
            if client.has_room():
                self._passed(turn, client, now)
            elif len(client.line) >= client.rule.waiting:
                self._refused(turn, IN_FLIGHT, 1)
            else:
                self._in_line(turn, client, client.rule)
        elif turn.stage is Stage.IN_LINE:
            client.line.remove(turn)
            if client.has_room():  # there may be more since
                self._passed(turn, client, now)
            else:
                self._refused(turn, IN_FLIGHT, 1)

    def over(
        self,
        turn: Turn,
        now: float,
        seconds: float | None = None,
        received: int = 0,
        sent: int = 0,
    ) -> Turn | None:
        """A request is over, however it ended and wherever it was.

        Args:
            seconds: that it has used an endpoint for; None if it came to none.
            received, sent: bytes of its body, and of what its client was sent.

        Returns:
            Who has passed in its stead, after having waited in line.
        """
        client, stage = turn.client, turn.stage
        if stage is Stage.OVER:
            return None
        turn.stage = Stage.OVER
        client.seen = now
        for tally in (client.tally, client.of_rule):
            tally.received += received
            tally.sent += sent
        if stage is Stage.DELAYED:
            client.delayed -= 1
            if client.requests is not None:
                client.requests.give_back(1.0)
        elif stage is Stage.IN_LINE:
            client.line.remove(turn)
        elif stage is Stage.PASSED:
            client.in_flight -= 1
            if seconds is not None:
                client.share.measured(seconds, turn.charged)
            else:
                client.share.deficit += turn.charged
            if client.line and client.has_room():
                return self._passed(client.line.popleft(), client, now)
        return None

    def sweep(self, now: float) -> None:
        """Forget who has been idle for too long."""
        self.clients.sweep(now)

    def _passed(self, turn: Turn, client: Client, now: float) -> Turn:
        turn.stage = Stage.PASSED
        client.in_flight += 1
        delay = now - turn.since
        for tally in (client.tally, client.of_rule):
            tally.passed += 1
            tally.delay += delay
        return turn

    def _in_line(self, turn: Turn, client: Client, rule: Rule) -> Turn:
        turn.stage = Stage.IN_LINE
        turn.until = turn.since + rule.delay_seconds
        client.line.append(turn)
        return turn

    def _refused(self, turn: Turn, label: str, retry_after: int) -> Turn:
        turn.refuse(label, max(1, retry_after))
        for tally in (turn.client.tally, turn.client.of_rule):
            tally.refused[label] = tally.refused.get(label, 0) + 1
        return turn


def _urgency(rule: Rule, fields: Fields) -> int:
    """The rule's, or what the client asks for as far as the rule lets it."""
    if rule.urgency_range is None:
        return rule.urgency
    asked = asked_urgency(fields)
    first, last = rule.urgency_range
    return rule.urgency if asked is None else max(first, min(last, asked))
