"""Origin servers of a proxy network: ``python backend/origin.py DOMAIN:PORT …``.

All of them in one process, each domain on a port of its own. Prints a ready line for each.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # run by path: our folder is on the module path, the project is not
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from config.preflight import check

    check(Path(__file__).name)

import argparse
import signal
import socket
from collections.abc import Sequence

import uvicorn

from backend.app import dice
from backend.pages import create_pages
from backend.processes import when_stdin_closes
from backend.server import BACKLOG, GRACE_SECONDS, CannotListen, listen
from config.loading import ConfigError
from config.network import Network, load_network, page_paths
from config.open_files import allow_open_files
from config.schema import Server
from rl.simulation.service import ServiceBehaviour

IDLE_SECONDS = 75
"""How long an idle connection is kept; longer than any node keeps its own."""

MOST_FILES = 8192


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGINT, SIGTERM or, if asked to, the end of stdin."""
    arguments = _parser().parse_args(argv)
    listening: dict[str, socket.socket] = {}
    try:
        network = load_network(arguments.config, arguments.set)
        for domain, port in _wanted(arguments.origins):
            listening[domain] = listen(Server(id="origin", host=arguments.host, port=port))
    except (ConfigError, CannotListen) as error:
        for each in listening.values():
            each.close()
        print(error, file=sys.stderr)
        return 2
    allow_open_files(MOST_FILES)
    server = _Announcing(_config(network, listening, arguments.seed), listening)

    def stop(*_: object) -> None:
        server.should_exit = True

    # As in ``backend.server``: a signal is a clean end.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if arguments.until_stdin_closes:
        when_stdin_closes(stop)
    server.run(sockets=list(listening.values()))
    return 0


class _Announcing(uvicorn.Server):
    """Prints a line for each domain once connections are accepted."""

    def __init__(self, config: uvicorn.Config, listening: dict[str, socket.socket]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for domain, each in self._listening.items():
            host, port = each.getsockname()[:2]
            address = f"[{host}]" if ":" in host else host
            print(f"ready {domain} http://{address}:{port}", flush=True)


def _config(
    network: Network, listening: dict[str, socket.socket], seed: int | None
) -> uvicorn.Config:
    origins = network.origins
    ports = {domain: int(each.getsockname()[1]) for domain, each in listening.items()}
    return uvicorn.Config(
        create_pages(
            ports,
            page_paths(origins.pages),
            origins.max_age_seconds,
            lambda domain: ServiceBehaviour(
                origins.service, origins.base_delay_ms / 1000.0, dice(domain, seed)
            ),
        ),
        access_log=False,
        backlog=BACKLOG,
        http="httptools",
        lifespan="off",
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        ws="none",
    )


def _wanted(words: Sequence[str]) -> list[tuple[str, int]]:
    """Domains and ports.

    Raises:
        ConfigError: naming the word at fault.
    """
    found: dict[str, int] = {}
    for word in words:
        domain, _, port = word.rpartition(":")
        if not (domain and port.isdigit() and int(port) <= 65_535):
            raise ConfigError([f"{word}: must be DOMAIN:PORT; port 0 lets the system choose"])
        if domain.lower() in found:
            raise ConfigError([f"{domain}: stands twice"])
        found[domain.lower()] = int(port)
    return list(found.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="origin.py", description="Origin servers of a proxy network, in one process."
    )
    parser.add_argument(
        "origins", metavar="DOMAIN:PORT", nargs="+", help="port 0 lets the system choose"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where they listen (%(default)s)")
    parser.add_argument("--config", type=Path, help="the network, whose origins say how they serve")
    parser.add_argument(
        "--set", metavar="key=value", action="append", default=[], help="any setting of it, in YAML"
    )
    parser.add_argument("--seed", type=int, help="makes their dice repeatable")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop with the parent")
    return parser


if __name__ == "__main__":
    sys.exit(main())
