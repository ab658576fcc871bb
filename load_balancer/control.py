"""The commands that speak to a running node through its admin port."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

from config.balancer import LoadBalancer
from config.schema import Settings
from load_balancer.guard import configured_token
from load_balancer.serving import url
from load_balancer.status import as_text
from rl.vocabulary import JSON

DONE = 0
FAILED = 1
WRONG = 2

LARGEST_ANSWER_BYTES = 64 << 20


class Problem(Exception):
    """The command cannot be done; one line.

    Attributes:
        exit_code: FAILED, or WRONG where the arguments are to blame.
    """

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Admin:
    """The admin port of a node."""

    def __init__(self, base: str, token: str | None, seconds: float) -> None:
        """
        Args:
            base: its URL.
            seconds: that an answer may take.

        Raises:
            Problem: it is no URL.
        """
        try:
            parts = urlsplit(base)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Problem(f"--admin {base}: must be like http://127.0.0.1:8081", WRONG)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._base = base
        self._connection = kind(parts.hostname, port, timeout=seconds)
        self._path = parts.path.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str) -> tuple[int, JSON]:
        """Status and answer.

        Raises:
            Problem: nobody answers, or nobody of ours.
        """
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            self._connection.request(method, self._path + path, headers=headers)
            answer = self._connection.getresponse()
            content = answer.read(LARGEST_ANSWER_BYTES)
        except (OSError, HTTPException) as error:
            why = str(error) or type(error).__name__
            raise Problem(f"no node answers at {self._base}: {why}") from None
        finally:
            self._connection.close()
        try:
            return answer.status, json.loads(content)
        except ValueError:
            raise Problem(f"{self._base} is no admin port of ours") from None


def admin_of(arguments: argparse.Namespace, settings: Settings) -> Admin:
    """The admin port that the arguments or else the configuration name.

    Raises:
        Problem: neither names one.
    """
    balancer = settings.load_balancer
    try:
        token = configured_token(balancer)
    except ValueError as error:
        raise Problem(str(error), WRONG) from None
    base = _configured(balancer) if arguments.admin is None else str(arguments.admin)
    return Admin(base, token, arguments.timeout)


def _configured(balancer: LoadBalancer) -> str:
    if not balancer.admin_port:
        raise Problem(
            "load_balancer.admin_port is 0, so that the node's admin port is not known; give "
            "--admin URL, as its ready line says",
            WRONG,
        )
    return url(balancer.admin_host, balancer.admin_port)


def reload(admin: Admin, arguments: argparse.Namespace) -> int:
    """``main.py reload``."""
    answer = _done(admin.ask("POST", "/reload"))
    print(f"changed: {', '.join(_words(answer, 'changed')) or 'nothing'}")
    restart = _words(answer, "restart")
    if restart:
        print(f"needs a restart: {', '.join(restart)}")
    return DONE


def drain(admin: Admin, arguments: argparse.Namespace) -> int:
    """``main.py drain``."""
    name = arguments.endpoint
    if name is None:
        _done(admin.ask("POST", "/drain"))
        print("the node drains")
        return DONE
    status, answer = admin.ask("POST", f"/endpoints/{quote(name, safe='')}/drain")
    _done((status, answer), missing=f"there is no endpoint {name!r}")
    print(f"{name} drains")
    return DONE


def endpoints(admin: Admin, arguments: argparse.Namespace) -> int:
    """``main.py endpoints``."""
    stats = _done(admin.ask("GET", "/stats"))
    rows = stats.get("endpoints") if isinstance(stats, dict) else None
    if not isinstance(rows, list):
        raise Problem("the node does not tell of its endpoints")
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return DONE
    print(as_text([_row(each) for each in rows if isinstance(each, dict)]), end="")
    return DONE


def healthcheck(admin: Admin, arguments: argparse.Namespace) -> int:
    """``main.py healthcheck``."""
    status, answer = admin.ask("GET", "/readyz")
    word = answer.get("status") if isinstance(answer, dict) else answer
    print(word)
    return DONE if status == 200 else FAILED


COMMANDS: dict[str, Callable[[Admin, argparse.Namespace], int]] = {
    "reload": reload,
    "drain": drain,
    "endpoints": endpoints,
    "healthcheck": healthcheck,
}


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """One of them; the exit code."""
    try:
        return COMMANDS[arguments.command](admin_of(arguments, settings), arguments)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code


def _done(answered: tuple[int, JSON], missing: str = "") -> JSON:
    status, answer = answered
    if status < 300:
        return answer
    detail = answer.get("detail") if isinstance(answer, dict) else None
    if status == 401:
        raise Problem("the node wants another admin token; set SLB_LOAD_BALANCER__ADMIN_TOKEN")
    if status == 404 and missing:
        raise Problem(missing)
    raise Problem(f"refused ({status}): {detail or answer}")


def _words(answer: JSON, key: str) -> list[str]:
    found = answer.get(key) if isinstance(answer, dict) else None
    return [str(each) for each in found] if isinstance(found, list) else []


def _row(each: dict[str, JSON]) -> dict[str, JSON]:
    def number(key: str) -> float:
        value = each.get(key)
        return float(value) if isinstance(value, int | float) else 0.0

    return {
        "ID": each.get("id"),
        "ADDRESS": f"{each.get('host')}:{each.get('port')}",
        "STATE": each.get("state"),
        "WEIGHT": f"{number('weight'):g}",
        "IN FLIGHT": int(number("in_flight")),
        "LATENCY": f"{number('latency') * 1000.0:.1f} ms",
        "ERRORS": f"{number('error_rate') * 100.0:.1f} %",
        "COMPLETED": int(number("completed")),
        "FAILURES": int(number("failures")),
    }
