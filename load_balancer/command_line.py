"""The words of the command line: what they mean, help that teaches, and what was misspelt.

Knows no command's work.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from config.loading import nearest

PROGRAM = "load_balancer/main.py"

GROUPS = (
    (
        "the node",
        (
            ("run", "serve until SIGTERM or Ctrl-C (the default)"),
            ("check", "print the configuration in force, or every mistake in it"),
        ),
    ),
    (
        "a network of nodes",
        (("network", "serve with all its nodes and origins until SIGTERM or Ctrl-C"),),
    ),
    (
        "a running node, through its admin port",
        (
            ("reload", "read the configuration again, without losing a request"),
            ("drain", "finish what runs and end; or take one endpoint out of service"),
            ("endpoints", "show the endpoints and how they are"),
            ("healthcheck", "exit code 0 if it takes requests, else 1"),
        ),
    ),
)
COMMANDS = tuple(name for _, commands in GROUPS for name, _ in commands)
HIDDEN = ("worker", "group")

EXAMPLES = {
    "": """\
examples:
  python load_balancer/main.py check --config mine.yaml
  python load_balancer/main.py run --config mine.yaml --strategy peak_ewma --workers 2
  python load_balancer/main.py run --set servers='[{id: a, port: 9001}]' --port 8080
  python load_balancer/main.py reload --config mine.yaml
  python load_balancer/main.py drain a --config mine.yaml

A command's own help: python load_balancer/main.py COMMAND --help
Exit codes: 0 done, 1 it failed, 2 wrong arguments or configuration.""",
    "run": """\
examples:
  run --config mine.yaml                     one process
  run --config mine.yaml --workers 4         four on one port, one admin port over all
  run --port 0 --admin-port 0                free ports; the ready line says which
  run --set load_balancer.deadlines.first_byte_seconds=5

Later sources win: the file, its sibling rl_config.yaml, --scenario, SLB_… variables
(SLB_LOAD_BALANCER__PORT=9000), then --set and the options above it.

signals: SIGTERM, SIGINT drain, a second one cuts; SIGHUP reloads; SIGUSR1 reopens the logs
exit codes: 0 ended as asked, 1 a fault of its own, 2 wrong configuration or a taken port""",
    "check": """\
examples:
  check --config mine.yaml                   all of it, defaults included, as YAML
  check --set load_balancer.prot=1           what is wrong, with the nearest key there is

exit codes: 0 valid, 2 not; every mistake is a line on standard error""",
    "network": """\
examples:
  network                                    document 000's: 10 levels of 10 nodes, 10 origins
  network --config config/networks/small.yaml --check
  network --processes level                  one process for each level
  network --set levels=3 --set width=3       a smaller one
  network --config mine.yaml --only near     one node of a graph on several hosts
  network --set base_port=0                  free ports; the ready line says which

The admin port of all is base_port: GET /network, POST /nodes, /nodes/NAME/leave …
signals: SIGTERM, SIGINT drain, a second one cuts; SIGUSR1 reopens the logs
exit codes: 0 ended as asked, 1 a fault of its own, 2 wrong configuration or a taken port""",
    "reload": """\
examples:
  reload --config mine.yaml                  the same configuration that the node was started with
  reload --admin http://127.0.0.1:8081

The node reads its own files and variables again. All of it is taken up, or nothing.
exit codes: 0 reloaded, 1 refused or nobody answers, 2 wrong arguments""",
    "drain": """\
examples:
  drain --config mine.yaml                   the whole node, as SIGTERM
  drain server2 --config mine.yaml           no new request to server2; what runs there finishes

exit codes: 0 begun, 1 refused or nobody answers, 2 wrong arguments""",
    "endpoints": """\
examples:
  endpoints --config mine.yaml               a table
  endpoints --json | jq .                    all that is known of them

exit codes: 0 shown, 1 nobody answers, 2 wrong arguments""",
    "healthcheck": """\
examples:
  healthcheck --config mine.yaml
  HEALTHCHECK CMD ["python", "load_balancer/main.py", "healthcheck"]

exit codes: 0 it takes requests, 1 it does not or nobody answers, 2 wrong arguments""",
}


class Mistake(Exception):
    """The command line is wrong; the message says how, in one line."""


class Parser(argparse.ArgumentParser):
    """One command's arguments. Says what is wrong in one line."""

    def __init__(self, command: str) -> None:
        described = {name: text for _, commands in GROUPS for name, text in commands}
        super().__init__(
            prog=f"{PROGRAM} {command}",
            description=f"{described.get(command, command).capitalize()}.",
            epilog=EXAMPLES.get(command),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def options(self) -> list[str]:
        """Every option there is."""
        return [option for action in self._actions for option in action.option_strings]

    def error(self, message: str) -> NoReturn:
        """Raise Mistake."""
        raise Mistake(message)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of one command; ``command`` names it.

    Raises:
        Mistake: they are wrong.
        SystemExit: help was asked for, and printed.
    """
    command, rest = _command(argv)
    if command is None:
        if any(word in ("-h", "--help") for word in argv):
            print(overview(), end="")
            raise SystemExit(0)
        command = "run"
    if command not in (*COMMANDS, *HIDDEN):
        raise Mistake(f"unknown command {command!r}{nearest(command, COMMANDS)}")
    parser = parser_of(command)
    arguments, unknown = parser.parse_known_args(rest)
    if unknown:
        word = unknown[0]
        if word.startswith("-"):
            word = word.partition("=")[0]
            raise Mistake(f"unknown argument {word}{nearest(word, parser.options())}")
        raise Mistake(f"{command} takes no {word!r}")
    arguments.command = command
    return arguments


def parser_of(command: str) -> Parser:
    """What this command takes."""
    parser = Parser(command)
    if command in HIDDEN:
        return parser
    if command == "network":
        _add_network(parser)
        return parser
    sources = parser.add_argument_group("where the configuration comes from")
    sources.add_argument("--config", metavar="F", help="default: config/config.yaml")
    sources.add_argument("--scenario", metavar="NAME", help="a file of config/scenarios laid over")
    sources.add_argument(
        "--set", metavar="key=value", action="append", default=[], help="any setting, in YAML"
    )
    sources.add_argument("--host", help="of the proxy port")
    sources.add_argument("--port", metavar="P", help="of the proxy; 0 lets the system choose")
    sources.add_argument("--admin-port", metavar="P")
    if command in ("run", "check"):
        sources.add_argument("--strategy", metavar="S", help="e.g. round_robin, q_learning")
        sources.add_argument("--workers", metavar="N", help="processes that share the port")
    if command == "run":
        parser.add_argument(
            "--until-stdin-closes", action="store_true", help="drain when standard input ends"
        )
    if command in ("reload", "drain", "endpoints", "healthcheck"):
        parser.add_argument(
            "--admin", metavar="URL", help="of the admin port; default: from the configuration"
        )
        parser.add_argument(
            "--timeout", metavar="SECONDS", type=_seconds, default=15.0, help="default: 15"
        )
    if command == "drain":
        parser.add_argument(
            "endpoint", nargs="?", metavar="ENDPOINT", help="its id; without one the whole node"
        )
    if command == "endpoints":
        parser.add_argument("--json", action="store_true", help="for a program")
    return parser


def _add_network(parser: Parser) -> None:
    parser.add_argument("--config", metavar="F", help="default: config/proxy_network.yaml")
    parser.add_argument(
        "--set", metavar="key=value", action="append", default=[], help="any setting, in YAML"
    )
    parser.add_argument(
        "--processes",
        choices=("one", "level", "node"),
        default="one",
        help="for all nodes, for each level, or for each node (default: one)",
    )
    parser.add_argument(
        "--only",
        metavar="NAME[,NAME]",
        default="",
        help="start these nodes; default: all whose host is this machine",
    )
    parser.add_argument("--no-origins", action="store_true", help="start no origin")
    parser.add_argument("--check", action="store_true", help="print the graph, and start nothing")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="drain when standard input ends"
    )


def overrides(arguments: argparse.Namespace) -> list[str]:
    """The settings that the arguments give, ``key=value``."""
    found = list(arguments.set)
    for key in ("strategy", "host", "port", "admin_port", "workers"):
        value = getattr(arguments, key, None)
        if value is not None:
            found.append(f"load_balancer.{key}={value}")
    return found


def overview() -> str:
    """The help of all commands."""
    lines = [
        f"usage: python {PROGRAM} [COMMAND] [OPTION ...]",
        "",
        "A reverse proxy that learns where to send each request.",
    ]
    for title, commands in GROUPS:
        lines += ["", f"{title}:"]
        lines += [f"  {name:<12} {text}" for name, text in commands]
    lines += ["", *EXAMPLES[""].splitlines()]
    return "\n".join(lines) + "\n"


def _command(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """The first word that is neither an option nor an option's value, and all the others."""
    valued = {
        option
        for command in COMMANDS
        for action in parser_of(command)._actions
        if action.nargs is None
        for option in action.option_strings
    }
    skip = False
    for index, word in enumerate(argv):
        if skip:
            skip = False
        elif word.startswith("-"):
            if word not in valued and "=" not in word and word not in _plain_options():
                # Misspelt: what follows may be its value, and no command.
                return None, list(argv)
            skip = word in valued
        else:
            return word, [*argv[:index], *argv[index + 1 :]]
    return None, list(argv)


def _plain_options() -> set[str]:
    return {"-h", "--help", "--json", "--until-stdin-closes", "--no-origins", "--check"}


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, not {text!r}")
    return seconds
