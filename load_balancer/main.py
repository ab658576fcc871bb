"""The command line of one node.

python load_balancer/main.py [run] [--config F] [--strategy S] [--port P] [--set key=value]
python load_balancer/main.py check [--config F]
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs this by hand may have an older one
    print("load_balancer: Python 3.11 or newer is needed", file=sys.stderr)
    sys.exit(2)

import argparse
import asyncio
import gc
import os
import random
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import TextIO

from config.loading import ConfigError, effective_yaml, load
from config.schema import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the process's exit code."""
    arguments = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="load_balancer",
        description="A reverse proxy that learns where to send each request.",
        epilog="every key that --set and the config know: load_balancer/main.py check",
    )
    parser.add_argument("command", nargs="?", choices=("run", "check"), default="run")
    parser.add_argument("--config", metavar="F", help="default: config/config.yaml")
    parser.add_argument("--scenario", metavar="NAME", help="a file of config/scenarios laid over")
    parser.add_argument("--strategy", metavar="S", help="e.g. round_robin, q_learning")
    parser.add_argument("--host")
    parser.add_argument("--port", metavar="P")
    parser.add_argument("--admin-port", metavar="P")
    parser.add_argument(
        "--set", metavar="key=value", action="append", default=[], help="any setting, in YAML"
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop when standard input ends"
    )
    return parser


def _check(settings: Settings) -> int:
    from load_balancer import strategies

    name = settings.load_balancer.strategy
    try:
        strategies.build(name, settings, random.Random(0))
    except ValueError as error:
        raise ConfigError([f"load_balancer.strategy: {error}"]) from None
    print(effective_yaml(settings), end="")
    return 0


def _run(settings: Settings, until_stdin_closes: bool) -> int:
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
    try:
        app = App(settings, loop)
        await app.start()
    except ValueError as error:
        raise ConfigError([f"load_balancer.strategy: {error}"]) from None
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _read_stdin, loop, stop)
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


def _read_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()


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
