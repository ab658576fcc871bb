"""One fault under load: open-loop requests, the fault in their midst, and what became of them."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.processes import Processes
from config.traffic import MixEntry
from evaluation.faults.catalogue import Act, Fault
from evaluation.faults.measures import Seen, seen
from evaluation.faults.stage import Stage, StageError
from rl.vocabulary import JSON
from traffic.generator import generate
from traffic.records import Record, summarise
from traffic.workload import make_plan

MIX = (
    MixEntry(path="/items", weight=0.85),
    MixEntry(path="/items", weight=0.05, method="HEAD"),
    MixEntry(path="/items/7", weight=0.10, method="PUT", body_bytes=2048),
)
"""Idempotent all of them, so that none may fail because it could not be repeated."""

BEGINS = 0.25
ENDS = 0.6
TIMEOUT = 10.0
"""Seconds that a client waits for an answer."""

SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """How each fault is played. Round robin gives an ill backend its full share until it is out,
    so that it is the data path that has to help and not a strategy's taste."""

    seconds: float = 60.0
    rate: float = 300.0
    seed: int = 0
    strategy: str = "round_robin"


@dataclass(frozen=True, slots=True)
class Played:
    """One fault and what came of it.

    Attributes:
        retries: that the balancer made during the run; None if it does not say.
        stuck: requests in flight at endpoints after the last answer; None if it does not say.
        warnings: what a reader must know before believing the figures.
    """

    fault: str
    about: str
    excused: str
    seen: Seen
    retries: int | None
    stuck: int | None
    warnings: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Nobody saw a failure that could have been avoided, and nothing is left over."""
        allowed = bool(self.excused)
        return (allowed or not self.seen.failed) and not self.stuck


async def play(fault: Fault, load: Load) -> Played:
    """Plays one fault with processes of its own, and leaves none.

    Raises:
        ProcessError: a process did not come up.
        StageError: it could not be played.
    """
    with Processes() as processes, tempfile.TemporaryDirectory() as folder:
        stage = Stage(
            processes,
            Path(folder),
            strategy=fault.strategy or load.strategy,
            settings=fault.settings,
            fault_seconds=load.seconds * (ENDS - BEGINS),
            workers=fault.workers,
            dns=fault.dns,
        )
        try:
            await stage.open()
            return await _played(fault, load, stage)
        finally:
            await stage.close()


async def _played(fault: Fault, load: Load, stage: Stage) -> Played:
    plan = make_plan(
        "poisson", MIX, random.Random(load.seed), rate=load.rate, duration=load.seconds
    )
    before = _count(await stage.stats(), "retries")
    moments: list[float] = []
    records: list[Record] = []
    began = time.perf_counter()

    async def disturb() -> None:
        await _at(began + BEGINS * load.seconds, fault.begin, stage, moments, began)
        if fault.end is not None:
            await _at(began + ENDS * load.seconds, fault.end, stage, moments, began)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(disturb())
        records = await generate(
            plan, stage.url, timeout=TIMEOUT, request_id_prefix=f"{fault.name}-"
        )
    await asyncio.sleep(SETTLE_SECONDS)
    stats = await stage.stats()
    after = _count(stats, "retries")
    warnings = summarise(records, len(plan)).warnings()
    if any("Traceback" in line for line in stage.balancer.last_lines):
        warnings.append(f"the balancer printed a traceback: {stage.balancer.last_lines[-1]}")
    if len(records) != len(plan):
        raise StageError(f"{len(plan)} requests were planned and {len(records)} are accounted for")
    require_effect(fault, records)
    return Played(
        fault=fault.name,
        about=fault.about,
        excused=fault.excused,
        seen=seen(records, moments[0], moments[1] if len(moments) > 1 else None, load.seconds),
        # A worker that was replaced has counted from nought.
        retries=None
        if after is None
        else after
        if not before or after < before
        else after - before,
        stuck=in_flight(stats),
        warnings=tuple(warnings),
    )


def require_effect(fault: Fault, records: Sequence[Record]) -> None:
    """Raises StageError if the newcomer of a fault that has one never answered: a fault without
    any effect is none that was survived."""
    if fault.newcomer and not any(each.endpoint == fault.newcomer for each in records):
        raise StageError(f"nothing happened: {fault.newcomer} was never asked")


async def _at(moment: float, act: Act, stage: Stage, moments: list[float], began: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
    moments.append(time.perf_counter() - began)
    await act(stage)


def in_flight(stats: dict[str, JSON]) -> int | None:
    """Requests in flight at all endpoints, as ``/stats`` says."""
    endpoints = stats.get("endpoints")
    if not isinstance(endpoints, Sequence) or isinstance(endpoints, str):
        return None
    found = 0
    for each in endpoints:
        count = each.get("in_flight") if isinstance(each, dict) else None
        found += count if isinstance(count, int) else 0
    return found


def _count(stats: dict[str, JSON], key: str) -> int | None:
    value = stats.get(key)
    return value if isinstance(value, int) else None
