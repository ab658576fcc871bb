"""The live experiment, from its plan to its report."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from config.loading import load
from config.schema import Experiment, Server, Settings
from config.simulation import Simulation
from config.traffic import MixEntry, Traffic
from evaluation import export
from evaluation.metrics_analyzer import analyze
from evaluation.records import same_load
from evaluation.runner import (
    NO_PLACEMENT,
    EvaluationRunner,
    _LiveRun,
    check,
    default_warmup,
    learns,
    plan,
    request_of,
    shuffled,
)
from evaluation.simulate.run import make_plan
from evaluation.testbed import Bed, ExperimentError, Placement
from load_balancer import strategies
from traffic.records import Record
from traffic.workload import PlannedRequest

QUICK = Settings(
    servers=(
        Server(id="one", port=8001, base_delay_ms=5),
        Server(id="two", port=8002, base_delay_ms=10),
    ),
    traffic=Traffic(mix=(MixEntry(path="/a"), MixEntry(path="/b"))),
)


@pytest.mark.integration
@pytest.mark.slow
async def test_a_comparison_from_python_ends_in_a_report(tmp_path: Path) -> None:
    """The call of document 003: both strategies get the same requests, each is told who answered,
    and the report is on disk."""
    runner = EvaluationRunner(QUICK, tmp_path)
    result = await runner.run_comparison(
        num_requests_per_strategy=80,
        request_rate=160.0,
        strategies=("round_robin", "q_learning"),
        seeds=(3,),
    )
    assert {run.strategy for run in result.runs} == {"round_robin", "q_learning"}
    assert result.classics == ("round_robin",)
    assert not result.interrupted
    first, second = result.runs
    assert same_load(first.requests, second.requests)
    for run in result.runs:
        assert run.complete
        assert [request.index for request in run.requests] == list(range(80))
        assert sum(request.warmup for request in run.requests) == 16
        assert all(request.success for request in run.requests)
        assert {request.endpoint for request in run.requests} <= {"one", "two"}
        assert {request.path for request in run.requests} == {"/a", "/b"}
        assert all(request.attempts == 1 for request in run.requests)
        assert all(request.latency >= 0.004 for request in run.requests)
    robin = next(run for run in result.runs if run.strategy == "round_robin")
    shares = [sum(r.endpoint == id for r in robin.requests) for id in ("one", "two")]
    assert shares == [40, 40]
    assert result.folder is not None
    assert (result.folder / "report.html").stat().st_size > 100_000
    again = export.read(tmp_path / "latest")
    assert analyze(again).statistics["q_learning"].requests == 64
    facts = again.circumstances
    assert "num_requests_per_strategy=80" in facts.command
    repeated = load(result.folder / "settings.yaml", environ={}).experiment
    assert (repeated.requests, repeated.request_rate, repeated.seeds) == (80, 160.0, (3,))


def small(**changes: object) -> Experiment:
    values = {
        "strategies": ("round_robin", "random"),
        "seeds": (0,),
        "requests": 60,
        "request_rate": 100.0,
        "warmup_requests": 5,
    }
    return Experiment.model_validate(values | changes)


@pytest.mark.integration
async def test_a_cancelled_experiment_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run that was cut short is marked, and what it had is kept."""
    note, some = _LiveRun._note, asyncio.Event()

    def noted(run: _LiveRun, record: Record) -> None:
        note(run, record)
        if record.index >= 20:
            some.set()

    monkeypatch.setattr(_LiveRun, "_note", noted)
    task = asyncio.create_task(
        EvaluationRunner(QUICK).measure(small(requests=400, strategies=("round_robin",)))
    )
    await some.wait()
    task.cancel()
    result = await task
    assert result.interrupted
    assert result.problem == ""
    (run,) = result.runs
    assert not run.complete
    assert 0 < len(run.requests) < 400
    assert all(request.endpoint for request in run.requests)


@pytest.mark.integration
async def test_a_server_that_dies_ends_the_experiment_and_keeps_the_complete_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resets: list[int] = []
    reset = Bed.reset

    async def kill_on_the_second(bed: Bed, seed: int) -> None:
        await reset(bed, seed)
        resets.append(seed)
        if len(resets) == 2:
            os.kill(bed._servers[0][1].pid, signal.SIGKILL)

    monkeypatch.setattr(Bed, "reset", kill_on_the_second)
    result = await EvaluationRunner(QUICK).measure(small())
    assert [run.complete for run in result.runs] == [True]
    assert result.interrupted
    assert "one ended with signal SIGKILL" in result.problem


@pytest.mark.integration
async def test_a_death_before_any_run_is_complete_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def kill(bed: Bed, seed: int) -> None:
        os.kill(bed._servers[1][1].pid, signal.SIGKILL)

    monkeypatch.setattr(Bed, "reset", kill)
    with pytest.raises(ExperimentError, match="two ended with signal SIGKILL"):
        await EvaluationRunner(QUICK).measure(small())


@pytest.mark.unit
def test_a_request_is_what_client_and_balancer_know_of_it() -> None:
    record = Record(4, 1.0, 1.01, 0.2, 0.19, 200, "", "id-4", "somebody")
    planned = PlannedRequest(1.0, "GET", "/a")
    found = request_of(record, planned, Placement("one", 2, True, 0.25), 1000.0, warmup=True)
    assert (found.endpoint, found.attempts, found.explored) == ("one", 2, True)
    assert (found.timestamp, found.latency, found.path) == (1001.01, 0.2, "/a")
    assert found.success and found.warmup
    refused = request_of(replace(record, status=503), planned, NO_PLACEMENT, 0, warmup=False)
    assert not refused.success
    assert refused.endpoint == ""
    lost = request_of(
        replace(record, status=0, error="timeout"), planned, NO_PLACEMENT, 0, warmup=False
    )
    assert not lost.success


@pytest.mark.unit
def test_plans_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    settings = QUICK.model_copy(update={"experiment": small(requests=50)})
    assert plan(settings, 1) == plan(settings, 1)
    assert plan(settings, 1) != plan(settings, 2)
    assert len(plan(settings, 1)) == 50


@pytest.mark.unit
def test_a_timed_run_is_that_of_virtual_time() -> None:
    settings = QUICK.model_copy(
        update={
            "experiment": small(request_rate=200.0),
            "simulation": Simulation(duration_seconds=2.0, warmup_seconds=0.5),
        }
    )
    found = plan(settings, 3, timed=True)
    assert found == make_plan(settings, 3)
    assert found[-1].offset < 2.0 < found[-1].offset + 0.2


@pytest.mark.unit
def test_plans_that_cannot_be_made_are_explained() -> None:
    trace = QUICK.traffic.model_copy(update={"arrivals": "trace"})
    with pytest.raises(ExperimentError, match=r"traffic\.trace: arrivals from a trace need a file"):
        plan(QUICK.model_copy(update={"traffic": trace}), 0)
    endless = QUICK.model_copy(update={"experiment": small(requests=10_000_000)})
    with pytest.raises(ExperimentError, match="too many"):
        plan(endless, 0)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"strategies": ("round_robbin",)}, "no strategy 'round_robbin'; did you mean 'round_robi"),
        ({"strategies": ("random", "random")}, "strategies: one of them stands twice"),
        ({"seeds": (1, 1)}, "seeds: one of them stands twice: 1, 1"),
        ({"warmup_requests": 60}, "warmup: must lie between 0 and the 60 requests"),
    ],
)
def test_what_cannot_be_compared_is_explained(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ExperimentError, match=complaint):
        check(small(**changes))
    check(small())


@pytest.mark.unit
def test_impossible_comparisons_start_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="warmup"):
        asyncio.run(EvaluationRunner(QUICK, tmp_path).run_comparison(10, warmup=10))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.unit
def test_warm_up_is_at_most_a_fifth() -> None:
    assert default_warmup(small(warmup_requests=100), 1200) == 100
    assert default_warmup(small(warmup_requests=100), 200) == 40


@pytest.mark.unit
def test_no_strategy_is_always_first() -> None:
    """Shuffled by the seed, and the same for the same seed."""
    names = ("round_robin", "random", "q_learning")
    orders = [tuple(shuffled(names, seed)) for seed in range(30)]
    assert {order[0] for order in orders} == set(names)
    assert orders[3] == tuple(shuffled(names, 3))
    assert all(sorted(order) == sorted(names) for order in orders)


@pytest.mark.unit
def test_learners_are_told_from_classics_by_what_they_can() -> None:
    """Every strategy of the registry, without a list of names."""
    found = {name for name in strategies.names() if learns(name, QUICK)}
    assert "q_learning" in found
    assert not found & {"round_robin", "random", "least_request", "power_of_two", "peak_ewma"}
