"""What a request costs a proxy: processor time beside nginx and beside FastAPI with httpx.

Every round starts every peer anew, in turn, on a core of its own; the load and the backend share
another. A figure is the processor time of the proxy's process tree over the requests completed in
the same window, under saturation: 1 KB answers over kept connections. Absolute figures are the
machine's; the ratios, taken within a round, are what can be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

from backend.processes import Process, ProcessError, Processes
from evaluation.bench.comparison import Sample, results, table
from evaluation.bench.origin import BODY
from evaluation.bench.peers import (
    NO_NGINX,
    PEERS,
    Launch,
    Peer,
    free_ports,
    nginx,
    nginx_version,
    origin,
    peer,
)
from evaluation.bench.saturate import Load

ORIGINS = 3
START_SECONDS = 20.0
DEFAULT_JSON = Path("bench-results/data_path.json")
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how. ``backend`` is ``nginx`` or ``own``."""

    peers: tuple[str, ...]
    rounds: int
    seconds: float
    warm_up: float
    connections: int
    backend: str


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where; None where nothing can be pinned to a core."""

    proxy: int | None = None
    load: int | None = None
    backend: int | None = None

    @classmethod
    def of(cls, allowed: Sequence[int]) -> Cores:
        """The proxy gets a core of its own, and so does the backend from the third on."""
        if len(allowed) < 2:
            return cls()
        return cls(allowed[0], allowed[1], allowed[2] if len(allowed) > 2 else allowed[1])


class CannotMeasure(Exception):
    """The message is the one line to show."""


class Bench:
    """One run. Every sample that was taken stays in ``samples``, also after an interruption."""

    def __init__(self, plan: Plan, cores: Cores, folder: Path) -> None:
        self.samples: list[Sample] = []
        self._plan = plan
        self._cores = cores
        self._folder = folder

    def run(self) -> None:
        """Leaves no process, however it ends.

        Raises:
            ProcessError: a program did not start.
            CannotMeasure: a proxy does not answer as it should, or the load driver failed.
        """
        ports = free_ports(ORIGINS)
        with Processes() as lasting:
            backend = origin(self._plan.backend, ports, self._new_folder())
            _start(lasting, backend, "origin", self._cores.backend)
            for turn in range(self._plan.rounds):
                # Each peer comes first, in the middle and last about equally often.
                names = self._plan.peers
                first = turn % len(names)
                for name in names[first:] + names[:first]:
                    sample = self._measured(peer(name), turn, ports)
                    self.samples.append(sample)
                    _say(f"round {turn + 1}/{self._plan.rounds}  {_line(sample)}")

    def _measured(self, proxy: Peer, turn: int, ports: Sequence[int]) -> Sample:
        average = os.getloadavg()[0]
        with Processes() as children:
            launch = proxy.launch(ports, self._new_folder())
            process = _start(children, launch, proxy.name, self._cores.proxy)
            check(proxy.name, process.url)
            load = self._driven(process.url, process.pid)
        wrong = load.completed - load.statuses.get("200", 0)
        assert load.watched_cpu is not None
        return Sample(
            peer=proxy.name,
            round=turn,
            completed=load.completed,
            seconds=load.seconds,
            proxy_cpu=load.watched_cpu,
            driver_cpu=load.own_cpu,
            errors=load.errors + wrong,
            reconnects=load.reconnects,
            statuses=load.statuses,
            problem=load.problem or (f"statuses {load.statuses}" if wrong else ""),
            load_average=average,
        )

    def _driven(self, url: str, pid: int) -> Load:
        plan = self._plan
        pin = [] if self._cores.load is None else ["--core", str(self._cores.load)]
        driver = [sys.executable, "-m", "evaluation.bench.saturate", url, "--watch", str(pid)]
        driver += ["--connections", str(plan.connections), "--seconds", str(plan.seconds)]
        driver += ["--warm-up", str(plan.warm_up)]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "evaluation.bench.leash", *pin, "--", *driver],
                capture_output=True,
                text=True,
                timeout=plan.warm_up + plan.seconds + START_SECONDS,
                start_new_session=True,  # a terminal's Ctrl-C is ours to handle
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotMeasure("the load driver did not end in time") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise CannotMeasure(f"the load driver failed: {last}")
        return Load(**json.loads(done.stdout))

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))


def check(name: str, url: str) -> None:
    """One request before the many. Raises CannotMeasure unless the backend's answer comes back."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5.0) as response:
            body = response.read()
    except OSError as error:
        raise CannotMeasure(f"{name} does not forward: {error}") from None
    if body != BODY:
        raise CannotMeasure(f"{name} does not forward: the backend's answer came back changed")


def _start(children: Processes, launch: Launch, name: str, core: int | None) -> Process:
    command = [sys.executable, "-m", "evaluation.bench.leash"]
    if core is not None:
        command += ["--core", str(core)]
    if launch.url is not None:
        command += ["--ready", name, launch.url]
    return children.start([*command, "--", *launch.command], START_SECONDS, env=launch.env)


def _line(sample: Sample) -> str:
    figures = f"{sample.microseconds:8.1f} us/request{sample.rate:10.0f} requests/s"
    wrong = f"  {sample.errors} errors: {sample.problem}" if sample.errors else ""
    return f"{sample.peer:14}{figures}{wrong}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    it = Parser("data_path", description="Processor time per request, ours beside other proxies.")
    it.add_argument("--quick", action="store_true", help="3 rounds of one second each")
    it.add_argument("--rounds", type=int, help="how often each peer is measured (default: 5)")
    it.add_argument("--seconds", type=float, help="of each measurement (default: 3)")
    it.add_argument("--warm-up", type=float, help="seconds before it (default: 1)")
    it.add_argument("--connections", type=int, default=48, help="kept by the load (default: 48)")
    it.add_argument("--peers", default=",".join(PEERS), help=f"default: {','.join(PEERS)}")
    it.add_argument("--backend", choices=["auto", "nginx", "own"], default="auto")
    it.add_argument("--json", type=Path, default=DEFAULT_JSON, help=f"default: {DEFAULT_JSON}")
    return it.parse_args(argv)


def planned(options: argparse.Namespace) -> Plan:
    """Raises CannotMeasure, naming the option at fault."""
    plan = Plan(
        peers=tuple(filter(None, options.peers.split(","))),
        rounds=options.rounds if options.rounds is not None else 3 if options.quick else 5,
        seconds=options.seconds if options.seconds is not None else 1.0 if options.quick else 3.0,
        warm_up=options.warm_up if options.warm_up is not None else 0.3 if options.quick else 1.0,
        connections=options.connections,
        backend=options.backend,
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


def provided(plan: Plan) -> Plan:
    """The plan with everything it needs present and its backend decided.

    Raises:
        CannotMeasure: something is missing, with what to do.
    """
    if "nginx" in plan.peers or plan.backend == "nginx":
        if nginx() is None:
            install_nginx()
        if nginx() is None:
            raise CannotMeasure(f"{NO_NGINX}; or leave it out: --peers ours,fastapi_httpx")
    for name in plan.peers:
        lacking = peer(name).missing()
        if lacking:
            raise CannotMeasure(lacking)
    if plan.backend == "auto":
        return replace(plan, backend="nginx" if nginx() else "own")
    return plan


def install_nginx() -> None:
    """Debian's, where we may; its service is not started. Fails silently: who needs it looks."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    _say("nginx is not installed; installing Debian's nginx-light")
    # RUNLEVEL=1 keeps the package from starting its service on a port of this machine.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in ([apt, "update", "-q"], [apt, "install", "-q", "-y", "nginx-light"]):
        done = subprocess.run(
            command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            _say(f"{' '.join(command)}: {said[-1] if said else 'failed'}")


def report(plan: Plan, cores: Cores, samples: Sequence[Sample], base: str | None) -> str:
    """Everything about the run as JSON."""
    packages: dict[str, str] = {}
    for name in plan.peers:
        packages |= peer(name).versions()
    if plan.backend == "nginx":
        packages["nginx"] = nginx_version()
    return json.dumps(
        {
            "settings": asdict(plan),
            "machine": {
                "cores": os.cpu_count(),
                "pinned": asdict(cores),
                "platform": platform.platform(),
                "processor": platform.machine(),
                "python": platform.python_version(),
                "load_average": os.getloadavg(),
            },
            "versions": packages,
            "base": base,
            "results": [asdict(each) for each in results(samples, base)],
            "samples": [
                asdict(each) | {"microseconds": each.microseconds, "rate": each.rate}
                for each in samples
            ],
        },
        indent=1,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 if answers were wrong; 2 if it cannot measure; 130 after Ctrl-C."""
    options = parsed(argv)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        return _run(options)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(options: argparse.Namespace) -> int:
    interrupted = False
    try:
        plan = provided(planned(options))
        writable(options.json)
        cores = Cores()
        if hasattr(os, "sched_getaffinity"):
            cores = Cores.of(sorted(os.sched_getaffinity(0)))
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(plan, cores, Path(folder))
            try:
                bench.run()
            except KeyboardInterrupt:
                interrupted = True
    except (CannotMeasure, ProcessError) as error:
        _say(f"data_path: {error}")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    if bench.samples:
        base = "nginx" if "nginx" in plan.peers else None
        found = results(bench.samples, base)
        print(table(found, base))
        options.json.write_text(report(plan, cores, bench.samples, base) + "\n", encoding="utf-8")
        print(f"every sample: {options.json}")
    if interrupted:
        _say("interrupted: these are the samples that had been taken")
        return INTERRUPTED
    if any(sample.errors for sample in bench.samples):
        _say("some answers were wrong, so the figures of those peers say nothing")
        return 1
    return 0


def writable(path: Path) -> None:
    """Found out before the measuring, not after. Raises CannotMeasure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise CannotMeasure(f"--json {path}: cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
