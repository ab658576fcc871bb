"""The strategies that a node has used, each with what it learned, so that whoever comes back still
knows what it knew. Knows neither files nor processes: what is remembered is handed in and out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from config.schema import Settings
from load_balancer import strategies
from load_balancer.node import Strategy
from load_balancer.reloading import ReloadError
from rl.merging import Mergeable
from rl.vocabulary import JSON, Learner, Parameters, Policy

Restore = Callable[[str, Learner], None]
"""Gives a new learner what is stored under its strategy's name."""

CLASSICS = "strategies"
REWARD = "rl.reward"


def parameter_keys() -> tuple[str, ...]:
    """The sections that strategies are built from: the classics' own, and every one whose type is
    defined beside a learner. The reward is the node's."""
    found = [CLASSICS]
    for name, field in Settings.model_fields.items():
        module = getattr(field.annotation, "__module__", "")
        if module.startswith("rl.") and module != REWARD:
            found.append(name)
    return tuple(found)


class Repertoire:
    """Builds strategies when they are first asked for."""

    def __init__(
        self,
        settings: Settings,
        rng: random.Random,
        restore: Restore,
        around: Callable[[Policy], Policy] = lambda policy: policy,
    ) -> None:
        """
        Args:
            around: what is put around every policy, such as stickiness.
        """
        self._settings = settings
        self._around = around
        self._rng = rng
        self._restore = restore
        self._used: dict[str, Strategy] = {}
        self._told: dict[str, Parameters] = {}
        self._waiting: dict[str, Parameters] = {}

    def __getitem__(self, name: str) -> Strategy:
        """The strategy of this name.

        Raises:
            ValueError: there is none.
        """
        strategy = self._used.get(name)
        if strategy is None:
            strategy = Strategy(name, self._build(name, self._settings))
            if isinstance(strategy.policy, Learner):
                waiting = self._waiting.pop(name, None)
                if waiting is None:
                    self._restore(name, strategy.policy)
                else:
                    strategy.policy.load(waiting)
            self._used[name] = strategy
        return strategy

    def forget(self, endpoint_id: str) -> None:
        """Count nothing more under an endpoint that left long ago."""
        for strategy in self._used.values():
            strategy.series.pop(endpoint_id, None)

    def learned(self) -> dict[str, Parameters]:
        """What each learner knows, by strategy."""
        return {
            name: strategy.policy.parameters()
            for name, strategy in self._used.items()
            if isinstance(strategy.policy, Learner)
        }

    def mergeable(self, name: str) -> Mergeable | None:
        """The policy of a strategy that was used, if what it learned can be merged."""
        strategy = self._used.get(name)
        if strategy is not None and isinstance(strategy.policy, Mergeable):
            return strategy.policy
        return None

    def tell(self) -> dict[str, Parameters]:
        """The same, to be merged with that of other workers and given back to ``take``."""
        self._told = self.learned()
        return self._told

    def take(self, merged: Mapping[str, JSON]) -> None:
        """Take up what all know together; what was learned since ``tell`` is added to it.

        Raises:
            ValueError: it is malformed; the strategy that it is about knows what it knew.
        """
        for name, parameters in merged.items():
            if not isinstance(parameters, dict):
                raise ValueError(f"{name}: must hold keys and values")
            strategy = self._used.get(name)
            told = self._told.get(name)
            if strategy is None:
                self._waiting[name] = parameters
            elif told is not None and isinstance(strategy.policy, Mergeable):
                policy = strategy.policy
                policy.load(policy.merged(told, [parameters, policy.parameters()]))
            # One that was first used after ``tell`` joins at the next merge.

    def rebuilt(self, settings: Settings) -> Callable[[], Callable[[], None]]:
        """Every used strategy, and the one that ``settings`` name, by their parameters and knowing
        what it knew; swapped in by calling what is returned, and out again by calling what that
        returns. A strategy whose parameters are the same stays the same object.

        Raises:
            ReloadError: there is no such strategy, or what one has learned does not fit.
        """
        same = all(
            getattr(settings, key) == getattr(self._settings, key) for key in parameter_keys()
        )
        name = settings.load_balancer.strategy
        try:
            named = self[name]
        except ValueError as error:
            raise ReloadError(f"load_balancer.strategy: {error}") from None
        used = {**self._used, name: named}
        fresh = used if same else {each: self._anew(used[each], settings) for each in used}

        def swap() -> Callable[[], None]:
            before = self._settings, self._used

            def back() -> None:
                self._settings, self._used = before

            self._settings, self._used = settings, fresh
            return back

        return swap

    def _build(self, name: str, settings: Settings) -> Policy:
        return self._around(strategies.build(name, settings, self._rng))

    def _anew(self, strategy: Strategy, settings: Settings) -> Strategy:
        policy = self._build(strategy.name, settings)
        if isinstance(policy, Learner) and isinstance(strategy.policy, Learner):
            try:
                policy.load(strategy.policy.parameters())
            except ValueError as error:
                raise ReloadError(
                    f"what {strategy.name} has learned does not fit its new parameters: {error}"
                ) from None
        return Strategy(strategy.name, policy)
