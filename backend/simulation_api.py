"""The fog over HTTP: ``python backend/simulation_api.py --config config/fog.yaml --port 8080``.

The process around ``backend.fog_app``: arguments, address, signals.
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
from pydantic import ValidationError

from backend.fog_app import create_app
from backend.fog_simulation import Refused
from backend.processes import when_stdin_closes
from backend.server import BACKLOG, GRACE_SECONDS, CannotListen, listen
from config.fog import load_fog
from config.loading import ConfigError
from config.schema import Server

NAME = "simulation_api"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGINT, SIGTERM or, if asked to, the end of stdin."""
    arguments = _parser().parse_args(argv)
    try:
        app = create_app(load_fog(arguments.config), arguments.most_simulations)
        listening = listen(_address(arguments))
    except (ConfigError, CannotListen) as error:
        print(error, file=sys.stderr)
        return 2
    except Refused as error:
        print(f"{arguments.config or 'config/fog.yaml'}: {error}", file=sys.stderr)
        return 2
    host, port = listening.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    server = _Announcing(
        uvicorn.Config(
            app,
            access_log=False,
            backlog=BACKLOG,
            lifespan="off",
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws="none",
        ),
        f"ready {NAME} http://{address}:{port}",
    )

    def stop(*_: object) -> None:
        server.should_exit = True

    # Uvicorn sets its own handlers, and when it has stopped it raises the signal once more for
    # those that it found: these, so that a signal is a clean end and not a death.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if arguments.until_stdin_closes:
        when_stdin_closes(stop)
    server.run(sockets=[listening])
    return 0


class _Announcing(uvicorn.Server):
    """Prints one line once connections are accepted."""

    def __init__(self, config: uvicorn.Config, line: str) -> None:
        super().__init__(config)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulation_api.py", description="The fog over HTTP, with PeersimGym's paths."
    )
    parser.add_argument(
        "--config", type=Path, help="YAML file, or a properties file with the original's keys"
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="0 lets the system choose (%(default)s)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where it listens (%(default)s)")
    parser.add_argument(
        "--most-simulations",
        metavar="COUNT",
        type=_count,
        default=16,
        help="that there may be at a time (%(default)s)",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop with the parent")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 10_000:
        raise argparse.ArgumentTypeError("must lie from 1 to 10000")
    return count


def _address(arguments: argparse.Namespace) -> Server:
    """Raises ConfigError: the host or the port is malformed."""
    try:
        return Server(id=NAME, host=arguments.host, port=arguments.port, base_delay_ms=0)
    except ValidationError as error:
        raise ConfigError(
            f"--{detail['loc'][0]}: {detail['msg']} (given: {detail['input']!r})"
            for detail in error.errors()
        ) from None


if __name__ == "__main__":
    sys.exit(main())
