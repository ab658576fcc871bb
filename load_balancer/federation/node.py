"""What one node brings into federated learning, and takes out of it: its agents of adaptive shaping
by the rule that they are for, and its strategies.

Parameters are shared, and rules' names; never what was measured, nor who a client is. So an agent
of one client among others of its rule stays where it is: its name says who that is.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Mapping

from config.schema import Settings
from load_balancer.federation.members import Coordinator, Site, build
from load_balancer.repertoire import Repertoire
from load_balancer.shaping.adaptive import Adaptive
from rl.merging import Mergeable
from rl.shaping.agents import Agent
from rl.vocabulary import JSON

AGENTS, STRATEGIES = "agents", "strategies"
RULE, CLIENT = "rule:", "client:"


class Shared:
    """What is shared of one node.

    Args:
        agents: of adaptive shaping, as they are now, if there are any.
        wanted: ``agents``, ``strategies`` or both.
    """

    def __init__(
        self,
        agents: Callable[[], Adaptive | None],
        repertoire: Repertoire,
        wanted: tuple[str, ...] = (AGENTS, STRATEGIES),
    ) -> None:
        self._adaptive = agents
        self._repertoire = repertoire
        self._wanted = wanted

    def offer(self) -> dict[str, JSON]:
        """What is known here, by learner."""
        found: dict[str, JSON] = {
            f"{AGENTS}/{rule}": agent.parameters() for rule, agent in self._agents()
        }
        if STRATEGIES in self._wanted:
            for name, parameters in self._repertoire.learned().items():
                if self._repertoire.mergeable(name) is not None:
                    found[f"{STRATEGIES}/{name}"] = parameters
        return found

    def take(self, known: Mapping[str, JSON]) -> None:
        """Go on with this. What nobody here learns is left: who begins to learn it takes it up in
        the next round.

        Raises:
            ValueError: it cannot be taken up; that learner knows what it knew.
        """
        for name, parameters in known.items():
            room, _, of = name.partition("/")
            if not isinstance(parameters, dict):
                raise ValueError("must hold keys and values")
            if room == AGENTS:
                agent = dict(self._agents()).get(of)
                if agent is not None:
                    agent.load(parameters)
            elif room == STRATEGIES and room in self._wanted:
                policy = self._repertoire.mergeable(of)
                if policy is not None:
                    policy.load(parameters)

    def learner(self, name: str) -> Mergeable | None:
        """Who can merge what only its own learner understands."""
        room, _, of = name.partition("/")
        return self._repertoire.mergeable(of) if room == STRATEGIES else None

    def _agents(self) -> Iterator[tuple[str, Agent]]:
        """Those that are shared, by their rules."""
        adaptive = self._adaptive()
        if adaptive is None or AGENTS not in self._wanted:
            return
        whole = {rule.name for rule in adaptive.shaper.rules if rule.client_by == "rule"}
        for key, agent in adaptive.agents().items():
            kind, _, of = key.partition(":")
            if agent.learns and (f"{kind}:" == RULE or of in whole):
                yield f"{RULE}{of}", agent


def part_of(
    settings: Settings,
    agents: Callable[[], Adaptive | None],
    repertoire: Repertoire,
    clock: Callable[[], float],
    say: Callable[[str], None],
) -> Coordinator | Site:
    """This node's part in federated learning.

    Raises:
        ValueError: the tokens cannot be had.
    """
    balancer = settings.load_balancer
    federation = balancer.shaping.adaptive.federation
    shared = Shared(agents, repertoire, federation.share)
    return build(
        federation,
        balancer.node_name,
        secrets.token_hex(8),
        shared.offer,
        shared.take,
        shared.learner,
        random.Random(),
        clock,
        say,
    )
