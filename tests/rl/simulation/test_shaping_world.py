"""A shaped world with the production parts: every request ends once, and rules hold."""

from dataclasses import replace
from typing import Any

import pytest

from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import BATCH, BULK, INTERACTIVE
from evaluation.shaping.scenario import Scenario, Stretch, static_rules
from rl.simulation.shaping_world import REFUSED, TIMED_OUT, UNAVAILABLE

pytestmark = pytest.mark.unit


def scenario(*rates: float, seconds: float = 10.0, **more: Any) -> Scenario:
    rest = {"interactive": 0.0, "batch": 0.0, "bulk": 0.0}
    given = dict(zip(rest, rates, strict=False))
    stretch = Stretch("only", seconds, tuple({**rest, **given}.values()))  # type: ignore[arg-type]
    return replace(Scenario(stretches=(stretch,)), **more)


def play(made: Scenario, rules: Any = None, drain: float = 60.0) -> ShapedCast:
    cast = ShapedCast(made, rules, 1, keep=True)
    cast.world.run_until(made.seconds + drain)
    return cast


def statuses(cast: ShapedCast) -> dict[int, int]:
    found: dict[int, int] = {}
    for asked, _ in cast.ended:
        found[asked.status] = found.get(asked.status, 0) + 1
    return found


def test_a_light_load_is_served_at_once() -> None:
    cast = play(scenario(20.0))
    assert {200} == set(statuses(cast))
    assert not any(cast.world.open.values())
    assert all(0.002 < asked.first_byte < 0.2 for asked, _ in cast.ended)
    assert cast.world.utilization(cast.world.kernel.now) >= 0.0
    assert 70.0 == pytest.approx(cast.world.elapsed)


def test_every_request_ends_once_under_overload() -> None:
    cast = play(scenario(200.0, 150.0, 100.0, seconds=5.0))
    assert len({id(asked) for asked, _ in cast.ended}) == len(cast.ended) > 2000
    assert not any(cast.world.open.values())
    found = statuses(cast)
    assert found[200] > 100 and found[UNAVAILABLE] + found.get(TIMED_OUT, 0) > 100


def test_one_seed_one_run_and_the_same_requests_under_other_rules() -> None:
    made = scenario(50.0, 40.0, 5.0, seconds=4.0)

    def ends(rules: Any) -> list[tuple[str, float, float]]:
        cast = play(made, rules)
        return [(a.load.name, a.arrival.offset, now) for a, now in cast.ended]

    assert ends(None) == ends(None)
    came = {(name, offset) for name, offset, _ in ends(None)}
    assert came == {(name, offset) for name, offset, _ in ends(static_rules(10, 2, 1e6, 2))}


def test_a_rate_holds_and_the_rest_is_refused() -> None:
    cast = play(scenario(0.0, 60.0, seconds=20.0), static_rules(20.0, None, None))
    found = statuses(cast)
    # What came within the delay that is allowed is still served.
    assert found[200] == pytest.approx(20 * 20 + 2 * 20, rel=0.05)
    assert found[REFUSED] > 500


def test_requests_in_flight_are_bounded() -> None:
    cast = ShapedCast(scenario(0.0, 100.0), static_rules(None, None, None, 3), 1)
    most = 0
    for tenth in range(1, 100):
        cast.world.run_until(tenth / 10)
        client = cast.shaper.clients.get(BATCH)
        assert client is not None
        most = max(most, client.in_flight)
    assert 3 == most


def test_long_answers_go_at_their_rate() -> None:
    made = scenario(0.0, 0.0, 5.0, seconds=20.0)
    cast = play(made, static_rules(None, None, 2e6), drain=0.0)
    sent = sum(asked.sent for asked, _ in cast.ended)
    sent += sum(asked.sent for asked in cast.world.open[BULK])
    assert sent == pytest.approx(2e6 * 20, rel=0.05)


def test_a_full_link_delays_everybody() -> None:
    made = scenario(10.0, 0.0, 30.0, seconds=5.0, link_bytes_per_second=5e6)
    slow = [a.first_byte for a, _ in play(made).ended if a.load.name == INTERACTIVE]
    fast = [
        a.first_byte
        for a, _ in play(replace(made, link_bytes_per_second=1e12)).ended
        if a.load.name == INTERACTIVE
    ]
    assert sorted(slow)[len(slow) // 2] > 3 * sorted(fast)[len(fast) // 2]


def test_urgent_requests_overtake_at_the_node() -> None:
    made = scenario(20.0, 95.0, seconds=8.0)
    tight = replace(made, admission={**made.admission, "requests_per_endpoint": 4})

    def p95(rules: Any) -> float:
        found = [a.first_byte for a, _ in play(tight, rules).ended if a.load.name == INTERACTIVE]
        return sorted(found)[int(0.95 * len(found))]

    assert p95(static_rules(None, None, None)) < 0.2 < p95(None)
