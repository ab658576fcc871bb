"""The command line of one node. ``main.py --help`` tells what it can; docs/running.md more."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # run by path: our folder is on the module path, the project is not
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from config.preflight import check

    check(Path(__file__).name)

import argparse
import asyncio
import os
import random
import socket
import time
import warnings
from collections.abc import Callable, Coroutine, Sequence
from typing import TextIO

from config.balancer import LoadBalancer
from config.loading import ConfigError, effective_yaml, load
from config.open_files import allow_open_files
from config.schema import Settings
from load_balancer import command_line, control

SPARE_FILES = 256
"""Files besides connections: logs, the admin port, polls."""

WRONG = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the process's exit code."""
    warnings.showwarning = _show_warning
    try:
        arguments = command_line.parse(sys.argv[1:] if argv is None else argv)
        if arguments.command == "worker":
            return _work()
        if arguments.command == "group":
            return _work_as_group()
        if arguments.command == "network":
            return _run_network(arguments)
        settings = _read(arguments)
        if arguments.command in control.COMMANDS:
            return control.run(arguments, settings)
        _check_more(settings)
        if arguments.command == "check":
            print(effective_yaml(settings), end="")
            return 0
        return _run(settings, arguments)
    except command_line.Mistake as mistake:
        print(f"{command_line.PROGRAM}: {mistake}; --help tells more", file=sys.stderr)
        return WRONG
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return WRONG


def _read(arguments: argparse.Namespace) -> Settings:
    return load(
        arguments.config,
        scenario=arguments.scenario,
        overrides=command_line.overrides(arguments),
    )


def _check_more(settings: Settings) -> None:
    """What the schema cannot know.

    Raises:
        ConfigError: there is no such strategy, no token where one is needed, or a file of TLS that
            cannot be used.
    """
    from load_balancer import strategies
    from load_balancer.forwarding.endpoint_tls import EndpointContexts
    from load_balancer.forwarding.tls import server_contexts
    from load_balancer.guard import admin_token

    problems = []
    try:
        strategies.build(settings.load_balancer.strategy, settings, random.Random(0))
    except ValueError as error:
        problems.append(f"load_balancer.strategy: {error}")
    try:
        admin_token(settings.load_balancer)
    except ValueError as error:
        problems.append(str(error))
    try:
        server_contexts(settings.load_balancer.tls)
        EndpointContexts().renewed(server.endpoint() for server in settings.servers)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ConfigError(problems)


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    from load_balancer.notify import Notifier, given_sockets
    from load_balancer.serving import Operation

    notifier = Notifier(os.environ, time.monotonic, os.getpid())
    try:
        given = given_sockets(os.environ, os.getpid())
    except ValueError as error:
        print(error, file=sys.stderr)
        return WRONG

    async def serve() -> int:
        operation = Operation(lambda: _read(arguments), notifier)
        if settings.load_balancer.workers > 1:
            from load_balancer.supervisor import Supervisor

            supervisor = Supervisor(settings, operation, given)
            return await operation.run(supervisor, arguments.until_stdin_closes)
        from load_balancer.single import SingleNode

        node = SingleNode(settings, operation, given)
        return await operation.run(node, arguments.until_stdin_closes)

    if settings.load_balancer.workers > 1:
        return asyncio.run(serve())
    return _in_fast_loop(settings.load_balancer, serve)


def _work() -> int:
    """One worker of a supervisor, which says on standard input what to do."""
    from load_balancer import hand_over
    from load_balancer.notify import Notifier
    from load_balancer.serving import Operation
    from load_balancer.single import SingleNode, read_place

    try:
        place = hand_over.read(read_place())
    except ValueError:
        print("worker: only a supervisor starts it; use run --workers N", file=sys.stderr)
        return WRONG
    given = [socket.socket(fileno=descriptor) for descriptor in place.sockets]

    async def serve() -> int:
        operation = Operation(None, Notifier({}, time.monotonic, os.getpid()), place.number)
        node = SingleNode(place.settings, operation, given, place)
        return await operation.run(node, until_stdin_closes=True)

    return _in_fast_loop(place.settings.load_balancer, serve)


def _run_network(arguments: argparse.Namespace) -> int:
    """A whole network of nodes."""
    from config.layout import effective_yaml as spelt_out
    from config.layout import layout
    from config.network import load_network
    from load_balancer.network.running import RunningNetwork
    from load_balancer.notify import Notifier
    from load_balancer.serving import Operation

    network = load_network(arguments.config, arguments.set)
    if arguments.check:
        print(spelt_out(network, layout(network)), end="")
        return 0
    origin_arguments = [f"--set={each}" for each in arguments.set]
    if arguments.config is not None:
        origin_arguments.append(f"--config={arguments.config}")

    async def serve() -> int:
        operation = Operation(None, Notifier(os.environ, time.monotonic, os.getpid()))
        running = RunningNetwork(
            network,
            operation,
            arguments.processes,
            [name for name in arguments.only.split(",") if name],
            not arguments.no_origins,
            origin_arguments,
        )
        return await operation.run(running, arguments.until_stdin_closes)

    return _in_fast_loop(network.node, serve)


def _work_as_group() -> int:
    """One process of a network's nodes, which are said on standard input."""
    from load_balancer import hand_over
    from load_balancer.network.group_service import GroupService
    from load_balancer.notify import Notifier
    from load_balancer.serving import Operation
    from load_balancer.single import read_place

    try:
        place = hand_over.read_group(read_place())
    except ValueError:
        print("group: only a network starts it; use network --processes level", file=sys.stderr)
        return WRONG

    async def serve() -> int:
        operation = Operation(None, Notifier({}, time.monotonic, os.getpid()), place.number)
        return await operation.run(GroupService(place), until_stdin_closes=True)

    return _in_fast_loop(place.nodes[0][0].load_balancer, serve)


def _in_fast_loop(balancer: LoadBalancer, serve: Callable[[], Coroutine[None, None, int]]) -> int:
    # Each client connection has one behind it.
    allow_open_files(2 * balancer.limits.connections + SPARE_FILES)
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(serve())


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


if __name__ == "__main__":
    sys.exit(main())
