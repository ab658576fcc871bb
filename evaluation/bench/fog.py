"""How fast the fog is, how large, and how far that is from the original.

    python -m evaluation.bench.fog [--quick] [--json] [--cases single,vector,reset,memory,rest]

Steps and resets are counted against the processor time of this process, so that a busy machine
spoils them less; over REST against the clock, and against the processor time of both sides.
Actions are drawn beforehand. A figure is the median of several rounds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from backend.processes import Processes
from evaluation.bench.processor import Tree
from rl.fog.applications import Dag
from rl.fog.env import FogEnv
from rl.fog.schedules import constant
from rl.fog.settings import FogSettings
from rl.fog.vector import VectorFogEnv

ROOT = Path(__file__).resolve().parents[2]
CASES = ("single", "vector", "reset", "memory", "rest")
DRAWN = 50
"""Steps whose actions are drawn before the clock runs; then they come again."""

ENVIRONMENTS = 64
DIAMOND = Dag(vertices=4, edges=((0, 1), (0, 2), (1, 3), (2, 3)))

ORIGINAL = {
    "single 10": "9.6 (its Python class; 22-69 over raw REST)",
    "single 50": "2-6 (raw REST)",
    "reset 10": "10400",
    "reset 50": "11900",
    "memory": "346-433",
    "rest 10": "22-69",
}
"""The original's, measured on a machine under load 6 to 10 on 2 cores, in a build whose web server
was replaced by a smaller one; see ``CAVEAT``."""

CAVEAT = (
    "The original's figures were taken with all nodes linked, against the clock, on a machine with "
    "load 6 to 10 on 2 cores, from a build with a small web server instead of Spring's. "
    "On an idle machine it is estimated (not measured) at 130-250 steps/s over raw REST and 20-60 "
    "from its Python class with 10 nodes. They say the order of magnitude, no ratio."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured.

    Attributes:
        samples: one per round.
        bar: what is asked for, "" if nothing is.
        original: the original's, "" if there is none.
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    bar: str = ""
    original: str = ""

    @property
    def value(self) -> float:
        return median(self.samples)

    @property
    def line(self) -> str:
        """For a person."""
        spread = f"{_short(min(self.samples))} to {_short(max(self.samples))}"
        told = [f"{self.name:<38} {_short(self.value):>9} {self.unit:<9} ({spread})"]
        if self.bar:
            told.append(f"bar {self.bar}")
        if self.original:
            told.append(f"original {self.original}")
        return "; ".join(told)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        seconds: of one round of steps.
    """

    rounds: int = 5
    seconds: float = 1.0


def fog(nodes: int, **more: Any) -> FogSettings:
    """Equal nodes, all linked, each with a client and an agent, no cloud; rate 0.6."""
    keys: dict[str, Any] = {
        "nodes_per_layer": (nodes,),
        "agents": tuple(range(nodes)),
        "instructions_per_core_second": (1e7,),
        "cores": (4,),
        "queue_limits": (10,),
        "frequency_variations": (1e3,),
        "clouds": 0,
        "cloud_access": (False,),
        "cloud_positions_meters": (),
        "topology": "full",
        "schedules": (constant(0.6),),
    }
    return FogSettings(**(keys | more))


def clouded(nodes: int) -> FogSettings:
    """The same, all nodes linked to a cloud."""
    return fog(nodes, clouds=1, cloud_access=(True,), cloud_positions_meters=((300.0, 300.0),))


def single(effort: Effort) -> Iterator[Figure]:
    """Steps of one environment through dicts, all agents acting."""
    for name, settings, bar, original in (
        ("10 nodes, 10 agents", fog(10), "3000", ORIGINAL["single 10"]),
        ("50 nodes, 50 agents", fog(50), "500", ORIGINAL["single 50"]),
        ("10 nodes, graphs of 4 tasks", fog(10, application="dag", dags=(DIAMOND,)), "", ""),
        ("10 nodes, cloud", clouded(10), "", ""),
    ):
        env = FogEnv(settings)
        samples = _rates(_stepping(env), effort)
        bar = f">= {bar}" if bar else ""
        yield Figure(f"single, {name}", "steps/s", samples, bar, original)


def vector(effort: Effort) -> Iterator[Figure]:
    """Steps of many environments at once; each counts."""
    for name, settings, bar in (
        (f"{ENVIRONMENTS} x 10 nodes", fog(10), ">= 100000"),
        (f"{ENVIRONMENTS} x 10 nodes, ring", fog(10, topology="ring"), ""),
        (f"{ENVIRONMENTS} x 10 nodes, cloud", clouded(10), ""),
        (f"{ENVIRONMENTS} x 50 nodes", fog(50), ""),
        (f"{ENVIRONMENTS} x 50 nodes, ring", fog(50, topology="ring"), ""),
    ):
        env = VectorFogEnv(settings, ENVIRONMENTS, seed=1)
        env.reset()
        dice = np.random.default_rng(1)
        shape = DRAWN, ENVIRONMENTS, len(env.agents)
        drawn = cycle(dice.integers(0, env.single_action_space.n, shape))

        def step(env: VectorFogEnv = env, drawn: cycle[Any] = drawn) -> int:
            env.step(next(drawn))
            return ENVIRONMENTS

        yield Figure(f"vector, {name}", "steps/s", _rates(step, effort), bar)


def resets(effort: Effort) -> Iterator[Figure]:
    """Milliseconds of a reset that is not the first."""
    for nodes, bar in ((10, "< 5"), (50, "")):
        env = FogEnv(fog(nodes))
        seed = iter(range(1_000_000))

        def reset(env: FogEnv = env, seed: Iterator[int] = seed) -> int:
            env.reset(seed=next(seed))
            return 1

        samples = tuple(1e3 / each for each in _rates(reset, effort))
        yield Figure(f"reset, {nodes} nodes", "ms", samples, bar, ORIGINAL[f"reset {nodes}"])


def memory(effort: Effort) -> Iterator[Figure]:
    """What a process grows by that has numpy and plays a fog, in MB."""
    command = [sys.executable, "-m", "evaluation.bench.fog_memory"]
    for name, more in (
        ("10 nodes", ["single", "10"]),
        ("50 nodes", ["single", "50"]),
        (f"vector {ENVIRONMENTS} x 10 nodes", ["vector", "10"]),
    ):
        samples = tuple(
            float(subprocess.check_output([*command, *more], cwd=ROOT))
            for _ in range(min(3, effort.rounds))
        )
        yield Figure(f"memory, {name}", "MB", samples, "< 80", ORIGINAL["memory"])


def rest(effort: Effort) -> Iterator[Figure]:
    """Steps over HTTP on loopback, one connection, 10 nodes and agents: POST /action, GET /state.

    By the clock, and per second of processor time of client and server together, which is what one
    core would do for them at the least if it did nothing else.
    """
    settings = "SIZE 10\nNO_LAYERS 1\nNO_NODES_PER_LAYERS 10\nCONTROLLERS 0;1;2;3;4;5;6;7;8;9\n"
    settings += "FREQS 1e7\nNO_CORES 4\nQ_MAX 10\nVARIATIONS 1e3\nCLOUD_EXISTS 0\nCYCLES 1000000\n"
    settings += "CLOUD_ACCESS 0\nschedules 0.6-1000\n"
    dice = np.random.default_rng(1)
    drawn = cycle(
        json.dumps(
            [
                {"type": "basic", "neighbourIndex": index, "controllerId": node}
                for node, index in enumerate(row)
            ]
        )
        for row in dice.integers(0, 10, (DRAWN, 10)).tolist()
    )
    with tempfile.TemporaryDirectory() as folder, Processes() as children:
        path = Path(folder) / "fog.properties"
        path.write_text(settings, encoding="utf-8")
        program = str(ROOT / "backend" / "simulation_api.py")
        child = children.start(
            [sys.executable, program, "--port", "0", "--config", str(path), "--until-stdin-closes"]
        )
        address = urlsplit(child.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port or 0)

        def ask(method: str, path: str, body: str | None = None) -> None:
            headers: Mapping[str, str] = {"content-type": "application/json"} if body else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{method} {path}: {answer.status} {said[:200]!r}")

        def act() -> int:
            ask("POST", "/action", next(drawn))
            return 1

        def act_and_look() -> int:
            act()
            ask("GET", "/state")
            return 1

        server = Tree(child.pid)
        for name, work in (("/action + /state", act_and_look), ("/action alone", act)):
            by_clock, by_processor = [], []
            for _ in range(effort.rounds):
                spent = time.process_time() + server.cpu()
                rate = _count(work, effort.seconds, time.perf_counter)
                spent = time.process_time() + server.cpu() - spent
                by_clock.append(rate)
                # The system counts a process's time in hundredths of a second.
                by_processor.append(rate * effort.seconds / max(spent, 0.01))
            original = ORIGINAL["rest 10"]
            yield Figure(f"REST, {name}", "steps/s", tuple(by_clock), ">= 400", original)
            samples = tuple(by_processor)
            yield Figure(f"REST, {name}, processor time", "steps/s", samples)
        connection.close()


def _stepping(env: FogEnv) -> Callable[[], int]:
    """Steps once, through as many episodes as it takes."""
    seen, _ = env.reset(seed=1)
    dice = np.random.default_rng(1)
    columns = {agent: int(seen[agent]["numberOfNeighbours"].item()) for agent in env.agents}
    drawn = cycle(
        [
            {agent: int(dice.integers(0, count)) for agent, count in columns.items()}
            for _ in range(DRAWN)
        ]
    )

    def step() -> int:
        env.step(next(drawn))
        if not env.agents:
            env.reset()
        return 1

    return step


def _rates(
    work: Callable[[], int], effort: Effort, clock: Callable[[], float] = time.process_time
) -> tuple[float, ...]:
    """How much of it is done in a second, by round, after a short warm-up."""
    _count(work, effort.seconds / 10, clock)
    return tuple(_count(work, effort.seconds, clock) for _ in range(effort.rounds))


def _count(work: Callable[[], int], seconds: float, clock: Callable[[], float]) -> float:
    done, began = 0, clock()
    while True:
        done += work()
        passed = clock() - began
        if passed >= seconds:
            return done / passed


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_MEASURES: dict[str, Callable[[Effort], Iterator[Figure]]] = {
    "single": single,
    "vector": vector,
    "reset": resets,
    "memory": memory,
    "rest": rest,
}


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.bench.fog",
        description="How fast the fog is and how large, beside the original's figures.",
    )
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.3 seconds")
    parser.add_argument("--rounds", type=int, help="of each figure (default: 5)")
    parser.add_argument("--seconds", type=float, help="of one round (default: 1)")
    parser.add_argument("--cases", default=",".join(CASES), help="by comma (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object with every sample")
    given = parser.parse_args(argv)
    effort = Effort(3, 0.3) if given.quick else Effort()
    rounds = effort.rounds if given.rounds is None else given.rounds
    seconds = effort.seconds if given.seconds is None else given.seconds
    if rounds < 1 or not 0 < seconds <= 600:
        parser.error("--rounds must be at least 1, and --seconds above 0 and at most 600")
    cases = given.cases.split(",")
    for case in cases:
        if case not in _MEASURES:
            parser.error(f"argument --cases: there is no {case!r}; there are {', '.join(CASES)}")
    found: list[Figure] = []
    for case in cases:
        for figure in _MEASURES[case](Effort(rounds, seconds)):
            found.append(figure)
            if not given.json:
                print(figure.line, flush=True)
    if given.json:
        print(json.dumps(_told(found, rounds, seconds), indent=2))
    else:
        print(CAVEAT)
    return 0


def _told(found: Sequence[Figure], rounds: int, seconds: float) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rounds": rounds,
        "seconds": seconds,
        "figures": [{**asdict(each), "value": each.value} for each in found],
        "caveat": CAVEAT,
    }


if __name__ == "__main__":
    sys.exit(main())
