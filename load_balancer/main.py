"""The command line of one node.

python load_balancer/main.py [run] [--config F] [--strategy S] [--port P] [--set key=value]
python load_balancer/main.py check [--config F]
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
import gc
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO

from config.loading import ConfigError, effective_yaml, load, nearest
from config.open_files import allow_open_files
from config.schema import Settings

COMMANDS = ("run", "check")

SPARE_FILES = 256
"""Files besides connections: logs, the admin port, polls."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the process's exit code."""
    parser = _Parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(f"unknown argument {unknown[0]}{nearest(unknown[0], parser.options())}")
    if arguments.command not in COMMANDS:
        parser.error(f"unknown command {arguments.command!r}; use {' or '.join(COMMANDS)}")
    warnings.showwarning = _show_warning
    overrides = list(arguments.set)
    for key in ("strategy", "host", "port", "admin_port"):
        value = getattr(arguments, key)
        if value is not None:
            overrides.append(f"load_balancer.{key}={value}")
    try:
        settings = load(arguments.config, scenario=arguments.scenario, overrides=overrides)
        if arguments.command == "check":
            return _check(settings)
        return _run(settings, arguments.until_stdin_closes)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self) -> None:
        super().__init__(
            prog="load_balancer",
            description="A reverse proxy that learns where to send each request.",
            epilog="every key that --set and the config know: load_balancer/main.py check",
            allow_abbrev=False,
        )
        # Not by ``choices``: the value of a misspelt option would be taken for the command.
        self.add_argument("command", nargs="?", metavar="|".join(COMMANDS), default=COMMANDS[0])
        self.add_argument("--config", metavar="F", help="default: config/config.yaml")
        self.add_argument("--scenario", metavar="NAME", help="a file of config/scenarios laid over")
        self.add_argument("--strategy", metavar="S", help="e.g. round_robin, q_learning")
        self.add_argument("--host")
        self.add_argument("--port", metavar="P")
        self.add_argument("--admin-port", metavar="P")
        self.add_argument(
            "--set", metavar="key=value", action="append", default=[], help="any setting, in YAML"
        )
        self.add_argument(
            "--until-stdin-closes", action="store_true", help="stop when standard input ends"
        )

    def options(self) -> list[str]:
        """Every option there is."""
        return [option for action in self._actions for option in action.option_strings]

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message}; --help tells more\n")


def _check_strategy(settings: Settings) -> None:
    from load_balancer import strategies

    try:
        strategies.build(settings.load_balancer.strategy, settings, random.Random(0))
    except ValueError as error:
        raise ConfigError([f"load_balancer.strategy: {error}"]) from None


def _check(settings: Settings) -> int:
    _check_strategy(settings)
    print(effective_yaml(settings), end="")
    return 0


def _run(settings: Settings, until_stdin_closes: bool) -> int:
    # Each client connection has one behind it.
    allow_open_files(2 * settings.load_balancer.limits.connections + SPARE_FILES)
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_serve(settings, until_stdin_closes))


async def _serve(settings: Settings, until_stdin_closes: bool) -> int:
    from load_balancer.app import App, StartError

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    _check_strategy(settings)
    try:
        app = App(settings, loop)
        await app.start()
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    if until_stdin_closes:
        threading.Thread(target=_wait_for_stdin, args=(loop, stop), daemon=True).start()
    # What start-up made lives as long as the process; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    balancer = settings.load_balancer
    print(
        f"ready {balancer.node_name} {_url(balancer.host, app.port)} "
        f"admin {_url(balancer.admin_host, app.admin_port)}",
        flush=True,
    )
    await stop.wait()
    await app.stop()
    return 0


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """In a thread, because not everything that stdin may be can be watched by a loop. Not through
    sys.stdin, whose lock would be held when the interpreter ends."""
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:
        pass  # the loop has ended


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line for the operator, without its place in our code."""
    print(f"warning: {message}", file=sys.stderr)


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


if __name__ == "__main__":
    sys.exit(main())
