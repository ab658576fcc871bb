"""What the agents of adaptive shaping know, who is in the mode and what clients want, across
restarts: one JSON file. Agents that were trained elsewhere come in by it as well.

What was written by agents of another kind, or of another version of what they see, is refused at
the start; nothing overwrites it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from load_balancer.adaptive.view import TargetsBody
from load_balancer.problems import first_of
from load_balancer.shaping.adaptive import Adaptive, UnknownClient
from load_balancer.shaping.agent_pool import CHECKPOINT_VERSION
from load_balancer.whole_file import check_writable, write_whole
from rl.vocabulary import JSON, Parameters

KEY = "load_balancer.shaping.adaptive.checkpoint"


class AgentsFile:
    """One node's file."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._stored: Parameters | None = None
        self._follows: Adaptive | None = None
        self._usable = True
        self._writing = threading.Lock()

    def prepare(self, agents: Adaptive | None) -> None:
        """Read the file, if there is one, and give the agents what they knew.

        Raises:
            ValueError: it cannot be read or written, or is not for these agents; the message says
                what to do.
        """
        try:
            check_writable(self.path)
            if self.path.exists():
                stored = json.loads(self.path.read_text(encoding="utf-8"))
                if not isinstance(stored, dict):
                    raise ValueError("is not a JSON object")
                self._stored = stored
        except OSError as error:
            raise ValueError(
                f"{KEY}: {self.path} cannot be used: {error.strerror or error}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise ValueError(self._words(error)) from None
        if agents is not None:
            self._restore(agents)

    async def collect(self, agents: Adaptive | None) -> Parameters | None:
        """What is to be saved now; None if there is nothing. Agents that it has not met yet, as a
        reload makes them, are first given what is stored. Between two agents the loop may do
        something else: a full table takes milliseconds."""
        if agents is None or not self._usable:
            return None
        if agents is not self._follows:
            try:
                self._restore(agents)
            except ValueError as error:
                self._usable = False
                warnings.warn(f"{error}; nothing is saved", RuntimeWarning, stacklevel=2)
                return None
        clients: dict[str, JSON] = {}
        for name in agents.watched():
            state = agents.state(name)
            targets = TargetsBody.of(state.targets).model_dump()
            clients[name] = {"enabled": state.enabled, "targets": targets}
        learned: dict[str, JSON] = {}
        for name, parameters in agents.pieces():
            learned[name] = parameters
            await asyncio.sleep(0)
        self._stored = {"version": CHECKPOINT_VERSION, "agents": learned, "clients": clients}
        return self._stored

    def save(self, learned: Parameters) -> None:
        """Replace the file. May run in a thread; a node that cannot remember still works."""
        with self._writing:
            try:
                write_whole(self.path, _text(learned))
            except OSError as error:
                warnings.warn(
                    f"{self.path}: what agents learned cannot be saved ({error.strerror or error})",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _restore(self, agents: Adaptive) -> None:
        self._follows = agents
        if self._stored is None:
            return
        try:
            clients = _clients(self._stored.get("clients", {}))
            agents.restore(self._stored)
        except ValueError as error:
            raise ValueError(self._words(error)) from None
        now = self._clock()
        for name, (enabled, targets) in clients.items():
            try:
                agents.targets(name, targets.targets(), expected=True)
                if enabled:
                    agents.enable(name, now, expected=True)
            except UnknownClient:
                continue  # its rule is gone
            except ValueError as error:
                warnings.warn(f"{self.path}: {error}", RuntimeWarning, stacklevel=2)

    def _words(self, error: Exception) -> str:
        return f"{KEY}: {self.path}: {error}; move the file away, or name another, to begin anew"


def _text(learned: Parameters) -> str:
    """As JSON, agent by agent: other threads come in between."""
    agents = learned.get("agents")
    found = agents if isinstance(agents, dict) else {}
    parts = [f"{json.dumps(name)}: {json.dumps(each)}" for name, each in found.items()]
    rest = {name: each for name, each in learned.items() if name != "agents"}
    return f'{{"agents": {{{", ".join(parts)}}}, {json.dumps(rest)[1:]}\n'


def _clients(stored: JSON) -> dict[str, tuple[bool, TargetsBody]]:
    if not isinstance(stored, dict):
        raise ValueError("clients: must hold clients by name")
    found = {}
    for name, each in stored.items():
        if not isinstance(each, dict) or not isinstance(each.get("enabled"), bool):
            raise ValueError(f"clients.{name}.enabled: must be true or false")
        try:
            targets = TargetsBody.model_validate(each.get("targets"))
        except ValidationError as error:
            raise ValueError(first_of(error, ("clients", name, "targets"))) from None
        found[name] = bool(each["enabled"]), targets
    return found
