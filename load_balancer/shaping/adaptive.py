"""The adaptive mode: for each client that is in it an agent, which moves the client's rule inside
the operator's envelope once an interval.

The live node and a simulator drive the same object, each with its own time and readings. Knows no
clock, and nothing of how readings come about. What a request meets is an ordinary rule: the only
thing that is done to a client is that its rule is replaced.

A client that the table of clients has forgotten is held by the operator's rule when it comes back,
until the end of that interval. Rules that the operator changes count at once, and their clients'
agents begin at them.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from config.shaping import Rule
from load_balancer.shaping.adapted import Adapted
from load_balancer.shaping.adaptive_records import (
    REMEMBERED,
    AdaptiveSettings,
    ClientState,
    Path,
    RuleEnvelope,
    StepRecord,
    UnknownClient,
)
from load_balancer.shaping.agent_pool import AgentPool
from load_balancer.shaping.clients import Client
from load_balancer.shaping.others import tell_of_others
from load_balancer.shaping.shaper import Shaper
from rl.shaping.agents import Agent
from rl.shaping.making import KINDS
from rl.shaping.reading import Reading, Targets
from rl.shaping.reward import Weights
from rl.vocabulary import JSON, Parameters

__all__ = [
    "Adaptive",
    "AdaptiveSettings",
    "ClientState",
    "Path",
    "RuleEnvelope",
    "StepRecord",
    "UnknownClient",
]

SHARES = ("client", "rule")


class Adaptive:
    """See the module's text.

    Args:
        shaper: whose clients' rules are moved.
        dice: exploration, and what networks begin with.

    Attributes:
        shaper: as given; another one may be put here.
        settings: in force.

    Raises:
        ValueError: a setting is wrong; it names the key.
    """

    def __init__(self, shaper: Shaper, settings: AdaptiveSettings, dice: random.Random) -> None:
        _check(settings)
        self.shaper = shaper
        self.settings = settings
        self._dice = dice
        self._adapted: OrderedDict[str, Adapted] = OrderedDict()
        self._pool = AgentPool(settings, dice)

    @property
    def weights(self) -> Weights:
        """Of the rewards, from the next interval on."""
        return self.settings.weights

    @weights.setter
    def weights(self, weights: Weights) -> None:
        self.settings = replace(self.settings, weights=weights)

    def apply(self, settings: AdaptiveSettings, now: float) -> None:
        """Other settings. Clients whose rule has no envelope any more leave the mode; agents are
        new ones, if they are to be of another kind or shared otherwise.

        Raises:
            ValueError: a setting is wrong; nothing was changed.
        """
        _check(settings)
        self.settings = settings
        if self._pool.apply(settings):
            for each in self._adapted.values():
                each.agent = None
                each.pause()
                if each.enabled:
                    self._agent_of(each)
        for name in self.clients():
            if self._adapted[name].rule.name not in settings.envelopes:
                self.disable(name, now)
        self._clamp(now)

    # Who is in it.

    def clients(self) -> list[str]:
        """The names of those in the mode."""
        return [name for name, each in self._adapted.items() if each.enabled]

    def watched(self) -> list[str]:
        """The names of those whose readings are wanted: they are in the mode, or have targets."""
        return [name for name, each in self._adapted.items() if each.enabled or each.targets.count]

    def enable(self, name: str, now: float, expected: bool = False) -> None:
        """Put a client into the mode; one that is in it stays as it is.

        Args:
            expected: it need not have been seen; its rule is the one that its name begins with.

        Raises:
            UnknownClient: no such client is held or remembered.
            ValueError: its rule has no envelope, or too many are in the mode.
        """
        each = self._find(name, expected)
        if each.enabled:
            return
        if each.rule.name not in self.settings.envelopes:
            raise ValueError(f"client {name!r}: its rule {each.rule.name!r} has no envelope")
        if len(self.clients()) >= self.settings.clients:
            raise ValueError(f"clients: there can be {self.settings.clients} in the adaptive mode")
        self._agent_of(each)
        each.enter(self.settings)

    def disable(self, name: str, now: float) -> None:
        """Take it out: the operator's rule is in force as it stands. Its targets and its agent are
        kept for when it comes back. One that is not in the mode stays so.

        Raises:
            UnknownClient: no such client is held or remembered.
        """
        each = self._find(name, False)
        if not each.enabled:
            return
        each.leave()
        client = self.shaper.clients.get(name)
        rule = self._rules().get(each.rule.name)
        if client is not None and rule is not None:
            _hold(client, rule, now)

    def state(self, name: str) -> ClientState:
        """
        Raises:
            UnknownClient: it was never in the mode, and has told nothing.
        """
        return self._known(name).state(self.settings.agent)

    # What clients tell.

    def targets(self, name: str, targets: Targets, expected: bool = False) -> None:
        """What a client wants. Those of clients that are not in the mode count for others.

        Raises:
            UnknownClient: no such client is held or remembered, and none is ``expected``.
        """
        self._find(name, expected).targets = targets

    def targets_of(self, name: str) -> Targets:
        """
        Raises:
            UnknownClient: it was never in the mode, and has told nothing.
        """
        return self._known(name).targets

    def application(
        self, name: str, metrics: Mapping[str, float], now: float, expected: bool = False
    ) -> None:
        """What a client tells of itself; each metric is good for a minute.

        Raises:
            UnknownClient: no such client is held or remembered, and none is ``expected``.
            ValueError: a metric is no number, or there are too many; it names the metric.
        """
        self._find(name, expected).tell(metrics, now)

    # What the operator does.

    def envelope(
        self, rule: str, new: RuleEnvelope | None = None, now: float | None = None
    ) -> RuleEnvelope:
        """The envelope of a rule, another one if it is given: settings that lie outside are moved
        inside, at once if ``now`` is given and else at the end of the interval.

        Raises:
            LookupError: there is none, and none is given; or there is no such rule.
        """
        if new is not None:
            if rule not in self._rules():
                raise LookupError(f"there is no rule {rule!r}")
            self.settings = replace(self.settings, envelopes={**self.settings.envelopes, rule: new})
            if now is not None:
                self._clamp(now)
        found = self.settings.envelopes.get(rule)
        if found is None:
            raise LookupError(f"the rule {rule!r} has no envelope")
        return found

    def freeze(self, name: str) -> None:
        """Its agent neither learns nor explores any more, but goes on choosing what looks best."""
        self._known(name).frozen = True

    def unfreeze(self, name: str) -> None:
        """It learns and explores again."""
        self._known(name).frozen = False

    def reset(self, name: str) -> None:
        """Its agent forgets all that it has learned; a shared one, for all who share it."""
        each = self._known(name)
        before, agent = each.agent, self._pool.renew(name, each.rule.name)
        for other in self._adapted.values():
            if other is each or (before is not None and other.agent is before):
                other.agent = agent
                other.pause()

    def export(self, name: str) -> Parameters:
        """What its agent has learned."""
        each = self._known(name)
        return self._agent_of(each).parameters()

    def load(self, name: str, parameters: Mapping[str, JSON]) -> None:
        """What ``export`` gave, here or elsewhere.

        Raises:
            ValueError: it is stale or malformed; the message names the key, and nothing was
                changed.
        """
        each = self._known(name)
        self._agent_of(each).load(parameters)
        each.pause()

    # All agents.

    def agents(self) -> dict[str, Agent]:
        """Every agent, a shared one once, by whom it is for: ``client:`` or ``rule:`` and the
        name."""
        return self._pool.agents()

    def checkpoint(self) -> Parameters:
        """What all agents have learned, those included that were restored and not yet wanted."""
        return self._pool.checkpoint()

    def pieces(self) -> Iterator[tuple[str, Parameters]]:
        """The same, one agent after the other."""
        return self._pool.pieces()

    def restore(self, checkpoint: Mapping[str, JSON]) -> None:
        """What ``checkpoint`` gave: agents take up what is theirs, those that are there and those
        to come. A new one that is not in it begins with what there is for its ``rule:``, or for
        ``*``.

        Raises:
            ValueError: it is stale or malformed; the message names agent and key, and nothing was
                changed.
        """
        self._pool.restore(checkpoint)
        for each in self._adapted.values():
            each.pause()

    # The interval.

    def step(self, now: float, readings: Mapping[str, Reading]) -> None:
        """One interval is over: all of ``steps`` at once."""
        for _ in self.steps(now, readings):
            pass

    def steps(self, now: float, readings: Mapping[str, Reading]) -> Iterator[None]:
        """One interval is over: one client after the other, so that who must not be kept waiting
        by many may do something else in between.

        Args:
            readings: by client. Those of clients that are not in the mode count for others; their
                figures of others are filled in here.

        Raises:
            ValueError: a reading holds what is no number; it names client and figure. Nothing was
                changed.
        """
        for name, reading in readings.items():
            try:
                reading.check()
            except ValueError as error:
                raise ValueError(f"client {name!r}: {error}") from None
        for name, reading in readings.items():
            each = self._adapted.get(name)
            if each is not None:
                each.reading = reading
                reading.application = each.application(now)
        tell_of_others(readings, {name: each.targets for name, each in self._adapted.items()})
        seen, rules = self.shaper.rules, self._rules()
        for each in list(self._adapted.values()):
            if not each.enabled:
                continue
            settings = self.settings
            if self.shaper.rules is not seen:
                seen, rules = self.shaper.rules, self._rules()
            rule = rules.get(each.rule.name)
            if rule is None:
                each.leave()  # its rule is gone, and with it the client
                continue
            each.hold(rule, settings)
            within = settings.envelopes[rule.name]
            client, found = self.shaper.clients.get(each.name), readings.get(each.name)
            if client is None or found is None or found.idle:
                each.pause()
                each.clamp(within)
            else:
                each.step(now, found, within, settings.weights, settings.cooperative, self._dice)
            if client is not None:
                _hold(client, each.in_force(within), now)
            yield

    # Inside.

    def _rules(self) -> dict[str, Rule]:
        return {rule.name: rule for rule in self.shaper.rules}

    def _known(self, name: str) -> Adapted:
        each = self._adapted.get(name)
        if each is None:
            raise UnknownClient(name)
        return each

    def _find(self, name: str, expected: bool) -> Adapted:
        """The client, remembered from now on."""
        each = self._adapted.get(name)
        if each is not None:
            self._adapted.move_to_end(name)
            return each
        client = self.shaper.clients.get(name)
        rules = self._rules()
        of_rule = name.partition("/")[0] if client is None else client.rule.name
        rule = rules.get(of_rule)
        if rule is None or (client is None and not expected):
            raise UnknownClient(name)
        self._make_room()
        each = self._adapted[name] = Adapted(name, rule, self.settings)
        return each

    def _make_room(self) -> None:
        if len(self._adapted) < REMEMBERED * self.settings.clients:
            return
        oldest = next((name for name, each in self._adapted.items() if not each.enabled), None)
        if oldest is not None:
            del self._adapted[oldest]
            self._pool.forget(oldest)

    def _agent_of(self, each: Adapted) -> Agent:
        if each.agent is None:
            each.agent = self._pool.of(each.name, each.rule.name)
        return each.agent

    def _clamp(self, now: float) -> None:
        for name in self.clients():
            each = self._adapted[name]
            within = self.settings.envelopes[each.rule.name]
            each.clamp(within)
            client = self.shaper.clients.get(name)
            if client is not None:
                _hold(client, each.in_force(within), now)


def _hold(client: Client, rule: Rule, now: float) -> None:
    """Hold a client by another rule, which is no sign of life of it."""
    if client.rule is not rule:
        seen = client.seen
        client.apply(rule, client.of_rule, now)
        client.seen = seen


def _check(settings: AdaptiveSettings) -> None:
    if settings.agent not in KINDS:
        raise ValueError(f"agent: must be one of {', '.join(KINDS)}, not {settings.agent!r}")
    if settings.share not in SHARES:
        raise ValueError(f"share: must be client or rule, not {settings.share!r}")
    for name in ("history", "clients"):
        if getattr(settings, name) < 1:
            raise ValueError(f"{name}: must be 1 or more, not {getattr(settings, name)}")
