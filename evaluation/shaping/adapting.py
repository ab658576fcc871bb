"""The adaptive mode in virtual time: the production agents, told of a world's intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from evaluation.shaping.cast import ShapedCast, dice_of
from evaluation.shaping.records import CLIENTS, Decided
from evaluation.shaping.scenario import TARGETS, Scenario, adaptive_section
from load_balancer.adaptive.settings import settings_of
from load_balancer.shaping.adaptive import Adaptive
from rl.shaping.agents import Conduct
from rl.vocabulary import JSON

INTERVAL_SECONDS = 1.0


class AdaptedCast:
    """A cast whose clients are in the adaptive mode.

    Attributes:
        cast: the world and all in it.
        agents: who set the rules.
        decided: of each client, what was in force after each interval.
        left_envelope: settings outside the operator's bounds; there must be none.
    """

    def __init__(
        self,
        scenario: Scenario,
        rules: tuple[dict[str, Any], ...],
        seed: int,
        agent: str,
        checkpoint: Mapping[str, JSON] | None = None,
        conduct: Conduct | None = None,
        guard: bool = True,
        keep: bool = True,
    ) -> None:
        """
        Args:
            checkpoint: what the agents begin with, as ``Adaptive.restore`` takes it.
            conduct: how they learn and explore; None is as the configuration has it.

        Raises:
            ValueError: the checkpoint is stale or malformed.
        """
        self.cast = cast = ShapedCast(scenario, rules, seed, keep)
        settings = settings_of(adaptive_section(agent, guard=guard))
        if conduct is not None:
            settings = replace(settings, conduct=conduct)
        self.agents = Adaptive(cast.shaper, settings, dice_of(seed, "agents"))
        self.decided: dict[str, list[Decided]] = {name: [] for name in CLIENTS}
        self.left_envelope = 0
        if checkpoint is not None:
            self.agents.restore(checkpoint)
        now = cast.world.kernel.now
        for name in CLIENTS:
            self.agents.targets(name, TARGETS[name], expected=True)
            self.agents.enable(name, now, expected=True)

    def run(self, seconds: float, every: Callable[[float], object] | None = None) -> None:
        """To that second, interval by interval.

        Args:
            every: called with the time after each of them.
        """
        world = self.cast.world
        count = int(seconds / INTERVAL_SECONDS)
        for number in range(1, count + 1):
            second = number * INTERVAL_SECONDS
            world.run_until(second)
            self.agents.step(world.kernel.now, self.cast.readings())
            self._note(second)
            if every is not None:
                every(second)
        world.run_until(seconds)

    def _note(self, second: float) -> None:
        for name in CLIENTS:
            state = self.agents.state(name)
            setting = state.setting
            latest = state.history[-1] if state.history else None
            within = self.agents.settings.envelopes[name].envelope
            if state.held_by == "agent" and not within.holds(setting):
                self.left_envelope += 1
            self.decided[name].append(
                Decided(
                    second,
                    setting.requests_per_second,
                    setting.download_bytes_per_second,
                    setting.urgency,
                    "" if latest is None else latest.action,
                    state.held_by,
                    0.0 if latest is None or latest.reward is None else latest.reward.total,
                )
            )
