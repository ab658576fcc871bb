"""All servers of the configuration as child processes: ``python backend/run_servers.py``.

Prints their ready lines once all of them accept connections, then waits. Restarts none: when one
dies, the others are stopped too.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # run by path: our folder is on the module path, the project is not
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from config.preflight import check

    check(Path(__file__).name)

import _thread
import argparse
import signal
import time
from collections.abc import Sequence

from backend.processes import ProcessError, Processes, ending, when_stdin_closes
from config.loading import DEFAULT_CONFIG, ConfigError, load
from config.schema import Server

POLL_SECONDS = 0.2


def server_command(server: Server, config: Path, seed: int | None = None) -> list[str]:
    """The command line that runs one server, whose profile stands in ``config``."""
    script = Path(__file__).resolve().with_name("server.py")
    command = [sys.executable, str(script), server.id, str(server.port), str(server.base_delay_ms)]
    command += ["--host", server.host, "--config", str(config), "--until-stdin-closes"]
    return command if seed is None else [*command, "--seed", str(seed)]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGINT, SIGTERM or, if asked to, the end of stdin; 1 when a server dies."""
    parser = argparse.ArgumentParser(prog="run_servers.py", description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="(%(default)s)")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop with the parent")
    arguments = parser.parse_args(argv)
    try:
        servers = load(arguments.config).servers
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    # Explicitly, because a shell starts background jobs with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Processes() as processes:
            if arguments.until_stdin_closes:
                when_stdin_closes(lambda: _thread.interrupt_main(signal.SIGTERM))
            commands = [server_command(server, arguments.config) for server in servers]
            # A machine starts a few at a time, however many are asked for.
            for process in processes.start_all(commands, timeout=20.0 + len(commands)):
                print(f"ready {process.name} {process.url}", flush=True)
            return _wait_for_a_death(processes)
    except ProcessError as error:
        # A server that refuses its arguments has said why in one line, which needs no frame.
        refused = error.exit_code == 2 and error.last_lines
        print("\n".join(error.last_lines) if refused else error, file=sys.stderr)
        return 2 if refused else 1
    except KeyboardInterrupt:
        return 0


def _wait_for_a_death(processes: Processes) -> int:
    while True:
        for process in processes:
            if process.exit_code is not None:
                problem = f"{process.name} ended with {ending(process.exit_code)}"
                print("\n".join([problem, *process.last_lines]), file=sys.stderr)
                return 1
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
