"""The claim of document 003, in its own setting and in virtual time."""

import pytest

from tests.laws.driver import Driver, jittered, poisson, policy_of

pytestmark = pytest.mark.unit

SECONDS = {"server1": 0.05, "server2": 0.075, "server3": 0.1}
LEARNING = 500


def mean_after_learning(name: str, seed: int) -> float:
    """Seconds a request takes after the first 500, of 1500 at 60 per second."""
    driver = Driver(policy_of(name, seed), list(SECONDS))
    taken = driver.run(1500, poisson(60, seed), jittered(SECONDS, seed + 1000))
    late = [seconds for _, seconds in taken[LEARNING:]]
    return sum(late) / len(late)


@pytest.mark.parametrize("seed", range(5))
def test_q_learning_is_faster_than_round_robin_once_it_has_learned(seed: int) -> None:
    """Servers of 50, 75 and 100 ms that never queue, the same arrivals: at least 10 % faster."""
    assert mean_after_learning("q_learning", seed) < 0.9 * mean_after_learning("round_robin", seed)
