import random

import pytest

from rl.marginal_cost.endpoint_model import (
    LEAST_SERVICE,
    REFRESH_EVERY,
    UNKNOWN_SERVICE,
    EndpointModel,
)

pytestmark = pytest.mark.unit


def model(id: str = "a") -> EndpointModel:
    return EndpointModel(id, 4, 0.0, 1.0)


def test_what_is_in_flight_is_believed_and_weighed() -> None:
    it = model()
    it.reconcile(3)
    assert (3, 3.0, 3) == (it.open, it.work, it.bin)
    it.work = 6.0  # three requests of twice the mean size
    it.reconcile(2)
    assert (2, 4.0, 4) == (it.open, it.work, it.bin)
    it.reconcile(0)
    assert (0, 0.0, 0) == (it.open, it.work, it.bin)


def test_the_first_answer_replaces_every_guess() -> None:
    it = model()
    it.learn(2, 0, 1.0, 0.7)

    assert it.service[2] == pytest.approx(0.7)
    assert it.service[1] == UNKNOWN_SERVICE


def test_the_service_of_an_idle_endpoint_is_its_mean_latency() -> None:
    it, dice = model(), random.Random(1)
    for _ in range(2000):
        it.learn(0, 0, 1.0, 0.2 * dice.uniform(0.5, 1.5))

    assert it.speed * it.service[0] == pytest.approx(0.2, rel=0.05)


def test_what_was_measured_is_the_mean_of_the_samples_whatever_is_expected() -> None:
    """An endpoint that is drawn to its fleet: what was seen of it must not follow that."""
    it = model()
    for _ in range(5):
        it.learn(0, 0, 1.0, 0.5)
        it.service[0] = 0.05

    assert it.raw[0] == pytest.approx(0.5)


def test_waiting_is_told_from_service() -> None:
    """Load 0 answers in 50 ms, load 5 in 90 ms."""
    it = model()
    for number in range(2000):
        found = 5 if number % 2 else 0
        it.learn(0, found, 1.0, 0.09 if found else 0.05)

    assert it.speed * it.service[0] == pytest.approx(0.05, rel=0.1)
    assert it.speed * it.waited[5] == pytest.approx(0.04, rel=0.15)


def test_a_queue_is_not_taken_for_slow_service() -> None:
    """The service, once known, is nearly untouched by long waits at high loads."""
    it = model()
    for _ in range(200):
        it.learn(0, 0, 1.0, 0.05)
    for _ in range(200):
        it.learn(0, 12, 1.0, 0.5)

    assert it.service[0] < 0.1


def test_a_cheaper_repeat_teaches_the_service_of_others() -> None:
    it = model()
    for number in range(500):
        it.learn(0, 0, 0.1 if number % 2 else 1.0, 0.006 if number % 2 else 0.06)

    assert it.speed * it.service[0] == pytest.approx(0.06, rel=0.1)


def test_the_ratio_is_what_it_took_over_what_was_expected() -> None:
    it = model()
    for _ in range(100):
        it.learn(0, 0, 1.0, 0.05)

    assert it.learn(0, 0, 1.0, 0.1) == pytest.approx(2.0, rel=0.1)


def test_a_newcomer_goes_along_until_it_has_evidence_of_its_own() -> None:
    newcomer, it = model(""), model()
    it.resemble(newcomer)
    newcomer.service[0] = 0.3
    assert 0.3 == it.service[0]
    it.part(newcomer)
    newcomer.service[0] = 0.4
    assert 0.3 == it.service[0]


def test_fits_are_due_at_every_doubling_and_then_regularly() -> None:
    it = model()
    due = [number for number in range(1, 4 * REFRESH_EVERY + 1) if it.due()]

    assert [1, 2, 4, 8] == due[:4]
    assert [2 * REFRESH_EVERY, 3 * REFRESH_EVERY, 4 * REFRESH_EVERY] == due[-3:]


def test_waits_that_were_overestimated_do_not_drive_a_service_to_nothing() -> None:
    """An endpoint that was overloaded answers at once at the same load."""
    it = model()
    it.learn(0, 0, 1.0, 0.05)
    it.waited[12], it.wait_count[12] = 100.0, 500.0
    for _ in range(200):
        it.count[0] = 8.0  # as after a split
        it.learn(0, 12, 1.0, 0.05)

    assert LEAST_SERVICE <= it.service[0]
    assert LEAST_SERVICE <= it.raw[0]
