"""Each formula against brute force: the Poisson equation of a truncated chain, solved by numpy."""

import math
import random

import numpy as np
import pytest

from rl.queueing import (
    erlang_c,
    externality,
    mean_number,
    pollaczek_khinchine,
    value_differences,
)

pytestmark = pytest.mark.unit

CASES = [(1, 0.05, 10.0), (4, 0.05, 60.0), (4, 0.05, 4.0), (2.5, 0.1, 20.0), (8, 0.2, 36.0)]
"""Servers, service, rate; one of them with a fraction of a server."""

STATES = 600


def solved(servers: float, service: float, rate: float) -> tuple[np.ndarray, float]:
    """Relative values and the mean number of jobs, of a chain that refuses job number 600."""
    generator = np.zeros((STATES, STATES))
    for n in range(STATES):
        if n + 1 < STATES:
            generator[n, n + 1] = rate
        if n:
            generator[n, n - 1] = min(n, servers) / service
        generator[n, n] = -generator[n].sum()
    # h(0) = 0; the unknowns are h(1) … and g in the place of h(0).
    matrix = generator.copy()
    matrix[:, 0] = -1.0
    found = np.linalg.solve(matrix, -np.arange(STATES, dtype=float))
    mean = float(found[0])
    found[0] = 0.0
    return found, mean


@pytest.mark.parametrize(("servers", "service", "rate"), CASES)
def test_the_differences_solve_the_poisson_equation(
    servers: float, service: float, rate: float
) -> None:
    values, _ = solved(servers, service, rate)

    assert value_differences(servers, service, rate, 30) == pytest.approx(
        list(np.diff(values)[:30]), rel=1e-6
    )


@pytest.mark.parametrize(("servers", "service", "rate"), CASES)
def test_the_mean_number_is_the_chains(servers: float, service: float, rate: float) -> None:
    if servers == int(servers):
        _, mean = solved(servers, service, rate)
        assert mean_number(int(servers), rate * service) == pytest.approx(mean)


def test_erlang_c_of_one_server_is_its_load() -> None:
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    # Two servers: a^2 / (2 + a), in closed form.
    assert erlang_c(2, 1.2) == pytest.approx(1.2**2 / (2 + 1.2))
    assert 0.0 <= erlang_c(1000, 900.0) <= 1.0


def test_pollaczek_khinchine_of_exponential_service_is_m_m_1() -> None:
    load = 0.8
    waiting = pollaczek_khinchine(0.1, 1.0, load / 0.1)

    assert waiting == pytest.approx(0.1 * load / (1 - load))
    assert pollaczek_khinchine(0.1, 0.0, load / 0.1) == pytest.approx(waiting / 2)


def test_pollaczek_khinchine_is_what_lindley_gives() -> None:
    """W' = max(0, W + S - T), over many customers, sizes in two kinds."""
    dice = random.Random(1)
    waiting = total = 0.0
    customers = 100_000
    for _ in range(customers):
        total += waiting
        size = 0.02 if dice.random() < 0.9 else 0.32
        waiting = max(0.0, waiting + size - dice.expovariate(10.0))
    mean = 0.9 * 0.02 + 0.1 * 0.32
    square = 0.9 * 0.02**2 + 0.1 * 0.32**2
    variation = square / mean**2 - 1.0

    assert total / customers == pytest.approx(pollaczek_khinchine(mean, variation, 10.0), rel=0.1)


def test_nobody_pays_for_a_job_that_nobody_follows() -> None:
    assert externality(4, 0.05, 0.0, 20) == [0.0] * 20


@pytest.mark.parametrize(("servers", "service", "rate"), CASES)
def test_the_externality_rises_with_the_load(servers: float, service: float, rate: float) -> None:
    found = externality(servers, service, rate, 40)

    assert found == sorted(found)
    assert found[0] >= 0.0
    assert 40 == len(found)


def test_one_job_alone_costs_its_service_and_what_it_delays() -> None:
    """M/M/1: d(n) = (n + 1) / (mu - lambda)."""
    assert value_differences(1, 0.1, 5.0, 4) == pytest.approx([(n + 1) / 5.0 for n in range(4)])


@pytest.mark.parametrize(("servers", "offered"), [(1, 1.0), (4, 5.0), (0, 0.0), (2, -1.0)])
def test_without_a_steady_state_there_is_no_answer(servers: int, offered: float) -> None:
    with pytest.raises(ValueError, match="no steady state"):
        erlang_c(servers, offered)
    with pytest.raises(ValueError, match="no steady state"):
        value_differences(servers, 1.0, offered, 3)
    assert not math.isnan(mean_number(1, 0.5))
