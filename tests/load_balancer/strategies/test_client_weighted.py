"""Client-side weighted round robin, against gRFC A58's rules with numbers worked out by hand."""

import random
from collections import Counter

import pytest

from load_balancer.strategies.client_weighted import SPARE_RECORDS, ClientWeighted
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, Observation, RequestContext

pytestmark = pytest.mark.unit

BLACKOUT, EXPIRATION, UPDATE = 10.0, 180.0, 1.0


class Scene:
    """Endpoints that report, and a policy that takes turns."""

    def __init__(
        self, *ids: str, weights: tuple[float, ...] = (), blackout: float = BLACKOUT
    ) -> None:
        self.table = EndpointTable(
            Endpoint(id, "h", 80, weights[number] if weights else 1.0)
            for number, id in enumerate(ids)
        )
        self.policy = ClientWeighted(blackout, EXPIRATION, UPDATE, 1.0, random.Random(1))
        self.now = 1000.0

    def report(self, id: str, rate: float, utilization: float, failure_rate: float = 0.0) -> None:
        self.table.rated(self.table[id], rate, failure_rate, utilization, self.now)

    def shares(self, count: int = 1000) -> dict[str, int]:
        """Turns of so many, at once."""
        had: Counter[str] = Counter()
        for _ in range(count):
            observation = Observation(RequestContext(), self.table.all, self.now)
            had[self.table.all[self.policy.select(observation).index].id] += 1
        return dict(had)

    def wait(self, seconds: float) -> None:
        """Time in which a request a second comes."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.shares(1)


def near(*counts: int) -> tuple[object, ...]:
    return tuple(pytest.approx(count, abs=2) for count in counts)


def test_a_weight_is_the_rate_at_full_use() -> None:
    """100 / 0.5 = 200, 60 / 0.1 = 600 and 50 / 0.25 = 200: shares of 20, 60 and 20 per cent."""
    scene = Scene("a", "b", "c", blackout=0.0)
    scene.report("a", 100.0, 0.5)
    scene.report("b", 60.0, 0.1)
    scene.report("c", 50.0, 0.25)
    taken = scene.shares()

    assert near(200, 600, 200) == (taken["a"], taken["b"], taken["c"])


def test_failures_are_use() -> None:
    """100 / (0.5 + 50 / 100 * 1) = 100 against 100 / 0.5 = 200."""
    scene = Scene("a", "b", blackout=0.0)
    scene.report("a", 100.0, 0.5, 50.0)
    scene.report("b", 100.0, 0.5)
    taken = scene.shares(900)

    assert near(300, 600) == (taken["a"], taken["b"])


def test_who_has_no_weight_gets_the_mean() -> None:
    """200 and 600 reported, so that the third has 400."""
    scene = Scene("a", "b", "c", blackout=0.0)
    scene.report("a", 100.0, 0.5)
    scene.report("b", 60.0, 0.1)
    taken = scene.shares(1200)

    assert near(200, 600, 400) == (taken["a"], taken["b"], taken["c"])


def test_with_fewer_than_two_weights_those_of_the_configuration_count() -> None:
    scene = Scene("a", "b", weights=(1.0, 3.0), blackout=0.0)
    scene.report("a", 100.0, 0.01)
    taken = scene.shares()

    assert near(250, 750) == (taken["a"], taken["b"])


def test_a_weight_does_not_count_before_the_blackout_is_over() -> None:
    scene = Scene("a", "b")
    for second in range(13):
        scene.report("a", 100.0, 0.5)
        scene.report("b", 300.0, 0.5)
        taken = scene.shares(400)
        if second < BLACKOUT:
            assert near(200, 200) == (taken["a"], taken["b"]), second
        elif second > BLACKOUT:
            assert near(100, 300) == (taken["a"], taken["b"]), second
        scene.now += 1.0


def test_a_weight_expires_and_begins_with_a_blackout_again() -> None:
    scene = Scene("a", "b", "c")
    for _ in range(12):
        for id, rate in (("a", 100.0), ("b", 300.0), ("c", 100.0)):
            scene.report(id, rate, 0.5)
        scene.wait(1)
    assert near(100, 300, 100) == tuple(scene.shares(500)[id] for id in "abc")
    for _ in range(int(EXPIRATION) + 1):
        scene.report("a", 100.0, 0.5)
        scene.report("c", 300.0, 0.5)
        scene.wait(1)
    # b is as good as unknown: the mean of 200 and 600.
    assert near(100, 200, 300) == tuple(scene.shares(600)[id] for id in "abc")
    scene.report("b", 900.0, 0.1)
    scene.wait(3)
    assert near(100, 200, 300) == tuple(scene.shares(600)[id] for id in "abc")
    for _ in range(int(BLACKOUT)):
        scene.report("b", 900.0, 1.0)
        scene.wait(1)
    assert near(200, 900, 600) == tuple(scene.shares(1700)[id] for id in "abc")


def test_weights_are_worked_out_once_per_update() -> None:
    scene = Scene("a", "b", blackout=0.0)
    scene.report("a", 100.0, 0.5)
    scene.report("b", 100.0, 0.5)
    scene.shares(2)
    scene.report("b", 300.0, 0.5)
    scene.now += UPDATE / 2
    assert near(200, 200) == tuple(scene.shares(400)[id] for id in "ab")
    scene.now += UPDATE / 2
    assert near(100, 300) == tuple(scene.shares(400)[id] for id in "ab")


def test_an_empty_report_changes_nothing() -> None:
    """An idle endpoint has a rate of 0: its last weight stands."""
    scene = Scene("a", "b", blackout=0.0)
    scene.report("a", 100.0, 0.5)
    scene.report("b", 300.0, 0.5)
    scene.report("b", 0.0, 0.5)
    scene.report("b", 300.0, 0.0)
    assert near(100, 300) == tuple(scene.shares(400)[id] for id in "ab")


def test_records_of_those_who_are_gone_are_dropped() -> None:
    policy = ClientWeighted(BLACKOUT, EXPIRATION, UPDATE, 1.0, random.Random(1))
    for number in range(1000):
        table = EndpointTable([Endpoint(f"n{number}", "h", 80)])
        table.rated(table.all[0], 1.0, 0.0, 0.5, 1.0)
        policy.select(Observation(RequestContext(), table.all, 1.0 + number / 100))
    assert len(policy._since) <= 2 + SPARE_RECORDS + 1
