"""The live experiment: strategies compared on real processes under the same load, seed by seed.

From Python: ``asyncio.run(EvaluationRunner().run_comparison(num_requests_per_strategy=1000,
request_rate=10.0))`` measures, and writes the report into ``reports/``.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.loading import effective_yaml, load, nearest
from config.schema import Experiment, Settings
from evaluation.export import make_folder
from evaluation.machine import Beginning
from evaluation.network.cast import dice
from evaluation.progress import Progress
from evaluation.publish import publish
from evaluation.records import ComparisonResult, Request, Run, ServerFacts
from evaluation.testbed import (
    Bed,
    ExperimentError,
    Placement,
    open_testbed,
    read_placements,
)
from load_balancer import strategies as registry
from rl.vocabulary import Learner
from traffic.arrivals import WorkloadError
from traffic.generator import generate
from traffic.planning import plan_of
from traffic.records import Record
from traffic.workload import PlannedRequest

REPORTS = Path("reports")
NO_PLACEMENT = Placement("", 0, False, 1.0)


class EvaluationRunner:
    """Runs comparisons with one configuration.

    Args:
        settings: default: the project's configuration.
        out: the folder in which every comparison makes its own; default ``reports``.
        scenario: the name of the scenario that ``settings`` came from, for the report.
        command: what a reader types to measure it again; default: the call.
        timed: runs last ``simulation.duration_seconds``, however many requests come in that time,
            and ``simulation.warmup_seconds`` of it are not counted; instead of the experiment's
            numbers of requests. So they are in virtual time.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        out: Path | str | None = None,
        *,
        scenario: str = "",
        command: str = "",
        timed: bool = False,
    ) -> None:
        self._timed = timed
        self._settings = settings if settings is not None else load()
        self._out = Path(out) if out is not None else REPORTS
        self._scenario = scenario
        self._command = command

    async def run_comparison(
        self,
        num_requests_per_strategy: int = 1000,
        request_rate: float = 10.0,
        *,
        strategies: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        warmup: int | None = None,
    ) -> ComparisonResult:
        """Measures, and writes the report; its folder is in the result.

        Args:
            num_requests_per_strategy: for each seed, warm-up included.
            strategies, seeds: default: those of ``settings.experiment``.
            warmup: how many requests of each run are not counted; default: as configured, and at
                most a fifth of the requests.

        Raises:
            ExperimentError: the experiment cannot be run, or a process died before any run ended.
            ReportError: the report cannot be written.
        """
        experiment = self._settings.experiment
        asked = experiment.model_copy(
            update={
                "strategies": tuple(strategies or experiment.strategies),
                "seeds": tuple(seeds if seeds is not None else experiment.seeds),
                "requests": num_requests_per_strategy,
                "request_rate": float(request_rate),
                "warmup_requests": default_warmup(experiment, num_requests_per_strategy)
                if warmup is None
                else warmup,
            }
        )
        check(asked)
        folder = make_folder(self._out, datetime.now(UTC))
        command = self._command or (
            "EvaluationRunner().run_comparison("
            f"num_requests_per_strategy={num_requests_per_strategy}, request_rate={request_rate})"
        )
        return publish(await self.measure(asked, command), folder).result

    async def measure(self, experiment: Experiment, command: str = "") -> ComparisonResult:
        """Measures and writes nothing.

        Cancelled, it returns what was measured until then, marked as interrupted. The same goes for
        a process that dies once there are complete runs; ``problem`` then says which.

        Raises:
            ExperimentError: it cannot be run, or a process died before any run was complete.
        """
        settings = self._settings.model_copy(update={"experiment": experiment})
        plans = {seed: plan(settings, seed, self._timed) for seed in experiment.seeds}
        beginning = Beginning.now()
        runs: list[Run] = []
        problem, interrupted = "", False
        count = len(experiment.strategies)
        progress = Progress(count * len(plans), count * sum(map(len, plans.values())))
        try:
            with (
                tempfile.TemporaryDirectory(prefix="slb-experiment-") as scratch,
                open_testbed(settings, Path(scratch)) as bed,
            ):
                for seed in experiment.seeds:
                    for place, strategy in enumerate(shuffled(experiment.strategies, seed)):
                        await asyncio.sleep(0)  # a Ctrl-C during the start is noticed here
                        progress.begin_run(strategy, seed)
                        live = _LiveRun(bed, settings, progress, strategy, seed, place, self._timed)
                        runs.append(await live.run(plans[seed]))
                        progress.end_run()
                        if not runs[-1].complete:
                            raise asyncio.CancelledError
                        await bed.until_idle(settings.traffic.timeout_seconds)
        except asyncio.CancelledError:
            interrupted = True
        except ExperimentError as error:
            if not any(run.complete for run in runs):
                raise
            problem, interrupted = str(error), True
        finally:
            progress.close()
        return ComparisonResult(
            strategies=experiment.strategies,
            classics=tuple(name for name in experiment.strategies if not learns(name, settings)),
            seeds=experiment.seeds,
            servers=tuple(
                ServerFacts(
                    server.id,
                    server.base_delay_ms,
                    server.service.phases,
                    server.service.slots,
                    server.service.routes,
                )
                for server in settings.servers
            ),
            requests=experiment.requests,
            warmup=experiment.warmup_requests,
            request_rate=experiment.request_rate,
            runs=tuple(runs),
            circumstances=beginning.circumstances(
                command or self._command,
                self._scenario,
                experiment.description,
                effective_yaml(settings),
            ),
            interrupted=interrupted,
            problem=problem,
        )


class _LiveRun:
    """One strategy under one seed's load."""

    def __init__(
        self,
        bed: Bed,
        settings: Settings,
        progress: Progress,
        strategy: str,
        seed: int,
        place: int,
        timed: bool,
    ) -> None:
        self._bed = bed
        self._settings = settings
        self._progress = progress
        self._strategy = strategy
        self._seed = seed
        self._place = place
        self._timed = timed
        self._records: list[Record] = []

    async def run(self, plan: Sequence[PlannedRequest]) -> Run:
        """All of it, or what there is when it is cancelled."""
        bed, cut = self._bed, False
        with bed.balancers(self._strategy, self._seed) as balancers:
            gc.collect()
            gc.freeze()  # so that no long pause for rubbish falls into the load
            await bed.reset(self._seed)
            start = time.time()
            gauge = bed.gauge(balancers)
            joining = [
                asyncio.create_task(bed.join(id, seconds, balancers))
                for id, seconds in bed.joining.items()
            ]
            try:
                await generate(
                    plan,
                    [balancer.url for balancer in balancers],
                    timeout=self._settings.traffic.timeout_seconds,
                    request_id_prefix=f"{self._strategy}-{self._seed}-",
                    sizes=True,
                    # The simulator's dice, so that each balancer gets the same requests.
                    spread=dice(self._seed, "balancers") if len(balancers) > 1 else None,
                    on_record=self._note,
                )
            except asyncio.CancelledError:
                cut = True
            finally:
                await _ended(joining)
            strain = gauge.strain()
        placements = read_placements(*bed.logs_of(self._strategy, self._seed))
        requests = tuple(
            request_of(
                record,
                plan[record.index],
                placements.get(record.request_id, NO_PLACEMENT),
                start,
                self._warms_up(record),
            )
            for record in sorted(self._records, key=lambda record: record.index)
        )
        return Run(
            self._strategy, self._seed, self._place, requests, complete=not cut, strain=strain
        )

    def _warms_up(self, record: Record) -> bool:
        if self._timed:
            return record.intended < self._settings.simulation.warmup_seconds
        return record.index < self._settings.experiment.warmup_requests

    def _note(self, record: Record) -> None:
        self._records.append(record)
        self._progress.record(record)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Ends those that have not. Raises what one of them raised."""
    for task in tasks:
        task.cancel()
    for problem in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(problem, Exception):
            raise problem


def request_of(
    record: Record, planned: PlannedRequest, placement: Placement, start: float, warmup: bool
) -> Request:
    """What client and balancer know of one request, together.

    Args:
        start: unix seconds at which the plan began.
    """
    return Request(
        request_id=record.request_id,
        timestamp=start + record.sent,
        path=planned.path,
        endpoint=placement.endpoint,
        latency=record.latency,
        first_byte=record.first_byte,
        status=record.status,
        success=not record.failure,
        index=record.index,
        intended=record.intended,
        sent=record.sent,
        attempts=placement.attempts,
        explored=placement.explored,
        propensity=placement.propensity,
        warmup=warmup,
    )


def plan(settings: Settings, seed: int, timed: bool = False) -> list[PlannedRequest]:
    """The load of one seed, the same for every strategy.

    Args:
        timed: see ``EvaluationRunner``.

    Raises:
        ExperimentError: the configuration makes none.
    """
    experiment = settings.experiment
    try:
        found = plan_of(
            settings.traffic,
            seed,
            rate=experiment.request_rate,
            duration=settings.simulation.duration_seconds if timed else None,
            requests=None if timed else experiment.requests,
        )
    except WorkloadError as error:
        raise ExperimentError(str(error)) from None
    if not found:
        raise ExperimentError("no request falls into a run; let it last longer")
    return found


def check(experiment: Experiment) -> None:
    """Raises ExperimentError on what cannot be compared."""
    known = registry.names()
    for name in experiment.strategies:
        if name not in known:
            raise ExperimentError(f"no strategy {name!r}{nearest(name, known)}")
    for what, given in (("strategies", experiment.strategies), ("seeds", experiment.seeds)):
        if len(set(given)) < len(given):
            raise ExperimentError(f"{what}: one of them stands twice: {', '.join(map(str, given))}")
    if not 0 <= experiment.warmup_requests < experiment.requests:
        raise ExperimentError(
            f"warmup: must lie between 0 and the {experiment.requests} requests of a run, and below"
            f" them (given: {experiment.warmup_requests})"
        )


def default_warmup(experiment: Experiment, requests: int) -> int:
    """As configured, and at most a fifth of the requests."""
    return min(experiment.warmup_requests, requests // 5)


def shuffled(strategies: Sequence[str], seed: int) -> list[str]:
    """The order in which the strategies run under a seed, so that none is always first."""
    order = list(strategies)
    random.Random(f"order/{seed}").shuffle(order)
    return order


def learns(strategy: str, settings: Settings) -> bool:
    """Whether the strategy is a learner; the others are the classics."""
    return isinstance(registry.build(strategy, settings, random.Random(0)), Learner)
