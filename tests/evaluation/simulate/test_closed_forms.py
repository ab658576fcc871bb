"""The classics in the laboratory against what queueing theory says of them.

Exponential work, one request at a time on each server, Poisson arrivals; means by batches, so that
the allowance is the run's own error.
"""

from math import factorial

import numpy as np
import pytest
from numpy.typing import NDArray

from config.schema import Server, Settings
from evaluation.simulate.run import Run, simulate
from rl.simulation.service import ServiceProfile

pytestmark = pytest.mark.unit

WORK = 0.05
"""Mean seconds of work; all means below are in units of it."""

EXPONENTIAL = ServiceProfile(sizes="exponential", slots=1, queue_limit=100_000)
BATCHES = 20


def run(strategy: str, servers: int, use: float, requests: int, seed: int = 3) -> Run:
    """So many equal servers, used to that share."""
    rate = use * servers / WORK
    settings = Settings.model_validate(
        {
            "servers": tuple(
                Server(
                    id=f"s{number}",
                    port=8001 + number,
                    base_delay_ms=1000.0 * WORK,
                    service=EXPONENTIAL,
                )
                for number in range(servers)
            ),
            "experiment": {"request_rate": rate},
            "simulation": {
                "duration_seconds": requests / rate,
                "warmup_seconds": 0.1 * requests / rate,
            },
        }
    )
    return simulate(settings, strategy, seed)


def mean(played: Run) -> tuple[float, float]:
    """Time in the system, and its standard error."""
    latency = played.latency[played.counted] / WORK
    batches = np.array([batch.mean() for batch in np.array_split(latency, BATCHES)])
    return float(latency.mean()), float(batches.std(ddof=1) / np.sqrt(BATCHES))


def pooled(servers: int, use: float) -> float:
    """M/M/c: one queue for all of them, which nobody who decides at once can beat (Erlang C)."""
    load = servers * use
    waits = load**servers / factorial(servers) / (1.0 - use)
    chance = waits / (sum(load**number / factorial(number) for number in range(servers)) + waits)
    return 1.0 + chance / (servers * (1.0 - use))


def in_turns(servers: int, use: float) -> float:
    """E_n/M/1: taking turns, each server gets every n-th arrival. With the root s in (0, 1) of
    s = (n a / (n a + 1 - s))^n, a being the use, the time in the system is 1 / (1 - s)."""
    rate = servers * use
    root = 0.5
    for _ in range(1000):
        root = (rate / (rate + 1.0 - root)) ** servers
    return 1.0 / (1.0 - root)


def test_a_random_split_makes_mm1_queues() -> None:
    """1 / (1 - .6) = 2.5 times the work."""
    found, error = mean(run("random", 4, 0.6, 15_000))
    assert error < 0.15
    assert 2.5 == pytest.approx(found, abs=3 * error)


@pytest.mark.parametrize("strategy", ["round_robin", "weighted_round_robin"])
def test_taking_turns_is_erlang_arrivals(strategy: str) -> None:
    """Of two servers used to .8: 3.87 times the work, where a random split takes 5."""
    expected = in_turns(2, 0.8)
    assert 3.8 < expected < 3.9
    found, error = mean(run(strategy, 2, 0.8, 15_000))
    assert error < 0.4
    assert expected == pytest.approx(found, abs=3 * error)


@pytest.mark.parametrize("strategy", ["least_request", "peak_ewma"])
def test_looking_at_all_lies_between_one_queue_and_chance(strategy: str) -> None:
    """Of four servers used to .8: 1.75 in one queue, 5 by chance. The shortest queue is near the
    bound (Nelson and Philips 1993: within a few tenths of it)."""
    bound = pooled(4, 0.8)
    assert 1.745 == pytest.approx(bound, abs=0.001)
    found, error = mean(run(strategy, 4, 0.8, 12_000))
    assert bound - 3 * error < found
    assert found < bound + (5.0 - bound) / 3


def queues(played: Run, servers: int, moments: NDArray[np.float64]) -> NDArray[np.int64]:
    """Requests at each server at each of those moments."""
    left = played.arrived + played.latency
    found = []
    for number in range(servers):
        here = played.endpoint == number
        came = np.searchsorted(np.sort(played.arrived[here]), moments)
        found.append(came - np.searchsorted(np.sort(left[here]), moments))
    return np.array(found)


def test_two_choices_have_the_tail_that_is_known() -> None:
    """Of many servers used to .9 a share of .9^(2^i - 1) has i requests or more, and a request
    takes 2.61 times its work, where a random split takes 10 (Vvedenskaya, Dobrushin and
    Karpelevich 1996; Mitzenmacher 2001). A hundred are many, give or take four per cent."""
    use, servers = 0.9, 100
    played = run("power_of_two", servers, use, 20_000)
    found, error = mean(played)
    expected = sum(use ** (2.0**i - 2.0) for i in range(1, 10))
    assert 2.614 == pytest.approx(expected, abs=0.001)
    assert expected == pytest.approx(found, abs=0.04 * expected + 3 * error)
    last = played.arrived[-1]
    seen = queues(played, servers, np.linspace(0.3 * last, last, 200))
    for i in range(1, 6):
        share = float((seen >= i).mean())
        assert use ** (2.0**i - 1.0) == pytest.approx(share, abs=0.05), i
    assert float((seen >= 7).mean()) < 0.001
