import pytest

from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.fleet import Fleet

pytestmark = pytest.mark.unit


def models(*seconds: float, samples: float = 100.0, noise: float = 0.01) -> list[EndpointModel]:
    found = []
    for number, each in enumerate(seconds):
        it = EndpointModel(str(number), 2, 0.0, 1.0)
        it.raw[0] = it.service[0] = it.mean = each
        it.count[0] = samples
        it.drift.noise = noise
        it.servers = 4.0
        found.append(it)
    return found


def test_the_mean_is_over_endpoints() -> None:
    fleet = Fleet(2)
    fleet.sweep(models(0.05, 0.15), [0], 1.0)

    assert fleet.means[0] == pytest.approx(0.1)
    assert 0.0 == fleet.means[1]


def test_endpoints_that_differ_are_believed_sooner_than_equal_ones() -> None:
    differ, equal = Fleet(2), Fleet(2)
    differ.sweep(models(0.05, 0.10, 0.15, noise=1.0), [0], 1.0)
    equal.sweep(models(0.1, 0.1, 0.1, noise=1.0), [0], 1.0)

    assert differ.doubts[0] < 10.0
    assert equal.doubts[0] > 100.0


def test_a_wrong_guess_at_the_noise_does_not_make_endpoints_alike() -> None:
    """Samples vary less than was thought: all of the difference might be chance, and is not."""
    fleet = Fleet(2)
    fleet.sweep(models(0.05, 0.10, 0.15, samples=3.0, noise=4.0), [0], 1.0)

    assert fleet.doubts[0] < 100.0


def test_one_who_is_little_known_does_not_make_the_others_unsure() -> None:
    fleet, clear = Fleet(2), Fleet(2)
    endpoints = models(0.08, 0.10, 0.12, noise=0.25)
    clear.sweep(endpoints, [0], 1.0)
    endpoints += models(0.1, samples=1.0, noise=0.25)
    fleet.sweep(endpoints, [0], 1.0)

    assert fleet.doubts[0] < 2.0 * clear.doubts[0]


def test_a_class_is_cheap_compared_with_all_requests_together() -> None:
    """An endpoint that is slow at all of them makes none of them dear."""
    endpoints = models(0.05, 0.05, 0.5)
    for it in endpoints:
        it.mix[:] = [70.0, 30.0]
    fleet = Fleet(2)
    fleet.sweep(endpoints, [0], 1.0)
    fleet.compare(endpoints, [0])
    assert [True, True] == fleet.cheap

    for it in endpoints:
        it.raw[1], it.count[1] = 4.0 * it.raw[0], 100.0
    fleet.sweep(endpoints, [1], 2.0)
    fleet.compare(endpoints, [0, 1])
    assert [True, False] == fleet.cheap
    fleet.forget(1)
    assert [True, True] == fleet.cheap


def test_rates_follow_what_is_sent() -> None:
    fleet = Fleet(2)
    endpoints = models(0.05, 0.05)
    for step in range(100):
        endpoints[0].sent, endpoints[1].sent = 30, 10
        fleet.sweep(endpoints, [0], step * 1.0)

    assert fleet.rate == pytest.approx(40.0, rel=0.01)
    assert endpoints[0].rate == pytest.approx(30.0, rel=0.01)
    assert fleet.capacity == pytest.approx(160.0)
    # Half as measured, half by capacity.
    assert fleet.expected_rate(endpoints[0]) == pytest.approx(0.5 * 30.0 + 0.5 * 20.0, rel=0.01)


def test_a_sweep_at_once_measures_no_rate() -> None:
    fleet = Fleet(2)
    endpoints = models(0.05)
    fleet.sweep(endpoints, [0], 1.0)
    endpoints[0].sent = 5
    fleet.sweep(endpoints, [0], 1.0)

    assert 5 == endpoints[0].sent


def test_servers_are_pooled_from_two_busy_endpoints_on() -> None:
    fleet = Fleet(2)
    endpoints = models(0.05, 0.05, 0.05)
    endpoints[0].saturated, endpoints[0].measured = 40.0, 4.0
    fleet.sweep(endpoints, [0], 1.0)
    assert 0.0 == fleet.pooled
    endpoints[1].saturated, endpoints[1].measured = 40.0, 9.0
    fleet.sweep(endpoints, [0], 2.0)
    assert fleet.pooled == pytest.approx(6.0)
    assert 0.0 == fleet.alike


def test_what_all_show_together_stands_in_for_what_nobody_shows_alone() -> None:
    fleet = Fleet(2)
    endpoints = models(*[0.05] * 8, noise=0.5)
    for each in endpoints:
        for bin in range(8):
            each.wait_count[bin] = 3.0
            each.waited[bin] = 0.05 * max(0.0, (bin + 1.0) / 2.0 - 1.0)
    fleet.sweep(endpoints[:1], [0], 1.0)
    assert 0.0 == fleet.pooled
    fleet.sweep(endpoints, [0], 2.0)
    assert fleet.pooled == pytest.approx(2.0, rel=0.05)


def test_servers_count_for_the_more_the_less_they_differ() -> None:
    alike, differ = Fleet(2), Fleet(2)
    for fleet, servers in ((alike, (4.0, 4.1, 3.9)), (differ, (2.0, 4.0, 16.0))):
        endpoints = models(0.05, 0.05, 0.05, noise=1.0)
        for each, measured in zip(endpoints, servers, strict=True):
            each.saturated, each.measured = 100.0, measured
        fleet.sweep(endpoints, [0], 1.0)

    assert alike.alike > 100.0
    assert differ.alike < 5.0


def test_a_class_that_is_another_one_now_is_unknown() -> None:
    fleet = Fleet(2)
    fleet.sweep(models(0.05, 0.06), [0], 1.0)
    fleet.forget(0)

    assert 0.0 == fleet.means[0]
