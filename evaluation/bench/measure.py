"""One run of the benchmark: rounds of cases of peers, each peer started anew for each sample."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from backend.processes import Process, Processes
from evaluation.bench import wrk
from evaluation.bench.cases import CACHED_PATH, MADE, OURS, Case, Figure
from evaluation.bench.comparison import Sample
from evaluation.bench.foreign import nginx_origin
from evaluation.bench.launch import Launch, Peer, free_ports
from evaluation.bench.origin import BODY
from evaluation.bench.peers import peer
from evaluation.bench.plan import CannotMeasure, Cores, Plan
from evaluation.bench.saturate import Load, LoadFailed
from evaluation.bench.system_calls import counted

ORIGINS = 3
START_SECONDS = 20.0
IDLE_SECONDS = 120.0
CALLS_SECONDS = 1.0
IDLE_MODULE = "evaluation.bench.idle_memory"


class Bench:
    """One run. Every sample that was taken stays in ``samples``, also after an interruption.

    Attributes:
        calls: ours, per request of the plain case, by name; empty where they cannot be counted.
        notes: what a reader of the figures must know.
    """

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self.samples: list[Sample] = []
        self.calls: dict[str, float] = {}
        self.notes: list[str] = []
        self._plan = plan
        self._folder = folder
        self._say = say
        self._ports = free_ports(ORIGINS)

    def run(self) -> None:
        """Leaves no process, however it ends.

        Raises:
            ProcessError: a program did not start.
            CannotMeasure: a proxy does not answer as it should, or the load driver failed.
        """
        plan = self._plan
        with Processes() as lasting:
            _start(lasting, self._origin(), "origin", Cores.here().backend)
            for case in plan.cases:
                if case.figure is Figure.MEMORY:
                    self._idle(case)
                    continue
                names = plan.peers_of(case)
                for turn in range(plan.rounds if names else 0):
                    # Each peer comes first, in the middle and last about equally often.
                    first = turn % len(names)
                    for name in names[first:] + names[:first]:
                        sample = self._measured(case, peer(name, plan.packages), turn)
                        self.samples.append(sample)
                        self._say(
                            f"{case.name} round {turn + 1}/{plan.rounds}  {_line(case, sample)}"
                        )
                if case.name == "plain" and OURS in names:
                    self._count_calls(case)

    def _origin(self) -> Launch:
        if self._plan.backend == "nginx":
            return nginx_origin(self._ports, self._new_folder())
        return Launch([sys.executable, "-m", "evaluation.bench.origin", *map(str, self._ports)])

    def _measured(self, case: Case, proxy: Peer, turn: int) -> Sample:
        average = os.getloadavg()[0]
        cores = Cores.here(shared=case.shared)
        with Processes() as children:
            launch = proxy.launch(self._ports, self._new_folder())
            process = _start(children, launch, proxy.name, cores.proxy)
            check(proxy.name, process.url)
            if case.hits:
                check_hits(proxy.name, process.url)
            before = len(process.last_lines)
            load = self._driven(case, process.url, process.pid, cores)
            self._note_words(proxy.name, process.last_lines[before:])
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
            case=case.name,
            proxy_user=load.watched_user,
            received_bytes=load.received_bytes,
        )

    def _driven(self, case: Case, url: str, pid: int, cores: Cores) -> Load:
        plan = self._plan
        connections = case.connections or plan.connections
        try:
            if plan.driver == "wrk":
                return wrk.drive(
                    url + case.path,
                    connections=connections,
                    seconds=plan.seconds,
                    warm_up=plan.warm_up,
                    headers=case.headers,
                    varied=case.varied,
                    targets=case.targets,
                    watch=pid,
                    cores=cores.load,
                    folder=self._new_folder(),
                )
            command = [sys.executable, "-m", "evaluation.bench.saturate", url + case.path]
            command += ["--watch", str(pid), "--connections", str(connections)]
            command += ["--seconds", str(plan.seconds), "--warm-up", str(plan.warm_up)]
            command += ["--headers", json.dumps(case.headers)]
            if case.varied:
                command += ["--varied", "--targets", str(case.targets)]
            printed = _output(command, plan.warm_up + plan.seconds + START_SECONDS, cores.load)
            return Load(**json.loads(printed))
        except LoadFailed as error:
            raise CannotMeasure(str(error)) from None

    def _count_calls(self, case: Case) -> None:
        cores = Cores.here()
        with Processes() as children:
            proxy = peer(OURS)
            process = _start(
                children, proxy.launch(self._ports, self._new_folder()), OURS, cores.proxy
            )
            check(OURS, process.url)
            command = [sys.executable, "-m", "evaluation.bench.saturate", process.url + case.path]
            command += ["--connections", "16", "--seconds", str(CALLS_SECONDS), "--warm-up", "0.01"]

            def load() -> int:
                done = Load(**json.loads(_output(command, START_SECONDS, cores.load)))
                return done.completed

            self.calls = counted(process.pid, load)
        if not self.calls:
            self.notes.append("system calls were not counted: strace is missing or may not look")

    def _note_words(self, name: str, lines: Sequence[str]) -> None:
        """A proxy that complains under load does not do the work that is measured."""
        begin = f"{name} printed: "
        if lines and not any(note.startswith(begin) for note in self.notes):
            self.notes.append(begin + lines[-1].strip().replace(str(self._folder), "")[:200])
            self._say(self.notes[-1])

    def _idle(self, case: Case) -> None:
        """Once: memory does not vary as time does."""
        command = [sys.executable, "-m", IDLE_MODULE, "--json"]
        try:
            printed = _output(command, IDLE_SECONDS, ())
            bytes_each = float(json.loads(printed.strip().splitlines()[-1])["bytes_per_connection"])
        except (LoadFailed, ValueError, KeyError, IndexError) as error:
            why = str(error).removeprefix(f"the load driver failed: {sys.executable}: ")
            self.notes.append(f"idle was not measured: {why}")
            self._say(self.notes[-1])
            return
        self.samples.append(
            Sample(OURS, 0, 0, math.inf, 0.0, 0.0, case=case.name, idle_bytes=bytes_each)
        )
        self._say(f"idle  {OURS:16}{bytes_each:8.0f} bytes per connection")

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


def check_hits(name: str, url: str) -> None:
    """A proxy that asks the backend again would do other work than is measured. Raises
    CannotMeasure unless a second answer is the first one, stored."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    made = []
    for _ in range(2):
        try:
            with opener.open(f"{url}{CACHED_PATH}check", timeout=5.0) as response:
                made.append(response.headers[MADE])
        except OSError as error:
            raise CannotMeasure(f"{name} does not forward: {error}") from None
    if made[0] is None or made[0] != made[1]:
        raise CannotMeasure(f"{name} does not cache: the backend was asked twice")


def _output(command: Sequence[str], seconds: float, cores: Sequence[int]) -> str:
    """What a program on these cores prints. Raises LoadFailed."""
    pin = ["--core", ",".join(map(str, cores))] if cores else []
    try:
        done = subprocess.run(
            [sys.executable, "-m", "evaluation.bench.leash", *pin, "--", *command],
            capture_output=True,
            text=True,
            timeout=seconds,
            start_new_session=True,  # a terminal's Ctrl-C is ours to handle
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("the load driver did not end in time") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise LoadFailed(f"the load driver failed: {last}")
    return done.stdout


def _start(children: Processes, launch: Launch, name: str, cores: Sequence[int]) -> Process:
    command = [sys.executable, "-m", "evaluation.bench.leash"]
    if cores:
        command += ["--core", ",".join(map(str, cores))]
    if launch.url is not None:
        command += ["--ready", name, launch.url]
    return children.start([*command, "--", *launch.command], START_SECONDS, env=launch.env)


def _line(case: Case, sample: Sample) -> str:
    figures = f"{sample.microseconds:8.1f} us/request{sample.rate:10.0f} requests/s"
    if case.figure is Figure.RATE:
        figures = f"{sample.megabytes:8.0f} MB/s{sample.seconds_per_gigabyte:10.2f} CPU s/GB"
    wrong = f"  {sample.errors} errors: {sample.problem}" if sample.errors else ""
    return f"{sample.peer:16}{figures}{wrong}"
