"""The agents of one node: one for each client, or one for all clients of a rule; what they begin
with, and all that they have learned."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from load_balancer.shaping.adaptive_records import REMEMBERED, AdaptiveSettings
from rl import stored
from rl.shaping.agents import Agent
from rl.shaping.making import make
from rl.vocabulary import JSON, Parameters

CHECKPOINT_VERSION = 1

ANYBODY = "*"
"""In a checkpoint, what agents of every rule begin with."""


class AgentPool:
    """See the module's text. Agents are kept until they are forgotten, by whom they are for:
    ``client:`` or ``rule:`` and the name.

    Args:
        dice: what networks begin with.
    """

    __slots__ = ("_agents", "_begun_with", "_dice", "_settings")

    def __init__(self, settings: AdaptiveSettings, dice: random.Random) -> None:
        self._settings = settings
        self._dice = dice
        self._agents: dict[str, Agent] = {}
        self._begun_with: dict[str, Parameters] = {}

    def apply(self, settings: AdaptiveSettings) -> bool:
        """Other settings.

        Returns:
            Whether all agents are to be new ones, for they are of another kind or shared otherwise.
        """
        before, self._settings = self._settings, settings
        if (before.agent, before.share) == (settings.agent, settings.share):
            return False
        self._agents.clear()
        self._begun_with.clear()
        return True

    def of(self, client: str, rule: str) -> Agent:
        """The agent of a client."""
        agent = self._agents.get(f"client:{client}") or self._agents.get(f"rule:{rule}")
        if agent is None:
            agent = self._made()
            shared = self._settings.share == "rule" and agent.shareable
            keys = (f"rule:{rule}",) if shared else (f"client:{client}", f"rule:{rule}")
            self._agents[keys[0]] = agent
            self._begin(agent, keys)
        return agent

    def renew(self, client: str, rule: str) -> Agent:
        """Another agent for it, and all who share it, that has learned nothing."""
        agent = self._made()
        shared = self._settings.share == "rule" and agent.shareable
        self._agents[f"rule:{rule}" if shared else f"client:{client}"] = agent
        return agent

    def forget(self, client: str) -> None:
        """Nothing will be asked of this client again."""
        self._agents.pop(f"client:{client}", None)

    def agents(self) -> dict[str, Agent]:
        """All of them; a shared one once."""
        return dict(self._agents)

    def checkpoint(self) -> Parameters:
        """What they have learned, and what was restored and not yet wanted."""
        agents: dict[str, JSON] = dict(self.pieces())
        return {"version": CHECKPOINT_VERSION, "agents": agents}

    def pieces(self) -> Iterator[tuple[str, Parameters]]:
        """What ``checkpoint`` holds, by agent, one after the other; for one that comes twice the
        last word counts."""
        yield from list(self._begun_with.items())
        for key, agent in list(self._agents.items()):
            yield key, agent.parameters()

    def restore(self, checkpoint: Mapping[str, JSON]) -> None:
        """See ``Adaptive.restore``."""
        stored.version(checkpoint, CHECKPOINT_VERSION)
        given = stored.member(checkpoint, "agents")
        if not isinstance(given, dict):
            raise ValueError("agents: must hold parameters by agent")
        settings = self._settings
        most = REMEMBERED * settings.clients + len(settings.envelopes) + 1
        if len(given) > most:
            raise ValueError(f"agents: there can be {most}, not {len(given)}")
        found: dict[str, Parameters] = {}
        for key, parameters in given.items():
            if key != ANYBODY and not key.startswith(("client:", "rule:")):
                raise ValueError(f"agents: {key[:40]!r} is for neither a client nor a rule")
            if not isinstance(parameters, dict):
                raise ValueError(f"agents.{key}: must hold keys and values")
            try:
                self._made().load(parameters)
            except ValueError as error:
                raise ValueError(f"agents.{key}.{error}") from None
            found[key] = parameters
        self._begun_with = found
        for key, agent in self._agents.items():
            self._begin(agent, (key,))

    def _made(self) -> Agent:
        return make(self._settings.agent, self._settings.conduct, self._dice)

    def _begin(self, agent: Agent, keys: tuple[str, ...]) -> None:
        """Let an agent begin with the first of these that was restored; its own is used up."""
        for key in (*keys, ANYBODY):
            found = self._begun_with.get(key)
            if found is not None:
                agent.load(found)
                if key == keys[0]:
                    del self._begun_with[key]
                return
