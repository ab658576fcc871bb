"""The experiment with shaping on real processes: a node and its backends, fresh for every run, and
open-loop traffic of all three clients from here.

Over the node's own admin port the clients enter the adaptive mode and tell their targets; what
their agents have set is read from the node's log of it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import httpx

from backend.processes import Process
from config.loading import load
from config.schema import Settings
from evaluation.network.cast import dice
from evaluation.progress import Steps
from evaluation.shaping import checkpoints
from evaluation.shaping.arms import (
    CALM_PART,
    FIRST,
    FLOOD_PART,
    LEARNED,
    LEARNERS,
    NONE,
    SHIFT,
    STATIC,
    UNTRAINED,
    Task,
    agent_of,
)
from evaluation.shaping.experiment import LIVE, Plan, ShapingResult, make_plan, measure
from evaluation.shaping.records import CLIENTS, Answer, Decided, Played, played
from evaluation.shaping.scenario import (
    CALM,
    FIRST_MINUTE,
    FLOOD,
    TARGETS,
    TUNED,
    USUAL,
    Scenario,
    Stretch,
    adaptive_section,
)
from evaluation.testbed import ExperimentError, open_testbed
from rl.simulation.shaping_load import Arrivals
from traffic.generator import generate, new_event_loop
from traffic.records import Record
from traffic.workload import PlannedRequest

STRATEGY = "least_request"
SEEDS = 5
ARMS = (NONE, STATIC, "aimd", f"tabular{UNTRAINED}", "dqn")
TIMEOUT_SECONDS = 20.0
LOG = "agents.jsonl"
ANSWER_BYTES = 2000
COURSE = (
    Stretch("night, as tuned", 20, USUAL),
    Stretch("day", 25, (150.0, 50.0, 8.0)),
    Stretch("bulk misbehaves", 20, (80.0, 40.0, 160.0)),
    Stretch("a server is slow", 40, (80.0, 45.0, 8.0), slow=2.5),
)
FLOOD_SHARE = 0.5
QUICK_SHARE = 0.5
"""How long stretches last, of their usual length."""


def live_plan(
    seeds: Sequence[int] | None = None, quick: bool = False, folder: Path = LEARNED
) -> Plan:
    """The usual live experiment, or a short one of a single seed."""
    virtual = make_plan(seeds, quick, folder)
    courses = {SHIFT: COURSE, CALM_PART: CALM, FLOOD_PART: FLOOD, FIRST: FIRST_MINUTE}
    scenarios = {name: Scenario(course) for name, course in courses.items()}
    scenarios |= {name: scenarios[name].shortened(FLOOD_SHARE) for name in (CALM_PART, FLOOD_PART)}
    if quick:
        scenarios = {name: each.shortened(QUICK_SHARE) for name, each in scenarios.items()}
    used = tuple(seeds) if seeds is not None else tuple(range(1 if quick else SEEDS))
    arms = tuple(arm for arm in ARMS if arm not in virtual.without)
    return Plan(
        LIVE,
        arms,
        used,
        tuple(live_tasks(arms, used)),
        scenarios,
        virtual.known,
        virtual.without,
    )


def live_tasks(arms: Sequence[str], seeds: Sequence[int]) -> list[Task]:
    """All runs, seed by seed; what takes long, of a few arms."""
    found = []
    for seed in seeds:
        found += [Task(SHIFT, arm, seed) for arm in arms]
        for arm in arms:
            if arm in (STATIC, *LEARNERS):
                found += [Task(part, arm, seed) for part in (CALM_PART, FLOOD_PART)]
            if arm in LEARNERS:
                found += [Task(FIRST, arm, seed), Task(FIRST, f"{arm}{UNTRAINED}", seed)]
    return found


def measure_live(plan: Plan, command: str, progress: Steps | None = None) -> ShapingResult:
    """All of it, or what was measured until Ctrl-C or until a process died; none is left running.

    Raises:
        ExperimentError: a process failed before any run was complete.
        KeyboardInterrupt: before any run was complete.
    """

    def run(task: Task, scenario: Scenario) -> Played:
        with (
            tempfile.TemporaryDirectory(prefix="slb-shaping-") as folder,
            asyncio.Runner(loop_factory=new_event_loop) as loop,
        ):
            return loop.run(play(task, scenario, Path(folder), plan.known))

    return measure(plan, command, run, progress)


def settings_for(
    scenario: Scenario, arm: str, folder: Path, checkpoint: Path | None = None
) -> Settings:
    """Of the node and its backends.

    Args:
        folder: where the node's log goes.
        checkpoint: what its agents begin with.
    """
    settings = load()
    balancer = scenario.balancer(None if arm == NONE else TUNED)
    shaping = balancer.shaping
    if arm not in (NONE, STATIC):
        section = adaptive_section(agent_of(arm))
        where = None if checkpoint is None else str(checkpoint)
        section = section.model_copy(update={"checkpoint": where, "log": str(folder / LOG)})
        shaping = shaping.model_copy(update={"adaptive": section})
    servers = tuple(
        server.model_copy(update={"service": replace(server.service, response_bytes=ANSWER_BYTES)})
        for server in scenario.backends()
    )
    return settings.model_copy(
        update={
            "servers": servers,
            "load_balancer": settings.load_balancer.model_copy(
                update={"admission": balancer.admission, "shaping": shaping}
            ),
        }
    )


def requests_of(scenario: Scenario, seed: int) -> list[tuple[str, PlannedRequest]]:
    """All clients' requests, in order; the same as in virtual time."""
    found = []
    for each in scenario.loads():
        arrivals = Arrivals(each, dice(seed, "load", each.name))
        while (following := arrivals.following(scenario.seconds)) is not None:
            request = PlannedRequest(following.offset, "GET", each.path, 0, following.quantile)
            found.append((each.name, request))
    return sorted(found, key=lambda one: one[1].offset)


async def play(task: Task, scenario: Scenario, folder: Path, known: Mapping[str, Any]) -> Played:
    """One run.

    Raises:
        ExperimentError: a process could not start, or died.
    """
    checkpoint: Path | None = None
    if task.arm in LEARNERS:
        checkpoint = folder / "agents.json"
        checkpoints.write(dict(known[task.arm]), checkpoint)
    settings = settings_for(scenario, task.arm, folder, checkpoint)
    plan = requests_of(scenario, task.seed)
    with open_testbed(settings, folder) as bed:
        await bed.reset(task.seed)
        with bed.balancers(STRATEGY, task.seed) as balancers:
            node = balancers[0]
            adaptive = task.arm not in (NONE, STATIC)
            if adaptive:
                await _enter(node)
            # The slow server's clock and the load's begin together.
            await bed.reset(task.seed)
            began = time.time()
            records = await generate(
                [request for _, request in plan], node.url, timeout=TIMEOUT_SECONDS, sizes=True
            )
    answers = [_answer(plan[record.index][0], record) for record in records]
    decided, left = _static(task.arm), 0
    if adaptive:
        decided, left = read_log(folder / LOG, began)
    return played(
        task.arm,
        task.seed,
        answers,
        scenario.begins(),
        scenario.seconds,
        {name: tuple(each) for name, each in decided.items()},
        left,
    )


def _answer(client: str, record: Record) -> Answer:
    good = not record.failure and record.first_byte is not None
    latency = record.first_byte if good and record.first_byte is not None else inf
    return Answer(client, record.intended, latency, record.status == 429, 0)


def _static(arm: str) -> dict[str, list[Decided]]:
    if arm == NONE:
        return {}
    return {
        rule["name"]: [
            Decided(
                0.0,
                rule.get("requests_per_second"),
                rule.get("download_bytes_per_second"),
                rule["urgency"],
            )
        ]
        for rule in TUNED
    }


async def _enter(node: Process) -> None:
    """Every client tells its targets and asks for an agent."""
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        for name in CLIENTS:
            base = f"{node.admin_url}/shaping/adaptive/clients/{name}"
            wanted = TARGETS[name]
            body = {
                "p95_seconds": wanted.p95_seconds,
                "requests_per_second": wanted.requests_per_second,
                "weight": wanted.weight,
            }
            try:
                (await client.put(f"{base}/targets", json=body)).raise_for_status()
                answer = await client.post(f"{base}/adaptive", json={"enabled": True})
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise ExperimentError(f"{name}: cannot have an agent: {error}") from None


def read_log(path: Path, began: float) -> tuple[dict[str, list[Decided]], int]:
    """What agents have set, by the node's log; and how many settings lay outside of the envelopes.

    Args:
        began: unix time of the first second.
    """
    decided: dict[str, list[Decided]] = {name: [] for name in CLIENTS}
    left = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        step = json.loads(line)
        name, setting = step["client"], step["after"]
        decided[name].append(
            Decided(
                max(0.0, step["time"] - began),
                setting["requests_per_second"],
                setting["download_bytes_per_second"],
                setting["urgency"],
                step["action"],
                step["held_by"],
                step["reward"] or 0.0,
            )
        )
        left += step["held_by"] == "agent" and not within(name, setting)
    return decided, left


def within(rule: str, setting: Mapping[str, Any]) -> bool:
    """Whether what a node shows lies inside the operator's bounds."""
    for envelope in adaptive_section("static").envelopes:
        if envelope.rule == rule:
            return all(
                setting[lever] is not None
                and bounds.least * (1 - 1e-9) <= setting[lever] <= bounds.most * (1 + 1e-9)
                for lever, bounds in envelope.bounds().items()
            )
    return True
