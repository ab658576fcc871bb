"""What a supervisor gives each worker: its place, the settings as they are in force, and what all
have learned. One JSON line on the worker's standard input, which then stays open for as long as the
supervisor lives. The files are not read again, so that a worker that is started later is like the
others even if somebody is editing them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.schema import Settings
from rl.vocabulary import JSON


@dataclass(frozen=True, slots=True)
class HandOver:
    """A worker's place.

    Attributes:
        number: from 1 on.
        admin: unix socket of its admin port.
        settings: with the port that all share, where the configuration says 0.
        sockets: descriptors that listen already, inherited; none if it opens its own.
        learned: parameters by strategy; the worker takes out what it has loaded.
        output: descriptor of the supervisor's standard output, inherited: the worker's own leads
            to the supervisor, who reads its first line.
    """

    number: int
    admin: Path
    settings: Settings
    sockets: tuple[int, ...] = ()
    learned: dict[str, JSON] = field(default_factory=dict)
    output: int = 1

    def line(self) -> bytes:
        """As it is sent."""
        data = {
            "number": self.number,
            "admin": str(self.admin),
            "sockets": self.sockets,
            "learned": self.learned,
            "output": self.output,
            "settings": self.settings.model_dump(),
        }
        return json.dumps(data, default=_plain).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class GroupHandOver:
    """What the process of a network's nodes is given.

    Attributes:
        number, admin, output: as a worker's.
        nodes: settings of each node and the descriptors, inherited, that listen for it; none if it
            opens its port itself.
    """

    number: int
    admin: Path
    nodes: tuple[tuple[Settings, tuple[int, ...]], ...]
    output: int = 1

    @property
    def sockets(self) -> tuple[int, ...]:
        """Every descriptor."""
        return tuple(each for _, sockets in self.nodes for each in sockets)

    def line(self) -> bytes:
        """As it is sent."""
        data = {
            "number": self.number,
            "admin": str(self.admin),
            "output": self.output,
            "nodes": [[settings.model_dump(), sockets] for settings, sockets in self.nodes],
        }
        return json.dumps(data, default=_plain).encode() + b"\n"


def read_group(line: bytes) -> GroupHandOver:
    """What ``GroupHandOver.line`` made.

    Raises:
        ValueError: it is something else.
    """
    try:
        data = json.loads(line)
        nodes = tuple((read_settings(each), tuple(sockets)) for each, sockets in data["nodes"])
        return GroupHandOver(data["number"], Path(data["admin"]), nodes, data["output"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no hand-over: {error}") from None


def read_settings(data: dict[str, Any]) -> Settings:
    """Settings of a node of a network, which may begin without a server.

    Raises:
        ValueError: they are not valid.
    """
    rest = dict(data)
    servers = rest.pop("servers")
    if servers:
        return Settings(**rest, servers=servers)
    return Settings(**rest).model_copy(update={"servers": ()})


def read(line: bytes) -> HandOver:
    """What ``line`` made.

    Raises:
        ValueError: it is something else.
    """
    try:
        data = json.loads(line)
        return HandOver(
            data["number"],
            Path(data["admin"]),
            Settings(**data["settings"]),
            tuple(data["sockets"]),
            data["learned"],
            data["output"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no hand-over: {error}") from None


def settings_json(settings: Settings) -> bytes:
    """Settings with their secrets, for a channel that nobody else can read."""
    return json.dumps(settings.model_dump(), default=_plain).encode()


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
