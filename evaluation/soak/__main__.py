"""``python -m evaluation.soak``: very many requests of all kinds; is anything left over?

The bulk comes from wrk (or from ``bench/saturate.py`` where there is none), beside it clients of
``mix.py`` that upload, pipeline and leave. Memory and descriptors are looked at after every slice.
With ``--distinct`` other questions are asked: see ``distinct.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import yaml

from backend.processes import Process, ProcessError, Processes
from config.open_files import allow_open_files
from evaluation.arguments import INTERRUPTED
from evaluation.bench.peers import learner
from evaluation.bench.plan import Parser
from evaluation.bench.wrk import FIGURES, wrk
from evaluation.bench.wrk import script as wrk_script
from evaluation.faults.play import in_flight
from evaluation.machine import provenance
from evaluation.settings_known import known, nested
from evaluation.soak.distinct import SETTINGS as DISTINCT_SETTINGS
from evaluation.soak.distinct import STRATEGY, Distinct
from evaluation.soak.memory import Held, held
from evaluation.soak.mix import Tally, ask
from evaluation.soak.page import Found, page
from evaluation.soak.start import HOST, START_SECONDS, CannotSoak, balancer, origin, quiet
from load_balancer import strategies
from rl.vocabulary import JSON
from traffic.generator import new_event_loop

DEFAULT_PAGE = Path("reports/soak.md")
ENDINGS = (signal.SIGINT, signal.SIGTERM)
MOST_FILES = 16_384
SETTLE_SECONDS = 2.0
LAST_SECONDS = 0.5
"""For what is under way when the load ends; a request takes milliseconds."""

BASELINE = 100_000
ONLY = ""
"""Name of the node where there is one."""

SETTINGS: dict[str, JSON] = {
    "load_balancer.access_log.path": os.devnull,
    "load_balancer.request_log.path": os.devnull,
    "load_balancer.tracing.enabled": True,
}
"""What can hold memory is on, and leaves no files; those that this version knows."""


class Soak:
    """One run. ``found`` says what came of it, also after an interruption."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._samples: list[Held] = []
        self._tally = Tally()
        self._bulk = 0
        self._began = 0.0
        self._ended = 0.0
        self._before = self._after = 0
        self._in_flight: int | None = None

    @property
    def requests(self) -> int:
        return self._bulk + self._tally.requests

    async def run(self, processes: Processes) -> None:
        """Raises ProcessError, or CannotSoak."""
        node = await asyncio.to_thread(self._start, processes)
        await asyncio.sleep(SETTLE_SECONDS)
        self._before = held(node.pid, 0, 0.0).descriptors
        over = asyncio.Event()
        self._began = time.monotonic()
        parts = urlsplit(node.url)
        host, port = parts.hostname or HOST, parts.port or 80
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._options.clients):
                    dice = random.Random(f"{self._options.seed}/{number}")
                    tasks.create_task(ask(host, port, self._tally, dice, over))
                try:
                    while self.requests < self._options.requests:
                        await self._slice(node)
                finally:
                    over.set()
        finally:
            self._ended = time.monotonic()
        # Before the wait: asking opens a connection too.
        await asyncio.sleep(LAST_SECONDS)
        self._in_flight = in_flight(await _stats(node))
        self._after = await quiet(node.pid, self._before)
        self._sample(node)

    def found(self) -> dict[str, Found]:
        """By node; of the only one there is."""
        baseline = min(BASELINE, self._options.requests // 4)
        # The last sample is of an idle process.
        found = Found(
            requests=self.requests,
            seconds=(self._ended or time.monotonic()) - self._began,
            baseline=baseline,
            kinds={"bulk": self._bulk, **dict(self._tally.done.most_common())},
            samples=self._samples,
            descriptors_before=self._before,
            descriptors_after=self._after,
            in_flight=self._in_flight,
            surprises=self._tally.surprises,
            problems=self._tally.problems,
        )
        return {ONLY: found}

    def page(self, facts: Mapping[str, str]) -> str:
        """What came of it, for a person."""
        return page(self.found()[ONLY], facts)

    def _start(self, processes: Processes) -> Process:
        servers: list[JSON] = [
            {"id": f"server{number}", "host": HOST, "port": port}
            for number, port in enumerate(origin(processes, self._folder), start=1)
        ]
        count = self._options.workers
        workers: dict[str, JSON] = {"load_balancer.workers": count} if count > 1 else {}
        config = self._folder / "config.yaml"
        written = nested(SETTINGS | workers) | {"servers": servers}
        config.write_text(yaml.safe_dump(written), encoding="utf-8")
        return processes.start(balancer(config, self._options.strategy), START_SECONDS)

    async def _slice(self, balancer: Process) -> None:
        """Some seconds of bulk, then a look."""
        before = self._tally.requests
        await self._bulk_for(balancer.url, self._options.slice)
        if balancer.exit_code is not None:
            last = balancer.last_lines[-1:] or ("it said nothing",)
            raise CannotSoak(f"the balancer has ended: {last[0]}")
        sample = self._sample(balancer)
        rate = sample.requests / max(sample.seconds, 1e-9)
        left = max(0, self._options.requests - sample.requests) / max(rate, 1e-9)
        _say(
            f"{sample.requests:>10,} of {self._options.requests:,} requests,"
            f" {sample.memory / 1e6:6.1f} MB, {sample.descriptors} descriptors,"
            f" {self._tally.requests - before:,} mixed in this slice,"
            f" {self._tally.surprises} surprises, about {left:.0f} s left"
        )

    async def _bulk_for(self, url: str, seconds: float) -> None:
        if wrk() is not None and seconds >= 1 and seconds == round(seconds):
            file = self._folder / "bulk.lua"
            file.write_text(wrk_script(urlsplit(url).netloc, "/", (), varied=True))
            command = [str(wrk()), "-t1", f"-c{self._options.connections}"]
            command += [f"-d{seconds:g}s", "-s", str(file), url]
            lines = (await _printed(command)).splitlines()
            (figures,) = [line for line in lines if line.startswith(FIGURES)] or [""]
            found = json.loads(figures.removeprefix(FIGURES) or "{}")
            if not found:
                raise CannotSoak(f"wrk failed: {(lines or ['no output'])[-1]}")
            errors = sum(found[key] for key in ("connect", "read", "write", "status", "timeout"))
            self._bulk += found["requests"]
        else:
            command = [sys.executable, "-m", "evaluation.bench.saturate", url, "--varied"]
            command += ["--connections", str(self._options.connections)]
            command += ["--seconds", f"{seconds:g}", "--warm-up", "0.01"]
            found = json.loads(await _printed(command) or "{}")
            if not found:
                raise CannotSoak("the load driver failed")
            errors = found["errors"] + found["completed"] - found["statuses"].get("200", 0)
            self._bulk += found["completed"]
        if errors:
            self._tally.surprises += errors
            self._tally.problems.append(f"bulk: {errors} errors: {found}")

    def _sample(self, balancer: Process) -> Held:
        try:
            sample = held(balancer.pid, self.requests, time.monotonic() - self._began)
        except psutil.NoSuchProcess:
            raise CannotSoak("the balancer has ended") from None
        self._samples.append(sample)
        return sample


async def _printed(command: Sequence[str]) -> str:
    """What a program prints. It is ended if this is cancelled."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    return output.decode("utf-8", "replace")


async def _stats(balancer: Process) -> dict[str, JSON]:
    try:
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            found: dict[str, JSON] = (await client.get(f"{balancer.admin_url}/stats")).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return found


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    it = Parser("soak", description="Very many requests of all kinds; is anything left over?")
    it.add_argument("--requests", type=int, default=1_000_000, help="(%(default)s)")
    it.add_argument(
        "--distinct",
        type=int,
        metavar="N",
        help="instead: N different URLs and domains through two nodes of a network",
    )
    it.add_argument(
        "--disk", action="store_true", help="with --distinct: their caches have files of 64 MiB"
    )
    it.add_argument("--connections", type=int, default=32, help="of the bulk (%(default)s)")
    it.add_argument("--clients", type=int, default=8, help="of the mix (%(default)s)")
    it.add_argument("--slice", type=float, default=5.0, help="seconds between looks (%(default)g)")
    it.add_argument("--workers", type=int, default=1, help="of the balancer (%(default)s)")
    it.add_argument("--strategy", default=learner(), help="(%(default)s)")
    it.add_argument("--seed", type=int, default=0, help="of the mix (%(default)s)")
    it.add_argument("--page", type=Path, default=DEFAULT_PAGE, help="(%(default)s)")
    return it.parse_args(argv)


def checked(options: argparse.Namespace) -> None:
    """Raises CannotSoak, naming the option at fault."""
    for name in ("requests", "distinct", "connections", "clients", "slice", "workers"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise CannotSoak(f"--{name} {value:g}: must be above 0")
    if options.strategy not in strategies.names():
        valid = ", ".join(strategies.names())
        raise CannotSoak(f"--strategy {options.strategy}: there is none; valid: {valid}")
    if options.workers > 1 and not known("load_balancer.workers"):
        raise CannotSoak(f"--workers {options.workers}: this version has no load_balancer.workers")
    try:
        options.page.parent.mkdir(parents=True, exist_ok=True)
        options.page.open("a").close()
    except OSError as error:
        raise CannotSoak(f"--page {options.page}: cannot be written: {error.strerror}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 if a goal was missed; 2 if it could not be run; 130 after Ctrl-C."""
    options = parsed(argv)
    # Explicitly, because a shell starts background jobs with SIGINT ignored.
    before = [(each, signal.signal(each, signal.default_int_handler)) for each in ENDINGS]
    interrupted = False
    try:
        checked(options)
        allow_open_files(MOST_FILES)
        with tempfile.TemporaryDirectory() as folder, Processes() as processes:
            several = options.distinct is not None
            kind = Distinct if several else Soak
            soak: Distinct | Soak = kind(options, Path(folder))
            try:
                with asyncio.Runner(loop_factory=new_event_loop) as runner:
                    runner.run(soak.run(processes))
            except KeyboardInterrupt:
                interrupted = True
            except ExceptionGroup as group:
                raise CannotSoak(str(group.exceptions[0])) from None
            found = soak.found()
    except (CannotSoak, ProcessError) as error:
        _say(f"soak: {error}")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    arguments = shlex.join(sys.argv[1:] if argv is None else argv)
    text = soak.page(_facts(f"python -m evaluation.soak {arguments}".strip(), options))
    options.page.write_text(text, encoding="utf-8")
    documents = {name: asdict(each) | {"growth": each.growth} for name, each in found.items()}
    document = documents.get(ONLY, documents)
    options.page.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(text)
    if interrupted:
        _say("interrupted: this is what was found until then")
        return INTERRUPTED
    return 0 if all(each.met for each in found.values()) else 1


def _facts(command: str, options: argparse.Namespace) -> dict[str, str]:
    several = options.distinct is not None
    what = f"{options.strategy}, {options.workers} worker(s)"
    on = SETTINGS
    if several:
        what, on = f"two nodes, {STRATEGY}", DISTINCT_SETTINGS
    return {
        **provenance(f"`{command}`"),
        "balancer": ", ".join([what, *(path for path in on if known(path))]),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
