"""Experiments made of dice: what the runner would have measured, with a known truth."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest

from evaluation.metrics_analyzer import Analysis, analyze
from evaluation.plots import draw_all
from evaluation.records import (
    Circumstances,
    ComparisonResult,
    Machine,
    Request,
    Run,
    ServerFacts,
)
from rl.simulation.service import Phase

MakeExperiment = Callable[..., ComparisonResult]
SERVERS = (ServerFacts("server1", 50), ServerFacts("server2", 75), ServerFacts("server3", 100))
CLASSICS = {"round_robin", "random", "least_request", "power_of_two", "peak_ewma"}
# How likely each strategy is to take each server, at the start and once it has learned.
PREFERENCES = {
    "round_robin": ((1, 1, 1), (1, 1, 1)),
    "random": ((1, 1, 1), (1, 1, 1)),
    "least_request": ((1.5, 1.1, 0.8), (1.5, 1.1, 0.8)),
    "power_of_two": ((1.3, 1, 0.8), (1.3, 1, 0.8)),
    "peak_ewma": ((3, 1, 0.5), (3, 1, 0.5)),
    "q_learning": ((1, 1, 1), (8, 1, 0.4)),
}


def make(
    strategies: Sequence[str] = ("round_robin", "least_request", "peak_ewma", "q_learning"),
    seeds: Sequence[int] = (0, 1, 2),
    requests: int = 1200,
    warmup: int = 100,
    rate: float = 60.0,
    fail_share: float = 0.0,
    interrupted_at: int | None = None,
    shift: float = 0.0,
) -> ComparisonResult:
    """``fail_share`` of server1's answers between 5 and 10 s are quick errors; ``shift`` seconds
    are added to every latency; the run number ``interrupted_at`` is cut in half and the last."""
    runs: list[Run] = []
    for seed in seeds:
        arrivals = np.random.default_rng(seed).exponential(1 / rate, requests).cumsum()
        for place, strategy in enumerate(strategies):
            dice = np.random.default_rng([seed, *strategy.encode()])
            made = tuple(
                _request(strategy, seed, index, float(at), index < warmup, dice, fail_share, shift)
                for index, at in enumerate(arrivals)
            )
            if interrupted_at == len(runs):
                runs.append(Run(strategy, seed, place, made[: requests // 2], complete=False))
                break
            runs.append(Run(strategy, seed, place, made))
        else:
            continue
        break
    return ComparisonResult(
        strategies=tuple(strategies),
        classics=tuple(name for name in strategies if name in CLASSICS),
        seeds=tuple(seeds),
        servers=SERVERS,
        requests=requests,
        warmup=warmup,
        request_rate=rate,
        runs=tuple(runs),
        circumstances=Circumstances(
            started="2026-01-02T03:04:05Z",
            finished="2026-01-02T03:08:55Z",
            command="python run_experiment.py --seeds 0-2",
            scenario="document_003",
            description="three servers of 50, 75 and 100 ms without a limit of parallel work",
            commit="0123456789abcdef0123456789abcdef01234567",
            machine=Machine(
                cores=2,
                processor="An Example Processor",
                platform="Linux-6.1-x86_64",
                python="CPython 3.11.7",
                load_before=0.31,
                load_after=1.02,
                versions={"numpy": "2.4.6", "httptools": "0.9.0"},
            ),
            settings="servers:\n- id: server1\n  port: 8001\n",
        ),
        interrupted=interrupted_at is not None,
    )


def _request(
    strategy: str,
    seed: int,
    index: int,
    at: float,
    warmup: bool,
    dice: np.random.Generator,
    fail_share: float,
    shift: float,
) -> Request:
    first, learned = (np.array(each, dtype=float) for each in PREFERENCES[strategy])
    weights = first + (learned - first) * min(1.0, index / 600)
    weights /= weights.sum()
    chosen = int(dice.choice(3, p=weights))
    delay = SERVERS[chosen].base_delay_ms / 1000
    failed = chosen == 0 and 5 <= at < 10 and dice.random() < fail_share
    latency = 0.004 if failed else delay * dice.uniform(0.9, 1.1) + dice.exponential(0.003) + shift
    return Request(
        request_id=f"{strategy}-{seed}-{index}",
        timestamp=1_767_323_045.0 + at,
        path="/",
        endpoint=SERVERS[chosen].id,
        latency=latency,
        first_byte=latency - 0.001,
        status=500 if failed else 200,
        success=not failed,
        index=index,
        intended=at,
        sent=at + 0.0004,
        attempts=1,
        explored=strategy == "q_learning" and bool(dice.random() < 0.05),
        propensity=float(weights[chosen]),
        warmup=warmup,
    )


@pytest.fixture(scope="session")
def make_experiment() -> MakeExperiment:
    return make


@pytest.fixture(scope="session")
def result() -> ComparisonResult:
    """The default: four strategies, three seeds, nothing fails."""
    return make()


@pytest.fixture(scope="session")
def analysis(result: ComparisonResult) -> Analysis:
    return analyze(result)


@pytest.fixture(scope="session")
def drawn(
    result: ComparisonResult, analysis: Analysis, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """All plots of the default."""
    return draw_all(result, analysis, tmp_path_factory.mktemp("plots"))


@pytest.fixture(scope="session")
def failing() -> ComparisonResult:
    """Small, with failures, and with the phase that caused them."""
    made = make(strategies=("round_robin", "peak_ewma", "q_learning"), requests=900, fail_share=0.8)
    first, *others = made.servers
    return replace(made, servers=(replace(first, phases=(Phase("fail", 5, 10),)), *others))


@pytest.fixture(scope="session")
def failing_analysis(failing: ComparisonResult) -> Analysis:
    return analyze(failing)


@pytest.fixture(scope="module")
def no_process_is_left() -> Iterator[None]:
    """Spawned pools share one more process, which would stay until the end of this one. It must be
    there until the last of their semaphores is gone."""
    yield
    gc.collect()
    stop = getattr(resource_tracker, "_resource_tracker")._stop  # noqa: B009  # not public
    stop()
