"""One backend: ``python backend/server.py ID PORT DELAY_MS``.

The process around ``backend.app``: arguments, address, signals.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # run by path: our folder is on the module path, the project is not
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from config.preflight import check

    check(Path(__file__).name)

import argparse
import asyncio
import errno
import signal
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from pydantic import ValidationError

from backend.app import create_app, dice
from backend.connections import Connections, noting
from backend.processes import when_stdin_closes
from config.loading import ConfigError, load
from config.schema import Server
from rl.simulation.service import ServiceBehaviour, ServiceProfile

BACKLOG = 2048
GRACE_SECONDS = 1
"""How long requests under way may take once the server stops. Hanging ones would take for ever."""

CUT_SECONDS = 0.05
"""Between refusing connections and cutting those that there are."""

_ARGUMENTS = {"id": "ID", "port": "PORT", "base_delay_ms": "DELAY_MS", "host": "--host"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGINT, SIGTERM or, if asked to, the end of stdin."""
    arguments = _parser().parse_args(argv)
    try:
        server = _server(arguments)
        listening = listen(server)
    except (ConfigError, CannotListen) as error:
        print(error, file=sys.stderr)
        return 2
    behaviour = ServiceBehaviour(
        server.service,
        server.base_delay_ms / 1000.0,
        dice(server.id, arguments.seed),
        arguments.seed or 0,
    )
    host, port = listening.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    connections = Connections()

    def refuse(seconds: float) -> None:
        uvicorn_server.refuse(seconds)

    uvicorn_server = _Announcing(
        uvicorn.Config(
            create_app(server.id, behaviour, reset=connections.reset, refuse=refuse),
            access_log=False,
            backlog=BACKLOG,
            http=noting(connections),
            lifespan="off",
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws="none",
        ),
        f"ready {server.id} http://{address}:{port}",
        connections,
    )

    def stop(*_: object) -> None:
        uvicorn_server.should_exit = True

    # Uvicorn sets its own handlers, and when it has stopped it raises the signal once more for
    # those that it found: these, so that a signal is a clean end and not a death.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if arguments.until_stdin_closes:
        when_stdin_closes(stop)
    uvicorn_server.run(sockets=[listening])
    return 0


class _Announcing(uvicorn.Server):
    """Prints one line once connections are accepted, and can refuse them for a while."""

    def __init__(self, config: uvicorn.Config, line: str, connections: Connections) -> None:
        super().__init__(config)
        self._line = line
        self._connections = connections
        self._listening: list[socket.socket] = []
        self._reopening: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._listening = sockets or []
        await super().startup(sockets)
        print(self._line, flush=True)

    def refuse(self, seconds: float) -> None:
        """Refuses every connection for so long, and cuts those that there are a moment later, once
        the answer to who asked for it is out. Asked again meanwhile, it goes on as it was."""
        if self._reopening is None or self._reopening.done():
            self._reopening = asyncio.get_running_loop().create_task(self._refuse(seconds))

    async def _refuse(self, seconds: float) -> None:
        (old,) = self._listening
        address, family = old.getsockname(), old.family
        for server in self.servers:
            server.close()
        self.servers.clear()
        old.close()
        await asyncio.sleep(CUT_SECONDS)
        self._connections.reset_all()
        await asyncio.sleep(max(0.0, seconds - CUT_SECONDS))
        self._listening = [_opened(family, address)]
        await super().startup(self._listening)


class CannotListen(Exception):
    """The address cannot be had; the message says why and what to do."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="server.py", description="One backend server.")
    parser.add_argument("id", metavar="ID", help="its name, as in the configuration")
    parser.add_argument("port", metavar="PORT", type=int, help="0 lets the system choose")
    parser.add_argument("delay_ms", metavar="DELAY_MS", type=float, help="mean service time")
    parser.add_argument("--host", default="127.0.0.1", help="where it listens (%(default)s)")
    parser.add_argument("--config", type=Path, help="file whose server ID has a service profile")
    parser.add_argument("--seed", type=int, help="makes its dice repeatable")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop with the parent")
    return parser


def _server(arguments: argparse.Namespace) -> Server:
    """The arguments and the profile from the configuration, checked.

    Raises:
        ConfigError: naming the argument or key at fault.
    """
    service = ServiceProfile()
    if arguments.config is not None:
        servers = {server.id: server for server in load(arguments.config).servers}
        if arguments.id not in servers:
            raise ConfigError(
                [f"{arguments.id}: no such server in {arguments.config}; use {', '.join(servers)}"]
            )
        service = servers[arguments.id].service
    try:
        return Server(
            id=arguments.id,
            host=arguments.host,
            port=arguments.port,
            base_delay_ms=arguments.delay_ms,
            service=service,
        )
    except ValidationError as error:
        raise ConfigError(
            f"{_ARGUMENTS[str(detail['loc'][0])]}: {detail['msg']} (given: {detail['input']!r})"
            for detail in error.errors()
        ) from None


def listen(server: Server) -> socket.socket:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise CannotListen(
            f"{server.id}: host {server.host!r} is unknown ({error.strerror}); "
            "use an address of this machine"
        ) from None
    # Of a name with both, such as localhost, the IPv4 address.
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    try:
        return _opened(family, address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"is taken on {server.host}; choose another or stop what holds it"
        elif error.errno == errno.EACCES:
            problem = "needs special rights; choose one above 1023"
        elif error.errno == errno.EADDRNOTAVAIL:
            problem = f"cannot be opened: {server.host} is no address of this machine"
        else:
            problem = f"cannot be opened on {server.host}: {error.strerror}"
        raise CannotListen(f"{server.id}: port {server.port} {problem}") from None


def _opened(family: int, address: tuple[Any, ...]) -> socket.socket:
    """A listening socket. Raises OSError."""
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


if __name__ == "__main__":
    sys.exit(main())
