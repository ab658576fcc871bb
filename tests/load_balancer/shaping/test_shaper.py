"""What becomes of requests by their clients' rules, in virtual time."""

import heapq
import random
from collections import Counter
from typing import Any

import pytest

from config.shaping import Shaping
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping.turns import Stage, Turn

pytestmark = pytest.mark.unit


def shaper(*rules: dict[str, Any], pressure: float = 0.0, **settings: Any) -> Shaper:
    wanted = Shaping.model_validate(
        {"enabled": True, "rules": [{"name": "r", **rule} for rule in rules], **settings}
    )
    return Shaper(wanted, random.Random(1), lambda: pressure)


def admitted(held: Shaper, now: float = 0.0, address: str = "10.0.0.1", **more: Any) -> Turn:
    fields = more.pop("fields", [])
    found = held.recogniser.find(address, "/", fields, "")
    assert found is not None
    return held.admit(found, now, fields, **more)


def flood(held: Shaper, rate: float, seconds: float, takes: float = 0.0) -> list[tuple[float, str]]:
    """When requests of one client pass that come at this rate, and why others do not."""
    came: list[tuple[float, int, Turn | None, bool]] = [
        (number / rate, number, None, False) for number in range(int(rate * seconds))
    ]
    gone: list[tuple[float, str]] = []
    count = len(came)

    def settle(turn: Turn, now: float) -> None:
        nonlocal count
        count += 1
        if turn.stage is Stage.PASSED:
            gone.append((now, "passed"))
            heapq.heappush(came, (now + takes, count, turn, True))
        elif turn.stage is Stage.REFUSED:
            gone.append((now, turn.label))
        else:
            heapq.heappush(came, (turn.until, count, turn, False))

    while came:
        now, _, turn, done = heapq.heappop(came)
        if now > seconds:
            return gone
        if done:
            assert turn is not None
            following = held.over(turn, now, takes)
            if following is not None:
                settle(following, now)
        elif turn is None:
            settle(admitted(held, now), now)
        elif turn.stage in (Stage.DELAYED, Stage.IN_LINE) and turn.until <= now:
            held.resume(turn, now)
            settle(turn, now)
    return gone


@pytest.mark.parametrize("mode", ["shape", "police"])
@pytest.mark.parametrize("rate", [1.0, 30.0, 500.0])
def test_twenty_times_the_rate_gets_the_rate(mode: str, rate: float) -> None:
    """Within 2 % over 10 s, and one request at the smallest rates; the first burst included."""
    held = shaper({"requests_per_second": rate, "mode": mode, "waiting": 1000})

    found = Counter(what for _, what in flood(held, 20 * rate, 10.0))

    assert abs(found["passed"] - 10 * rate) <= max(1, 0.02 * 10 * rate)
    assert set(found) == {"passed", "rate_limited"}
    (_, tally), *_ = held.tallies()
    assert found["rate_limited"] == tally.refused["rate_limited"]
    assert found["passed"] == tally.passed
    assert (mode == "shape") == (tally.delayed > 0)


def test_who_is_delayed_goes_in_order_and_at_the_rate() -> None:
    held = shaper({"requests_per_second": 10, "burst": 1})

    waits = [admitted(held).until for _ in range(4)]

    assert pytest.approx([0, 0.1, 0.2, 0.3]) == waits


def test_who_would_wait_for_too_long_is_told_when_to_come_again() -> None:
    held = shaper({"requests_per_second": 0.5, "burst": 1, "delay_seconds": 1})
    admitted(held)

    turn = admitted(held)

    assert (Stage.REFUSED, "rate_limited", 2) == (turn.stage, turn.label, turn.retry_after)
    assert Stage.PASSED is admitted(held, 2.0).stage


def test_so_many_wait_and_no_more() -> None:
    held = shaper({"requests_per_second": 100, "burst": 1, "waiting": 3})

    stages = [admitted(held).stage for _ in range(5)]

    assert [Stage.PASSED, *[Stage.DELAYED] * 3, Stage.REFUSED] == stages


def test_who_leaves_gives_its_place_in_time_back() -> None:
    held = shaper({"requests_per_second": 10, "burst": 1})
    admitted(held)
    held.over(admitted(held), 0.0)

    assert 0.1 == pytest.approx(admitted(held).until)
    assert 1 == held.clients.get("r/10.0.0.1").delayed  # type: ignore[union-attr]


def test_requests_in_flight_are_bounded_and_the_next_in_line_follows() -> None:
    held = shaper({"in_flight": 1, "delay_seconds": 5})
    first, second, third = (admitted(held) for _ in range(3))
    assert [Stage.PASSED, Stage.IN_LINE, Stage.IN_LINE] == [
        first.stage,
        second.stage,
        third.stage,
    ]

    assert held.over(first, 1.0, 1.0) is second
    assert (Stage.PASSED, 5.0) == (second.stage, third.until)
    held.resume(third, 5.0)
    assert (Stage.REFUSED, "in_flight_limited") == (third.stage, third.label)
    assert held.over(first, 9.0) is None  # a second time changes nothing
    held.over(third, 9.0)
    assert held.over(second, 9.0, 1.0) is None
    assert not second.client.busy


def test_in_flight_with_nobody_to_wait_is_refused() -> None:
    for rule in ({"mode": "police"}, {"waiting": 0}):
        held = shaper({"in_flight": 1, **rule})
        admitted(held)
        assert "in_flight_limited" == admitted(held).label


def test_who_comes_to_a_full_line_after_its_delay_is_refused() -> None:
    held = shaper({"requests_per_second": 10, "burst": 1, "in_flight": 1, "waiting": 1})
    first = admitted(held)
    second = admitted(held, 0.15)
    assert Stage.IN_LINE is second.stage
    assert "in_flight_limited" == admitted(held, 0.16).label
    held.over(first, 0.17)
    assert "passed" == second.stage.value


def test_who_is_in_line_may_find_room_by_another_rule() -> None:
    held = shaper({"in_flight": 1})
    admitted(held)
    waits = admitted(held)
    held.hold(Shaping.model_validate({"rules": [{"name": "r", "in_flight": 2}]}).rules, 0.0)
    held.resume(waits, 1.0)

    assert Stage.PASSED is waits.stage


def test_bytes_that_are_owed_hold_back_further_bodies() -> None:
    held = shaper({"upload_bytes_per_second": 1000, "delay_seconds": 1})
    client = admitted(held, has_body=True).client
    assert client.up is not None
    client.up.take(1100.0, 0.0)

    assert 0.588 == pytest.approx(admitted(held, has_body=True).until)
    assert Stage.PASSED is admitted(held).stage
    client.up.take(5000.0, 0.0)
    assert "upload_limited" == admitted(held, has_body=True).label


@pytest.mark.parametrize(
    ("urgency", "pressure", "refused"), [(4, 0.9, 100), (3, 0.9, 0), (7, 0.5, 0)]
)
def test_what_is_not_urgent_is_shed_under_pressure(
    urgency: int, pressure: float, refused: int
) -> None:
    drop = {"probability": 1.0, "urgency": 4, "pressure": 0.8}
    held = shaper({"urgency": urgency, "drop": drop}, pressure=pressure)

    found = Counter(admitted(held).label for _ in range(100))

    assert refused == found["shed"]
    assert not refused or 2 == admitted(held).retry_after


def test_the_dice_say_who_is_shed() -> None:
    held = shaper({"drop": {"probability": 0.3, "urgency": 0}}, pressure=1.0)

    shed = sum(admitted(held).label == "shed" for _ in range(1000))

    assert 250 < shed < 350


@pytest.mark.parametrize(("asked", "expected"), [(b"u=0", 2), (b"u=4", 4), (b"u=7", 5), (b"x", 3)])
def test_a_client_may_ask_for_an_urgency_within_its_range(asked: bytes, expected: int) -> None:
    fields = [(b"Priority", asked)]
    held = shaper({"urgency_range": (2, 5)})

    assert expected == admitted(held, fields=fields).urgency
    assert 3 == admitted(shaper({}), fields=fields).urgency


def test_without_a_rule_a_request_passes_untouched() -> None:
    held = shaper({"match": {"networks": ["192.0.2.0/24"]}})

    assert held.recogniser.find("10.0.0.1", "/", [], "") is None
    assert 0 == len(held.clients)


def test_other_rules_keep_what_is_owed_and_forget_who_has_none() -> None:
    held = shaper({"requests_per_second": 1, "burst": 1})
    turn = admitted(held)
    held.over(turn, 0.0, None, 5, 7)
    held.apply(Shaping.model_validate({"rules": [{"name": "r", "requests_per_second": 2}]}), 0.0)
    assert Stage.DELAYED is admitted(held).stage
    assert (5, 7) == ((tally := next(held.tallies())[1]).received, tally.sent)
    held.hold((), 0.0)
    assert 0 == len(held.clients)
    held.resume(turn, 1.0)  # it is over
    assert Stage.OVER is turn.stage


def test_costs_are_measured_and_charges_put_right() -> None:
    held = shaper({})
    turn = admitted(held)
    turn.charged = 0.5
    held.over(turn, 1.0, 0.2)

    share = turn.client.share
    assert [0.2, 0.3] == pytest.approx([share.cost, share.deficit])
    turn = admitted(held)
    turn.charged = 0.1
    held.over(turn, 1.0)
    assert 0.4 == pytest.approx(share.deficit)


def test_the_idle_are_forgotten() -> None:
    held = shaper({}, idle_seconds=10)
    held.over(admitted(held), 1.0)
    held.sweep(12.0)

    assert 0 == len(held.clients)
