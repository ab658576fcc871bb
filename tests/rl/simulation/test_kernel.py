"""What is due happens in the order of time, and of asking; timers end; deadlines come in turn."""

import pytest

from rl.simulation.kernel import Kernel, Timeouts

pytestmark = pytest.mark.unit


def test_events_come_in_the_order_of_time_and_of_asking() -> None:
    kernel = Kernel(10.0)
    seen: list[tuple[object, float]] = []
    for time, item in ((12.0, "late"), (11.0, "first"), (11.0, "second"), (10.0, "now")):
        kernel.at(time, lambda item, now: seen.append((item, now)), item)
    kernel.run()
    assert seen == [("now", 10.0), ("first", 11.0), ("second", 11.0), ("late", 12.0)]
    assert (kernel.now, kernel.happened) == (12.0, 4)


def test_an_event_may_ask_for_more() -> None:
    kernel = Kernel()
    seen: list[float] = []

    def again(left: int, now: float) -> None:
        seen.append(now)
        if left:
            kernel.at(now + 1.5, again, left - 1)

    kernel.at(0.0, again, 2)
    kernel.run()
    assert seen == [0.0, 1.5, 3.0]


def test_timers_come_until_they_are_stopped() -> None:
    kernel = Kernel(100.0)
    seen: list[float] = []
    kernel.every(1.0, seen.append)
    kernel.at(102.5, lambda item, now: kernel.stop_timers())
    assert kernel.ticking
    kernel.run()
    assert seen == [101.0, 102.0]
    assert not kernel.ticking


@pytest.mark.parametrize("period", [0.0, -1.0, float("nan")])
def test_a_period_is_above_zero(period: float) -> None:
    with pytest.raises(ValueError, match="period must be above 0"):
        Kernel().every(period, lambda now: None)


def test_events_that_happened_are_counted_when_one_of_them_fails() -> None:
    kernel = Kernel()
    kernel.at(1.0, lambda item, now: 1 / item, 0)
    with pytest.raises(ZeroDivisionError):
        kernel.run()
    assert kernel.happened == 1


class Try:
    def __init__(self, name: str) -> None:
        self.name = name
        self.over = False


def test_who_is_not_over_in_time_expires_and_nobody_else() -> None:
    kernel = Kernel()
    expired: list[tuple[str, float]] = []
    timeouts: Timeouts[Try] = Timeouts(
        kernel, 1.0, lambda item, now: expired.append((item.name, now))
    )
    tries = {name: Try(name) for name in "abcd"}
    for start, name in ((0.0, "a"), (0.2, "b"), (0.4, "c"), (5.0, "d")):
        kernel.at(start, lambda item, now: timeouts.begin(item, now), tries[name])

    def end(item: Try, now: float) -> None:
        item.over = True

    kernel.at(0.5, end, tries["a"])
    kernel.at(1.3, end, tries["c"])
    kernel.run()
    assert expired == [("b", 1.2), ("d", 6.0)]


def test_few_events_do_for_many_deadlines() -> None:
    """A thousand that are over in time cost an event or two each second, not a thousand."""
    kernel = Kernel()
    timeouts: Timeouts[Try] = Timeouts(kernel, 1.0, lambda item, now: None)

    def begin(item: Try, now: float) -> None:
        timeouts.begin(item, now)
        item.over = True

    for number in range(1000):
        kernel.at(number * 0.01, begin, Try(str(number)))
    kernel.run()
    assert kernel.happened <= 1000 + 22


def test_it_runs_to_a_moment_and_goes_on_from_there() -> None:
    kernel = Kernel()
    seen: list[float] = []
    for at in (1.0, 2.0, 3.0):
        kernel.at(at, lambda item, now: seen.append(now))
    kernel.run_until(2.0)
    assert ([1.0, 2.0], 2.0, 2) == (seen, kernel.now, kernel.happened)
    kernel.run_until(2.5)
    assert 2.5 == kernel.now
    kernel.run()
    assert [1.0, 2.0, 3.0] == seen
