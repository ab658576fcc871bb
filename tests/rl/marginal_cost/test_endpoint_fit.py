import heapq
import random
from math import inf, log
from statistics import pstdev

import pytest

from rl.marginal_cost.endpoint_fit import (
    WAIT_KEPT,
    fit_extra,
    fit_newcomer,
    fit_service,
    fit_wait,
)
from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.load_bins import BIN, BINS, LOADS

pytestmark = pytest.mark.unit

SERVICE = 0.05


def known(servers: float = 4.0, highest: int = 10) -> EndpointModel:
    """An endpoint of so many servers that was seen at each load up to the highest."""
    it = EndpointModel("a", 4, 0.0, 1.0)
    it.raw[0] = it.mean = SERVICE
    it.count[0] = it.mix[0] = 400.0
    it.completions = 400
    for bin in range(highest + 1):
        it.wait_count[bin] = 40.0
        it.waited[bin] = SERVICE * max(0.0, LOADS[bin] + 1.0 - servers) / servers
    return it


def heavy_tailed(dice: random.Random) -> float:
    """Lognormal, mean 1, standard deviation 2."""
    return dice.lognormvariate(-0.5 * log(5.0), log(5.0) ** 0.5)


def test_the_number_of_servers_is_found() -> None:
    it = known(4.0)
    fit_wait(it, 0.0, 0.0, 4)

    assert it.servers == pytest.approx(4.0, rel=0.05)


def test_the_wait_goes_on_beyond_what_was_seen() -> None:
    it = known(4.0)
    fit_wait(it, 0.0, 0.0, 4)

    for bin in range(BINS):
        formula = SERVICE * max(0.0, LOADS[bin] + 1.0 - it.servers) / it.servers
        assert it.wait[bin] == pytest.approx(formula, abs=0.003)
    assert list(it.wait) == sorted(it.wait)


def test_loads_that_nobody_has_seen_may_be_the_limit() -> None:
    """As if one more waited for all: a new endpoint is loaded slowly."""
    it = EndpointModel("a", 4, 0.0, 1.0)
    fit_wait(it, 0.0, 0.0, 4)

    assert inf == it.servers
    assert it.wait[3] == pytest.approx(3 * it.mean)


def test_others_servers_stand_in_for_unknown_ones() -> None:
    it = known(4.0, highest=2)
    fit_wait(it, 6.0, 0.0, 4)

    assert 6.0 == it.servers


def test_service_is_told_from_waiting_where_nobody_was_ever_alone() -> None:
    """Loads of 8 and more at four servers: latency alone tells the ratio of the two only."""
    it = known(4.0, highest=13)
    for bin in range(8):
        it.wait_count[bin] = 0.0
    busy = LOADS[8] + 1.0
    wrong = SERVICE * busy / 4.0
    it.raw[0] = it.service[0] = it.mean = wrong
    for bin in range(8, 14):
        it.waited[bin] += SERVICE - wrong
    for _ in range(60):
        fit_wait(it, 4.0, 100.0, 4)
        it.wait_count[8:14] = [40.0] * 6

    assert it.servers == pytest.approx(4.0, rel=0.02)
    assert it.service[0] == pytest.approx(SERVICE, rel=0.05)
    assert it.wait[12] == pytest.approx(SERVICE * (LOADS[12] - 3.0) / 4.0, rel=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_a_queue_that_never_empties_is_not_taken_for_many_slow_servers(seed: int) -> None:
    """Three servers, heavy-tailed sizes: few jobs at first, then always 35."""
    dice = random.Random(seed)
    it = EndpointModel("a", 1, 0.0, 1.0)
    free, now = [0.0] * 3, 0.0
    there: list[tuple[float, float, int]] = []
    for done in range(6000):
        while len(there) < (1 + done // 60 if done < 300 else 35):
            end = max(now, heapq.heappop(free)) + SERVICE * heavy_tailed(dice)
            heapq.heappush(free, end)
            heapq.heappush(there, (end, now, len(there)))
        now, sent, found = heapq.heappop(there)
        it.learn(0, BIN[found], 1.0, now - sent)
        if it.due():
            fit_service(it, [0.0], [1.0], 0.8, 1)
            fit_wait(it, 0.0, 0.0, 1)

    assert it.servers < 16.0


def test_speed_that_lasts_becomes_usual() -> None:
    it = known()
    it.service[0] = SERVICE
    it.speed = it.drift.scale = 2.0
    for _ in range(100):
        fit_service(it, [0.1, 0.0, 0.0, 0.0], [1.0] * 4, 0.8, 4)

    assert it.speed == pytest.approx(1.0, abs=0.01)
    assert it.speed * it.service[0] == pytest.approx(0.1)


def test_more_is_believed_of_who_has_shown_more() -> None:
    it = known(20.0, highest=10)
    fit_wait(it, 4.0, 0.0, 4)

    assert it.servers > 10.0


def test_what_is_known_little_is_drawn_to_the_fleet() -> None:
    it = known()
    it.count[1], it.raw[1] = 10.0, 0.1
    fit_service(it, [0.05, 0.2, 0.3, 0.0], [1.0, 10.0, 1.0, 1.0], 0.8, 4)

    assert it.service[0] == pytest.approx(0.05)
    assert it.service[1] == pytest.approx(0.15)
    assert it.service[2] == pytest.approx(0.8 * 0.3)
    assert it.service[3] == pytest.approx(it.mean)
    assert it.relative[2] == pytest.approx(it.service[2] / it.mean)


def test_one_more_job_costs_the_more_the_busier() -> None:
    it = known()
    fit_wait(it, 0.0, 0.0, 4)
    fit_extra(it, 60.0)

    assert list(it.extra) == sorted(it.extra)
    assert 0.0 < it.extra[0] < it.extra[10]


def test_where_nobody_waits_nobody_costs_anything() -> None:
    it = known()
    fit_wait(it, 0.0, 0.0, 4)
    fit_extra(it, 60.0)
    it.servers = inf
    fit_extra(it, 60.0)

    assert {0.0} == set(it.extra)


def test_a_rate_above_the_capacity_is_cut() -> None:
    it = known()
    fit_wait(it, 0.0, 0.0, 4)
    fit_extra(it, 1e6)

    assert it.extra[5] < 10.0


def test_a_newcomer_is_like_the_mean_of_the_others() -> None:
    newcomer = EndpointModel("", 4, 0.0, 1.0)
    fleet = [known(), known()]
    for each in fleet:
        fit_wait(each, 0.0, 0.0, 4)
    fit_newcomer(newcomer, fleet, [0.1, 0.0, 0.0, 0.0], 4.0, 0.8)

    assert newcomer.mean == pytest.approx(SERVICE)
    assert newcomer.service[0] == pytest.approx(0.08)
    assert newcomer.service[1] == pytest.approx(SERVICE)
    assert newcomer.wait[10] == pytest.approx(known().waited[10], rel=0.1)


@pytest.mark.parametrize(("noise", "times"), [(0.01, 1.0), (0.25, 1.0), (1.0, 4.0), (50.0, 8.0)])
def test_evidence_counts_the_longer_the_more_samples_vary(noise: float, times: float) -> None:
    it = known()
    it.drift.noise = noise
    before = it.wait_count[8]
    fit_service(it, [0.0] * 4, [1.0] * 4, 0.8, 1)
    fit_wait(it, 0.0, 0.0, 1)

    assert it.patience == times
    assert it.wait_count[8] == pytest.approx(before * (1.0 - (1.0 - WAIT_KEPT) / times))


def test_a_mean_of_heavy_tailed_samples_is_as_sure_as_one_of_even_ones() -> None:
    """Standard deviation of the learned service over many endpoints, lognormal sizes, cv 2."""

    def spread(patient: bool) -> float:
        dice = random.Random(7)
        found = []
        for _ in range(30):
            it = EndpointModel("a", 1, 0.0, 1.0)
            for _ in range(6000):
                it.learn(0, 0, 1.0, SERVICE * heavy_tailed(dice))
                if it.due() and patient:
                    fit_service(it, [0.0], [1.0], 0.8, 1)
            found.append(it.raw[0] * it.speed)
        return pstdev(found) / SERVICE

    assert spread(patient=True) < 0.7 * spread(patient=False)
