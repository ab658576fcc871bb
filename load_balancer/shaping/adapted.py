"""One client of the adaptive mode: its setting, its agent's last action, what is known of it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from ipaddress import ip_address

from config.shaping import Rule
from load_balancer.shaping.adaptive_records import (
    AdaptiveSettings,
    ClientState,
    RuleEnvelope,
    StepRecord,
)
from rl.shaping import wording
from rl.shaping.agents import Agent, Step
from rl.shaping.encoding import features, levels
from rl.shaping.envelope import Moves
from rl.shaping.guard import AGENT, BASELINE, Guard
from rl.shaping.reading import MOST_METRICS, Reading, Targets, check_metric
from rl.shaping.reward import Reward, Weights, Yardstick, reward, shares_of
from rl.shaping.settings import ACTIONS, KEEP, Setting, compared

METRIC_SECONDS = 60.0
"""For which what a client tells of itself is good."""

SMOOTHING = 0.05
"""Of the moving means."""

NO_TARGETS = Targets()


def setting_of(rule: Rule) -> Setting:
    """As a rule has it."""
    return Setting(
        rule.requests_per_second,
        rule.download_bytes_per_second,
        rule.burst,
        rule.urgency,
        rule.drop.probability,
    )


def rule_of(rule: Rule, setting: Setting, within: RuleEnvelope) -> Rule:
    """The operator's rule with another setting; the same object, where they are equal.

    Where the client's own Priority counts and its urgency was moved, it may only ask for less: else
    what the agent sets would be worth nothing.
    """
    changed: dict[str, object] = {}
    if setting.requests_per_second != rule.requests_per_second:
        changed["requests_per_second"] = setting.requests_per_second
    if setting.download_bytes_per_second != rule.download_bytes_per_second:
        changed["download_bytes_per_second"] = setting.download_bytes_per_second
    if setting.burst != rule.burst:
        changed["burst"] = None if setting.burst is None else int(setting.burst)
    if setting.urgency != rule.urgency:
        changed["urgency"] = setting.urgency
        if rule.urgency_range is not None:
            last = max(rule.urgency_range[1], setting.urgency)
            changed["urgency_range"] = (setting.urgency, last)
    if setting.drop_probability != rule.drop.probability:
        drop = rule.drop.model_copy(update={"probability": setting.drop_probability})
        changed["drop"] = drop
    if setting.path:
        path = within.paths[setting.path - 1]
        if path.pool is not None:
            changed["pool"] = path.pool
        if path.source_address is not None:
            changed["source_address"] = ip_address(path.source_address)
        if path.interface is not None:
            changed["interface"] = path.interface
    return rule.model_copy(update=changed) if changed else rule


class _Pending:
    """An action whose outcome is awaited."""

    __slots__ = ("action", "features", "levels", "mask", "probability")

    def __init__(
        self,
        action: int,
        probability: float,
        features: list[float],
        levels: tuple[int, ...],
        mask: list[bool],
    ) -> None:
        self.action = action
        self.probability = probability
        self.features = features
        self.levels = levels
        self.mask = mask


class Adapted:
    """See the module's text.

    Attributes:
        name: of the client.
        rule: the operator's.
        targets: that it has told.
        agent: that sets its rule; None before it was in the mode for the first time.
        enabled, frozen: see ClientState.
        setting: in force.
        reading: the latest.
    """

    __slots__ = (
        "_before",
        "_guard",
        "_history",
        "_in_force",
        "_intervals",
        "_made_of",
        "_metrics",
        "_moves",
        "_others",
        "_pending",
        "_reward",
        "_static",
        "_violated",
        "_yardstick",
        "agent",
        "enabled",
        "frozen",
        "name",
        "reading",
        "rule",
        "setting",
        "targets",
    )

    def __init__(self, name: str, rule: Rule, settings: AdaptiveSettings) -> None:
        self.name = name
        self.rule = rule
        self.targets = NO_TARGETS
        self.agent: Agent | None = None
        self.enabled = self.frozen = False
        self.setting = self._static = setting_of(rule)
        self.reading: Reading | None = None
        self._before: Reading | None = None
        self._guard = Guard(settings.guard, settings.cooperative)
        self._moves = Moves()
        self._yardstick = Yardstick()
        self._pending: _Pending | None = None
        self._metrics: dict[str, tuple[float, float]] = {}
        self._history: deque[StepRecord] = deque(maxlen=settings.history)
        self._intervals = self._violated = 0
        self._reward = self._others = 0.0
        self._in_force = rule
        self._made_of: tuple[Rule, Setting, RuleEnvelope] | None = None

    def enter(self, settings: AdaptiveSettings) -> None:
        """It comes into the mode. What its levers were moved by lately still counts."""
        self.enabled = True
        self._guard = Guard(settings.guard, settings.cooperative)
        self._history = deque(self._history, maxlen=settings.history)
        self.setting = self._static
        self.pause()

    def leave(self) -> None:
        """It is in the mode no more."""
        self.enabled = False
        self.setting = self._static
        self.pause()

    def pause(self) -> None:
        """What became of the last action is not known, and will not be."""
        self._pending = self._before = None

    def hold(self, rule: Rule, settings: AdaptiveSettings) -> None:
        """The operator's rule may be another one: then the agent begins at it, and what is known of
        the old one tells the guard nothing."""
        if rule != self.rule:
            self.setting = self._static = setting_of(rule)
            self._guard = Guard(settings.guard, settings.cooperative)
            self.pause()
        self.rule = rule

    def in_force(self, within: RuleEnvelope) -> Rule:
        """The rule that its setting makes of the operator's."""
        if self.setting is self._static:
            return self.rule
        made_of = self._made_of
        if (
            made_of is None
            or made_of[0] is not self.rule
            or made_of[1] is not self.setting
            or made_of[2] is not within
        ):
            self._made_of = self.rule, self.setting, within
            self._in_force = rule_of(self.rule, self.setting, within)
        return self._in_force

    def clamp(self, within: RuleEnvelope) -> None:
        """The envelope is another one."""
        if self._guard.held_by == AGENT:
            self.setting = within.envelope.clamp(self.setting)

    def step(
        self,
        now: float,
        reading: Reading,
        within: RuleEnvelope,
        weights: Weights,
        cooperative: bool,
        dice: random.Random,
    ) -> None:
        """An interval is over in which it was not idle."""
        assert self.agent is not None
        targets, guard = self.targets, self._guard
        got = self._yardstick.measure(reading)
        paid = reward(self._before, reading, targets, weights, cooperative, got)
        self._before = reading
        self._count(paid, reading)
        was = guard.held_by
        less, more = compared(self.setting, self._static)
        # Who has no targets wants its work done.
        missed = len(paid.missed) / targets.count if targets.count else 1.0 - got
        own, others = shares_of(targets, reading)
        held_by = guard.judge(own * missed, others * reading.others_violations, less, more)
        envelope = within.envelope
        before = self.setting
        # The guard lets an agent begin at the operator's rule, not where it did harm.
        current = envelope.clamp(before if was == AGENT else self._static)
        seen = features(reading, targets, current, envelope)
        state = levels(reading, targets, current, envelope)
        mask = envelope.mask(current, now, self._moves)
        self._teach(paid, seen, state, mask, held_by != AGENT)
        action, explored = KEEP, False
        if held_by == AGENT:
            choice = self.agent.choose(seen, state, mask, dice, not self.frozen)
            action, explored = choice.action, choice.explored
            self.setting = envelope.apply(current, action, now, self._moves)
            self._pending = _Pending(action, choice.probability, seen, state, mask)
            reason = (
                f"{wording.did(current, self.setting)}, for {wording.saw(state)}: {choice.reason}."
            )
        else:
            self.setting = self._static
            reason = _held(held_by, was, guard.reason)
        self._history.append(
            StepRecord(
                now,
                ACTIONS[action],
                explored,
                reason,
                before,
                self.setting,
                paid,
                paid.missed,
                reading.others_violations,
                held_by,
            )
        )

    def _teach(
        self,
        paid: Reward,
        seen: list[float],
        state: tuple[int, ...],
        mask: list[bool],
        last: bool,
    ) -> None:
        pending, self._pending = self._pending, None
        if pending is None or self.frozen or self.agent is None or not self.agent.learns:
            return
        self.agent.learn(
            Step(
                self.name,
                pending.features,
                pending.levels,
                pending.mask,
                pending.action,
                pending.probability,
                paid.total,
                seen,
                state,
                mask,
                last,
            )
        )

    def _count(self, paid: Reward, reading: Reading) -> None:
        self._intervals += 1
        self._violated += bool(paid.missed)
        rate = max(SMOOTHING, 1.0 / self._intervals)
        self._reward += rate * (paid.total - self._reward)
        self._others += rate * (reading.others_violations - self._others)

    # What the client tells of itself.

    def tell(self, metrics: Mapping[str, float], now: float) -> None:
        """Its own metrics.

        Raises:
            ValueError: one is no number, or there are too many; nothing was taken.
        """
        for name, value in metrics.items():
            check_metric(name, value, "metrics")
        known = {
            name: found
            for name, found in self._metrics.items()
            if now - found[1] < METRIC_SECONDS or name in self.targets.application_target
        }
        known |= {name: (float(value), now) for name, value in metrics.items()}
        if len(known) > MOST_METRICS:
            raise ValueError(f"metrics: there can be {MOST_METRICS} of one client")
        self._metrics = known

    def application(self, now: float) -> float:
        """The worst of its metrics over its target; 1 where nothing is told."""
        worst = None
        for name, target in self.targets.application_target.items():
            found = self._metrics.get(name)
            if found is not None and now - found[1] < METRIC_SECONDS:
                ratio = max(0.0, min(1e6, found[0] / target))
                worst = ratio if worst is None else min(worst, ratio)
        return 1.0 if worst is None else worst

    def state(self, kind: str) -> ClientState:
        """As it is shown.

        Args:
            kind: of its agent.
        """
        guard = self._guard
        return ClientState(
            name=self.name,
            rule=self.rule.name,
            agent=kind,
            enabled=self.enabled,
            frozen=self.frozen,
            held_by=guard.held_by,
            reason=guard.reason,
            setting=self.setting,
            static=self._static,
            targets=self.targets,
            reading=self.reading,
            experience=0 if self.agent is None else self.agent.experience,
            intervals=self._intervals,
            reward=self._reward,
            violated=self._violated,
            others_violations=self._others,
            guard_trips=guard.trips,
            application={name: value for name, (value, _) in self._metrics.items()},
            history=tuple(self._history),
        )


def _held(held_by: str, was: str, reason: str) -> str:
    if held_by == BASELINE:
        return "The operator's rule is measured first, to compare the agent with it."
    begins = "is put back" if was == AGENT else "stays"
    return f"The operator's rule {begins}, for {reason}."
