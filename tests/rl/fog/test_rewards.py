"""The rewards against numbers worked out by hand, and against the formulas as they are written."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog import rewards
from rl.fog.applications import Job, TaskType
from rl.fog.links import capacity, noise_dbm, wireless_snr_db
from rl.fog.rewards import DelayWeights, Terms, baek2019, dense, documented, sparse
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit

POWER = 4e7
TERMS = Terms(utility=10.0, overload_weight=150.0)
SEND_100_METERS = 38e6 * 8 / capacity(2e6, wireless_snr_db(100.0, 20.0, noise_dbm(2e6)))


def test_dense_left_to_the_node_itself() -> None:
    reward = dense(TERMS, 4, POWER, 4, POWER, 10, 0.5, 0.0, local=True)
    assert reward == pytest.approx((-21.0630, 10.0, 3.0, 28.0630), abs=1e-4)


def test_dense_sent_to_a_fuller_node_far_away() -> None:
    assert pytest.approx(8.9818, abs=1e-4) == SEND_100_METERS
    reward = dense(TERMS, 4, POWER, 9, POWER, 10, 0.5, SEND_100_METERS, local=False)
    assert reward == pytest.approx((-197.1363, 10.0, 11.9818, 195.1545), abs=1e-4)


def test_dense_caps_each_delay() -> None:
    terms = Terms(weights=DelayWeights(queue=0.1, comm=0.2, exec=0.3))
    slow = dense(terms, 9, POWER, 0, POWER / 100, 10, 0.0, 99.0, local=False)
    assert slow.delay == pytest.approx(1.0 + 2.0 + 3.0)
    fast = dense(terms, 1, POWER / 100, 0, POWER, 10, 0.0, 0.0, local=False)
    assert fast.delay == pytest.approx(-3.0)


def test_dense_overload_ends_at_a_full_queue() -> None:
    """The free share counts from a thousandth up: three times the weight."""
    reward = dense(TERMS, 1, POWER, 50, POWER, 10, 5.0, 0.0, local=False)
    assert reward.overload == pytest.approx(450.0)


@given(
    st.floats(0, 100),
    st.floats(1e6, 1e9),
    st.floats(0, 100),
    st.floats(1e6, 1e9),
    st.integers(1, 100),
    st.floats(0, 10),
    st.floats(0, 1000),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_dense_is_the_formula(
    own: float,
    own_power: float,
    queue: float,
    power: float,
    limit: int,
    arrivals: float,
    send: float,
    local: bool,
) -> None:
    """U - (D + O), written once more."""
    if local:
        queue, power, send = own, own_power, 0.0
    a, u = 4e7, 10.0
    tw = min(max(own - 1, 0) * a / own_power + (0 if local else queue / power), u)
    te = max(min(a / power - a / own_power, u), -u)
    left = min(max(queue + (not local) + arrivals - power / a, 0), limit)
    o = -150 * math.log10(max((limit - left) / limit, 0.001))
    reward = dense(TERMS, own, own_power, queue, power, limit, arrivals, send, local)
    assert reward.total == pytest.approx(u - (tw + min(send, u) + te + o))


def test_sparse_counts_completed_against_dropped() -> None:
    assert sparse(TERMS, 3, 2).total == 10
    assert sparse(TERMS, 0, 0).total == 0


def test_no_task_and_no_neighbour() -> None:
    assert rewards.no_op(TERMS).total == 0
    assert rewards.no_op(Terms(no_op=-0.5)).total == -0.5
    assert rewards.out_of_range(TERMS).total == -10


def test_documented_left_to_the_node_itself() -> None:
    """Four tasks of a second each wait; the queue stays at four of ten."""
    reward = documented(TERMS, 4, POWER, 4, POWER, 10, 0.0, local=True)
    overload = 150 * -math.log10(0.6) / 3
    assert reward == pytest.approx((10 - 4 - overload, 10, 4, overload))


def test_documented_weighs_three_delays() -> None:
    terms = Terms(weights=DelayWeights(queue=2, comm=3, exec=5), overload_weight=0.0)
    reward = documented(terms, 4, POWER, 6, 2 * POWER, 10, 8.0, local=False)
    assert reward.delay == pytest.approx(2 * (4 + 3) + 3 * 8.0 + 5 * (0.5 - 1.0))
    assert reward.overload == 0


def test_documented_overload_lies_between_nothing_and_its_weight() -> None:
    idle = documented(TERMS, 0, POWER, 0, POWER, 10, 0.0, local=True)
    full = documented(TERMS, 0, POWER, 99, POWER, 10, 0.0, local=False)
    assert idle.overload == pytest.approx(150 * -math.log10(0.9) / 3)
    assert full.overload == pytest.approx(150.0)


def test_baek_keeps_one_and_sends_two() -> None:
    terms = Terms(utility=10.0, overload_weight=150.0)
    reward = baek2019(terms, 4, POWER, 10, 2.0, 9, 2 * POWER, 10, 2.0, 10.0, kept=1, sent=2)
    wait = 4 + (4 + 4.5)
    send = 2 * 38e6 * 8 * 2 / rewards.baek2019_rate(terms, 10.0)
    execution = 1 * 1.0 + 2 * 0.5
    # Queues then: min(max(0, 4 - 1) + 1, 10) = 4 and min(max(0, 9 - 2) + 2, 10) = 9.
    risk = (1 * 0.0 + 2 * (2.0 - 1.0) / 2.0) / 3
    assert reward.utility == pytest.approx(10 * math.log(4))
    assert reward.delay == pytest.approx((wait + send + execution) / 3)
    assert reward.overload == pytest.approx(150 * risk)
    assert reward.total == pytest.approx(reward.utility - reward.delay - reward.overload)


def test_baek_rate_is_shannon_with_path_loss() -> None:
    """1e-3 x 10^-4 of 100 mW over 2 MHz x -174 dBm/Hz."""
    ratio = 1e-7 * 100 / (2e6 * 10**-17.4)
    assert rewards.baek2019_rate(TERMS, 10.0) == pytest.approx(2e6 * math.log2(1 + ratio))


def test_baek_keeping_alone_needs_no_neighbour() -> None:
    reward = baek2019(TERMS, 1, POWER, 10, 0.0, 0, 1, 1, 0, 0.0, kept=1, sent=0)
    assert reward.delay == pytest.approx(1 + 1)
    assert reward.overload == 0


def test_terms_average_the_types_by_weight_and_remember_the_last() -> None:
    types = (TaskType(4, 1, 150e6, 200e6), TaskType(6, 2, 100e6, 250e6))
    terms = Terms.of(FogSettings(task_types=types))
    assert terms.work == pytest.approx(0.4 * 200e6 + 0.6 * 500e6)
    assert terms.size_bytes == pytest.approx(120e6)
    assert (terms.last_work, terms.last_size_bytes) == (500e6, 100e6)


def test_terms_of_a_trace_are_its_jobs() -> None:
    jobs = (Job(1e8, 1e6), Job(3e8, 3e6))
    terms = Terms.of(FogSettings(application="trace", trace=jobs))
    assert (terms.work, terms.size_bytes) == (2e8, 2e6)
