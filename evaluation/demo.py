"""``make demo``: the three servers and the balancer as they stand in the configuration, to try out.

Everything stops with Ctrl-C, or as soon as one of the processes dies.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from backend.processes import Process, ProcessError, Processes, ending
from backend.run_servers import server_command
from config.loading import DEFAULT_CONFIG, ConfigError, load

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(prog="demo", description="Backends and balancer to try out.")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="(%(default)s)")
    parser.add_argument("--strategy", default="q_learning", help="(%(default)s)")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        servers = load(arguments.config).servers
        with Processes() as processes:
            processes.start_all([server_command(server, arguments.config) for server in servers])
            balancer = processes.start(
                [
                    sys.executable,
                    str(ROOT / "load_balancer" / "main.py"),
                    *("--config", str(arguments.config)),
                    *("--strategy", arguments.strategy, "--until-stdin-closes"),
                ]
            )
            print(introduction(balancer), flush=True)
            return _wait(processes)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except ProcessError as error:
        refused = error.exit_code == 2 and error.last_lines
        print("\n".join(error.last_lines) if refused else error, file=sys.stderr)
        return 2 if refused else 1
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return 0


def introduction(balancer: Process) -> str:
    """What to type now."""
    admin = balancer.admin_url
    switch = """-H 'Content-Type: application/json' -d '{"strategy": "least_request"}'"""
    return f"""The balancer and its servers are running. In another terminal:

  curl -i {balancer.url}/hello          # a request, balanced
  curl {balancer.url}/health            # the balancer's own health
  for i in $(seq 50); do curl -s -o /dev/null {balancer.url}/; done
  curl {admin}/q                  # what it has learned since
  curl {admin}/stats              # everything it knows, as JSON
  curl {admin}/metrics            # the same for Prometheus
  curl -X POST {admin}/strategy {switch}

Ctrl-C stops everything."""


def _wait(processes: Processes) -> int:
    while True:
        for process in processes:
            if process.exit_code is not None:
                print(f"{process.name} ended with {ending(process.exit_code)}", file=sys.stderr)
                print("\n".join(process.last_lines), file=sys.stderr)
                return 1
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
