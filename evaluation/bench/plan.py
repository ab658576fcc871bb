"""What a run of the benchmark is to do: options, checked; cores; who can take part here."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from evaluation.bench.cases import CASES, NGINX, Case, case, names
from evaluation.bench.foreign import Nginx
from evaluation.bench.peers import PEERS, peer
from evaluation.bench.provision import debian, packages
from evaluation.bench.wrk import wrk

DEFAULT_JSON = Path("bench-results/data_path.json")
QUICK_CASES = ("plain", "everything", "cache_hit")


class CannotMeasure(Exception):
    """The message is the one line to show."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how.

    Attributes:
        peers: who may take part; each case has its own among them.
        backend: ``nginx`` or ``own``; ``auto`` until ``provided``.
        driver: ``wrk`` or ``own``; ``auto`` until ``provided``.
        left_out: peers that this machine lacks, each with the reason.
        packages: folder with Python packages that only peers need.
    """

    cases: tuple[Case, ...]
    peers: tuple[str, ...]
    rounds: int
    seconds: float
    warm_up: float
    connections: int
    backend: str
    driver: str
    left_out: tuple[str, ...] = ()
    packages: Path | None = None

    def peers_of(self, case: Case) -> tuple[str, ...]:
        """A case's own peers, and further ones that were asked for by ``ours:STRATEGY``."""
        extra = [name for name in self.peers if name.startswith("ours:")]
        return tuple([name for name in case.peers if name in self.peers] + extra)


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where; empty where nothing can be pinned to a core."""

    proxy: tuple[int, ...] = ()
    load: tuple[int, ...] = ()
    backend: tuple[int, ...] = ()

    @classmethod
    def of(cls, allowed: Sequence[int], *, shared: bool = False) -> Cores:
        """The proxy gets a core of its own, and so does the backend from the third on.

        Args:
            shared: the proxy may use two cores; with four there are two of its own, with fewer all
                share all.
        """
        if len(allowed) < 2:
            return cls()
        if shared:
            if len(allowed) < 4:
                every = tuple(allowed)
                return cls(every, every, every)
            return cls(tuple(allowed[:2]), (allowed[2],), (allowed[3],))
        return cls((allowed[0],), (allowed[1],), (allowed[2] if len(allowed) > 2 else allowed[1],))

    @classmethod
    def here(cls, *, shared: bool = False) -> Cores:
        """Those that this process may use."""
        if not hasattr(os, "sched_getaffinity"):
            return cls()
        return cls.of(sorted(os.sched_getaffinity(0)), shared=shared)


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    it = Parser("data_path", description="Processor time per request, ours beside other proxies.")
    it.add_argument(
        "--quick", action="store_true", help=f"3 rounds of a second, of {', '.join(QUICK_CASES)}"
    )
    it.add_argument("--cases", help=f"default: all of {','.join(names())}")
    it.add_argument("--rounds", type=int, help="how often each peer is measured (default: 5)")
    it.add_argument("--seconds", type=float, help="of each measurement (default: 3)")
    it.add_argument("--warm-up", type=float, help="seconds before it (default: 1)")
    it.add_argument("--connections", type=int, default=48, help="kept by the load (default: 48)")
    it.add_argument("--peers", default=",".join(PEERS), help=f"default: {','.join(PEERS)}")
    it.add_argument("--backend", choices=["auto", "nginx", "own"], default="auto")
    it.add_argument("--driver", choices=["auto", "wrk", "own"], default="auto")
    it.add_argument("--no-install", action="store_true", help="leave out what is not here already")
    it.add_argument("--json", type=Path, default=DEFAULT_JSON, help=f"default: {DEFAULT_JSON}")
    it.add_argument("--markdown", type=Path, help="default: beside the JSON")
    return it.parse_args(argv)


def planned(options: argparse.Namespace) -> Plan:
    """Raises CannotMeasure, naming the option at fault."""
    quick = options.quick
    wanted = options.cases if options.cases is not None else ",".join(QUICK_CASES) if quick else ""
    try:
        chosen = tuple(case(name) for name in wanted.split(",") if name) or CASES
    except ValueError as error:
        raise CannotMeasure(f"--cases: {error}") from None
    plan = Plan(
        cases=chosen,
        peers=tuple(filter(None, options.peers.split(","))),
        rounds=options.rounds if options.rounds is not None else 3 if quick else 5,
        seconds=options.seconds if options.seconds is not None else 1.0 if quick else 3.0,
        warm_up=options.warm_up if options.warm_up is not None else 0.3 if quick else 1.0,
        connections=options.connections,
        backend=options.backend,
        driver=options.driver,
    )
    for name, value in (
        ("rounds", plan.rounds),
        ("seconds", plan.seconds),
        ("warm-up", plan.warm_up),
        ("connections", plan.connections),
    ):
        if not (value > 0 and math.isfinite(value)):
            raise CannotMeasure(f"--{name} {value:g}: must be above 0")
    if not plan.peers:
        raise CannotMeasure("--peers: names none")
    for name in plan.peers:
        if plan.peers.count(name) > 1:
            raise CannotMeasure(f"--peers: {name} stands twice")
        try:
            peer(name)
        except ValueError as error:
            raise CannotMeasure(f"--peers: {error}") from None
    return plan


def provided(plan: Plan, folder: Path, say: Callable[[str], None], *, install: bool) -> Plan:
    """The plan as it can be carried out here: backend and driver decided, the missing left out.

    Raises:
        CannotMeasure: nobody is left, or what was asked for by name is missing.
    """
    wanted = {name for each in plan.cases for name in plan.peers_of(each)}
    place = None
    if install:
        tools = [] if plan.driver == "own" else ["wrk"]
        asked = wanted | ({NGINX} if plan.backend == "nginx" else set())
        debian(asked, say, tools)
        place = packages(wanted, folder, say)
    lacking = {name: peer(name, place).missing() for name in plan.peers if name in wanted}
    left_out = tuple(reason for reason in lacking.values() if reason)
    peers = tuple(name for name, reason in lacking.items() if not reason)
    if not peers:
        raise CannotMeasure(left_out[0] if left_out else "--peers: none of them is in these cases")
    for reason in left_out:
        say(f"left out: {reason}")
    no_nginx = Nginx().missing()
    if plan.backend == "nginx" and no_nginx:
        raise CannotMeasure(f"--backend nginx: {no_nginx}")
    if plan.driver == "wrk" and wrk() is None:
        raise CannotMeasure("--driver wrk: wrk is not installed: apt-get install wrk")
    whole = plan.seconds >= 1 and plan.seconds == round(plan.seconds)
    if plan.driver == "wrk" and not whole:
        raise CannotMeasure(f"--seconds {plan.seconds:g}: wrk counts whole seconds")
    return replace(
        plan,
        peers=peers,
        backend=plan.backend if plan.backend != "auto" else "own" if no_nginx else "nginx",
        driver=plan.driver if plan.driver != "auto" else "wrk" if wrk() and whole else "own",
        left_out=left_out,
        packages=place,
    )
