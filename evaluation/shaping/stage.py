"""A stage for ``rl.simulation.shaping_env``: the production parts, played interval by interval."""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import CLIENTS
from evaluation.shaping.scenario import TARGETS, adaptive_section
from load_balancer.adaptive.settings import settings_of
from load_balancer.shaping.adapted import rule_of, setting_of
from load_balancer.shaping.others import tell_of_others
from rl.shaping.envelope import Envelope
from rl.shaping.reading import Reading, Targets
from rl.shaping.settings import Setting


class CastStage:
    """See ``rl.simulation.shaping_env.Stage``."""

    def __init__(self, cast: ShapedCast) -> None:
        self._cast = cast
        self._within = settings_of(adaptive_section("static")).envelopes
        self._rules = {rule.name: rule for rule in cast.shaper.rules}
        self.envelopes: Mapping[str, Envelope] = {
            name: self._within[name].envelope for name in CLIENTS
        }
        self.targets: Mapping[str, Targets] = TARGETS
        self.seconds = cast.scenario.seconds

    @property
    def now(self) -> float:
        """See there."""
        return self._cast.world.kernel.now

    def setting(self, name: str) -> Setting:
        """See there."""
        return setting_of(self._rules[name])

    def hold(self, name: str, setting: Setting) -> None:
        """See there. Before its first request a client is not there to be held."""
        client = self._cast.shaper.clients.get(name)
        if client is not None:
            rule = rule_of(self._rules[name], setting, self._within[name])
            client.apply(rule, client.of_rule, self.now)

    def play(self, second: float) -> Mapping[str, Reading]:
        """See there."""
        self._cast.world.run_until(second)
        readings = self._cast.readings()
        tell_of_others(readings, self.targets)
        return readings
