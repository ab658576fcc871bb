"""The generator's command line: what it may ask for, checked; the configuration has the rest."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml
from pydantic import TypeAdapter, ValidationError

from config.loading import load
from config.traffic import MixEntry, Traffic
from traffic.arrivals import WorkloadError
from traffic.client import Target
from traffic.planning import plan_of
from traffic.workload import PlannedRequest


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests may fail: a number, or a share of those sent."""

    count: int = 0
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> Allowance:
        """``N`` or ``P%``. Raises ValueError."""
        if text.endswith("%"):
            per_cent = float(text[:-1])
            if not 0 <= per_cent <= 100:
                raise ValueError
            return cls(share=per_cent / 100)
        if int(text) < 0:
            raise ValueError
        return cls(int(text))

    def exceeded_by(self, failed: int, requests: int) -> bool:
        limit = self.count if self.share is None else self.share * requests
        return failed > limit


@dataclass(frozen=True, slots=True)
class Run:
    """All that a run from the command line needs, checked."""

    url: str
    arrivals: str
    rate: float
    duration: float | None
    seed: int
    timeout: float
    concurrent: int | None
    mix: tuple[MixEntry, ...]
    allowance: Allowance
    json: Path | None
    quiet: bool
    plan: Sequence[PlannedRequest]

    def settings(self) -> dict[str, object]:
        """What the JSON output says about how this run was made."""
        return {
            "url": self.url,
            "arrivals": self.arrivals,
            "rate": self.rate,
            "duration_seconds": self.duration,
            "timeout_seconds": self.timeout,
            "concurrent": self.concurrent,
            "mix": [entry.model_dump() for entry in self.mix],
        }


class BadArgument(Exception):
    """A value on the command line is not usable; the message is the one line to show."""


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    it = Parser("generator.py", description="Sends requests at a given rate, whatever comes back.")
    it.add_argument("--url", help="where to; a path in it goes before every path of the mix")
    it.add_argument("--rate", type=float, help="mean requests per second")
    it.add_argument("--duration", type=float, help="seconds; with a trace, where to cut it")
    it.add_argument("--concurrent", type=int, help="cap on requests in flight (default: none)")
    it.add_argument("--seed", type=int, help="the same seed sends the same requests")
    it.add_argument(
        "--arrivals", choices=["poisson", "uniform", "burst", "modulated", "diurnal", "trace"]
    )
    it.add_argument(
        "--trace", type=Path, help="offset,method,path lines, or an access log (JSON or Combined)"
    )
    it.add_argument("--mix", type=Path, help="YAML list of {path, weight, method, body_bytes, …}")
    it.add_argument("--timeout", type=float, help="seconds until a request has failed")
    it.add_argument("--json", type=Path, help="write settings, summary and every request here")
    it.add_argument(
        "--max-failures", default="0", help="N or P%%; exit code 1 above it (default: 0)"
    )
    it.add_argument("--config", type=Path, help="configuration for what is not given here")
    it.add_argument("--quiet", action="store_true", help="no progress")
    return it


def checked(options: argparse.Namespace) -> Run:
    """The run that the options ask for, the rest from the configuration.

    Raises:
        BadArgument, ConfigError
    """
    defaults: Traffic = load(options.config).traffic

    def positive(name: str, default: float) -> float:
        value: float | None = getattr(options, name)
        if value is None:
            return default
        if not (value > 0 and math.isfinite(value)):
            raise BadArgument(f"--{name} {value:g}: must be above 0")
        return value

    url: str = options.url or defaults.target_url
    try:
        Target.parse(url)
    except ValueError as error:
        raise BadArgument(f"--url {url}: {error}") from None
    if options.concurrent is not None and options.concurrent < 1:
        raise BadArgument(f"--concurrent {options.concurrent}: must be at least 1")
    try:
        allowance = Allowance.parse(options.max_failures)
    except ValueError:
        raise BadArgument(
            f"--max-failures {options.max_failures}: must be a number of requests or a per cent"
            " such as 1%"
        ) from None
    if options.json is not None:
        _must_be_writable(options.json)
    rate = positive("rate", defaults.request_rate)
    duration: float | None = positive("duration", defaults.duration_seconds)
    timeout = positive("timeout", defaults.timeout_seconds)
    seed = defaults.seed if options.seed is None else options.seed
    mix = defaults.mix if options.mix is None else _read_mix(options.mix)
    trace = defaults.trace if options.trace is None else str(options.trace)
    arrivals = options.arrivals or ("trace" if options.trace else defaults.arrivals)
    if arrivals == "trace":
        if not trace:
            raise BadArgument("--arrivals trace: needs --trace FILE")
        duration = options.duration  # a trace has its own end and its own rate
    elif options.trace:
        raise BadArgument(f"--trace {trace}: --arrivals {arrivals} does not use it")
    traffic = defaults.model_copy(update={"arrivals": arrivals, "trace": trace, "mix": mix})
    try:
        plan = plan_of(traffic, seed, rate=rate, duration=duration)
    except WorkloadError as error:
        option = "--trace " if options.trace else ""
        raise BadArgument(f"{option}{error}") from None
    if not plan:
        raise BadArgument("no request falls into the given time; ask for a longer --duration")
    return Run(
        url=url,
        arrivals=arrivals,
        rate=rate,
        duration=duration,
        seed=seed,
        timeout=timeout,
        concurrent=options.concurrent,
        mix=mix,
        allowance=allowance,
        json=options.json,
        quiet=options.quiet,
        plan=plan,
    )


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadArgument(f"{option} {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadArgument(f"{option} {path}: cannot be read: it is not UTF-8 text") from None


def _read_mix(path: Path) -> tuple[MixEntry, ...]:
    text = _read(path, "--mix")
    try:
        mix = TypeAdapter(tuple[MixEntry, ...]).validate_python(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadArgument(f"--mix {path}{line}: is not YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        raise BadArgument(
            f"--mix {path}: {where.lstrip('.') or 'the file'}: {first['msg']}; it must be a list"
            " of {path, weight, method, body_bytes}"
        ) from None
    if not mix:
        raise BadArgument(f"--mix {path}: the list is empty")
    return mix


def _must_be_writable(path: Path) -> None:
    """Found out before the load is sent, not after."""
    existed = path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise BadArgument(f"--json {path}: cannot be written: {error.strerror}") from None
    if not existed:
        path.unlink()
