"""What it takes to start a measured program: its command, where it will listen, its versions."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a program.

    Attributes:
        url: where it will accept connections, for one that has no ready line of its own.
        env: variables laid over this process's own.
    """

    command: Sequence[str]
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """A proxy that can be measured."""

    @property
    def name(self) -> str: ...

    def missing(self) -> str:
        """What it lacks on this machine and what to do about it; empty if nothing."""

    def versions(self) -> dict[str, str]:
        """Of the programs and libraries that its speed depends on."""

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        """Its command for round robin over ``origins`` (ports); may write files into ``folder``."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def versions(*names: str) -> dict[str, str]:
    """Of Python packages; ``missing`` for one that is not there."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
