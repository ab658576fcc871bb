"""A run: the same to the last digit for one seed, paired between strategies, right on average."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from config.schema import MixEntry, Server, Settings
from evaluation.simulate.run import FAILURE_SECONDS, Run, make_plan, simulate
from rl.simulation.service import Phase, RouteCost, ServiceProfile

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]


def settings(**changes: object) -> Settings:
    service = ServiceProfile(
        sizes="lognormal",
        spread=0.5,
        slots=4,
        routes=(RouteCost("/report", 4.0),),
        phases=(Phase("fail", 2.0, 4.0, probability=0.05),),
    )
    given: dict[str, object] = {
        "servers": tuple(
            Server(id=f"s{index}", port=8001 + index, base_delay_ms=50.0, service=service)
            for index in range(3)
        ),
        "traffic": {
            "mix": (MixEntry(path="/item", weight=7.0), MixEntry(path="/report", weight=3.0))
        },
        "experiment": {"request_rate": 80.0},
        "simulation": {"duration_seconds": 6.0, "warmup_seconds": 1.0, "balancers": 2},
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type]


def digest(run: Run) -> str:
    """Of every digit."""
    arrays = (run.arrived, run.latency, run.status, run.endpoint, run.balancer, run.tries)
    return hashlib.sha256(b"".join(each.tobytes() for each in arrays)).hexdigest()


@pytest.mark.parametrize("strategy", ["least_request", "peak_ewma", "prequal", "q_learning"])
def test_one_seed_one_run(strategy: str) -> None:
    first, second = simulate(settings(), strategy, 5), simulate(settings(), strategy, 5)
    assert digest(first) == digest(second)
    assert digest(first) != digest(simulate(settings(), strategy, 6))


def test_what_hashes_are_seeded_with_changes_nothing() -> None:
    """Another process with other string hashes plays the same run."""
    code = (
        "from tests.evaluation.simulate.test_run import digest, settings\n"
        "from evaluation.simulate.run import simulate\n"
        "print(digest(simulate(settings(), 'bounded_hash', 5)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == digest(simulate(settings(), "bounded_hash", 5))


def test_strategies_under_one_seed_get_the_same_requests() -> None:
    """Arrivals, classes, sizes and balancers are paired."""
    one, other = simulate(settings(), "round_robin", 2), simulate(settings(), "random", 2)
    assert np.array_equal(one.arrived, other.arrived)
    assert np.array_equal(one.balancer, other.balancer)
    assert [each.quantile for each in one.plan] == [each.quantile for each in other.plan]
    assert one.plan == make_plan(settings(), 2)


def test_a_run_has_a_place_for_every_request() -> None:
    run = simulate(settings(), "round_robin", 1)
    length = len(run.plan)
    assert 350 < length < 600
    for each in (run.arrived, run.latency, run.status, run.endpoint, run.balancer, run.tries):
        assert each.shape == (length,)
    assert run.endpoints == ("s0", "s1", "s2")
    assert (run.strategy, run.seed) == ("round_robin", 1)
    assert not np.isnan(run.latency).any()
    assert run.counted.sum() == (run.arrived >= 1.0).sum() < length
    assert run.failed.any()
    assert set(run.status[run.failed]) == {500}
    assert np.array_equal(run.cost - run.latency, FAILURE_SECONDS * run.failed)
    assert run.events > 2 * length
    assert run.seconds > 0.0


def test_classes_are_numbered_in_the_order_of_their_coming() -> None:
    run = simulate(settings(), "round_robin", 1)
    names, numbers = run.classes
    assert sorted(names) == ["GET /item", "GET /report"]
    assert [names[number] for number in numbers] == [
        f"{each.method} {each.path}" for each in run.plan
    ]
    dear = names.index("GET /report")
    assert run.latency[numbers == dear].mean() > 2 * run.latency[numbers != dear].mean()


def test_mean_latency_of_one_server_is_that_of_mm1() -> None:
    """1 / (mu - lambda) through the production node: 20 ms of work, 25 a second, 40 ms."""
    service = ServiceProfile(sizes="exponential", slots=1, queue_limit=10_000)
    given = settings(
        servers=(Server(id="s0", port=8001, base_delay_ms=20.0, service=service),),
        experiment={"request_rate": 25.0},
        simulation={"duration_seconds": 800.0, "warmup_seconds": 10.0},
    )
    run = simulate(given, "least_request", 1)
    latency = run.latency[run.counted]
    batches = np.array([batch.mean() for batch in np.array_split(latency, 20)])
    error = batches.std(ddof=1) / np.sqrt(20)
    assert error < 0.003
    assert latency.mean() == pytest.approx(0.040, abs=3 * error)


def test_ejections_of_all_balancers_are_told() -> None:
    broken = ServiceProfile(phases=(Phase("fail", 1.0, 3.0),))
    servers = [Server(id=f"s{index}", port=8001 + index) for index in range(3)]
    servers[1] = servers[1].model_copy(update={"service": broken})
    run = simulate(settings(servers=tuple(servers)), "round_robin", 1)
    assert run.ejections == {"s1": 2}
